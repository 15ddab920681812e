// Brings a view that an older version wrote into today's form, when the journal that it could be built from does not have
// everything any more: counts the bands under each hold, lays the decisions in the order of the journal, each naming the one before
// it of its account, finds references by themselves first, and lays what is kept of each band beside the band.

import { parseAccountId } from '../../protocol/ids.ts'
import { namesOf } from '../../base/names.ts'
import { holdBits, holdsOf } from '../../protocol/states.ts'
import {
  decodeRow,
  encodeRow,
  heldTally,
  historyKey,
  historyMarkEvery,
  historyMarkKey,
  lsnOfKey,
  type UsageRow,
} from '../../engine/ports/rows.ts'
import type { RowChange, Table, View } from '../../engine/ports/view.ts'
import type { FileView } from '../../store/view/view.ts'

type Older = View & Pick<FileView, 'version'>

const pageRows = 2_000

/** In one write, so that a crash leaves the older view or today's. Keeps all that changes in memory meanwhile. */
export async function bringOlderView(view: Older): Promise<void> {
  await view.write(changes(view), view.appliedLsn)
}

function* changes(view: Older): Generator<RowChange> {
  if (view.version < 3) {
    yield* holdCounts(view)
    yield* decisionsInOrder(view)
    yield* referencesFirst(view)
  }
  // What armings paid before is in no row: they begin at nothing.
  if (view.version < 4) yield* besideTheirBands(view)
}

/** They lay in trees of their own: the file has them where they belong as soon as they are written. */
function* besideTheirBands(view: View): Generator<RowChange> {
  for (const table of ['ratchet', 'move'] as const)
    for (const { key, bytes } of rowsOf(view, table)) yield { table, key, bytes }
}

function* holdCounts(view: View): Generator<RowChange> {
  const counts = new Map<string, number>([[heldTally, 0], ...namesOf(holdBits).map((hold) => [hold, 0] as const)])
  for (const { bytes } of rowsOf(view, 'band')) {
    const { holds } = decodeRow('band', bytes)
    for (const name of holds === 0 ? [] : [heldTally, ...holdsOf(holds)]) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  for (const [key, count] of counts) yield { table: 'tally', key, bytes: encodeRow('tally', { count }) }
}

const noUsageRow: UsageRow = { day: 0, byCurrency: [], newestLsn: null, decisions: null }

/** They lay by account and then by position: `account|lsn`. */
function* decisionsInOrder(view: View): Generator<RowChange> {
  let ofAccount: { readonly name: string; newestLsn: number | null; decisions: number } | undefined
  const begin = (): RowChange[] => {
    if (ofAccount === undefined) return []
    const { name: key, newestLsn, decisions } = ofAccount
    const stored = view.get('usage', key)
    const usage = stored === undefined ? noUsageRow : decodeRow('usage', stored)
    return [{ table: 'usage', key, bytes: encodeRow('usage', { ...usage, newestLsn, decisions }) }]
  }
  for (const { key, bytes } of rowsOf(view, 'history')) {
    const name = key.slice(0, key.indexOf('|'))
    const lsn = lsnOfKey(key)
    if (ofAccount?.name !== name) {
      yield* begin()
      ofAccount = { name, newestLsn: null, decisions: 0 }
    }
    const account = parseAccountId(name)
    const row = { ...decodeRow('history', bytes), account, before: ofAccount.newestLsn }
    ofAccount.newestLsn = lsn
    ofAccount.decisions++
    yield { table: 'history', key, bytes: null }
    yield { table: 'history', key: historyKey(lsn), bytes: encodeRow('history', row) }
    if (ofAccount.decisions % historyMarkEvery === 0)
      yield { table: 'historyMark', key: historyMarkKey(account, lsn), bytes: encodeRow('historyMark', { lsn }) }
  }
  yield* begin()
}

/** They lay by partner and then by reference. */
function* referencesFirst(view: View): Generator<RowChange> {
  const partnerDigits = 32
  // First all that go: the key of one may be the older key of another.
  for (const { key } of rowsOf(view, 'reference')) yield { table: 'reference', key, bytes: null }
  for (const { key, bytes } of rowsOf(view, 'reference'))
    yield { table: 'reference', key: key.slice(partnerDigits) + key.slice(0, partnerDigits), bytes }
}

function* rowsOf(view: View, table: Table) {
  for (let from = ' '; ;) {
    const page = view.range(table, { from, to: '\x7f', limit: pageRows })
    yield* page
    const last = page.at(-1)
    if (last === undefined || page.length < pageRows) return
    from = `${last.key} `
  }
}
