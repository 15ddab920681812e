// Bounded cache of decoded rows, two generations. Rows as they were last read or written, decoded: a read from the view costs its MAC and its
// shape again each time. Bounded by count and forgetful: whatever is not asked for falls out after two fillings, and the view still has it.

import type { Table } from '../ports/view.ts'

/** What is known of a row: null is a row that is not there. */
type Known = { row: unknown }

/** Tables that the road reads again and again; the others are read once or by range. */
const cachedTables = ['band', 'account', 'usage', 'arming', 'ratchet', 'bid'] as const satisfies readonly Table[]
type CachedTable = (typeof cachedTables)[number]
const cached: ReadonlySet<Table> = new Set(cachedTables)

/** Is this a table whose rows are worth keeping? */
export function isCached(table: Table): table is CachedTable {
  return cached.has(table)
}

export class RowCache {
  readonly #rowsMax: number
  // A map for each table: keys are looked up as they come, without making new strings of them.
  #young = newMaps()
  #old = newMaps()
  #youngCount = 0
  #oldCount = 0

  /** Holds at most `rowsMax` rows. */
  constructor(rowsMax: number) {
    this.#rowsMax = rowsMax
  }

  get count(): number {
    return this.#youngCount + this.#oldCount
  }

  get(table: CachedTable, key: string): Readonly<Known> | undefined {
    const young = this.#young[table].get(key)
    if (young !== undefined) return young
    const old = this.#old[table].get(key)
    if (old !== undefined) this.#keep(table, key, old)
    return old
  }

  set(table: CachedTable, key: string, row: unknown): void {
    const young = this.#young[table].get(key)
    if (young === undefined) this.#keep(table, key, { row })
    else young.row = row
  }

  /** Takes in what is not among the young. */
  #keep(table: CachedTable, key: string, known: Known): void {
    if (this.#youngCount >= this.#rowsMax / 2) {
      this.#old = this.#young
      this.#oldCount = this.#youngCount
      this.#young = newMaps()
      this.#youngCount = 0
    }
    if (this.#old[table].delete(key)) this.#oldCount--
    this.#youngCount++
    this.#young[table].set(key, known)
  }
}

function newMaps(): Readonly<Record<CachedTable, Map<string, Known>>> {
  return {
    band: new Map(),
    account: new Map(),
    usage: new Map(),
    arming: new Map(),
    ratchet: new Map(),
    bid: new Map(),
  }
}
