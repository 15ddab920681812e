import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes, encodeUtf8, toHex, u64 } from '../base/bytes.ts'
import { parsePartnerId, parseResourceId, parseRid } from './ids.ts'
import { amountMinorMax, offerLabelBytesMax } from './limits.ts'
import { type OfferTerms, canonBytes, decodeOffer, decodeOfferTerms, encodeOfferTerms, offerBytes } from './offer.ts'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const label = fc
  .string({ unit: 'grapheme', maxLength: offerLabelBytesMax })
  .filter((text) => text.isWellFormed() && !text.includes('\0') && encodeUtf8(text).length <= offerLabelBytesMax)

const anyTerms: fc.Arbitrary<OfferTerms> = fc.record({
  partner: bytes(16).map((id) => parsePartnerId(id)),
  resource: bytes(16).map((id) => parseResourceId(id)),
  action: fc.nat(0xff),
  amountMinor: fc.maxSafeNat().map((amount) => amount % (amountMinorMax + 1)),
  currency: fc.nat(0xffff),
  partnerNonce: bytes(16),
  rid: bytes(8).map((id) => parseRid(id)),
  expiresAtMs: fc.maxSafeNat().map((instant) => instant % 2 ** 48),
  label,
  kid: fc.nat(0xffff_ffff),
})

const coffee: OfferTerms = {
  partner: parsePartnerId('0a'.repeat(16)),
  resource: parseResourceId('0b'.repeat(16)),
  action: 1,
  amountMinor: 350,
  currency: 978,
  partnerNonce: new Uint8Array(16).fill(0x0c),
  rid: parseRid('0d'.repeat(8)),
  expiresAtMs: 1_800_000_000_000,
  label: 'Coffee',
  kid: 1,
}
const mac = new Uint8Array(16).fill(0xee)
const offerOf = (terms: Partial<OfferTerms>) => concatBytes(encodeOfferTerms({ ...coffee, ...terms }), mac)

describe('an offer', () => {
  it('is 117 bytes that say what the partner stated', () => {
    fc.assert(
      fc.property(anyTerms, (terms) => {
        const wire = concatBytes(encodeOfferTerms(terms), mac)
        expect(wire.length).toBe(offerBytes)
        const offer = decodeOffer(wire)
        expect(offer).toMatchObject({ type: 'offer', terms })
        if (offer.type === 'malformed') return
        expect(toHex(concatBytes(offer.maced, offer.mac))).toBe(toHex(wire))
        expect(toHex(offer.canon)).toBe(toHex(wire.subarray(0, canonBytes)))
        expect(toHex(offer.labelBytes)).toBe(toHex(wire.subarray(canonBytes, canonBytes + offerLabelBytesMax)))
        const { label: _label, kid: _kid, ...canon } = terms
        expect(decodeOfferTerms(offer.canon)).toEqual(canon)
      }),
    )
  })

  it('lays its fields out in the order of the protocol', () => {
    expect(toHex(encodeOfferTerms(coffee))).toBe(
      [
        '0a'.repeat(16),
        '0b'.repeat(16),
        '01',
        '000000000000015e',
        '03d2',
        '0c'.repeat(16),
        '0d'.repeat(8),
        '01a3185c5000',
        '436f66666565'.padEnd(48, '0'),
        '00000001',
      ].join(''),
    )
  })

  it('of 116 or 118 bytes is refused', () => {
    expect(decodeOffer(offerOf({}).subarray(0, offerBytes - 1)).type).toBe('malformed')
    expect(decodeOffer(concatBytes(offerOf({}), Uint8Array.of(0))).type).toBe('malformed')
  })

  it('may be over a million millions of minor units, and not over one more', () => {
    expect(decodeOffer(offerOf({ amountMinor: amountMinorMax })).type).toBe('offer')
    expect(() => offerOf({ amountMinor: amountMinorMax + 1 })).toThrow(RangeError)
    for (const amount of [u64(amountMinorMax + 1), new Uint8Array(8).fill(0xff)]) {
      const wire = offerOf({})
      wire.set(amount, 33)
      expect(decodeOffer(wire).type).toBe('malformed')
    }
  })

  // A currency of 66,514 was once sent as 978.
  it.for([
    ['an action', { action: 256 }],
    ['an amount below zero', { amountMinor: -1 }],
    ['half a cent', { amountMinor: 0.5 }],
    ['a currency', { currency: 0x1_03d2 }],
    ['an expiry', { expiresAtMs: 2 ** 48 }],
    ['an expiry that is no instant', { expiresAtMs: Number.NaN }],
    ['a kid', { kid: 2 ** 32 }],
    ['a nonce', { partnerNonce: new Uint8Array(15) }],
  ] as const)('with %s that does not fit is not made', ([, terms]) => {
    expect(() => encodeOfferTerms({ ...coffee, ...terms })).toThrow(RangeError)
  })

  it('made of any 117 bytes is an offer or Malformed, never an exception', () => {
    fc.assert(
      fc.property(fc.oneof(bytes(offerBytes), fc.uint8Array({ maxLength: 130 })), (hostile) => {
        expect(['offer', 'malformed']).toContain(decodeOffer(hostile).type)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('an offer’s label', () => {
  const labelled = (labelBytes: Uint8Array) => {
    const wire = offerOf({ label: '' })
    wire.set(labelBytes, canonBytes)
    return decodeOffer(wire)
  }

  it('is 24 bytes of UTF-8 at most', () => {
    const longest = 'ä'.repeat(12)
    expect(decodeOffer(offerOf({ label: longest }))).toMatchObject({ terms: { label: longest } })
    expect(() => offerOf({ label: `${longest}a` })).toThrow(RangeError)
  })

  it('keeps a byte order mark', () => {
    expect(decodeOffer(offerOf({ label: '\ufeffTea' }))).toMatchObject({ terms: { label: '\ufeffTea' } })
  })

  it('hides nothing behind a zero', () => {
    expect(labelled(encodeUtf8('Tea\0Gold')).type).toBe('malformed')
    expect(() => offerOf({ label: 'Tea\0Gold' })).toThrow(RangeError)
  })

  it('that is not UTF-8 is refused', () => {
    expect(labelled(Uint8Array.of(0x54, 0xff)).type).toBe('malformed')
    expect(labelled(Uint8Array.of(0xc3)).type).toBe('malformed')
  })
})
