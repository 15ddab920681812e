// CRC-32C (Castagnoli, RFC 3720 §12.1): the checksum of journal groups. Node's zlib has CRC-32 only, another polynomial.
// Eight bytes a step ("slicing by 8"): tables[k] is the checksum of a byte followed by k zero bytes.

/** Reflected form of the polynomial 0x1EDC6F41 (RFC 3720 §12.1). */
const polynomial = 0x82f63b78

const tables: readonly Uint32Array[] = makeTables()
const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as readonly [
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
]

/** The CRC-32C of `bytes[from..to)`, as an unsigned number. `before` continues an earlier checksum. */
export function crc32c(bytes: Uint8Array, from = 0, to: number = bytes.length, before = 0): number {
  let crc = ~before
  let at = from
  // Hot loop: every index is in range by construction, so `?? 0` only satisfies the compiler.
  for (; at + 8 <= to; at += 8) {
    const low = crc ^ word(bytes, at)
    const high = word(bytes, at + 4)
    crc =
      (t7[low & 0xff] ?? 0) ^
      (t6[(low >>> 8) & 0xff] ?? 0) ^
      (t5[(low >>> 16) & 0xff] ?? 0) ^
      (t4[low >>> 24] ?? 0) ^
      (t3[high & 0xff] ?? 0) ^
      (t2[(high >>> 8) & 0xff] ?? 0) ^
      (t1[(high >>> 16) & 0xff] ?? 0) ^
      (t0[high >>> 24] ?? 0)
  }
  for (; at < to; at++) crc = (t0[(crc ^ (bytes[at] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8)
  return ~crc >>> 0
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)
}

function makeTables(): readonly Uint32Array[] {
  const first = new Uint32Array(256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
    first[byte] = crc >>> 0
  }
  const made = [first]
  for (let k = 1; k < 8; k++) {
    const shorter = made[k - 1] ?? first
    made.push(shorter.map((crc) => (first[crc & 0xff] ?? 0) ^ (crc >>> 8)))
  }
  return made
}
