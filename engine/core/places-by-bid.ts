// Hash table bid → slot place (open addressing, linear probing, backward-shift deletion): where each attached band lies, a table of places
// alone, eight bytes a band. The names themselves stand at the places.

import { type Bytes, readU32 } from '../../base/bytes.ts'

/** A 32-bit word of the bid that stands at a place: the first (0) or the second (1). */
type WordAt = (place: number, word: 0 | 1) => number

const fieldsMin = 256
const empty = 0

export class PlacesByBid {
  readonly #wordAt: WordAt
  /** A place plus one, or `empty`. Never more than half full. */
  #fields: Uint32Array
  #count = 0

  /** Has room for `roomFor` bands at once: to grow by the hundred thousand would hold up the engine for a tenth of a second. */
  constructor(roomFor: number, wordAt: WordAt) {
    this.#fields = new Uint32Array(Math.max(fieldsMin, 2 ** Math.ceil(Math.log2(2 * roomFor))))
    this.#wordAt = wordAt
  }

  find(bid: Bytes): number | undefined {
    const field = this.#fields[this.#fieldOf(readU32(bid, 0), readU32(bid, 4))] ?? empty
    return field === empty ? undefined : field - 1
  }

  /** Notes a place at which a bid stands that is not noted yet. */
  add(place: number): void {
    if (2 * (this.#count + 1) > this.#fields.length) this.#grow()
    this.#fields[this.#freeField(place)] = place + 1
    this.#count++
  }

  /** Forgets a bid, which still stands at its place. */
  remove(bid: Bytes): void {
    const fields = this.#fields
    const mask = fields.length - 1
    let hole = this.#fieldOf(readU32(bid, 0), readU32(bid, 4))
    if ((fields[hole] ?? empty) === empty) return
    fields[hole] = empty
    this.#count--
    // An entry that stands further on because the hole was taken moves up, or would not be found again.
    for (let at = (hole + 1) & mask; (fields[at] ?? empty) !== empty; at = (at + 1) & mask) {
      const place = (fields[at] ?? empty) - 1
      const home = this.#homeOf(this.#wordAt(place, 0), this.#wordAt(place, 1))
      if (((at - home) & mask) < ((at - hole) & mask)) continue
      fields[hole] = place + 1
      fields[at] = empty
      hole = at
    }
  }

  /** The field with this bid, or the free one where it would stand. */
  #fieldOf(first: number, second: number): number {
    const mask = this.#fields.length - 1
    let at = this.#homeOf(first, second)
    for (;;) {
      const field = this.#fields[at] ?? empty
      if (field === empty) return at
      if (this.#wordAt(field - 1, 0) === first && this.#wordAt(field - 1, 1) === second) return at
      at = (at + 1) & mask
    }
  }

  /** Where a place goes whose bid is surely not noted yet. */
  #freeField(place: number): number {
    const mask = this.#fields.length - 1
    let at = this.#homeOf(this.#wordAt(place, 0), this.#wordAt(place, 1))
    while ((this.#fields[at] ?? empty) !== empty) at = (at + 1) & mask
    return at
  }

  // Bids are random, unless an operator imported others: all of their bits count.
  #homeOf(first: number, second: number): number {
    const mixed = Math.imul(first ^ Math.imul(second, 0x9e37_79b1), 0x85eb_ca6b)
    return (mixed ^ (mixed >>> 15)) & (this.#fields.length - 1)
  }

  #grow(): void {
    const before = this.#fields
    this.#fields = new Uint32Array(2 * before.length)
    for (const field of before) {
      if (field !== empty) this.#fields[this.#freeField(field - 1)] = field
    }
  }
}
