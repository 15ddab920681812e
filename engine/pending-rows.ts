// Rows that were changed and that the view has not got yet, as they become. Kept by table and key, the newest only. A
// wearer's history is read by account while much of it is here, so its keys are kept by account.

import type { Change } from './ports/apply.ts'
import { encodeRow } from './ports/rows.ts'
import type { RowChange, RowRange, Table } from './ports/view.ts'

export class PendingRows {
  /** The last record whose changes are here; 0 = none. */
  lastLsn = 0
  recordCount = 0
  readonly #tables = new Map<Table, Map<string, Change>>()
  readonly #historyOf = new Map<string, string[]>()

  add(change: Change): void {
    let rows = this.#tables.get(change.table)
    if (rows === undefined) this.#tables.set(change.table, (rows = new Map<string, Change>()))
    if (change.table === 'history' && !rows.has(change.key)) this.#remember(change.key)
    rows.set(change.key, change)
  }

  get(table: Table, key: string): Change | undefined {
    return this.#tables.get(table)?.get(key)
  }

  /** The changes of a range, in no order. */
  *within(table: Table, { from, to }: Pick<RowRange, 'from' | 'to'>): Generator<Change> {
    const rows = this.#tables.get(table)
    if (rows === undefined) return
    // Both ends of a range of history name the same account.
    const keys = table === 'history' ? (this.#historyOf.get(ownerOf(from)) ?? []) : rows.keys()
    for (const key of keys) {
      const change = key >= from && key < to ? rows.get(key) : undefined
      if (change !== undefined) yield change
    }
  }

  /** All changes, each encoded when it is asked for: thousands at once would hold up whatever else is to be done. */
  *encoded(): Generator<RowChange> {
    for (const rows of this.#tables.values()) {
      for (const { table, key, row } of rows.values()) {
        yield { table, key, bytes: row === null ? null : encodeRow(table, row) }
      }
    }
  }

  /** Takes over what an older batch has and this one has not: the older could not be written. */
  addOlder(older: PendingRows): void {
    for (const rows of older.#tables.values()) {
      for (const change of rows.values()) if (this.get(change.table, change.key) === undefined) this.add(change)
    }
    this.lastLsn = Math.max(this.lastLsn, older.lastLsn)
    this.recordCount += older.recordCount
  }

  #remember(key: string): void {
    const keys = this.#historyOf.get(ownerOf(key))
    if (keys === undefined) this.#historyOf.set(ownerOf(key), [key])
    else keys.push(key)
  }
}

function ownerOf(historyKey: string): string {
  return historyKey.slice(0, historyKey.indexOf('|'))
}
