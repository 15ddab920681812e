// How often one name or one address may try in vain. A bucket of attempts that refills by itself: nobody is locked out for good,
// and a guesser gets a handful of tries a minute.

import { addressKey, canonicalAddress } from '../../engine/ports/address.ts'
import { operatorLimits } from '../ports/limits.ts'

type Rate = { readonly burst: number; readonly perMinute: number }
type Bucket = { level: number; atMs: number }

const minuteMs = 60_000

export class Attempts {
  readonly #rate: Rate
  /** Oldest first. */
  readonly #buckets = new Map<string, Bucket>()

  constructor(rate: Rate) {
    this.#rate = rate
  }

  /** Counts one attempt of `key`; false when it is one too many. `nowMs` is monotonic. */
  take(key: string, nowMs: number): boolean {
    const { burst, perMinute } = this.#rate
    const before = this.#buckets.get(key) ?? { level: burst, atMs: nowMs }
    const refilled = before.level + (Math.max(0, nowMs - before.atMs) * perMinute) / minuteMs
    const level = Math.min(burst, refilled)
    const isLeft = level >= 1
    this.#buckets.delete(key)
    this.#buckets.set(key, { level: isLeft ? level - 1 : level, atMs: nowMs })
    const [oldest] = this.#buckets.keys()
    if (oldest !== undefined && this.#buckets.size > operatorLimits.rememberedMax) this.#buckets.delete(oldest)
    return isLeft
  }
}

/** Attempts by address, however it is written: those of a /64 are one subscriber's. */
export class AddressAttempts extends Attempts {
  override take(address: string, nowMs: number): boolean {
    return super.take(addressKey(canonicalAddress(address)), nowMs)
  }
}
