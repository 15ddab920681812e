// MessagePack encoder of the subset that the strict reader reads, each value in its shortest form.
// Why not a library: see docs/decisions/0001-own-messagepack-writer.md.

import { copyBytes, encodeUtf8 } from '../../base/bytes.ts'
import type { Unpacked } from './msgpack-reader.ts'

/** Encodes an array. Throws a RangeError on a number that is not an unsigned safe integer. */
export function packArray(items: readonly Unpacked[]): Uint8Array<ArrayBuffer> {
  return copyBytes(packArrayBorrowed(items))
}

/** Zero-copy `packArray`: the bytes are borrowed from a shared buffer and stand until something is packed again. */
export function packArrayBorrowed(items: readonly Unpacked[]): Uint8Array<ArrayBuffer> {
  const writer = new Writer()
  writer.value(items)
  return writer.bytes.subarray(0, writer.at)
}

/** `packArrayBorrowed` of `length` items, each asked for in its turn, without an array of them in between. */
export function packEachBorrowed(length: number, itemAt: (index: number) => Unpacked): Uint8Array<ArrayBuffer> {
  const writer = new Writer()
  writer.each(length, itemAt)
  return writer.bytes.subarray(0, writer.at)
}

/** The longest text that one byte of length holds. */
const asciiMax = 0xff

// One buffer serves all calls: packing is synchronous and the result is a copy.
let shared = new Uint8Array(32_768)

class Writer {
  bytes = shared
  at = 0

  value(value: Unpacked): void {
    if (value === null) this.#byte(0xc0)
    else if (typeof value === 'number') this.#unsigned(value)
    else if (typeof value === 'boolean') this.#byte(value ? 0xc3 : 0xc2)
    else if (typeof value === 'string') this.#text(value)
    else if (value instanceof Uint8Array) this.#binary(value)
    else this.#array(value)
  }

  #unsigned(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new RangeError(`an unsigned safe integer expected, got ${value}`)
    if (value <= 0x7f) return this.#byte(value)
    if (value <= 0xff) return this.#head(0xcc, value, 1)
    if (value <= 0xffff) return this.#head(0xcd, value, 2)
    if (value <= 0xffff_ffff) return this.#head(0xce, value, 4)
    this.#head(0xcf, Math.floor(value / 0x1_0000_0000), 4)
    this.#tail(value % 0x1_0000_0000, 4)
  }

  #binary(value: Uint8Array): void {
    this.#head(value.length <= 0xff ? 0xc4 : 0xc5, this.#within(value.length), value.length <= 0xff ? 1 : 2)
    this.#raw(value)
  }

  #text(value: string): void {
    if (value.length <= asciiMax && this.#ascii(value)) return
    const bytes = encodeUtf8(value)
    if (bytes.length <= 31) this.#byte(0xa0 | bytes.length)
    else this.#head(bytes.length <= 0xff ? 0xd9 : 0xda, this.#within(bytes.length), bytes.length <= 0xff ? 1 : 2)
    this.#raw(bytes)
  }

  /** Most texts are ids and words: written in place, without a byte string in between. False: not ASCII, nothing written. */
  #ascii(value: string): boolean {
    const { length } = value
    this.#room(length + 2)
    const { bytes } = this
    let at = this.at
    if (length <= 31) bytes[at++] = 0xa0 | length
    else {
      bytes[at++] = 0xd9
      bytes[at++] = length
    }
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i)
      if (code > 0x7f) return false
      bytes[at++] = code
    }
    this.at = at
    return true
  }

  each(length: number, itemAt: (index: number) => Unpacked): void {
    this.#arrayHead(length)
    for (let index = 0; index < length; index++) this.value(itemAt(index))
  }

  #array(items: readonly Unpacked[]): void {
    this.#arrayHead(items.length)
    for (const item of items) this.value(item)
  }

  #arrayHead(length: number): void {
    if (length <= 15) this.#byte(0x90 | length)
    else this.#head(0xdc, this.#within(length), 2)
  }

  #within(length: number): number {
    if (length > 0xffff) throw new RangeError(`a length of at most 65535 expected, got ${length}`)
    return length
  }

  #head(head: number, value: number, width: 1 | 2 | 4): void {
    this.#byte(head)
    this.#tail(value, width)
  }

  #tail(value: number, width: 1 | 2 | 4): void {
    this.#room(width)
    for (let shift = 8 * (width - 1); shift >= 0; shift -= 8) this.bytes[this.at++] = value >>> shift
  }

  #byte(byte: number): void {
    this.#room(1)
    this.bytes[this.at++] = byte
  }

  #raw(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.bytes.set(bytes, this.at)
    this.at += bytes.length
  }

  #room(length: number): void {
    if (this.at + length <= this.bytes.length) return
    const grown = new Uint8Array(2 * (this.at + length))
    grown.set(this.bytes)
    shared = this.bytes = grown
  }
}
