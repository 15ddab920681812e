// Vendor registry: whose bands may pair. A vendor has roots by issuer number, and a status for itself, a model or a batch: what is revoked
// anywhere above a band revokes the band.

import { join } from 'node:path'
import type { Keyring } from '../../crypto/at-rest.ts'
import type { VendorKey } from '../../crypto/signed/band-certs.ts'
import type { VendorStatus } from '../../engine/ports/surroundings.ts'
import { fromHex, toHex } from '../../base/bytes.ts'
import { type DocumentPlace, readDocument, writeDocument } from './sealed-document.ts'
import { count, hex, list, object, oneOf, orNull, text } from '../../base/json.ts'

export type VendorRoot = { readonly issuer: number } & VendorKey

/** What is revoked: a batch, a model, or (both null) the vendor. A batch is named within its model. */
type Revocation = { readonly model: number | null; readonly batch: number | null; readonly atMs: number }

export type ListedVendor = {
  readonly vendor: number
  readonly name: string
  readonly roots: readonly VendorRoot[]
  readonly revoked: readonly Revocation[]
}

export function vendorsPlace(data: string, keyring: Keyring): DocumentPlace {
  return { path: join(data, 'lists', 'vendors.json'), name: 'vendors', keyring }
}

const vendorsSchema = object({
  vendors: list(
    object({
      vendor: count,
      name: text,
      roots: list(object({ issuer: count, signatureType: oneOf(['ed25519', 'es256']), publicKey: hex })),
      revoked: list(object({ model: orNull(count), batch: orNull(count), atMs: count })),
    }),
  ),
})

/** The vendors; none when the document is not there. */
export function readVendors(place: DocumentPlace): readonly ListedVendor[] {
  const { vendors = [] } = readDocument(place, vendorsSchema) ?? {}
  return vendors.map((vendor) => ({
    ...vendor,
    roots: vendor.roots.map((root) => ({ ...root, publicKey: fromHex(root.publicKey) })),
  }))
}

export function writeVendors(place: DocumentPlace, vendors: readonly ListedVendor[]): void {
  const readable = vendors.map((vendor) => ({
    ...vendor,
    roots: vendor.roots.map((root) => ({ ...root, publicKey: toHex(root.publicKey) })),
  }))
  writeDocument(place, { version: 1, vendors: readable })
}

/** Whether bands of this vendor, model and batch may pair. */
export function statusOf(vendor: ListedVendor | undefined, model: number, batch: number): VendorStatus {
  if (vendor === undefined) return 'unknown'
  const isRevoked = vendor.revoked.some(
    (one) => (one.model === null || one.model === model) && (one.batch === null || one.batch === batch),
  )
  return isRevoked ? 'revoked' : 'active'
}
