// Partner registry: who may ask, and with which offer keys. A document of its own in the data folder, changed by `bandpass partner`, read
// again by a running engine.

import { join } from 'node:path'
import type { Keyring } from '../../crypto/at-rest.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import type { Bytes } from '../../base/bytes.ts'
import { type PartnerId, parsePartnerId } from '../../protocol/ids.ts'
import { type DocumentPlace, openSecret, readDocument, sealSecret, writeDocument } from './sealed-document.ts'
import { count, hex, list, object, text } from '../../base/json.ts'

type OfferKey = { readonly kid: number; readonly key: Bytes; readonly madeAtMs: number }

/** A partner; its newest key first, two while it rotates. */
export type ListedPartner = { readonly id: PartnerId; readonly name: string; readonly keys: readonly OfferKey[] }

/** Keys of one partner that are valid at once: the new one and the one it replaces. */
const keysAtOnce = 2

export function partnersPlace(data: string, keyring: Keyring): DocumentPlace {
  return { path: join(data, 'lists', 'partners.json'), name: 'partners', keyring }
}

const partnersSchema = object({
  partners: list(object({ id: text, name: text, keys: list(object({ kid: count, sealed: hex, madeAtMs: count })) })),
})

/** The partners; none when the document is not there. */
export function readPartners(place: DocumentPlace): readonly ListedPartner[] {
  const { partners = [] } = readDocument(place, partnersSchema) ?? {}
  return partners.map(({ id, name, keys }) => ({
    id: parsePartnerId(id),
    name,
    keys: keys.map(({ kid, sealed, madeAtMs }) => ({ kid, key: openSecret(place, `${id} ${kid}`, sealed), madeAtMs })),
  }))
}

export function writePartners(place: DocumentPlace, partners: readonly ListedPartner[]): void {
  writeDocument(place, {
    version: 1,
    partners: partners.map(({ id, name, keys }) => ({
      id,
      name,
      keys: keys.map(({ kid, key, madeAtMs }) => ({ kid, madeAtMs, sealed: sealSecret(place, `${id} ${kid}`, key) })),
    })),
  })
}

/** A new partner with one key. */
export function newPartner(name: string, nowMs: number): ListedPartner {
  return { id: parsePartnerId(nodePrimitives.randomBytes(16)), name, keys: [newOfferKey(1, nowMs)] }
}

/** The partner with a new key; the one before stays valid until the next rotation. */
export function withNewKey(partner: ListedPartner, nowMs: number): ListedPartner {
  const kid = Math.max(0, ...partner.keys.map((key) => key.kid)) + 1
  return { ...partner, keys: [newOfferKey(kid, nowMs), ...partner.keys].slice(0, keysAtOnce) }
}

function newOfferKey(kid: number, madeAtMs: number): OfferKey {
  return { kid, key: nodePrimitives.randomBytes(32), madeAtMs }
}
