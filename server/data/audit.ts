// Audit of a data folder: is the journal whole, and does the view say what it says? The journal is applied again into a view of its own, and
// both are compared row by row, byte by byte (invariant I7).

import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Ledger } from '../../engine/ledger/ledger.ts'
import { Fault } from '../../engine/ports/fault.ts'
import type { Journal, JournalRecordBytes, Lsn } from '../../engine/ports/journal.ts'
import { type Table, type View, tables } from '../../engine/ports/view.ts'
import { equalBytes } from '../../base/bytes.ts'
import { type JournalAudit, verifyJournal } from '../../store/audit.ts'
import { journalFolderOf, viewFolderOf } from '../../store/files/data-folder.ts'
import { headBefore } from '../../store/journal/journal-recovery.ts'
import { recordsOf, scanSegment } from '../../store/journal/journal-scan.ts'
import { listSegments } from '../../store/journal/journal-segments.ts'
import { readWhole } from '../../store/files/file-port.ts'
import { realFiles } from '../../store/files/real-files.ts'
import { type FileView, openView } from '../../store/view/view.ts'
import type { DataFolder } from '../documents/data-folder.ts'
import { type HeldData, holdData } from '../documents/held-data.ts'
import { realClock } from '../machine/real-clock.ts'
import type { ServerConfig } from '../settings/settings.ts'

export type DataAudit = { readonly journal: JournalAudit; readonly view: ViewAudit }

type ViewAudit =
  | { readonly type: 'equal'; readonly rows: Readonly<Record<Table, number>>; readonly appliedLsn: Lsn }
  /** The first rows that differ, at most ten. */
  | { readonly type: 'different'; readonly differences: readonly string[]; readonly appliedLsn: Lsn }
  /** The comparison could not be made, and why. */
  | { readonly type: 'not-compared'; readonly why: string }

const differencesMax = 10
const pageRows = 2_000

/** Audits the journal, which may be done beside a running engine, and the view of a stopped one. */
export async function auditData(config: Pick<ServerConfig, 'view'>, folder: DataFolder): Promise<DataAudit> {
  const journal = verifyJournal(journalFolderOf(folder.path))
  const view: ViewAudit =
    journal.type === 'whole'
      ? await auditView(config, folder)
      : { type: 'not-compared', why: 'the journal comes first' }
  return { journal, view }
}

/** Compares. `data-in-use` (an engine runs) and a journal that begins later than record 1 are `not-compared`. */
async function auditView(config: Pick<ServerConfig, 'view'>, folder: DataFolder): Promise<ViewAudit> {
  const journal = readOnlyJournal(journalFolderOf(folder.path))
  if (journal.firstLsn !== 1) {
    const why = `the journal begins at record ${journal.firstLsn}: what was before is in the backups`
    return { type: 'not-compared', why }
  }
  let held: HeldData
  try {
    held = holdData(folder.path)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    const isBusy = error.code === 'data-in-use'
    return { type: 'not-compared', why: isBusy ? inUse : error.message }
  }
  try {
    return await compareView(config, folder, journal)
  } finally {
    held.unlock()
  }
}

const inUse = 'an engine runs here; stop it to compare'

async function compareView(
  config: Pick<ServerConfig, 'view'>,
  folder: DataFolder,
  journal: ReadOnlyJournal,
): Promise<ViewAudit> {
  let live: FileView
  try {
    const mapBytes = config.view.mapBytes
    live = await openView({ folder: viewFolderOf(folder.path), keyring: folder.keyring, mapBytes, check: 'before' })
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    if (error.code === 'data-in-use') return { type: 'not-compared', why: inUse }
    return { type: 'different', differences: [error.message], appliedLsn: 0 }
  }
  const temporary = mkdtempSync(join(folder.path, 'audit-'))
  try {
    const mapBytes = config.view.mapBytes
    const rebuilt = await openView({ folder: temporary, keyring: folder.keyring, mapBytes, check: 'never' })
    try {
      await applyAll(journal, rebuilt, live.appliedLsn)
      return compare(live, rebuilt)
    } finally {
      await rebuilt.close()
    }
  } finally {
    await live.close()
    rmSync(temporary, { recursive: true, force: true })
  }
}

type ReadOnlyJournal = {
  readonly firstLsn: Lsn
  readonly read: (lsn: Lsn, through: Lsn) => Generator<JournalRecordBytes>
}

/** Reads beside a process that writes; that the records are whole is verifyJournal's to say. */
function readOnlyJournal(path: string): ReadOnlyJournal {
  const files = realFiles()
  const segments = listSegments(files, path)
  return {
    firstLsn: segments[0]?.header.firstLsn ?? 1,
    *read(lsn, through) {
      for (const segment of segments) {
        const file = files.open(segment.path, 'read')
        const bytes = readWhole(file)
        file.close()
        const scan = scanSegment(bytes, segment.header, headBefore(segment))
        for (let step = scan.next(); !step.done; step = scan.next()) {
          for (const record of recordsOf(step.value)) if (record.lsn >= lsn && record.lsn <= through) yield record
        }
      }
    },
  }
}

/** The engine's own recovery, on a journal that ends where the live view does. */
async function applyAll(from: ReadOnlyJournal, view: View, through: Lsn): Promise<void> {
  const journal: Journal = {
    epoch: 0,
    appendedLsn: through,
    durableLsn: through,
    state: 'closed',
    append: () => 'failed',
    appendTogether: () => 'failed',
    durable: () => Promise.resolve(),
    read: (lsn) => from.read(lsn, through),
    readOne: () => Promise.resolve(undefined),
    firstLsn: from.firstLsn,
    close: () => Promise.resolve(),
  }
  const failures: unknown[] = []
  const ledger = new Ledger({
    journal,
    view,
    clock: realClock,
    viewFlushMs: 1,
    viewFlushRecords: pageRows,
    changed: () => undefined,
    viewFailed: (error) => failures.push(error),
  })
  await ledger.recover()
  await ledger.close()
  if (failures.length > 0) throw failures[0]
}

function compare(live: View, rebuilt: View): ViewAudit {
  const { appliedLsn } = live
  const rows: Partial<Record<Table, number>> = {}
  const differences: string[] = []
  for (const table of tables) {
    const ours = rowsOf(live, table)
    const theirs = rowsOf(rebuilt, table)
    let count = 0
    let left = ours.next()
    let right = theirs.next()
    while ((!left.done || !right.done) && differences.length < differencesMax) {
      const order = left.done ? 1 : right.done ? -1 : orderOf(left.value.key, right.value.key)
      if (order < 0 && !left.done) differences.push(`${table} ${left.value.key}: in the view, but not in the journal`)
      else if (order > 0 && !right.done)
        differences.push(`${table} ${right.value.key}: in the journal, but not in the view`)
      else if (!left.done && !right.done) {
        count++
        if (!equalBytes(left.value.bytes, right.value.bytes))
          differences.push(`${table} ${left.value.key}: not the same`)
      }
      if (order <= 0) left = ours.next()
      if (order >= 0) right = theirs.next()
    }
    rows[table] = count
  }
  if (differences.length > 0) return { type: 'different', differences, appliedLsn }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every table was just counted
  return { type: 'equal', rows: rows as Record<Table, number>, appliedLsn }
}

function orderOf(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}

function* rowsOf(view: View, table: Table): Generator<{ readonly key: string; readonly bytes: Uint8Array }, undefined> {
  for (let from = ' '; ;) {
    const page = view.range(table, { from, to: '\x7f', limit: pageRows })
    yield* page
    const last = page.at(-1)
    if (last === undefined || page.length < pageRows) return undefined
    from = `${last.key} `
  }
}
