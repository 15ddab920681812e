// Replaces the master key of a stopped engine: everything sealed under the old key is sealed under the new one, rows and
// journal included, and only then the old key is let go. Interrupted at any point, it is run again and goes on.

import { join } from 'node:path'
import type { Keyring } from '../../crypto/at-rest.ts'
import { wipe } from '../../crypto/primitives/secret.ts'
import { Fault } from '../../engine/ports/fault.ts'
import type { JournalRecord } from '../../engine/ports/records.ts'
import { type RowOf, decodeRow } from '../../engine/ports/rows.ts'
import { type Table, type View, tables } from '../../engine/ports/view.ts'
import { idBytes, parseBandId } from '../../protocol/ids.ts'
import { type DataFolder, withMasterKeys } from '../documents/data-folder.ts'
import { withData } from '../documents/held-data.ts'
import { lockedIn } from '../documents/list-lock.ts'
import { readKeys, writeKeys } from '../documents/engine-keys.ts'
import type { Log } from '../log/log.ts'
import { masterKeyPath, newMasterKey, writeMasterKeys } from '../documents/master-key.ts'
import { type Store, openStore, storeLedger } from './open-store.ts'
import { readOperators, writeOperators } from '../documents/operator-list.ts'
import { readPartners, writePartners } from '../documents/partner-list.ts'
import type { ServerConfig } from '../settings/settings.ts'
import { readVendors, writeVendors } from '../documents/vendor-list.ts'

type RotationConfig = Pick<ServerConfig, 'masterKeyFile' | 'durability' | 'journal' | 'view' | 'delays'>

export type RotatedMaster = { readonly sealedAnew: number; readonly rowsMarked: number; readonly from: string }

const pageRows = 2_000

/**
 * Rotates. With a key file the new key is made here; with BANDPASS_MASTER_KEY, that is the new one and
 * BANDPASS_MASTER_KEY_OLD the old. Rejects with a Fault `data-in-use` while an engine runs.
 */
export async function rotateMaster(config: RotationConfig, opened: DataFolder, log: Log): Promise<RotatedMaster> {
  const isFile = opened.master.from !== 'environment'
  if (!isFile && opened.master.keys.length < 2) {
    throw new Fault(
      'keys-missing',
      'the master key comes from the environment: set BANDPASS_MASTER_KEY to the new key and BANDPASS_MASTER_KEY_OLD to ' +
        'the one it replaces, then run this again',
    )
  }
  // First: it fails while an engine runs, and then nothing has been changed. No engine starts in between.
  return withData(opened.path, () => rotated(config, opened, log))
}

async function rotated(config: RotationConfig, opened: DataFolder, log: Log): Promise<RotatedMaster> {
  const isFile = opened.master.from !== 'environment'
  const before = await openStore(config, opened, log, 'before')
  const path = masterKeyPath({ data: opened.path, file: config.masterKeyFile })
  let keys = opened.master.keys
  if (isFile && keys.length === 1) {
    keys = [newMasterKey(), ...keys]
    writeMasterKeys(path, keys)
  }
  await close(before)
  const folder = withMasterKeys(opened.path, { keys, from: opened.master.from })
  lockedIn(join(folder.path, 'lists'), () => sealDocuments(folder))
  const store = await openStore(config, folder, log, 'before')
  let sealedAnew: number
  let rowsMarked: number
  try {
    sealedAnew = await sealRows(store, folder.keyring, log)
    rowsMarked = await markRows(store.view)
  } finally {
    await close(store)
  }
  if (isFile) writeMasterKeys(path, keys.slice(0, 1))
  return { sealedAnew, rowsMarked, from: isFile ? path : 'environment' }
}

async function close({ journal, view }: Store): Promise<void> {
  await journal.close()
  await view.close()
}

function sealDocuments({ places }: DataFolder): void {
  const keys = readKeys(places.keys)
  if (keys !== undefined) writeKeys(places.keys, keys)
  writePartners(places.partners, readPartners(places.partners))
  writeVendors(places.vendors, readVendors(places.vendors))
  writeOperators(places.operators, readOperators(places.operators))
}

/** The secrets inside rows go through the journal: a view rebuilt from it must have them under the new key too. */
async function sealRows({ journal, view }: Store, keyring: Keyring, log: Log): Promise<number> {
  const ledger = await storeLedger({ journal, view }, log)
  // The rows are read from the view itself: one that lacks the newest would bring the ones before them back.
  await ledger.settle()
  const atMs = Math.max(Date.now(), ledger.newestAtMs)
  let count = 0
  const append = async (record: JournalRecord): Promise<void> => {
    const lsn = ledger.append(record, 'normal')
    if (typeof lsn !== 'number') throw new Fault('journal-failed', 'the journal takes no record: make room on the disk')
    count++
    if (count % pageRows === 0) await ledger.settle()
  }
  await forEachRow(view, 'ratchet', async (key, row) => {
    const sealed = ratchetUnder(keyring, key, row)
    await append({ type: 'ratchet', atMs, bandId: parseBandId(key), ...row, ...sealed })
  })
  await forEachRow(view, 'band', async (key, row) => {
    if (row.sealedArmSecret === null) return
    const sealedArmSecret = under(keyring, { table: 'arm', bandId: key, version: row.armEpoch }, row.sealedArmSecret)
    await append({ type: 'band', atMs, cause: 'master-key.rotated', by: 'operator', ...row, sealedArmSecret })
  })
  await ledger.settle()
  await ledger.close()
  return count
}

function ratchetUnder(keyring: Keyring, bandId: string, row: RowOf<'ratchet'>) {
  const at = (version: number) => ({ table: 'ratchet', bandId, version })
  return {
    sealedRoot: under(keyring, at(row.k), row.sealedRoot),
    sealedPrevious: row.sealedPrevious === null ? null : under(keyring, at(row.k - 1), row.sealedPrevious),
    sealedOldMacKeys:
      row.sealedOldMacKeys === null
        ? null
        : under(keyring, { table: 'mac-keys', bandId, version: row.oldMacKeysK }, row.sealedOldMacKeys),
  }
}

type SealPlace = { readonly table: string; readonly bandId: string; readonly version: number }

function under(keyring: Keyring, place: SealPlace, sealed: Uint8Array): Uint8Array {
  const key = idBytes(parseBandId(place.bandId))
  const secret = keyring.open(place.table, key, place.version, sealed)
  if (secret === undefined) {
    throw new Fault('view-damaged', `the ${place.table} secret of band ${place.bandId} opens under no master key given`)
  }
  const anew = keyring.seal(place.table, key, place.version, secret)
  wipe(secret)
  return anew
}

/** Every row is written again as it is: its MAC is then of the new key. */
async function markRows(view: View): Promise<number> {
  let count = 0
  for (const table of tables) {
    for await (const page of pagesOf(view, table)) {
      await view.write(
        page.map(({ key, bytes }) => ({ table, key, bytes })),
        view.appliedLsn,
      )
      count += page.length
    }
  }
  return count
}

async function forEachRow<Name extends Table>(
  view: View,
  table: Name,
  work: (key: string, row: RowOf<Name>) => Promise<void>,
): Promise<void> {
  for await (const page of pagesOf(view, table)) {
    for (const { key, bytes } of page) await work(key, decodeRow(table, bytes))
  }
}

async function* pagesOf(view: View, table: Table) {
  for (let from = ' '; ;) {
    const page = view.range(table, { from, to: '\x7f', limit: pageRows })
    if (page.length > 0) yield page
    const last = page.at(-1)
    if (last === undefined || page.length < pageRows) return
    from = `${last.key} `
  }
}
