// CRC-32C (Castagnoli, RFC 3720 §12.1): the checksum of journal groups. Node's zlib has CRC-32 only, another polynomial.
// Eight bytes a step ("slicing by 8"): `table[256 * k + byte]` is the checksum of that byte followed by k zero bytes.

/** Reflected form of the polynomial 0x1EDC6F41 (RFC 3720 §12.1). */
const polynomial = 0x82f63b78
const table = makeTable()

/** The CRC-32C of `bytes[from..to)`, as an unsigned number. `before` continues an earlier checksum. */
export function crc32c(bytes: Uint8Array, from = 0, to: number = bytes.length, before = 0): number {
  let crc = ~before
  let at = from
  // Hot loop: every index is in range by construction, so `?? 0` only satisfies the compiler.
  for (; at + 8 <= to; at += 8) {
    const low = crc ^ littleEndian(bytes, at)
    const high = littleEndian(bytes, at + 4)
    crc =
      (table[0x700 + (low & 0xff)] ?? 0) ^
      (table[0x600 + ((low >>> 8) & 0xff)] ?? 0) ^
      (table[0x500 + ((low >>> 16) & 0xff)] ?? 0) ^
      (table[0x400 + (low >>> 24)] ?? 0) ^
      (table[0x300 + (high & 0xff)] ?? 0) ^
      (table[0x200 + ((high >>> 8) & 0xff)] ?? 0) ^
      (table[0x100 + ((high >>> 16) & 0xff)] ?? 0) ^
      (table[high >>> 24] ?? 0)
  }
  for (; at < to; at++) crc = (table[(crc ^ (bytes[at] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8)
  return ~crc >>> 0
}

function littleEndian(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)
}

function makeTable(): Int32Array {
  const made = new Int32Array(8 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
    made[byte] = crc
  }
  for (let at = 256; at < made.length; at++) {
    const shorter = made[at - 256] ?? 0
    made[at] = (made[shorter & 0xff] ?? 0) ^ (shorter >>> 8)
  }
  return made
}
