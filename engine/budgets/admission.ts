// What an account may ask for before any cryptography is spent on it, and how often its pairings may fail.

import { evictOldest } from '../../base/evict-oldest.ts'

const hourMs = 3_600_000
/** Keys remembered at once; the oldest are forgotten first, so memory is bounded whatever comes. */
const keysMax = 100_000

/** Token bucket: so many may be used now, counted at `atMs` on the monotonic clock. */
export type Bucket = { tokens: number; atMs: number }

/** Adds what the rate has given since the last look, up to a full bucket. */
export function refill(
  bucket: Bucket,
  rate: { readonly perSecond: number; readonly burst: number },
  nowMs: number,
): void {
  bucket.tokens = Math.min(rate.burst, bucket.tokens + ((nowMs - bucket.atMs) * rate.perSecond) / 1_000)
  bucket.atMs = nowMs
}

/** Takes one token; false when there is none, and it has to wait. */
export function takeToken(
  bucket: Bucket,
  rate: { readonly perSecond: number; readonly burst: number },
  nowMs: number,
): boolean {
  refill(bucket, rate, nowMs)
  if (bucket.tokens < 1) return false
  bucket.tokens--
  return true
}

export class Admission {
  readonly perSecond: number
  readonly burst: number
  readonly #monotonicMs: () => number
  readonly #buckets = new Remembered<Bucket>()
  readonly #failures = new Remembered<number[]>()

  constructor(options: { readonly perSecond: number; readonly burst: number; readonly monotonicMs: () => number }) {
    this.perSecond = options.perSecond
    this.burst = options.burst
    this.#monotonicMs = options.monotonicMs
  }

  /** Takes one frame's worth from whoever `account` names; false when it has to wait. */
  admit(account: string): boolean {
    const nowMs = this.#monotonicMs()
    let bucket = this.#buckets.get(account)
    if (bucket === undefined) {
      bucket = { tokens: this.burst, atMs: nowMs }
      this.#buckets.set(account, bucket)
    }
    return takeToken(bucket, this, nowMs)
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

/** By key, the latest `keysMax`. */
class Remembered<Value> {
  readonly #map = new Map<string, Value>()

  get(key: string): Value | undefined {
    return this.#map.get(key)
  }

  set(key: string, value: Value): void {
    this.#map.delete(key)
    this.#map.set(key, value)
    evictOldest(this.#map, keysMax)
  }
}
