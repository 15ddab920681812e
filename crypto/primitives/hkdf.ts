// HKDF-Expand over any HMAC-SHA256 (RFC 5869 §2.3), so that both implementations of the primitives expand alike. The
// RFC wants a PRK of 32 bytes or more; the arm secret `A` has 16 (PROTOCOL §5), which HMAC takes as well and noble's own
// expand refuses.

import { type Bytes, concatBytes } from '../../base/bytes.ts'

const blockBytes = 32
/** Largest output: 255 blocks. */
const expandBytesMax = 255 * blockBytes
const firstBlock = Uint8Array.of(1)

/** Throws a RangeError unless `length` is 1 to 8,160. */
export function expandWith(
  hmac: (key: Bytes, message: Bytes) => Uint8Array<ArrayBuffer>,
  prk: Bytes,
  info: Bytes,
  length: number,
): Uint8Array<ArrayBuffer> {
  if (length === blockBytes) return hmac(prk, concatBytes(info, firstBlock))
  if (!Number.isInteger(length) || length < 1 || length > expandBytesMax) {
    throw new RangeError(`HKDF-Expand gives 1 to ${expandBytesMax} bytes, asked for ${length}`)
  }
  const output = new Uint8Array(length)
  let block: Bytes = new Uint8Array(0)
  for (let at = 0; at < length; at += blockBytes) {
    block = hmac(prk, concatBytes(block, info, Uint8Array.of(at / blockBytes + 1)))
    output.set(block.subarray(0, length - at), at)
  }
  return output
}
