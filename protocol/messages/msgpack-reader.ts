// Strict MessagePack decoder: arrays, unsigned integers, bin, str, bool and nil, a bounded depth, exact length (PROTOCOL §8).
// Everything else, extensions, maps, floats and negative numbers among them, is malformed.

import { type Bytes, readText, readU16, readU32, readU64 } from '../../base/bytes.ts'
import { frameDepthMax, frameItemsMax } from '../limits.ts'
import { type Malformed, malformed } from '../malformed.ts'

export type Unpacked = number | string | boolean | null | Bytes | readonly Unpacked[]

/** Reads exactly one array from `bytes`. Byte strings in it are views of `bytes` (borrowed). */
export function unpackArray(bytes: Bytes, depthMax: number = frameDepthMax): readonly Unpacked[] | Malformed {
  const reader = new Reader(bytes)
  const value = reader.value(depthMax)
  if (reader.fault !== undefined) return reader.fault
  if (!isArray(value)) return malformed('an array', 0)
  if (reader.at !== bytes.length)
    return malformed(`the end at ${reader.at}, got ${bytes.length - reader.at} bytes more`, reader.at)
  return value
}

/** Type guard: tells a refused read from an array. */
export function isMalformed(value: readonly Unpacked[] | Malformed): value is Malformed {
  return !Array.isArray(value)
}

/** Type guard: tells an array from the other values; a byte string is none. */
export function isArray(value: Unpacked | undefined): value is readonly Unpacked[] {
  return Array.isArray(value)
}

class Reader {
  at = 0
  fault: Malformed | undefined
  readonly #bytes: Bytes

  constructor(bytes: Bytes) {
    this.#bytes = bytes
  }

  value(depthLeft: number): Unpacked {
    const bytes = this.#bytes
    const head = bytes[this.at++]
    if (head === undefined) return this.#refuse('a value, got the end', bytes.length)
    if (head <= 0x7f) return head
    if (head >= 0x90 && head <= 0x9f) return this.#array(head & 0x0f, depthLeft)
    if (head >= 0xa0 && head <= 0xbf) return this.#text(head & 0x1f)
    switch (head) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
        return this.#binary(this.#unsigned(1))
      case 0xc5:
        return this.#binary(this.#unsigned(2))
      case 0xcc:
        return this.#unsigned(1)
      case 0xcd:
        return this.#unsigned(2)
      case 0xce:
        return this.#unsigned(4)
      case 0xcf:
        return this.#unsigned(8)
      case 0xd9:
        return this.#text(this.#unsigned(1))
      case 0xda:
        return this.#text(this.#unsigned(2))
      case 0xdc:
        return this.#array(this.#unsigned(2), depthLeft)
      default:
        return this.#refuse(`array, unsigned integer, bin, str, bool or nil, got 0x${head.toString(16)}`, this.at - 1)
    }
  }

  #array(length: number, depthLeft: number): Unpacked {
    if (depthLeft === 0) return this.#refuse('arrays nested less deep')
    if (length > frameItemsMax) return this.#refuse(`at most ${frameItemsMax} items`)
    // Each item takes a byte at least: a length that lies is refused before anything is allocated for it.
    if (length > this.#bytes.length - this.at) return this.#refuse(`${length} items, got the end`)
    const items: Unpacked[] = []
    for (let i = 0; i < length && this.fault === undefined; i++) items.push(this.value(depthLeft - 1))
    return items
  }

  #unsigned(width: 1 | 2 | 4 | 8): number {
    const bytes = this.#bytes
    const { at } = this
    if (at + width > bytes.length) {
      this.#refuse(`an integer of ${width} bytes, got the end`)
      return 0
    }
    this.at = at + width
    if (width === 1) return bytes[at] ?? 0
    if (width === 2) return readU16(bytes, at)
    if (width === 4) return readU32(bytes, at)
    const wide = readU64(bytes, at)
    if (wide === undefined) this.#refuse('an integer below 2^53', at)
    return wide ?? 0
  }

  #binary(length: number): Unpacked {
    const end = this.at + length
    if (end > this.#bytes.length) return this.#refuse(`${length} bytes, got the end`)
    const view = this.#bytes.subarray(this.at, end)
    this.at = end
    return view
  }

  #text(length: number): Unpacked {
    const from = this.at
    const end = from + length
    if (end > this.#bytes.length) return this.#refuse(`${length} bytes, got the end`)
    this.at = end
    return readText(this.#bytes, from, end) ?? this.#refuse('a str of UTF-8', from)
  }

  #refuse(expected: string, at: number = this.at): null {
    this.fault ??= malformed(expected, at)
    this.at = this.#bytes.length
    return null
  }
}
