// The master key (PROTOCOL §1): from the environment, else a file of its own. There may be two while one replaces the
// other: the first seals, both open.

import { join } from 'node:path'
import type { MasterKey } from '../../crypto/at-rest.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { Fault } from '../../engine/ports/fault.ts'
import { ascii, concatBytes, fromHex, readU32, toHex } from '../../base/bytes.ts'
import { createPrivateFile, readPrivateFile, writePrivateFile } from '../files/private-file.ts'

export type MasterKeySource = {
  /** Data folder. */
  readonly data: string
  /** Path of the key file, if not in the data folder. */
  readonly file: string | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Make a key file when there is no key at all. */
  readonly mayCreate: boolean
}

/** `from` says where they were found: `environment`, or the path of the file. */
export type MasterKeys = { readonly keys: readonly MasterKey[]; readonly from: string }

/** Where the key file is. */
export function masterKeyPath(source: Pick<MasterKeySource, 'data' | 'file'>): string {
  return source.file ?? join(source.data, 'master.key')
}

/** The master keys, current first. Throws a Fault `keys-missing` that says what to do. */
export function loadMasterKeys(source: MasterKeySource): MasterKeys {
  const current = given(source, 'BANDPASS_MASTER_KEY')
  const old = given(source, 'BANDPASS_MASTER_KEY_OLD')
  if (current !== undefined) {
    const keys = [fromEnvironment('BANDPASS_MASTER_KEY', current)]
    if (old !== undefined) keys.push(fromEnvironment('BANDPASS_MASTER_KEY_OLD', old))
    return { keys, from: 'environment' }
  }
  if (old !== undefined) {
    throw missing(
      'BANDPASS_MASTER_KEY_OLD is set without BANDPASS_MASTER_KEY: the new key is needed beside the old one',
    )
  }
  const path = masterKeyPath(source)
  const text = readPrivateFile(path) ?? (source.mayCreate ? created(path) : undefined)
  if (text === undefined) {
    throw missing(
      `no master key: neither BANDPASS_MASTER_KEY nor ${path}. The data in ${source.data} is sealed under it; bring it ` +
        'back from where you keep it. Without it nothing of the data can be opened.',
    )
  }
  return { keys: parseKeyFile(path, text), from: path }
}

/**
 * Empty is unset, as for every variable; but where a key would be made, an empty one is more likely a secret that was not found, and the
 * key would lie where it was not meant to.
 */
function given({ environment, mayCreate }: MasterKeySource, name: string): string | undefined {
  const text = environment[name]
  return text?.trim() === '' && !(mayCreate && name === 'BANDPASS_MASTER_KEY') ? undefined : text
}

/** Writes the key file: current first. */
export function writeMasterKeys(path: string, keys: readonly MasterKey[]): void {
  writePrivateFile(path, keyFileText(keys.map((one) => one.key)))
}

/** A new key; its id is taken from the key itself, so that no id is ever used for two. */
export function newMasterKey(): MasterKey {
  return withId(nodePrimitives.randomBytes(32))
}

function created(path: string): string | undefined {
  createPrivateFile(path, keyFileText([newMasterKey().key]))
  return readPrivateFile(path)
}

function keyFileText(keys: readonly Uint8Array[]): string {
  return `bandpass master key 1\n${keys.map((key) => `${toHex(key)}\n`).join('')}`
}

function parseKeyFile(path: string, text: string): readonly MasterKey[] {
  const [head, ...lines] = text
    .trimEnd()
    .split('\n')
    .map((line) => line.trim())
  const keys = lines.map(keyOf)
  if (head !== 'bandpass master key 1' || keys.length < 1 || keys.length > 2 || keys.includes(undefined)) {
    throw missing(`${path}: a line "bandpass master key 1" and one or two lines of 64 hex digits expected`)
  }
  return keys.filter((key) => key !== undefined).map(withId)
}

function fromEnvironment(name: string, text: string): MasterKey {
  const key = keyOf(text.trim())
  if (key === undefined) {
    throw missing(
      `${name}: 32 bytes as 64 hex digits or 44 characters of base64 expected, got ${text.length} characters`,
    )
  }
  return withId(key)
}

function keyOf(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return fromHex(text)
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) {
    const bytes = Buffer.from(text.replaceAll('-', '+').replaceAll('_', '/'), 'base64')
    if (bytes.length === 32) return new Uint8Array(bytes)
  }
  return undefined
}

function withId(key: Uint8Array<ArrayBuffer>): MasterKey {
  const id = readU32(nodePrimitives.sha256(concatBytes(ascii('bnd1 master id'), key)), 0)
  return { id, key }
}

function missing(message: string): Fault {
  return new Fault('keys-missing', message)
}
