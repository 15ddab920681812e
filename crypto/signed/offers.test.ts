import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { ascii, concatBytes } from '../../base/bytes.ts'
import { parsePartnerId, parseResourceId, parseRid } from '../../protocol/ids.ts'
import { type Offer, type OfferTerms, decodeOffer, offerMacedBytes } from '../../protocol/offer.ts'
import { noblePrimitives } from '../primitives/noble-primitives.ts'
import { nodePrimitives } from '../primitives/node-primitives.ts'
import { makeOffer, offerMac, verifyOffer } from './offers.ts'
import { everyFlip, filled } from '../primitives/test-bytes.ts'

const key = filled(32, 1)
const terms: OfferTerms = {
  partner: parsePartnerId(filled(16, 2)),
  resource: parseResourceId(filled(16, 3)),
  action: 1,
  amountMinor: 1_250,
  currency: 978,
  partnerNonce: filled(16, 4),
  rid: parseRid(filled(8, 5)),
  expiresAtMs: 1_893_456_000_000,
  label: 'Corner Café',
  kid: 7,
}

function read(bytes: Uint8Array): Offer {
  const offer = decodeOffer(bytes)
  if (offer.type !== 'offer') throw new Error(offer.expected)
  return offer
}

describe('an offer', () => {
  it('is the partner’s: it verifies under its key and says what the partner said', () => {
    const bytes = makeOffer(noblePrimitives, key, terms)
    expect(makeOffer(nodePrimitives, key, terms)).toEqual(bytes)
    expect(read(bytes).terms).toEqual(terms)
    expect(verifyOffer(nodePrimitives, key, read(bytes))).toBe(true)
  })

  it('has the MAC that PROTOCOL §5 spells', () => {
    const bytes = makeOffer(nodePrimitives, key, terms)
    const maced = bytes.subarray(0, offerMacedBytes)
    const mac = new Uint8Array(
      createHmac('sha256', key)
        .update(concatBytes(ascii('bnd1 offer'), maced))
        .digest(),
    )
    expect(offerMac(nodePrimitives, key, maced)).toEqual(mac.slice(0, 16))
    expect(bytes.slice(offerMacedBytes)).toEqual(mac.slice(0, 16))
  })

  it('is nobody’s with any bit changed: amount, payee, label, key id or MAC', () => {
    const bytes = makeOffer(nodePrimitives, key, terms)
    let decodable = 0
    for (const forged of everyFlip(bytes)) {
      const offer = decodeOffer(forged)
      if (offer.type !== 'offer') continue
      decodable += 1
      expect(verifyOffer(nodePrimitives, key, offer)).toBe(false)
    }
    expect(decodable).toBeGreaterThan(117 * 8 - 200)
  })

  it('cannot be made by a phone: another key, or none, does not verify', () => {
    for (const other of [filled(32, 9), new Uint8Array(32)]) {
      expect(verifyOffer(nodePrimitives, key, read(makeOffer(nodePrimitives, other, terms)))).toBe(false)
    }
  })

  it('is not made with a key that is too short or terms that do not fit', () => {
    expect(() => makeOffer(nodePrimitives, filled(16, 1), terms)).toThrow('a partner key is 32 bytes, got 16')
    expect(() => makeOffer(nodePrimitives, key, { ...terms, amountMinor: 0.5 })).toThrow(RangeError)
    expect(() => makeOffer(nodePrimitives, key, { ...terms, label: 'x'.repeat(25) })).toThrow(RangeError)
  })
})
