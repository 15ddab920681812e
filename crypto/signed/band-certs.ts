// Device attestation: signs and verifies a vendor's signature on a BandCert (PROTOCOL §1). The type of signature comes from the
// vendor list: a cert that states another type is refused, so no key is ever used under a scheme it was not made for.

import { type Bytes, ascii, concatBytes } from '../../base/bytes.ts'
import { type BandCert, type SignatureType, encodeBandCertSigned } from '../../protocol/band-cert.ts'
import type { Primitives } from '../primitives/primitives.ts'

/** A vendor root: Ed25519 (32 bytes) or P-256 SEC1 compressed (33 bytes). */
export type VendorKey = { readonly signatureType: SignatureType; readonly publicKey: Bytes }

export type BandCertFields = Omit<BandCert, 'type' | 'signed' | 'signature'>

/** The 128 bytes of a BandCert; `rootSecret` is an Ed25519 seed or a P-256 scalar, as `fields.signatureType` says. */
export function signBandCert(
  primitives: Primitives,
  rootSecret: Bytes,
  fields: BandCertFields,
): Uint8Array<ArrayBuffer> {
  const signed = encodeBandCertSigned(fields)
  const signature =
    fields.signatureType === 'ed25519'
      ? primitives.ed25519Sign(rootSecret, bandCertMessage(signed))
      : primitives.p256Sign(rootSecret, bandCertMessage(signed))
  return concatBytes(signed, signature)
}

/** Verifies the signature of this vendor root on this cert. Vendor, issuer and revocation are for the caller. */
export function verifyBandCert(primitives: Primitives, rootKey: VendorKey, cert: BandCert): boolean {
  if (cert.signatureType !== rootKey.signatureType) return false
  return rootKey.signatureType === 'ed25519'
    ? primitives.ed25519Verify(rootKey.publicKey, bandCertMessage(cert.signed), cert.signature)
    : primitives.p256Verify(rootKey.publicKey, bandCertMessage(cert.signed), cert.signature)
}

/** Domain-separated signing input, `"bnd1 cert" ‖ cert[0..63]`: else any other 64 bytes that a root signs could be a certificate. */
export function bandCertMessage(signed: Bytes): Uint8Array<ArrayBuffer> {
  return concatBytes(certLabel, signed)
}

const certLabel = ascii('bnd1 cert')
