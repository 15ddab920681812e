// Serialization of changed rows. Changed rows as one run of bytes, so that handing thousands of them to another thread costs nothing. Each:
// table u8 (its place in `storedTableNames`), key length u16, value length u32 (all ones: removed), key, and unless it is removed the value
// and room for its MAC: so the other thread makes of it what is stored without moving it.

import type { StoredChange } from './lmdb.ts'
import { macBytes } from './view-digest.ts'
import { storedTableNames } from './view-state.ts'

/** Longest key, in characters. */
export const keyLengthMax = 512
const headBytes = 7
const removed = 0xffff_ffff

export class RowPacker {
  #bytes = Buffer.allocUnsafeSlow(65_536)
  #length = 0

  /** Throws a RangeError on a key that is none. */
  add({ table, key, bytes }: StoredChange): void {
    if (key.length === 0 || key.length > keyLengthMax) throw notAKey(key)
    const valueBytes = bytes === null ? 0 : bytes.length + macBytes
    this.#reserve(headBytes + key.length + valueBytes)
    const at = this.#length
    this.#bytes.writeUInt8(storedTableNames.indexOf(table), at)
    this.#bytes.writeUInt16BE(key.length, at + 1)
    this.#bytes.writeUInt32BE(bytes === null ? removed : bytes.length, at + 3)
    // Looked at and written in one go: a pattern and a call into the system for each key cost more than all the rest.
    for (let i = 0; i < key.length; i++) {
      const code = key.charCodeAt(i)
      if (code < 0x20 || code > 0x7e) throw notAKey(key)
      this.#bytes[at + headBytes + i] = code
    }
    if (bytes !== null) this.#bytes.set(bytes, at + headBytes + key.length)
    this.#length = at + headBytes + key.length + valueBytes
  }

  /** What was added, in a buffer of its own that may be transferred. The packer is done then. */
  finish(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes.buffer, 0, this.#length)
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(2 * needed)
    larger.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = larger
  }
}

function notAKey(key: string): RangeError {
  return new RangeError(`a key of 1 to ${keyLengthMax} printable ASCII characters expected, got ${JSON.stringify(key)}`)
}

/** A row as it was packed; its byte strings are views of the packed bytes. */
export type PackedRow = {
  readonly table: string
  readonly key: string
  readonly keyBytes: Uint8Array
  /** The value, and what is stored: the value with its MAC behind it, once that was put there. Null: removed. */
  readonly row: { readonly bytes: Uint8Array; readonly stored: Uint8Array } | null
}

/** The rows of a run of bytes that a packer made. */
export function* unpackRows(packed: Uint8Array): Generator<PackedRow> {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength)
  for (let at = 0; at < bytes.length;) {
    const table = storedTableNames[bytes.readUInt8(at)]
    if (table === undefined) throw new RangeError(`a table expected at ${at}, got number ${bytes[at]}`)
    const keyAt = at + headBytes
    const valueAt = keyAt + bytes.readUInt16BE(at + 1)
    const length = bytes.readUInt32BE(at + 3)
    const key = bytes.toString('latin1', keyAt, valueAt)
    const keyBytes = packed.subarray(keyAt, valueAt)
    if (length === removed) {
      yield { table, key, keyBytes, row: null }
      at = valueAt
    } else {
      const stored = packed.subarray(valueAt, valueAt + length + macBytes)
      yield { table, key, keyBytes, row: { bytes: stored.subarray(0, length), stored } }
      at = valueAt + length + macBytes
    }
  }
}
