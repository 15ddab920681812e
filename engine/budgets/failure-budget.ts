// Failures that cost the engine work, bounded for each who causes them (token bucket): success is free, so that a fleet that comes
// back at once waits for none of it.

import { type Bucket, takeToken } from './admission.ts'
import { evictOldest } from '../../base/evict-oldest.ts'

/** Keys remembered; the oldest are forgotten first. */
const keysMax = 100_000

export class FailureBudget {
  readonly #rate: { readonly perSecond: number; readonly burst: number }
  readonly #monotonicMs: () => number
  readonly #buckets = new Map<string, Bucket>()

  constructor(options: { readonly perSecond: number; readonly burst: number; readonly monotonicMs: () => number }) {
    this.#rate = options
    this.#monotonicMs = options.monotonicMs
  }

  /** May `key` fail once more now? */
  isLeft(key: string): boolean {
    const bucket = this.#buckets.get(key)
    if (bucket === undefined) return true
    const probe = { ...bucket }
    return takeToken(probe, this.#rate, this.#monotonicMs())
  }

  failed(key: string): void {
    const nowMs = this.#monotonicMs()
    const bucket = this.#buckets.get(key) ?? { tokens: this.#rate.burst, atMs: nowMs }
    takeToken(bucket, this.#rate, nowMs)
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    evictOldest(this.#buckets, keysMax)
  }
}
