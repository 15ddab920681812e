// Changes of the lists of partners and vendors, one at a time: the commands and the demo both go through here. A running
// engine reads the result within a second.

import { dirname, join } from 'node:path'
import { parsePartnerId } from '../../protocol/ids.ts'
import type { DataFolder } from './data-folder.ts'
import { type KeySet, type RotatableKey, loadKeys, rotated, writeKeys } from './engine-keys.ts'
import { ListError, lockedIn } from './list-lock.ts'
import { type ListedPartner, newPartner, readPartners, withNewKey, writePartners } from './partner-list.ts'
import type { DocumentPlace } from './sealed-document.ts'
import { type ListedVendor, type VendorRoot, readVendors, writeVendors } from './vendor-list.ts'

/** Rotates one of the engine's keys; returns all of them as they are then. */
export function rotateKey(
  { path, places }: Pick<DataFolder, 'path' | 'places'>,
  which: RotatableKey,
  nowMs: number,
): KeySet {
  return lockedIn(join(path, 'lists'), () => {
    const keys = rotated(loadKeys(places.keys, nowMs), which, nowMs)
    writeKeys(places.keys, keys)
    return keys
  })
}

/** Lists a new partner with its first key. */
export function addPartner(place: DocumentPlace, name: string, nowMs: number): ListedPartner {
  return locked(place, () => {
    const partners = readPartners(place)
    if (partners.some((one) => one.name === name)) throw new ListError(`there is a partner called ${name} already`)
    const partner = newPartner(name, nowMs)
    writePartners(place, [...partners, partner])
    return partner
  })
}

/** Gives a partner a new key (a RangeError when the id is none); the one before stays valid until the next rotation, or goes at once with `dropOld`. */
export function rotatePartner(
  place: DocumentPlace,
  which: { readonly id: string; readonly dropOld: boolean },
  nowMs: number,
): ListedPartner {
  const id = parsePartnerId(which.id.toLowerCase())
  return locked(place, () => {
    const partners = readPartners(place)
    const partner = partners.find((one) => one.id === id)
    if (partner === undefined) throw new ListError(`no partner ${id}`)
    const rotated = withNewKey(partner, nowMs)
    const kept = which.dropOld ? { ...rotated, keys: rotated.keys.slice(0, 1) } : rotated
    writePartners(
      place,
      partners.map((one) => (one === partner ? kept : one)),
    )
    return kept
  })
}

/** Takes a partner off the list (a RangeError when the id is none): its offers are not authentic any more. */
export function removePartner(place: DocumentPlace, written: string): ListedPartner {
  const id = parsePartnerId(written.toLowerCase())
  return locked(place, () => {
    const partners = readPartners(place)
    const partner = partners.find((one) => one.id === id)
    if (partner === undefined) throw new ListError(`no partner ${id}`)
    writePartners(
      place,
      partners.filter((one) => one !== partner),
    )
    return partner
  })
}

/** Lists a vendor, or a further root of one that is listed; a root of an issuer that is listed is replaced. */
export function addVendor(
  place: DocumentPlace,
  added: { readonly vendor: number; readonly name: string; readonly root: VendorRoot },
): ListedVendor {
  return locked(place, () => {
    const vendors = readVendors(place)
    const known = vendors.find((one) => one.vendor === added.vendor)
    const roots = [...(known?.roots ?? []).filter((one) => one.issuer !== added.root.issuer), added.root]
    const { vendor, name } = added
    const listed: ListedVendor = { vendor, name, roots, revoked: known?.revoked ?? [] }
    writeVendors(place, [...vendors.filter((one) => one !== known), listed])
    return listed
  })
}

/** A vendor, one of its models, or one batch. */
export type VendorPart = { readonly vendor: number; readonly model: number | null; readonly batch: number | null }

/** Revokes: no more pairing; bound bands drop to the lowest limits. */
export function revokeVendor(place: DocumentPlace, part: VendorPart, atMs: number): ListedVendor {
  return changeVendor(place, part, (vendor) => {
    if (vendor.revoked.some((one) => isSamePart(one, part))) throw new ListError('that is revoked already')
    return { ...vendor, revoked: [...vendor.revoked, { model: part.model, batch: part.batch, atMs }] }
  })
}

/** Takes a revocation back. */
export function restoreVendor(place: DocumentPlace, part: VendorPart): ListedVendor {
  return changeVendor(place, part, (vendor) => {
    const kept = vendor.revoked.filter((one) => !isSamePart(one, part))
    if (kept.length === vendor.revoked.length) throw new ListError('that is not revoked')
    return { ...vendor, revoked: kept }
  })
}

function changeVendor(
  place: DocumentPlace,
  { vendor }: VendorPart,
  change: (listed: ListedVendor) => ListedVendor,
): ListedVendor {
  return locked(place, () => {
    const vendors = readVendors(place)
    const known = vendors.find((one) => one.vendor === vendor)
    if (known === undefined) throw new ListError(`no vendor ${vendor}`)
    const changed = change(known)
    writeVendors(
      place,
      vendors.map((one) => (one === known ? changed : one)),
    )
    return changed
  })
}

function isSamePart(
  left: { readonly model: number | null; readonly batch: number | null },
  right: { readonly model: number | null; readonly batch: number | null },
): boolean {
  return left.model === right.model && left.batch === right.batch
}

function locked<Result>(place: DocumentPlace, work: () => Result): Result {
  return lockedIn(dirname(place.path), work)
}
