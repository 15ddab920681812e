// Token bucket of journal records for each account: what it causes without paying, such as limits up and down, armings, denials. One
// account could else write 50 records a second for ever, a sector of the disk or more for each (docs/decisions/0021).

import type { PhoneFrame } from '../../protocol/messages/frames.ts'
import type { AccountId } from '../../protocol/ids.ts'
import { RecentKeys } from '../../base/recent-keys.ts'
import { type Rate, TokenBucket } from '../../base/token-bucket.ts'

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
  readonly #rate: Rate
  readonly #monotonicMs: () => number
  readonly #buckets = new RecentKeys<AccountId, TokenBucket>(accountsMax)

  constructor(rate: Rate, monotonicMs: () => number) {
    this.#rate = rate
    this.#monotonicMs = monotonicMs
  }

  /** How long this account has to wait until it may cause another record, ms; 0 = not at all. */
  waitMs(account: AccountId): number {
    return this.#buckets.get(account)?.waitMs(this.#monotonicMs()) ?? 0
  }

  /** The same for one frame: those that are not journaled do not wait. */
  waitOfMs(account: AccountId, type: PhoneFrame['type']): number {
    return journaled.has(type) ? this.waitMs(account) : 0
  }

  /** Records were journaled for this account. What never waits may overdraw, at most as much as a full bucket holds. */
  charge(account: AccountId, count: number): void {
    if (count <= 0) return
    const nowMs = this.#monotonicMs()
    let bucket = this.#buckets.get(account)
    if (bucket === undefined) {
      bucket = new TokenBucket(this.#rate, nowMs)
      this.#buckets.set(account, bucket)
    }
    bucket.spend(count, nowMs)
  }
}
