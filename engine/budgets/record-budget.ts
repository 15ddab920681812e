// Token bucket of journal records for each account: what it causes without paying, such as limits up and down, armings, denials. One
// account could else write 50 records a second for ever, a sector of the disk or more for each (docs/decisions/0021).

import type { PhoneFrame } from '../../protocol/messages/frames.ts'
import type { AccountId } from '../../protocol/ids.ts'
import { type Bucket, refill } from './admission.ts'
import { evictOldest } from '../../base/evict-oldest.ts'

/** Accounts remembered at once; the oldest are forgotten first, and begin with a full bucket again. */
const accountsMax = 100_000

/** Frames that wait for the budget: what they ask for is journaled. What only stops or reads never waits. */
const journaled: ReadonlySet<PhoneFrame['type']> = new Set([
  'authorize',
  'pairStart',
  'arm',
  'unfreeze',
  'found',
  'deactivate',
  'limits',
  'removePhone',
])

export class RecordBudget {
  readonly #rate: { readonly perSecond: number; readonly burst: number }
  readonly #monotonicMs: () => number
  readonly #buckets = new Map<AccountId, Bucket>()

  constructor(rate: { readonly perSecond: number; readonly burst: number }, monotonicMs: () => number) {
    this.#rate = rate
    this.#monotonicMs = monotonicMs
  }

  /** How long this account has to wait until it may cause another record, ms; 0 = not at all. */
  waitMs(account: AccountId): number {
    const bucket = this.#buckets.get(account)
    if (bucket === undefined) return 0
    refill(bucket, this.#rate, this.#monotonicMs())
    return bucket.tokens >= 1 ? 0 : Math.ceil(((1 - bucket.tokens) * 1_000) / this.#rate.perSecond)
  }

  /** The same for one frame: those that are not journaled do not wait. */
  waitOfMs(account: AccountId, type: PhoneFrame['type']): number {
    return journaled.has(type) ? this.waitMs(account) : 0
  }

  /** Records were journaled for this account. What never waits may overdraw, at most as much as a full bucket holds. */
  charge(account: AccountId, count: number): void {
    if (count <= 0) return
    let bucket = this.#buckets.get(account)
    if (bucket === undefined) {
      bucket = { tokens: this.#rate.burst, atMs: this.#monotonicMs() }
      this.#buckets.set(account, bucket)
      evictOldest(this.#buckets, accountsMax)
    }
    refill(bucket, this.#rate, this.#monotonicMs())
    bucket.tokens = Math.max(-this.#rate.burst, bucket.tokens - count)
  }
}
