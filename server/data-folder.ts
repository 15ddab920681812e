// A data folder opened by its master key: what the server and every command begin with.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Keyring, createKeyring } from '../crypto/at-rest.ts'
import { nodePrimitives } from '../crypto/node-primitives.ts'
import { Fault } from '../engine/ports/fault.ts'
import { keysPlace, loadKeys } from './engine-keys.ts'
import { type MasterKeys, loadMasterKeys } from './master-key.ts'
import { operatorsPlace } from './operator-list.ts'
import { partnersPlace } from './partner-list.ts'
import { makePrivateFolder } from '../store/private-folder.ts'
import type { DocumentPlace } from './sealed-document.ts'
import type { ServerConfig } from './settings.ts'
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
 * `keys-missing`.
 */
export function openDataFolder(
  config: Pick<ServerConfig, 'data' | 'masterKeyFile'>,
  environment: Readonly<Record<string, string | undefined>>,
  mayCreate: boolean,
): DataFolder {
  const { data: path, masterKeyFile: file } = config
  const isNew = !isDataFolder(path)
  if (isNew && !mayCreate) {
    throw new Fault('keys-missing', `no engine has been started in ${path} yet: its keys.json is not there`)
  }
  if (isNew) makePrivateFolder(path)
  const folder = withMasterKeys(path, loadMasterKeys({ data: path, file, environment, mayCreate: isNew }))
  // With the first thing sealed under it, the master key is no longer anybody's to make anew.
  if (isNew) loadKeys(folder.places.keys, Date.now())
  return folder
}

/** Whether a data folder was made here. */
export function isDataFolder(path: string): boolean {
  return existsSync(join(path, 'keys.json'))
}

/** The same folder under these master keys. */
export function withMasterKeys(path: string, master: MasterKeys): DataFolder {
  const keyring = createKeyring(nodePrimitives, master.keys)
  return {
    path,
    master,
    keyring,
    places: {
      keys: keysPlace(path, keyring),
      partners: partnersPlace(path, keyring),
      vendors: vendorsPlace(path, keyring),
      operators: operatorsPlace(path, keyring),
    },
    demoPath: join(path, 'demo.json'),
  }
}
