// Builder of offers, for a partner: makes the 117 bytes that a phone carries to a band and the engine checks (PROTOCOL §5).

import type { Bytes } from '../base/bytes.ts'
import { type NamedAction, actions } from '../protocol/actions.ts'
import { type PartnerId, type ResourceId, parsePartnerId, parseResourceId, parseRid } from '../protocol/ids.ts'
import { noblePrimitives } from '../crypto/primitives/noble-primitives.ts'
import { makeOffer } from '../crypto/signed/offers.ts'
import type { Primitives } from '../crypto/primitives/primitives.ts'
import { createReferences } from './references.ts'

/** Terms of an offer to make. Amounts are minor units of an ISO 4217 numeric currency. */
export type OfferRequest = {
  /** A named action, or 128 to 255 of the partner's own. */
  readonly action: NamedAction | number
  /** The till, door or show this is about: 32 hex digits. */
  readonly resource: string
  readonly amountMinor: number
  readonly currency: number
  /** At most 24 bytes of UTF-8; the band shows it. */
  readonly label: string
  /** The engine takes offers of at most 15 minutes. */
  readonly expiresAtMs: number
  /** 8 bytes as 16 hex digits; a new one unless this is the same request again. Best those that rise with time, as the drawn ones do. */
  readonly reference?: string
}

/** An encoded offer, with what its receipt is compared with. */
export type MadeOffer = {
  /** 117 bytes for the phone or reader. Keep them: `verifyReceipt` measures the receipt with them. */
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly reference: string
  /** 16 bytes; the receipt carries it as `nonce`. */
  readonly nonce: Bytes
}

export type Partner = {
  readonly id: PartnerId
  /** Throws a RangeError on what does not fit. */
  readonly offer: (request: OfferRequest) => MadeOffer
}

/**
 * A partner with its 32-byte key; `kid` names the key at the engine. Keep the key on a server, never in a page. Make one and keep it:
 * the references that it draws are surely unique only within itself.
 */
export function createPartner(
  partner: { readonly id: string; readonly kid: number; readonly key: Bytes },
  primitives: Primitives = noblePrimitives,
): Partner {
  const id = parsePartnerId(partner.id)
  const key = partner.key.slice()
  const referenceFor = createReferences(primitives)
  return {
    id,
    offer(request) {
      const nonce = primitives.randomBytes(16)
      const rid = request.reference === undefined ? referenceFor(request.expiresAtMs) : parseRid(request.reference)
      const resource: ResourceId = parseResourceId(request.resource)
      const { action, amountMinor, currency, label, expiresAtMs } = request
      const bytes = makeOffer(primitives, key, {
        partner: id,
        resource,
        action: typeof action === 'number' ? action : actions[action],
        amountMinor,
        currency,
        partnerNonce: nonce,
        rid,
        expiresAtMs,
        label,
        kid: partner.kid,
      })
      return { bytes, reference: rid, nonce }
    },
  }
}
