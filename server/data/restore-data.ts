// Restore: a backup becomes the data folder of an engine again, verified before and after it is copied, and told to the journal, so that
// the engine which starts on it knows that bands, phones and partners are further (engine/ledger/restored.ts). The keys come last: a folder
// without them is none, so a restore that was cut off is not taken for a whole one.

import { constants, copyFileSync, existsSync, rmSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { freezeRestored } from '../../engine/ledger/restore.ts'
import { Fault } from '../../engine/ports/fault.ts'
import { type AccountId, parseAccountId } from '../../protocol/ids.ts'
import { offerLifeMaxMs } from '../../protocol/limits.ts'
import { type BackupManifest, verifyBackup } from '../../store/backup.ts'
import { closeFolderToOthers, closeToOthers, makePrivateFolder, syncFolder } from '../../store/files/private-folder.ts'
import type { FileJournal } from '../../store/journal/journal.ts'
import { realFiles } from '../../store/files/real-files.ts'
import { hashFile } from '../../store/files/whole-file.ts'
import { readWitness, writeWitness } from '../../store/journal/witness.ts'
import { type DataFolder, withMasterKeys } from '../documents/data-folder.ts'
import { readKeys } from '../documents/engine-keys.ts'
import type { Log } from '../log/log.ts'
import { withData } from '../documents/held-data.ts'
import { type MasterKeys, loadMasterKeys } from '../documents/master-key.ts'
import { openStore, storeLedger } from './open-store.ts'
import { readOperators } from '../documents/operator-list.ts'
import { readPartners } from '../documents/partner-list.ts'
import type { Environment } from '../settings/secret-environment.ts'
import type { ServerConfig } from '../settings/settings.ts'
import { readVendors } from '../documents/vendor-list.ts'

export type RestoreRequest = {
  /** The folder of the backup. */
  readonly from: string
  /** With `data` as the folder that is to be made. */
  readonly config: Pick<ServerConfig, 'data' | 'masterKeyFile' | 'durability' | 'journal' | 'view' | 'delays'>
  readonly environment: Environment
  /** By when the engine that is replaced had stopped, ms. */
  readonly stoppedAtMs: number
  readonly nowMs: number
  /** Accounts that operators freeze before anything can be approved. */
  readonly freeze: AccountsToFreeze
  readonly log: Log
}

export type RestoredData = {
  readonly manifest: BackupManifest
  /** How many records the witness knows beyond the backup; undefined when there is no witness to ask. */
  readonly recordsLost: number | undefined
  readonly frozen: number
  /** Offers that expire later than this are decided, ms. */
  readonly offersFromMs: number
}

export type AccountsToFreeze = readonly AccountId[]

/** The accounts of a text, one on each line; and what is wrong with which line. */
export function accountsIn(text: string): { readonly accounts: AccountsToFreeze; readonly wrong: readonly string[] } {
  const accounts = new Set<AccountId>()
  const wrong: string[] = []
  for (const [at, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    try {
      accounts.add(parseAccountId(line.trim()))
    } catch (error) {
      wrong.push(`line ${at + 1}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return { accounts: [...accounts], wrong }
}

/**
 * Restores into a folder that holds no data yet; a master key may be there. Rejects with a Fault: `data-in-use` when there is data,
 * `journal-damaged`, `view-damaged`, `file-damaged` or `keys-missing` when the backup is not good; with a RangeError when the engine is said to have
 * stopped before the backup. Then nothing of it is left there.
 */
export async function restoreData(request: RestoreRequest): Promise<RestoredData> {
  const { from, config } = request
  const to = config.data
  requireFree(from, to)
  const { masterKeyFile: file } = config
  const master = loadMasterKeys({ data: to, file, environment: request.environment, mayCreate: false })
  const backedUp = withMasterKeys(from, master)
  const manifest = await verifyBackup(from, { keyring: backedUp.keyring, mapBytes: config.view.mapBytes })
  if (request.stoppedAtMs < manifest.madeAtMs) {
    throw new RangeError(
      `an instant after the backup expected at which the engine had stopped, got ${new Date(request.stoppedAtMs).toISOString()}: ` +
        `the backup was made at ${new Date(manifest.madeAtMs).toISOString()}`,
    )
  }
  const names = namesOf(manifest, backedUp)
  requireDocuments(backedUp)
  const recordsLost = lostBeyond(manifest, config.journal.witness)
  // Of two restores into one folder, or a restore and a start, the second fails here.
  return withData(to, async () => {
    requireFree(from, to)
    try {
      const told = await copyAndTell(request, { manifest, names, backedUp, master })
      return { manifest, recordsLost, ...told }
    } catch (error) {
      for (const name of [...dataNames, 'lock']) rmSync(join(to, name), { recursive: true, force: true })
      throw error
    }
  })
}

type Verified = {
  readonly manifest: BackupManifest
  readonly names: readonly string[]
  readonly backedUp: DataFolder
  readonly master: MasterKeys
}

async function copyAndTell(
  request: RestoreRequest,
  { manifest, names, backedUp, master }: Verified,
): Promise<Pick<RestoredData, 'frozen' | 'offersFromMs'>> {
  const { from, config, stoppedAtMs } = request
  const to = config.data
  closeFolderToOthers(to)
  const keys = relative(from, backedUp.places.keys.path)
  for (const name of names.filter((one) => one !== keys)) await copied(from, to, name, manifest)
  const { frozen, head } = await tellJournal(request, withMasterKeys(to, master))
  await copied(from, to, keys, manifest)
  // Last: until here the witness is that of the folder that was moved away, which may yet be the one that goes on.
  if (config.journal.witness !== undefined) writeWitness(realFiles(), config.journal.witness, head)
  return { frozen, offersFromMs: stoppedAtMs + offerLifeMaxMs }
}

/** What makes a folder one with data in it. */
const dataNames = [
  'journal',
  'view',
  'lists',
  'keys.json',
  'operators.json',
  'operator-sessions.json',
  'backed-up.json',
]

function requireFree(from: string, to: string): void {
  if (resolve(from) === resolve(to))
    throw new Fault(
      'data-in-use',
      `a backup cannot be restored onto itself: ${to}. Name another folder, and keep the backup.`,
    )
  const there = dataNames.filter((name) => existsSync(join(to, name)))
  if (there.length === 0) return
  throw new Fault(
    'data-in-use',
    `${to} holds data already (${there.join(', ')}). Stop the engine that uses it, move the folder away and keep it, then restore ` +
      'into a new one; a master key may lie there.',
  )
}

/** The files of a backup. The manifest is not sealed, so no name in it may lead elsewhere. */
function namesOf(manifest: BackupManifest, { path, places }: DataFolder): readonly string[] {
  const documents = Object.values(places).map((place) => relative(path, place.path))
  const strange = manifest.files.find(
    ({ name }) =>
      name !== join('view', 'view.lmdb') && !/^journal\/[0-9a-f]{14}\.segment$/.test(name) && !documents.includes(name),
  )
  if (strange === undefined) return manifest.files.map(({ name }) => name)
  throw new Fault(
    'journal-damaged',
    `the backup in ${path} is not good: its manifest names ${JSON.stringify(strange.name.slice(0, 80))}, which is no part of a backup`,
  )
}

/** Keys and lists open under the master key that is given, before anything is copied. */
function requireDocuments({ path, places }: DataFolder): void {
  if (readKeys(places.keys) === undefined)
    throw new Fault('keys-missing', `the backup in ${path} has no keys.json: it is no backup of a whole data folder`)
  readPartners(places.partners)
  readVendors(places.vendors)
  readOperators(places.operators)
}

function lostBeyond({ lastLsn }: BackupManifest, witness: string | undefined): number | undefined {
  if (witness === undefined) return undefined
  try {
    const known = readWitness(realFiles(), witness)
    return known === undefined ? undefined : Math.max(0, known.lsn - lastLsn)
  } catch {
    // One that is not whole says nothing; a new one is written.
    return undefined
  }
}

async function copied(from: string, to: string, name: string, manifest: BackupManifest): Promise<void> {
  const files = realFiles()
  const path = join(to, name)
  makePrivateFolder(dirname(path))
  copyFileSync(join(from, name), path, constants.COPYFILE_EXCL)
  closeToOthers(path)
  const copy = files.open(path, 'existing')
  try {
    copy.datasync()
  } finally {
    copy.close()
  }
  syncFolder(dirname(path))
  const wanted = manifest.files.find((file) => file.name === name)
  const { bytes, sha256 } = await hashFile(files, path)
  if (wanted?.bytes === bytes && wanted.sha256 === sha256.toString('hex')) return
  throw new Fault(
    'journal-damaged',
    `${path} was not copied as it is in the backup: check the disk, then restore again`,
  )
}

/** The mark, and the freezes, before any engine starts on this. */
async function tellJournal(
  request: RestoreRequest,
  folder: DataFolder,
): Promise<{ readonly frozen: number; readonly head: FileJournal['head'] }> {
  const { config, log, nowMs, stoppedAtMs, freeze } = request
  const accepting = { ...config, journal: { ...config.journal, acceptRollback: true, witness: undefined } }
  const by = 'operator:restore'
  const store = await openStore(accepting, folder, log, 'before', { decidedUntilMs: stoppedAtMs, by })
  try {
    const ledger = await storeLedger(store, log)
    let frozen = 0
    for (const account of freeze) {
      if (freezeRestored(ledger, account, { atMs: nowMs, by })) frozen++
      if (frozen % freezesAtOnce === 0) await ledger.settle()
    }
    await ledger.settle()
    await ledger.close()
    return { frozen, head: store.journal.head }
  } finally {
    await store.journal.close()
    await store.view.close()
  }
}

const freezesAtOnce = 1_000
