// Write-back buffer of the view. Rows that were changed and that the view has not got yet, as they become. Kept by table and key, the newest
// only.

import { AddedRows } from './added-rows.ts'
import { type ByKey, KeysInOrder } from './keys-in-order.ts'
import type { Change } from '../ports/rows.ts'
import { type RowOf, decodeRow, encodeRow, encodeRowBorrowed } from '../ports/rows.ts'
import { type RowChange, type RowRange, type Table, tables } from '../ports/view.ts'

/**
 * Every decision, move or act adds a row to these and hardly ever reads it again: they wait as the bytes they will be
 * written as. Tens of thousands of decoded rows were most of what the collector had to carry along.
 */
const isAddedTo: ReadonlySet<Table> = new Set<Table>(['reference', 'history', 'historyMark', 'move', 'act'])

/** Their new rows lie one behind the other in the view, or beside one that changes with them; one of another table has a page of its own. */
const isInOrder: ReadonlySet<Table> = new Set<Table>(['reference', 'history', 'arming'])

/** A row as it becomes: decoded, or the place of its bytes among the added rows; null when it goes. */
type Waiting = Change['row'] | number

export class PendingRows {
  /** The last record whose changes are here; 0 = none. */
  lastLsn = 0
  recordCount = 0
  #scatteredCount = 0
  readonly #tables: Readonly<Record<Table, ByKey<Waiting>>> = {
    band: new Map(),
    bid: new Map(),
    ratchet: new Map(),
    account: new Map(),
    accountBand: new Map(),
    phone: new Map(),
    usage: new Map(),
    arming: new Map(),
    reference: new Map(),
    history: new KeysInOrder(),
    historyMark: new Map(),
    alarm: new Map(),
    tally: new Map(),
    move: new Map(),
    act: new Map(),
    phoneAccount: new Map(),
    restored: new Map(),
    document: new Map(),
    rewound: new Map(),
  }
  readonly #added = new AddedRows()

  /** How large a batch these are: records, or half as many as there are rows with a page of their own, where a record has several. */
  get weight(): number {
    return Math.max(this.recordCount, this.#scatteredCount / 2)
  }

  add(change: Change): void {
    const { table, key, row } = change
    this.#set(table, key, row !== null && isAddedTo.has(table) ? this.#added.add(encodeRowBorrowed(table, row)) : row)
  }

  /** The row as it becomes, null when it goes, undefined when nothing waits for it. */
  get<Name extends Table>(table: Name, key: string): RowOf<Name> | null | undefined {
    const waiting = this.#tables[table].get(key)
    if (typeof waiting === 'number') return decodeRow(table, this.#added.at(waiting))
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- under a table's name there are rows of that table only
    return waiting as RowOf<Name> | null | undefined
  }

  /** The keys of a range for which something waits, in no order. */
  *within(table: Table, { from, to }: Pick<RowRange, 'from' | 'to'>): Generator<string> {
    for (const key of this.#tables[table].keys()) if (key >= from && key < to) yield key
  }

  /** All changes, each encoded when it is asked for: thousands at once would hold up whatever else is to be done. */
  *encoded(): Generator<RowChange> {
    for (const table of tables) {
      for (const [key, waiting] of this.#tables[table]) yield { table, key, bytes: this.#bytesOf(table, waiting) }
    }
  }

  #set(table: Table, key: string, waiting: Waiting): void {
    const rows = this.#tables[table]
    const before = rows.size
    rows.set(key, waiting)
    if (rows.size > before && !isInOrder.has(table)) this.#scatteredCount++
  }

  #bytesOf(table: Table, waiting: Waiting): Uint8Array | null {
    if (typeof waiting === 'number') return this.#added.at(waiting)
    return waiting === null ? null : encodeRow(table, waiting)
  }
}
