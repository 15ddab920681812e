// Opens view and journal of a data folder. A damaged view is built anew from the journal, as long as the journal has
// everything; a damaged journal is never touched.

import { Fault } from '../engine/ports/fault.ts'
import { verifyJournal } from '../store/audit.ts'
import { journalFolderOf, viewFolderOf } from '../store/data-folder.ts'
import { type FileJournal, openJournal } from '../store/journal.ts'
import { type FileView, openView, viewVersion, wipeView } from '../store/view.ts'
import type { DataFolder } from './data-folder.ts'
import type { Log } from './log.ts'
import { bringOlderView } from './older-view.ts'
import { realClock } from './real-clock.ts'
import type { ServerConfig } from './settings.ts'

export type Store = { readonly journal: FileJournal; readonly view: FileView }

/** Opens both, alone. Rejects with a Fault that says what to do; nothing stays open then. */
export async function openStore(
  config: Pick<ServerConfig, 'durability' | 'journal' | 'view'>,
  folder: DataFolder,
  log: Log,
  check: 'before' | 'beside' = 'beside',
): Promise<Store> {
  const view = await openGoodView(config, folder, log, check)
  try {
    const journal = await openJournalOf(config, folder, log, view.appliedLsn)
    try {
      if (view.version === viewVersion) return { view, journal }
      return await brought({ view, journal }, config, folder, log)
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
 * An older version's view is built anew from the journal. One whose journal does not have everything keeps its rows, which are
 * brought into today's form; timelines that it lacks begin now.
 */
async function brought(
  { view, journal }: Store,
  config: Pick<ServerConfig, 'view'>,
  folder: DataFolder,
  log: Log,
): Promise<Store> {
  const canRebuild = journal.firstLsn === 1 && verifyJournal(journalFolderOf(folder.path)).type === 'whole'
  if (canRebuild) {
    log('info', 'view.older', { does: 'builds the view anew from the journal' })
    await view.close()
    wipeView(viewFolderOf(folder.path))
  } else {
    log('warning', 'view.older', {
      does: 'brings its rows into the form of this version; timelines that it lacks begin now',
    })
    await bringOlderView(view)
    // Opened again, so that what LMDB kept for so large a write is given back.
    await view.close()
  }
  const { keyring } = folder
  const { mapBytes } = config.view
  const { monotonicMs } = realClock
  return { view: await openView({ folder: viewFolderOf(folder.path), keyring, mapBytes, monotonicMs }), journal }
}

/** Removes a view that was found damaged, so that the next start builds it anew. Nothing may have it open. */
export function dropView(folder: DataFolder, journal: Pick<FileJournal, 'firstLsn'>): void {
  if (journal.firstLsn !== 1) throw cannotRebuild(folder, journal.firstLsn)
  wipeView(viewFolderOf(folder.path))
}

async function openGoodView(
  config: Pick<ServerConfig, 'durability' | 'journal' | 'view'>,
  folder: DataFolder,
  log: Log,
  check: 'before' | 'beside',
): Promise<FileView> {
  const options = {
    folder: viewFolderOf(folder.path),
    keyring: folder.keyring,
    mapBytes: config.view.mapBytes,
    check,
    monotonicMs: realClock.monotonicMs,
  }
  try {
    return await openView(options)
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'view-damaged') throw error
    log('warning', 'view.damaged', { error, does: 'builds the view anew from the journal' })
  }
  const journal = await openJournalOf(config, folder, log, 0)
  try {
    dropView(folder, journal)
  } finally {
    await journal.close()
  }
  return openView(options)
}

function openJournalOf(
  { durability, journal }: Pick<ServerConfig, 'durability' | 'journal'>,
  folder: DataFolder,
  log: Log,
  appliedLsn: number,
): Promise<FileJournal> {
  return openJournal({
    folder: journalFolderOf(folder.path),
    durability,
    after: realClock.after,
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
