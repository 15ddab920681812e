// Deterministic workload, the rows that the traced writer writes and the checker expects: both know them from the lsn alone.

import { createKeyring } from '../../crypto/at-rest.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { type RowChange, type Table, tables } from '../../engine/ports/view.ts'
import { recordOf, seededChance } from '../../store/journal/test-disk.ts'

export const workloadKeyring = createKeyring(nodePrimitives, [{ id: 1, key: new Uint8Array(32).fill(7) }])

/** What write number `lsn` changes: some rows of each table put, some removed; now and then many. */
export function changesAt(lsn: number): readonly RowChange[] {
  const chance = seededChance(lsn)
  const count = chance() < 0.1 ? 300 : 1 + Math.floor(chance() * 20)
  return Array.from({ length: count }, () => {
    const table = tables[Math.floor(chance() * tables.length)] ?? 'band'
    const key = `key ${Math.floor(chance() * 400)}`
    return { table, key, bytes: chance() < 0.2 ? null : recordOf(lsn, 4 + Math.floor(chance() * 300)) }
  })
}

export type ExpectedRows = ReadonlyMap<Table, ReadonlyMap<string, Uint8Array>>

/** The rows after writes 1 to `lsn`. */
export function rowsAfter(lsn: number): ExpectedRows {
  const rows = new Map(tables.map((table) => [table, new Map<string, Uint8Array>()]))
  for (let at = 1; at <= lsn; at++) {
    for (const { table, key, bytes } of changesAt(at)) {
      if (bytes === null) rows.get(table)?.delete(key)
      else rows.get(table)?.set(key, bytes)
    }
  }
  return rows
}
