// `bandpass vendor`: whose bands may pair, and what of them is revoked.

import { openDataFolder } from '../../server/documents/data-folder.ts'
import { type VendorPart, addVendor, restoreVendor, revokeVendor } from '../../server/documents/lists.ts'
import { type ListedVendor, type VendorRoot, readVendors } from '../../server/documents/vendor-list.ts'
import { type Command, type Given, type Option, UsageError, nameOf, number, required } from '../command/command.ts'
import { dataOptions, folderConfigFrom } from '../command/config-source.ts'
import { bytesOf, hexOf } from '../command/hex.ts'
import { tellWhenKnown } from '../command/known-list.ts'
import { madeFolder } from '../command/made-folder.ts'
import { listJsonOption, printListed } from '../terminal/output.ts'
import { dayOf, table } from '../terminal/table.ts'
import { environment } from '../command/environment.ts'

const within = 'Waits until the running engine knows, a second at most, or says that none runs.'
const vendorOption: Option = { name: 'vendor', value: 'NUMBER', help: "the vendor's number, as in its certificates" }
const partOptions: readonly Option[] = [
  vendorOption,
  { name: 'model', value: 'NUMBER', help: 'one model only' },
  { name: 'batch', value: 'NUMBER', help: 'one batch only; of one model, with --model' },
]

export const vendorAdd: Command = {
  name: 'vendor add',
  summary: 'Lists a vendor, or a further root key of one.',
  more: () => within,
  options: [
    ...dataOptions,
    listJsonOption,
    vendorOption,
    { name: 'name', value: 'NAME', help: 'what people call it' },
    { name: 'issuer', value: 'NUMBER', help: 'which of its roots; 1 unless given' },
    { name: 'root', value: 'HEX', help: 'public key: 32 bytes Ed25519 or 33 P-256 compressed (ES256)' },
  ],
  examples: [
    { run: "bandpass vendor add --vendor 7 --name 'Band Works' --root 3b6a...", does: 'trust its certificates' },
  ],
  async run(given) {
    const vendor = number(given, 'vendor', { min: 0, max: 0xffff })
    const issuer = number(given, 'issuer', { default: 1, min: 0, max: 0xffff })
    const name = nameOf(given, "'Band Works'")
    const root: VendorRoot = { issuer, ...rootOf(required(given, 'root', '<hex>')) }
    const folder = madeFolder(given)
    printVendor(given, addVendor(folder.places.vendors, { vendor, name, root }))
    return tellWhenKnown(folder, folder.places.vendors)
  },
}

export const vendorRevoke: Command = {
  name: 'vendor revoke',
  summary: 'Revokes a vendor, a model or a batch: no more pairing, bound bands drop to the lowest limits.',
  more: () => within,
  options: [...dataOptions, listJsonOption, ...partOptions],
  examples: [
    { run: 'bandpass vendor revoke --vendor 7 --model 2 --batch 41', does: 'one batch' },
    { run: 'bandpass vendor revoke --vendor 7', does: 'all of it' },
  ],
  run: async (given) => change(given, (place, part) => revokeVendor(place, part, Date.now())),
}

export const vendorRestore: Command = {
  name: 'vendor restore',
  summary: 'Takes a revocation back.',
  more: () => within,
  options: [...dataOptions, listJsonOption, ...partOptions],
  examples: [{ run: 'bandpass vendor restore --vendor 7 --model 2 --batch 41', does: 'it was another batch' }],
  run: async (given) => change(given, restoreVendor),
}

export const vendorList: Command = {
  name: 'vendor list',
  summary: 'Lists the vendors, their roots and what is revoked.',
  options: [...dataOptions, listJsonOption],
  examples: [{ run: 'bandpass vendor list', does: 'whose bands may pair' }],
  async run(given) {
    const vendors = readVendors(openDataFolder(folderConfigFrom(given, environment), environment, false).places.vendors)
    printListed(given, vendors.map(shownOf), tableOf(vendors))
    return 0
  },
}

type Place = Parameters<typeof restoreVendor>[0]

function change(given: Given, work: (place: Place, part: VendorPart) => ListedVendor): Promise<number> {
  const part = {
    vendor: number(given, 'vendor', { min: 0, max: 0xffff }),
    model: given.has('model') ? number(given, 'model', { min: 0, max: 0xffff }) : null,
    batch: given.has('batch') ? number(given, 'batch', { min: 0, max: 0xffff_ffff }) : null,
  }
  const folder = openDataFolder(folderConfigFrom(given, environment), environment, false)
  printVendor(given, work(folder.places.vendors, part))
  return tellWhenKnown(folder, folder.places.vendors)
}

function rootOf(hex: string): Omit<VendorRoot, 'issuer'> {
  const publicKey = bytesOf('root', hex)
  if (publicKey.length === 32) return { signatureType: 'ed25519', publicKey }
  if (publicKey.length === 33) return { signatureType: 'es256', publicKey }
  throw new UsageError(`--root: 32 bytes (Ed25519) or 33 (P-256 compressed) expected, got ${publicKey.length}`)
}

function printVendor(given: Given, vendor: ListedVendor): void {
  printListed(given, shownOf(vendor), tableOf([vendor]))
}

function shownOf({ vendor, name, roots, revoked }: ListedVendor): object {
  const shown = roots.map(({ issuer, signatureType, publicKey }) => ({ issuer, signatureType, key: hexOf(publicKey) }))
  return { vendor, name, roots: shown, revoked }
}

function tableOf(vendors: readonly ListedVendor[]): string {
  const rows = vendors.flatMap(({ vendor, name, roots, revoked }) =>
    roots.map(({ issuer, signatureType, publicKey }) => [
      String(vendor),
      name,
      `${issuer} ${signatureType} ${hexOf(publicKey)}`,
      revoked.length === 0 ? 'active' : `revoked: ${revoked.map(partName).join('; ')}`,
    ]),
  )
  return table(['vendor', 'name', 'root', 'status'], rows)
}

function partName({ model, batch, atMs }: ListedVendor['revoked'][number]): string {
  const parts = [model === null ? '' : `model ${model}`, batch === null ? '' : `batch ${batch}`].filter(
    (one) => one !== '',
  )
  return `${parts.length === 0 ? 'all' : parts.join(' ')} (${dayOf(atMs)})`
}
