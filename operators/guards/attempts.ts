// Token-bucket rate limiter by key, such as the attempts of one name or one address. The bucket refills by itself: no one is locked
// out for good, and a guesser gets a handful of tries a minute.

import { RecentKeys } from '../../base/recent-keys.ts'
import { type Rate, TokenBucket } from '../../base/token-bucket.ts'
import { addressKey, canonicalAddress } from '../../engine/ports/address.ts'
import { operatorLimits } from '../ports/limits.ts'

export class Attempts {
  readonly #rate: Rate
  readonly #buckets = new RecentKeys<string, TokenBucket>(operatorLimits.rememberedMax)

  constructor({ burst, perMinute }: { readonly burst: number; readonly perMinute: number }) {
    this.#rate = { burst, perSecond: perMinute / 60 }
  }

  /** Counts one attempt of `key`; false when it is one too many. `nowMs` is monotonic. */
  take(key: string, nowMs: number): boolean {
    const bucket = this.#buckets.get(key) ?? new TokenBucket(this.#rate, nowMs)
    this.#buckets.set(key, bucket)
    return bucket.take(1, nowMs)
  }
}

/** Rate limit by IP address, however it is written: an IPv6 /64 is one subscriber. */
export class AddressAttempts extends Attempts {
  override take(address: string, nowMs: number): boolean {
    return super.take(addressKey(canonicalAddress(address)), nowMs)
  }
}
