// The vendors: whose bands may pair. A vendor has roots by issuer number, and a status for itself, a model or a batch:
// what is revoked anywhere above a band revokes the band.

import { join } from 'node:path'
import type { Keyring } from '../../crypto/at-rest.ts'
import type { VendorKey } from '../../crypto/signed/band-certs.ts'
import type { VendorStatus } from '../../engine/ports/surroundings.ts'
import { fromHex, toHex } from '../../base/bytes.ts'
import { type DocumentPlace, readDocument, writeDocument } from './sealed-document.ts'
import { Field } from '../files/shape.ts'

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

/** The vendors; none when the document is not there. */
export function readVendors(place: DocumentPlace): readonly ListedVendor[] {
  const content = readDocument(place)
  if (content === undefined) return []
  return new Field(content, place.path).get('vendors').list.map((one) => ({
    vendor: one.get('vendor').count,
    name: one.get('name').text,
    roots: one.get('roots').list.map((root) => ({
      issuer: root.get('issuer').count,
      signatureType: root.get('signatureType').oneOf(['ed25519', 'es256']),
      publicKey: fromHex(root.get('publicKey').hex),
    })),
    revoked: one.get('revoked').list.map((revocation) => ({
      model: numberOrNull(revocation.get('model')),
      batch: numberOrNull(revocation.get('batch')),
      atMs: revocation.get('atMs').count,
    })),
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

function numberOrNull(field: Field): number | null {
  return field.isAbsent ? null : field.count
}
