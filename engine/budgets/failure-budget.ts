// Rate limit of failures. Failures that cost the engine work, bounded for each who causes them (token bucket): success is free, so that a
// fleet that comes back at once waits for none of it.

import { RecentKeys } from '../../base/recent-keys.ts'
import { type Rate, TokenBucket } from '../../base/token-bucket.ts'

/** Keys remembered; the oldest are forgotten first. */
const keysMax = 100_000

export class FailureBudget {
  readonly #rate: Rate
  readonly #monotonicMs: () => number
  readonly #buckets = new RecentKeys<string, TokenBucket>(keysMax)

  constructor(options: Rate & { readonly monotonicMs: () => number }) {
    this.#rate = options
    this.#monotonicMs = options.monotonicMs
  }

  /** May `key` fail once more now? */
  isLeft(key: string): boolean {
    return (this.#buckets.get(key)?.waitMs(this.#monotonicMs()) ?? 0) === 0
  }

  failed(key: string): void {
    const nowMs = this.#monotonicMs()
    const bucket = this.#buckets.get(key) ?? new TokenBucket(this.#rate, nowMs)
    bucket.take(1, nowMs)
    this.#buckets.set(key, bucket)
  }
}
