// Time-ordered unique ids for a partner's offers: the second in which the offer expires, and a count that begins anywhere. So they
// rise with time, and an engine that remembers every one of them writes its index where it wrote last, not on a page of its own for
// each (the reason of RFC 9562 §2.1 for its version 7). What must not be guessed is the offer's nonce.

import { concatBytes, readU16, readU32, u32 } from '../base/bytes.ts'
import { type Rid, parseRid } from '../protocol/ids.ts'
import type { Primitives } from '../crypto/primitives/primitives.ts'

/**
 * Generator of references for one partner: another with every call, in one process for 65,536 calls a second. Between processes of
 * one partner they collide by chance only: two that make `n` offers each in the same second with about 2n / 2^32.
 */
export function createReferences({ randomBytes }: Pick<Primitives, 'randomBytes'>): (expiresAtMs: number) => Rid {
  let count = readU32(randomBytes(4), 0)
  let second = 0
  return (expiresAtMs) => {
    const at = Math.floor(expiresAtMs / 1_000) >>> 0
    // Processes that have collided once part again: counts that went side by side would collide at every offer.
    count = (count + 1 + (at === second ? 0 : readU16(randomBytes(2), 0))) >>> 0
    second = at
    return parseRid(concatBytes(u32(at), u32(count)))
  }
}
