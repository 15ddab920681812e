// A data folder opened by its master key: what the server and every command begin with.

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Keyring, createKeyring } from '../../crypto/at-rest.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { Fault } from '../../engine/ports/fault.ts'
import { keysPlace, loadKeys } from './engine-keys.ts'
import { type MasterKeys, loadMasterKeys } from './master-key.ts'
import { operatorsPlace } from './operator-list.ts'
import { partnersPlace } from './partner-list.ts'
import { journalFolderOf } from '../../store/files/data-folder.ts'
import { makePrivateFolder } from '../../store/files/private-folder.ts'
import type { KnownDocuments } from './known-documents.ts'
import type { DocumentPlace } from './sealed-document.ts'
import type { ServerConfig } from '../settings/settings.ts'
import { vendorsPlace } from './vendor-list.ts'

export type DataFolder = {
  readonly path: string
  readonly master: MasterKeys
  readonly keyring: Keyring
  readonly places: {
    readonly keys: DocumentPlace
    readonly partners: DocumentPlace
    readonly vendors: DocumentPlace
    readonly operators: DocumentPlace
  }
  /** demo.json. */
  readonly demoPath: string
}

/**
 * Opens the data folder. Where there are no keys yet, `mayCreate` makes folder and master key; else that is a Fault
 * `keys-missing`. A running engine gives `documents`, which sees to it that no older ones are taken.
 */
export function openDataFolder(
  config: Pick<ServerConfig, 'data' | 'masterKeyFile'>,
  environment: Readonly<Record<string, string | undefined>>,
  mayCreate: boolean,
  documents?: KnownDocuments,
): DataFolder {
  const { data: path, masterKeyFile: file } = config
  const isNew = !isDataFolder(path)
  if (isNew && !mayCreate) {
    throw new Fault('keys-missing', `no engine has been started in ${path} yet: its keys.json is not there`)
  }
  if (isNew) requireNoJournal(path)
  if (isNew) makePrivateFolder(path)
  const folder = withMasterKeys(path, loadMasterKeys({ data: path, file, environment, mayCreate: isNew }), documents)
  // With the first thing sealed under it, the master key may no longer be made anew.
  if (isNew) loadKeys(folder.places.keys, Date.now())
  return folder
}

/** Keys that are made anew open nothing of a journal that is there. */
function requireNoJournal(path: string): void {
  const folder = journalFolderOf(path)
  if (!existsSync(folder) || readdirSync(folder).every((name) => !name.endsWith('.segment'))) return
  throw new Fault(
    'keys-missing',
    `${path} has a journal, but no keys.json: the file is gone, or a restore was cut off. Bring keys.json back from a backup; after a ` +
      'restore that was cut off, remove the folder and restore again.',
  )
}

/** Whether a data folder was made here. */
export function isDataFolder(path: string): boolean {
  return existsSync(join(path, 'keys.json'))
}

/** The same folder under these master keys. */
export function withMasterKeys(path: string, master: MasterKeys, documents?: KnownDocuments): DataFolder {
  const keyring = createKeyring(nodePrimitives, master.keys)
  const watched = (place: DocumentPlace) => documents?.watched(place) ?? place
  return {
    path,
    master,
    keyring,
    places: {
      keys: watched(keysPlace(path, keyring)),
      partners: watched(partnersPlace(path, keyring)),
      vendors: watched(vendorsPlace(path, keyring)),
      operators: watched(operatorsPlace(path, keyring)),
    },
    demoPath: join(path, 'demo.json'),
  }
}
