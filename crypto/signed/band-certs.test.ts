import { describe, expect, it } from 'vitest'
import { type BandCert, decodeBandCert, encodeBandCertSigned } from '../../protocol/band-cert.ts'
import { ascii, concatBytes } from '../../base/bytes.ts'
import { parseBandId } from '../../protocol/ids.ts'
import { type BandCertFields, type VendorKey, bandCertMessage, signBandCert, verifyBandCert } from './band-certs.ts'
import { noblePrimitives } from '../primitives/noble-primitives.ts'
import { nodePrimitives as node } from '../primitives/node-primitives.ts'
import { everyFlip, filled } from '../primitives/test-bytes.ts'

const secret = filled(32, 1)
const vendorKeys = {
  ed25519: { signatureType: 'ed25519', publicKey: node.ed25519PublicKey(secret) },
  es256: { signatureType: 'es256', publicKey: node.p256PublicKey(secret) },
} as const satisfies Record<string, VendorKey>
const fields: BandCertFields = {
  vendor: 1,
  model: 2,
  signatureType: 'ed25519',
  bandId: parseBandId(filled(16, 3)),
  bandKey: filled(32, 4),
  conformance: 0x1f,
  batch: 5,
  issuer: 6,
}

function certOf(bytes: Uint8Array): BandCert {
  const cert = decodeBandCert(bytes)
  if (cert.type !== 'bandCert') throw new Error(cert.expected)
  return cert
}

describe.each(['ed25519', 'es256'] as const)('a BandCert signed with %s', (signatureType) => {
  const bytes = signBandCert(node, secret, { ...fields, signatureType })

  it('verifies under the vendor’s root in engine and band maker’s tools, and says what the vendor said', () => {
    expect(bytes).toHaveLength(128)
    expect(certOf(bytes)).toMatchObject({ ...fields, signatureType })
    for (const primitives of [node, noblePrimitives]) {
      const signed = signBandCert(primitives, secret, { ...fields, signatureType })
      expect(verifyBandCert(node, vendorKeys[signatureType], certOf(signed))).toBe(true)
      expect(verifyBandCert(noblePrimitives, vendorKeys[signatureType], certOf(signed))).toBe(true)
    }
  })

  it('does not verify with any bit changed: another band, model, batch or ability', () => {
    for (const forged of everyFlip(bytes)) {
      const cert = decodeBandCert(forged)
      if (cert.type === 'bandCert') expect(verifyBandCert(node, vendorKeys[signatureType], cert)).toBe(false)
    }
  })

  it('is no other message of 64 bytes that the root signs, even one that reads as a certificate', () => {
    const signed = encodeBandCertSigned({ ...fields, signatureType })
    const plain = signatureType === 'ed25519' ? node.ed25519Sign(secret, signed) : node.p256Sign(secret, signed)
    expect(verifyBandCert(node, vendorKeys[signatureType], certOf(concatBytes(signed, plain)))).toBe(false)
  })

  it('does not verify under another root', () => {
    const other: VendorKey =
      signatureType === 'ed25519'
        ? { signatureType, publicKey: node.ed25519PublicKey(filled(32, 9)) }
        : { signatureType, publicKey: node.p256PublicKey(filled(32, 9)) }
    expect(verifyBandCert(node, other, certOf(bytes))).toBe(false)
  })
})

describe('what a vendor signs', () => {
  it('is spelled as PROTOCOL §1 does', () => {
    const signed = encodeBandCertSigned(fields)
    expect(bandCertMessage(signed)).toEqual(concatBytes(ascii('bnd1 cert'), signed))
  })
})

describe('the type of a vendor’s signature', () => {
  it('is the vendor list’s: a cert that states the other type is refused, whatever its signature', () => {
    for (const stated of ['ed25519', 'es256'] as const) {
      const listed = stated === 'ed25519' ? 'es256' : 'ed25519'
      const cert = certOf(signBandCert(node, secret, { ...fields, signatureType: stated }))
      // The attack: who lets the cert choose the scheme accepts a signature by a scheme the vendor never used.
      expect(verifyBandCert(node, vendorKeys[stated], cert)).toBe(true)
      expect(verifyBandCert(node, vendorKeys[listed], cert)).toBe(false)
    }
  })

  it('must be the one stated: a good signature by the listed scheme on a cert that states the other is refused', () => {
    const signed = encodeBandCertSigned({ ...fields, signatureType: 'es256' })
    const message = bandCertMessage(signed)
    const cert = certOf(concatBytes(signed, node.ed25519Sign(secret, message)))
    expect(node.ed25519Verify(vendorKeys.ed25519.publicKey, message, cert.signature)).toBe(true)
    expect(verifyBandCert(node, vendorKeys.ed25519, cert)).toBe(false)
  })

  it('is not guessed from a key of the other kind', () => {
    const cert = certOf(signBandCert(node, secret, fields))
    expect(verifyBandCert(node, { signatureType: 'ed25519', publicKey: vendorKeys.es256.publicKey }, cert)).toBe(false)
    const other = certOf(signBandCert(node, secret, { ...fields, signatureType: 'es256' }))
    expect(verifyBandCert(node, { signatureType: 'es256', publicKey: vendorKeys.ed25519.publicKey }, other)).toBe(false)
  })
})
