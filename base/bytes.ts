// Byte-string helpers: concatenation, comparison, hex, UTF-8, slab allocation, big-endian integers. Past the end reads 0.

/** A byte array that owns or borrows an ordinary buffer; what every codec here takes and gives. */
export type Bytes = Uint8Array

/** Slabs of this size are carved up; what is longer than a sixteenth of one gets memory of its own. */
const slabBytes = 32_768

/**
 * Slab allocator: gives new byte strings of zeros, pieces of larger buffers, none given out twice. An ArrayBuffer of its own for
 * each of the dozens of small ones that a request takes costs 0.3 µs to make and as much again to collect, in pauses of milliseconds.
 * As long as one piece is kept its slab is: what lives long and what does not take theirs from different slabs.
 */
function createSlabs(): (length: number) => Uint8Array<ArrayBuffer> {
  let slab = new Uint8Array(0)
  let slabAt = 0
  return (length) => {
    if (length > slabBytes / 16) return new Uint8Array(length)
    if (slabAt + length > slab.length) {
      slab = new Uint8Array(slabBytes)
      slabAt = 0
    }
    const bytes = new Uint8Array(slab.buffer, slabAt, length)
    slabAt += length
    return bytes
  }
}

/** A new byte string of zeros for short-lived use; what is kept for long is copied with `slice`. */
export const allocateBytes: (length: number) => Uint8Array<ArrayBuffer> = createSlabs()

/** A copy, for short-lived use like `allocateBytes`. */
export const copyBytes: (bytes: Bytes) => Uint8Array<ArrayBuffer> = copierTo(allocateBytes)

/** A copy function with slabs of its own, for byte strings of about the same lifetime. */
export function createCopier(): (bytes: Bytes) => Uint8Array<ArrayBuffer> {
  return copierTo(createSlabs())
}

function copierTo(allocate: (length: number) => Uint8Array<ArrayBuffer>): (bytes: Bytes) => Uint8Array<ArrayBuffer> {
  return (bytes) => {
    const copy = allocate(bytes.length)
    copy.set(bytes)
    return copy
  }
}

/** Joins byte strings into a new one, for short-lived use like `allocateBytes`. */
export function concatBytes(...parts: readonly Bytes[]): Uint8Array<ArrayBuffer> {
  let length = 0
  for (const part of parts) length += part.length
  const joined = allocateBytes(length)
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

/** Compares public byte strings. Secrets are compared with `equalSecret` of crypto/, in constant time. */
export function equalBytes(left: Bytes, right: Bytes): boolean {
  if (left.length !== right.length) return false
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false
  return true
}

const digits = '0123456789abcdef'
/** Longest hex that is made in one call of `String.fromCharCode`, in bytes: no id is longer. */
const hexAtOnceBytes = 32
/** Character codes are put together here, for each length its own. */
const codesOf: readonly number[][] = Array.from({ length: hexAtOnceBytes + 1 }, (_, bytes) =>
  Array.from({ length: 2 * bytes }, () => 0),
)

/** Lower-case hex, two digits a byte. */
export function toHex(bytes: Bytes): string {
  return hexAt(bytes, 0, bytes.length)
}

/**
 * Lower-case hex of `length` bytes that stand at `at`. One flat string: joined of pairs it would be a chain of strings that
 * keys flatten again.
 */
export function hexAt(bytes: Bytes, at: number, length: number): string {
  const codes = codesOf[length]
  if (codes === undefined) {
    return hexAt(bytes, at, hexAtOnceBytes) + hexAt(bytes, at + hexAtOnceBytes, length - hexAtOnceBytes)
  }
  for (let i = 0; i < length; i++) {
    const byte = bytes[at + i] ?? 0
    codes[2 * i] = digits.charCodeAt(byte >>> 4)
    codes[2 * i + 1] = digits.charCodeAt(byte & 15)
  }
  return String.fromCharCode(...codes)
}

/** Bytes of a hex string; throws a RangeError that names the first offending place. */
export function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  if (hex.length % 2 !== 0) throw new RangeError(`hex needs an even number of digits, got ${hex.length}`)
  const bytes = allocateBytes(hex.length / 2)
  writeHex(hex, bytes, 0)
  return bytes
}

/** Writes the bytes of a hex string of even length at `at`; throws a RangeError that names the first offending place. */
export function writeHex(hex: string, bytes: Bytes, at: number): void {
  for (let i = 0; i < hex.length / 2; i++) {
    const high = digitOf(hex.charCodeAt(2 * i))
    const low = digitOf(hex.charCodeAt(2 * i + 1))
    if (high < 0 || low < 0) {
      throw new RangeError(`hex digit expected at ${2 * i}, got ${JSON.stringify(hex.slice(2 * i, 2 * i + 2))}`)
    }
    bytes[at + i] = (high << 4) | low
  }
}

/** The value of a hex digit's character code; -1 when it is none. */
function digitOf(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

const utf8Encoder = new TextEncoder()
// A byte order mark is a character like any other: what was sent is what is read.
const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Encodes an ASCII label, such as those for domain separation of a key's uses. */
export function ascii(label: string): Uint8Array<ArrayBuffer> {
  return encodeUtf8(label)
}

/** Encodes UTF-8; an unpaired surrogate becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  return utf8Encoder.encode(text)
}

/** The text of UTF-8 bytes; undefined when they are not UTF-8. */
export function decodeUtf8(bytes: Bytes): string | undefined {
  try {
    return utf8Decoder.decode(bytes)
  } catch {
    return undefined
  }
}

const shortText = 128

/** Decodes UTF-8 in `bytes` from `from` to `to`; undefined when it is none. Fast path without a decoder for short ASCII, the rule. */
export function readText(bytes: Bytes, from: number, to: number): string | undefined {
  if (to - from > shortText) return decodeUtf8(bytes.subarray(from, to))
  let plain = ''
  for (let i = from; i < to; i++) {
    const code = bytes[i] ?? 0
    if (code > 0x7f) return decodeUtf8(bytes.subarray(from, to))
    plain += String.fromCharCode(code)
  }
  return plain
}

/** Unsigned 8-bit integer. As `u16` and `u32` it keeps the low bits of a value that does not fit. */
export function u8(value: number): Uint8Array<ArrayBuffer> {
  const bytes = allocateBytes(1)
  bytes[0] = value
  return bytes
}

/** Unsigned 16-bit integer, big-endian. */
export function u16(value: number): Uint8Array<ArrayBuffer> {
  const bytes = allocateBytes(2)
  bytes[0] = value >>> 8
  bytes[1] = value
  return bytes
}

/** Unsigned 32-bit integer, big-endian. */
export function u32(value: number): Uint8Array<ArrayBuffer> {
  const bytes = allocateBytes(4)
  bytes[0] = value >>> 24
  bytes[1] = value >>> 16
  bytes[2] = value >>> 8
  bytes[3] = value
  return bytes
}

/** Unsigned 48-bit integer, used for instants in milliseconds. */
export function u48(value: number): Uint8Array<ArrayBuffer> {
  return concatBytes(u16(Math.floor(value / 0x1_0000_0000)), u32((value % 0x1_0000_0000) >>> 0))
}

/** Unsigned 64-bit integer; `value` is a safe integer. */
export function u64(value: number): Uint8Array<ArrayBuffer> {
  return concatBytes(u32(Math.floor(value / 0x1_0000_0000)), u32((value % 0x1_0000_0000) >>> 0))
}

export function readU16(bytes: Bytes, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

export function readU32(bytes: Bytes, at: number): number {
  return readU16(bytes, at) * 0x1_0000 + readU16(bytes, at + 2)
}

export function readU48(bytes: Bytes, at: number): number {
  return readU16(bytes, at) * 0x1_0000_0000 + readU32(bytes, at + 2)
}

/** Reads a u64 that must be a safe integer; `undefined` when it is not (no amount is a float). */
export function readU64(bytes: Bytes, at: number): number | undefined {
  const value = readU32(bytes, at) * 0x1_0000_0000 + readU32(bytes, at + 4)
  return Number.isSafeInteger(value) ? value : undefined
}
