// Counts the bands under each hold into a view that has no such counts, because an older version wrote it. Later the journal's
// records keep them.

import { type RowOf, decodeRow, encodeRow, heldTally } from '../engine/ports/rows.ts'
import type { RowChange, View } from '../engine/ports/view.ts'
import { namesOf } from '../protocol/names.ts'
import { holdBits, holdsOf } from '../protocol/states.ts'

const pageRows = 2_000

export async function countHolds(view: View): Promise<void> {
  const counts = new Map<string, number>([[heldTally, 0], ...namesOf(holdBits).map((hold) => [hold, 0] as const)])
  for await (const { holds } of bandRows(view)) {
    for (const name of holds === 0 ? [] : [heldTally, ...holdsOf(holds)]) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  const rows = [...counts].map(([key, count]): RowChange => {
    return { table: 'tally', key, bytes: encodeRow('tally', { count }) }
  })
  await view.write(rows, view.appliedLsn)
}

async function* bandRows(view: View): AsyncGenerator<RowOf<'band'>> {
  for (let from = ' '; ;) {
    const page = view.range('band', { from, to: '\x7f', limit: pageRows })
    for (const { bytes } of page) yield decodeRow('band', bytes)
    const last = page.at(-1)
    if (last === undefined || page.length < pageRows) return
    from = `${last.key} `
  }
}
