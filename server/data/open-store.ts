// Opens view and journal of a data folder. A damaged view is built anew from the journal, as long as the journal has
// everything; a damaged journal is never touched.

import { Ledger } from '../../engine/ledger/ledger.ts'
import { Fault } from '../../engine/ports/fault.ts'
import type { Chores } from '../../engine/ports/chores.ts'
import { type Restore, markRestored } from '../../engine/ledger/restore.ts'
import { journalFolderOf, viewFolderOf } from '../../store/files/data-folder.ts'
import { type FileJournal, openJournal } from '../../store/journal/journal.ts'
import { type FileView, openView, wipeView } from '../../store/view/view.ts'
import type { DataFolder } from '../documents/data-folder.ts'
import { loggedChores } from '../log/chore-log.ts'
import type { Log } from '../log/log.ts'
import { realClock } from '../machine/real-clock.ts'
import type { ServerConfig } from '../settings/settings.ts'

export type Store = { readonly journal: FileJournal; readonly view: FileView }

/** Opens both, alone. Rejects with a Fault that says what to do; nothing stays open then. */
export async function openStore(
  config: Pick<ServerConfig, 'durability' | 'journal' | 'view' | 'delays'>,
  folder: DataFolder,
  log: Log,
  check: 'before' | 'beside' = 'beside',
  restore: Partial<Pick<Restore, 'decidedUntilMs' | 'by'>> = {},
  chores: Chores = loggedChores(realClock, log),
): Promise<Store> {
  const view = await openGoodView(config, { folder, log, chores }, check)
  try {
    const journal = await openJournalOf(config, { folder, log, chores }, view.appliedLsn)
    try {
      const store = { view, journal }
      if (config.journal.acceptRollback && journal.durableLsn > 0) await tellRestore(store, config, log, restore)
      return store
    } catch (error) {
      await journal.close()
      throw error
    }
  } catch (error) {
    await view.close()
    throw error
  }
}

/**
 * An operator has said that an older state is meant: the journal is told, whether or not anything here shows it, because a witness
 * that was just written anew would not.
 */
async function tellRestore(
  store: Store,
  { delays }: Pick<ServerConfig, 'delays'>,
  log: Log,
  { decidedUntilMs, by = 'operator:accepted-rollback' }: Partial<Pick<Restore, 'decidedUntilMs' | 'by'>>,
): Promise<void> {
  const ledger = await storeLedger(store, log)
  const atMs = Math.max(realClock.nowMs(), ledger.newestAtMs)
  await markRestored(ledger, { atMs, decidedUntilMs: decidedUntilMs ?? atMs, delays, by })
  await ledger.settle()
  await ledger.close()
  log('warning', 'journal.restored', {
    means: 'every band is to be armed again; with journal.acceptRollback set, each start counts as a restore',
  })
}

/** A ledger over a store that no engine runs on: up to date, and written to the view when it has settled. */
export async function storeLedger({ journal, view }: Store, log: Log): Promise<Ledger> {
  const ledger = new Ledger({
    journal,
    view,
    clock: realClock,
    viewFlushMs: 50,
    viewFlushRecords: flushRecords,
    changed: () => undefined,
    viewFailed: (error) => log('error', 'view.write-failed', { error }),
  })
  await ledger.recover()
  return ledger
}

const flushRecords = 2_000

/** Removes a view that was found damaged, so that the next start builds it anew. Nothing may have it open. */
export function dropView(folder: DataFolder, journal: Pick<FileJournal, 'firstLsn'>): void {
  if (journal.firstLsn !== 1) throw cannotRebuild(folder, journal.firstLsn)
  wipeView(viewFolderOf(folder.path))
}

async function openGoodView(
  config: Pick<ServerConfig, 'durability' | 'journal' | 'view'>,
  opening: Opening,
  check: 'before' | 'beside',
): Promise<FileView> {
  const { folder, log } = opening
  const options = {
    folder: viewFolderOf(folder.path),
    keyring: folder.keyring,
    mapBytes: config.view.mapBytes,
    check,
    monotonicMs: realClock.monotonicMs,
    chores: opening.chores,
  }
  try {
    return await openView(options)
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'view-damaged') throw error
    log('warning', 'view.damaged', { error, does: 'builds the view anew from the journal' })
  }
  const journal = await openJournalOf(config, opening, 0)
  try {
    dropView(folder, journal)
  } finally {
    await journal.close()
  }
  return openView(options)
}

type Opening = { readonly folder: DataFolder; readonly log: Log; readonly chores: Chores }

function openJournalOf(
  { durability, journal }: Pick<ServerConfig, 'durability' | 'journal'>,
  { folder, log, chores }: Opening,
  appliedLsn: number,
): Promise<FileJournal> {
  return openJournal({
    folder: journalFolderOf(folder.path),
    durability,
    after: chores.clock(realClock).after,
    chores,
    segmentBytes: journal.segmentBytes,
    appliedLsn,
    acceptRollback: journal.acceptRollback,
    ...(journal.witness === undefined ? {} : { witnessPath: journal.witness }),
    witnessTold: (error) => {
      if (error === undefined) log('info', 'journal.witness-written', { path: journal.witness })
      else
        log('error', 'journal.witness-not-written', { path: journal.witness, error, does: 'goes on, and tries again' })
    },
  })
}

function cannotRebuild(folder: DataFolder, firstLsn: number): Fault {
  return new Fault(
    'view-damaged',
    `the view in ${folder.path} is damaged, and the journal there begins at record ${firstLsn}, so the view cannot be ` +
      'built from it alone. Bring back the newest backup: its view, with the journal as it is now, is enough.',
  )
}
