// Byte strings: joining, comparing, hex, and a reader that never reads past the end. Integers are big-endian.

/** A byte array that owns or borrows an ordinary buffer; what every codec here takes and gives. */
export type Bytes = Uint8Array

/** Joins byte strings into a new one. */
export function concatBytes(...parts: readonly Bytes[]): Uint8Array<ArrayBuffer> {
  let length = 0
  for (const part of parts) length += part.length
  const joined = new Uint8Array(length)
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

const hexOfByte: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Lower-case hex, two digits a byte. */
export function toHex(bytes: Bytes): string {
  let hex = ''
  for (const byte of bytes) hex += hexOfByte[byte]
  return hex
}

/** Bytes of a hex string; throws a RangeError that names the first offending place. */
export function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  if (hex.length % 2 !== 0) throw new RangeError(`hex needs an even number of digits, got ${hex.length}`)
  const bytes = new Uint8Array(hex.length / 2)
  for (let i = 0; i < bytes.length; i++) {
    const pair = hex.slice(2 * i, 2 * i + 2)
    if (!/^[0-9a-fA-F]{2}$/.test(pair)) throw new RangeError(`hex digit expected at ${2 * i}, got "${pair}"`)
    bytes[i] = Number.parseInt(pair, 16)
  }
  return bytes
}

const utf8Encoder = new TextEncoder()
// A byte order mark is a character like any other: what was sent is what is read.
const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Bytes of an ASCII label, such as those that separate the uses of a key. */
export function ascii(label: string): Uint8Array<ArrayBuffer> {
  return encodeUtf8(label)
}

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

export function u8(value: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(value)
}

export function u16(value: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(value >>> 8, value)
}

export function u32(value: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
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
