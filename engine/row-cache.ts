// Rows as they were last read or written, decoded: a read from the view costs its MAC and its shape again each time. Bounded
// by count and forgetful: whatever is not asked for falls out after two fillings, and the view still has it.

import type { Table } from './ports/view.ts'

/** What is known of a row: null is a row that is not there. */
type Known = { readonly row: unknown }

export class RowCache {
  readonly #rowsMax: number
  #young = new Map<string, Known>()
  #old = new Map<string, Known>()

  /** Holds at most `rowsMax` rows. */
  constructor(rowsMax: number) {
    this.#rowsMax = rowsMax
  }

  get count(): number {
    return this.#young.size + this.#old.size
  }

  get(table: Table, key: string): Known | undefined {
    const place = placeOf(table, key)
    const young = this.#young.get(place)
    if (young !== undefined) return young
    const old = this.#old.get(place)
    if (old !== undefined) this.#keep(place, old)
    return old
  }

  set(table: Table, key: string, row: unknown): void {
    this.#keep(placeOf(table, key), { row })
  }

  #keep(place: string, known: Known): void {
    if (this.#young.size >= this.#rowsMax / 2 && !this.#young.has(place)) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#old.delete(place)
    this.#young.set(place, known)
  }
}

/** Tables that the road reads again and again, each by a letter of its own; the others are read once or by range. */
const cached = { band: 'b', account: 'a', usage: 'u', ratchet: 'r', bid: 'i' } as const satisfies Partial<
  Record<Table, string>
>

/** Is this a table whose rows are worth keeping? */
export function isCached(table: Table): table is keyof typeof cached {
  return Object.hasOwn(cached, table)
}

function placeOf(table: Table, key: string): string {
  return isCached(table) ? cached[table] + key : `${table}|${key}`
}
