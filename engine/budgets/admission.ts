// Admission control: rate limits by account and address. What an account may ask for before any cryptography is spent on it, and how often its
// pairings may fail.

import { RecentKeys } from '../../base/recent-keys.ts'
import { TokenBucket } from '../../base/token-bucket.ts'

const hourMs = 3_600_000
/** Keys remembered at once; the oldest are forgotten first, so memory is bounded whatever comes. */
const keysMax = 100_000

export class Admission {
  readonly perSecond: number
  readonly burst: number
  readonly #monotonicMs: () => number
  readonly #buckets = new RecentKeys<string, TokenBucket>(keysMax)
  readonly #failures = new RecentKeys<string, number[]>(keysMax)

  constructor(options: { readonly perSecond: number; readonly burst: number; readonly monotonicMs: () => number }) {
    this.perSecond = options.perSecond
    this.burst = options.burst
    this.#monotonicMs = options.monotonicMs
  }

  /** Takes one token of the account for one frame; false when it has to wait. */
  admit(account: string): boolean {
    const nowMs = this.#monotonicMs()
    let bucket = this.#buckets.get(account)
    if (bucket === undefined) {
      bucket = new TokenBucket(this, nowMs)
      this.#buckets.set(account, bucket)
    }
    return bucket.take(1, nowMs)
  }

  /** How long until another pairing may be tried, ms; 0 = now. `key` names an account or an address. */
  pairingWaitMs(key: string, failuresMax: number): number {
    const nowMs = this.#monotonicMs()
    const recent = (this.#failures.get(key) ?? []).filter((atMs) => nowMs - atMs < hourMs)
    const oldest = recent[recent.length - failuresMax]
    return oldest === undefined ? 0 : Math.max(1, Math.ceil(oldest + hourMs - nowMs))
  }

  pairingFailed(key: string): void {
    const nowMs = this.#monotonicMs()
    const recent = (this.#failures.get(key) ?? []).filter((atMs) => nowMs - atMs < hourMs)
    recent.push(nowMs)
    this.#failures.set(key, recent)
  }
}
