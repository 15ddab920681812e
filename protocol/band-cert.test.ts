import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bandCertBytes,
  bandCertSignedBytes,
  decodeBandCert,
  encodeBandCertSigned,
  signatureTypes,
} from './band-cert.ts'
import { concatBytes, toHex } from '../base/bytes.ts'
import { parseBandId } from './ids.ts'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const anyFields = fc.record({
  vendor: fc.nat(0xffff),
  model: fc.nat(0xffff),
  signatureType: fc.constantFrom('ed25519' as const, 'es256' as const),
  bandId: bytes(16).map((id) => parseBandId(id)),
  bandKey: bytes(32),
  conformance: fc.nat(0xffff_ffff),
  batch: fc.nat(0xffff_ffff),
  issuer: fc.nat(0xffff),
})
const anyCert = fc.tuple(anyFields, bytes(64)).map(([fields, signature]) => {
  const signed = encodeBandCertSigned(fields)
  return { fields, signed, signature, wire: concatBytes(signed, signature) }
})

describe('a BandCert', () => {
  it('is 128 bytes, half of them what the vendor signed', () => {
    fc.assert(
      fc.property(anyCert, ({ fields, signed, signature, wire }) => {
        expect([wire.length, signed.length]).toEqual([bandCertBytes, bandCertSignedBytes])
        expect(decodeBandCert(wire)).toEqual({ type: 'bandCert', ...fields, signed, signature })
      }),
    )
  })

  it('is kept as a copy: the record it came in may be overwritten', () => {
    fc.assert(
      fc.property(anyCert, ({ fields, signature, wire }) => {
        const cert = decodeBandCert(wire)
        wire.fill(0)
        expect(cert).toMatchObject({ bandKey: fields.bandKey, signature })
      }),
    )
  })

  it('of another length, version or type of signature is refused', () => {
    const types: readonly number[] = Object.values(signatureTypes)
    fc.assert(
      fc.property(anyCert, fc.nat(0xff), ({ wire }, byte) => {
        expect(decodeBandCert(wire.subarray(0, -1)).type).toBe('malformed')
        expect(decodeBandCert(concatBytes(wire, Uint8Array.of(byte))).type).toBe('malformed')
        const versioned = Uint8Array.from(wire)
        versioned[0] = byte
        expect(decodeBandCert(versioned).type).toBe(byte === 1 ? 'bandCert' : 'malformed')
        const typed = Uint8Array.from(wire)
        typed[5] = byte
        expect(decodeBandCert(typed).type).toBe(types.includes(byte) ? 'bandCert' : 'malformed')
      }),
    )
  })

  it('lays its fields out in the order of the protocol', () => {
    const signed = encodeBandCertSigned({
      vendor: 0x0102,
      model: 0x0304,
      signatureType: 'es256',
      bandId: parseBandId('b0'.repeat(16)),
      bandKey: new Uint8Array(32).fill(0x5b),
      conformance: 7,
      batch: 0x05060708,
      issuer: 0x090a,
    })
    expect(toHex(signed)).toBe(`010102030402${'b0'.repeat(16)}${'5b'.repeat(32)}0000000705060708090a`)
  })
})
