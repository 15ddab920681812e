import { describe, expect, it } from 'vitest'
import { nodePrimitives } from '../crypto/primitives/node-primitives.ts'
import { verifyOffer } from '../crypto/signed/offers.ts'
import { decodeOffer, offerBytes } from '../protocol/offer.ts'
import { createPartner } from './offers.ts'

const key = new Uint8Array(32).fill(1)
const shop = createPartner({ id: '0a'.repeat(16), kid: 5, key })
const request = {
  action: 'pay',
  resource: '0b'.repeat(16),
  amountMinor: 450,
  currency: 978,
  label: 'Coffee',
  expiresAtMs: 1_750_000_000_000,
} as const

describe('an offer a partner makes', () => {
  it('says what was asked, under the partner’s key', () => {
    const made = shop.offer(request)
    expect(made.bytes.length).toBe(offerBytes)
    const offer = decodeOffer(made.bytes)
    if (offer.type === 'malformed') throw new Error(offer.expected)
    expect(offer.terms).toMatchObject({
      partner: shop.id,
      resource: request.resource,
      action: 1,
      amountMinor: 450,
      currency: 978,
      label: 'Coffee',
      kid: 5,
      rid: made.reference,
      partnerNonce: made.nonce,
    })
    expect(verifyOffer(nodePrimitives, key, offer)).toBe(true)
    expect(verifyOffer(nodePrimitives, new Uint8Array(32).fill(2), offer)).toBe(false)
  })

  it('is another one each time, unless it is the same request again', () => {
    expect(shop.offer(request).reference).not.toBe(shop.offer(request).reference)
    const reference = '0123456789abcdef'
    expect(shop.offer({ ...request, reference }).reference).toBe(reference)
  })

  it('is known by a reference that begins with the second of its expiry, so that references rise with time', () => {
    const at = (expiresAtMs: number) => shop.offer({ ...request, expiresAtMs }).reference
    const drawn = [1_750_000_000_000, 1_750_000_001_000, 1_750_000_900_999].map(at)
    expect(drawn.map((reference) => Number.parseInt(reference.slice(0, 8), 16))).toEqual([
      1_750_000_000, 1_750_000_001, 1_750_000_900,
    ])
    expect(drawn).toEqual(drawn.toSorted())
    const many = Array.from({ length: 1_000 }, () => at(request.expiresAtMs))
    expect(new Set(many).size).toBe(1_000)
  })

  it('may be of a kind of the partner’s own', () => {
    const offer = decodeOffer(shop.offer({ ...request, action: 200 }).bytes)
    expect(offer.type === 'offer' && offer.terms.action).toBe(200)
  })

  it('is not made from what does not fit', () => {
    expect(() => shop.offer({ ...request, amountMinor: 4.5 })).toThrow('minor units')
    expect(() => shop.offer({ ...request, amountMinor: -1 })).toThrow('minor units')
    expect(() => shop.offer({ ...request, label: 'ä'.repeat(13) })).toThrow('24 bytes')
    expect(() => shop.offer({ ...request, resource: 'till 3' })).toThrow('ResourceId')
    expect(() => shop.offer({ ...request, reference: '1' })).toThrow('Rid')
    expect(() => createPartner({ id: shop.id, kid: 1, key: new Uint8Array(16) }).offer(request)).toThrow('32 bytes')
  })

  it('does not change when the caller’s copy of the key does', () => {
    const mine = key.slice()
    const partner = createPartner({ id: shop.id, kid: 5, key: mine })
    mine.fill(0)
    const offer = decodeOffer(partner.offer(request).bytes)
    expect(offer.type === 'offer' && verifyOffer(nodePrimitives, key, offer)).toBe(true)
  })
})
