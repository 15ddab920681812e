// References that a partner's offers are known by: the second in which the offer expires, and a count that begins anywhere. So they
// rise with time, and an engine that remembers every one of them writes its index where it wrote last, not on a page of its own for
// each (the reason of RFC 9562 §2.1 for its version 7). What must not be guessed is the offer's nonce.

import { concatBytes, readU32, u32 } from '../protocol/bytes.ts'
import { type Rid, parseRid } from '../protocol/ids.ts'
import type { Primitives } from '../crypto/primitives.ts'

/**
 * Draws references for one partner, each once: another with every call, in one process for 2^32 calls a second. Between processes
 * of one partner they meet with chance only: two that make `n` offers each in the same second with 2n / 2^32.
 */
export function createReferences({ randomBytes }: Pick<Primitives, 'randomBytes'>): (expiresAtMs: number) => Rid {
  let count = readU32(randomBytes(4), 0)
  return (expiresAtMs) => {
    count = (count + 1) >>> 0
    return parseRid(concatBytes(u32(Math.floor(expiresAtMs / 1_000) >>> 0), u32(count)))
  }
}
