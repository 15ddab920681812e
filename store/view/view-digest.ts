// Incremental multiset hash of the view's rows. A digest of all rows of the view that can be kept up row by row: the sum, modulo 2^128, of one
// number per row, made from where the row is and its MAC. LMDB has no checksums: a row that a damaged page no longer leads to would simply be
// absent, and only a digest of the whole can tell (view-check.ts).

import { readU32 } from '../../base/bytes.ts'
import { crc32c } from '../files/crc32c.ts'

export const macBytes = 16

export type ViewDigest = { readonly rows: number; readonly sum: bigint }

export const emptyDigest: ViewDigest = { rows: 0, sum: 0n }

/**
 * A digest while rows come and go. The MAC of a row covers its key, but a walk has no master key to check it with: so the key
 * counts as well. Summed in four numbers of 32 bits: a bigint for each row costs more than all the rest.
 */
export class DigestSum {
  #rows: number
  #sum: bigint
  /** What came since `#sum`, from the lowest 32 bits to the highest; less than 0 when more went. */
  readonly #parts = new Float64Array(4)
  #partsCount = 0

  constructor(before: ViewDigest) {
    this.#rows = before.rows
    this.#sum = before.sum
  }

  /** One more row. `stored` ends with the row's MAC. */
  add(table: string, keyBytes: Uint8Array, stored: Uint8Array): void {
    this.#rows++
    this.#count(table, keyBytes, stored, 1)
  }

  /** One row less. */
  remove(table: string, keyBytes: Uint8Array, stored: Uint8Array): void {
    this.#rows--
    this.#count(table, keyBytes, stored, -1)
  }

  digest(): ViewDigest {
    this.#fold()
    return { rows: this.#rows, sum: this.#sum }
  }

  #count(table: string, keyBytes: Uint8Array, stored: Uint8Array, sign: 1 | -1): void {
    const macAt = stored.length - macBytes
    if (macAt < 0) return
    const place = crc32c(keyBytes, 0, keyBytes.length, crcOf(table))
    // The MAC as one number, with the place across its middle: bits 48 to 79.
    this.#addPart(0, sign * readU32(stored, macAt + 12))
    this.#addPart(1, sign * ((readU32(stored, macAt + 8) ^ (place << 16)) >>> 0))
    this.#addPart(2, sign * ((readU32(stored, macAt + 4) ^ (place >>> 16)) >>> 0))
    this.#addPart(3, sign * readU32(stored, macAt))
    if (++this.#partsCount >= partsCountMax) this.#fold()
  }

  #addPart(index: number, part: number): void {
    this.#parts[index] = (this.#parts[index] ?? 0) + part
  }

  #fold(): void {
    let sum = this.#sum
    for (const [index, part] of this.#parts.entries()) sum += BigInt(part) << BigInt(32 * index)
    this.#sum = BigInt.asUintN(128, sum)
    this.#parts.fill(0)
    this.#partsCount = 0
  }
}

/** So many sums of 32 bits are exact. */
const partsCountMax = 1 << 20

const crcs = new Map<string, number>()

/** The checksum of a table's name and the space behind it: there are a dozen. */
function crcOf(table: string): number {
  const known = crcs.get(table)
  if (known !== undefined) return known
  const crc = crc32c(Buffer.from(`${table} `, 'latin1'))
  crcs.set(table, crc)
  return crc
}
