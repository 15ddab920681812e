// Adapter of the engine's ports to the data folder. What the engine asks of the world outside, kept fresh from the data folder: its keys,
// partners and vendors follow their files while it runs, so that a revocation needs no restart.

import { dirname } from 'node:path'
import type { Keyring } from '../../crypto/at-rest.ts'
import type { Chores } from '../../engine/ports/chores.ts'
import { signKeyset } from '../../crypto/signed/keyset.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { Fault } from '../../engine/ports/fault.ts'
import type { EngineKeys, Partner, Partners, Vendors } from '../../engine/ports/surroundings.ts'
import type { PartnerId } from '../../protocol/ids.ts'
import { decodeDownOp } from '../../protocol/ops.ts'
import { makePrivateFolder } from '../../store/files/private-folder.ts'
import type { DataFolder } from './data-folder.ts'
import { type KeySet, readKeys } from './engine-keys.ts'
import type { Log } from '../log/log.ts'
import { readPartners } from './partner-list.ts'
import { ReadLists } from '../files/read-lists.ts'
import { ReloadedFile } from '../files/reloaded-file.ts'
import { type ListedVendor, readVendors, statusOf } from './vendor-list.ts'

export type Surroundings = {
  readonly engineKeys: EngineKeys
  /** The keys as they are now. */
  readonly keySet: () => KeySet
  readonly partners: Partners
  readonly vendors: Vendors
  /** All of them, for those who look. */
  readonly listed: () => { readonly partners: readonly Partner[]; readonly vendors: readonly ListedVendor[] }
  /** How often each list was read anew. */
  readonly changes: () => { readonly partners: number; readonly vendors: number }
  /** How many partners and vendors are listed, for readiness and logs. */
  readonly counts: () => { readonly partners: number; readonly vendors: number }
  /** A further file whose content follows the disk as the others do; the returned function gives what it is now. Throws as `read` does. */
  readonly follow: <Content>(path: string, read: () => Content) => () => Content
  /** Something from elsewhere that is read again, and ends, with the files. */
  readonly keep: (one: Pick<ReloadedFile<unknown>, 'look' | 'stop'>) => void
  /** What commands that change lists are told; further followed files tell it too. */
  readonly readLists: ReadLists
  /** Reads now what has changed. */
  readonly reload: () => void
  readonly stop: () => void
}

/** Opens what is in the data folder, makes keys at the first start, and follows changes. Throws a Fault `keys-missing`. */
export function openSurroundings(folder: DataFolder, chores: Chores, log: Log): Surroundings {
  const { keyring, places } = folder
  makePrivateFolder(dirname(places.partners.path))

  const readLists = new ReadLists(folder.path)
  const told = (path: string, version: () => string) => (error: unknown) => {
    readLists.tell(path, version(), error === undefined)
    if (error === undefined) log('info', 'file.reloaded', { path })
    else log('error', 'file.not-reloaded', { path, kept: 'what was read before', error })
  }
  const followed = <Content>(path: string, read: () => Content) => {
    const file: ReloadedFile<Content> = new ReloadedFile(
      path,
      read,
      told(path, () => file.version),
    )
    readLists.tell(path, file.version, true)
    return file
  }
  const keys = followed(places.keys.path, () => {
    const found = readKeys(places.keys)
    if (found === undefined) throw new Fault('keys-missing', `${places.keys.path} is gone`)
    return found
  })
  const partners = followed(places.partners.path, () => partnersById(readPartners(places.partners)))
  const vendors = followed(places.vendors.path, () => vendorsByNumber(readVendors(places.vendors)))
  for (const file of [keys, partners, vendors]) file.follow(chores)
  const files: Pick<ReloadedFile<unknown>, 'look' | 'stop'>[] = [keys, partners, vendors]
  readLists.follow(chores)

  return {
    readLists,
    engineKeys: liveKeys(() => keys.content, keyring),
    keySet: () => keys.content,
    partners: { find: (id) => partners.content.get(id) },
    vendors: {
      status: (vendor, model, batch) => statusOf(vendors.content.get(vendor), model, batch),
      rootKey: (vendor, issuer) => vendors.content.get(vendor)?.roots.find((root) => root.issuer === issuer),
    },
    listed: () => ({ partners: [...partners.content.values()], vendors: [...vendors.content.values()] }),
    changes: () => ({ partners: partners.reads, vendors: vendors.reads }),
    counts: () => ({ partners: partners.content.size, vendors: vendors.content.size }),
    follow: (path, read) => {
      const file = followed(path, read)
      file.follow(chores)
      files.push(file)
      return () => file.content
    },
    keep: (one) => void files.push(one),
    reload: () => {
      for (const file of files) file.look()
    },
    stop: () => {
      for (const file of files) file.stop()
      readLists.stop()
    },
  }
}

/** The engine reads a key where it uses it, so a rotation takes effect with the next use. */
function liveKeys(keys: () => KeySet, keyring: Keyring): EngineKeys {
  const current = <One>(list: readonly One[], what: string): One => {
    const [first] = list
    if (first === undefined) throw new Fault('keys-missing', `no ${what} key`)
    return first
  }
  let keysetOf: { readonly from: KeySet; readonly keyset: EngineKeys['keyset'] } | undefined
  let secretsOf: { readonly from: KeySet; readonly secrets: EngineKeys['engineSecrets'] } | undefined
  return {
    keyring,
    get ekid() {
      return current(keys().engine, 'engine').id
    },
    get engineSecrets() {
      const from = keys()
      if (secretsOf?.from !== from) {
        secretsOf = { from, secrets: new Map(from.engine.map((pair) => [pair.id, pair.secret])) }
      }
      return secretsOf.secrets
    },
    get keyset() {
      const from = keys()
      if (keysetOf?.from !== from) keysetOf = { from, keyset: announcementOf(from) }
      return keysetOf.keyset
    },
    get rkid() {
      return current(keys().release, 'release').id
    },
    get releaseSeed() {
      return current(keys().release, 'release').secret
    },
    get receipt() {
      const { kid, seed } = current(keys().receipt, 'receipt')
      if (seed === undefined) throw new Fault('keys-missing', 'the receipt key is without its seed')
      return { kid, seed }
    },
    get pepper() {
      return keys().pepper
    },
  }
}

/** The next S_E as bands are told of it, signed once for all of them. */
function announcementOf({ engine, release }: KeySet): EngineKeys['keyset'] {
  const [, next] = engine
  const [signer] = release
  if (next === undefined || signer === undefined) return undefined
  const { id: ekid, publicKey: engineKey, madeAtMs } = next
  const fields = { ekid, engineKey, notBeforeS: Math.floor(madeAtMs / 1_000) }
  const op = decodeDownOp(signKeyset(nodePrimitives, signer.secret, fields))
  return op.type === 'keyset' ? op : undefined
}

function partnersById(listed: ReturnType<typeof readPartners>): ReadonlyMap<PartnerId, Partner> {
  return new Map(
    listed.map(({ id, name, keys }) => [id, { id, name, offerKeys: new Map(keys.map((one) => [one.kid, one.key])) }]),
  )
}

function vendorsByNumber(listed: readonly ListedVendor[]): ReadonlyMap<number, ListedVendor> {
  return new Map(listed.map((one) => [one.vendor, one]))
}
