// BandCert: a vendor's device certificate for one band, 128 bytes (PROTOCOL §1). Layout here, signature in crypto/.

import { type Bytes, concatBytes, readU16, readU32, u16, u32, u8 } from '../base/bytes.ts'
import { type BandId, idBytes, parseBandId } from './ids.ts'
import { type Malformed, malformed } from './malformed.ts'
import { bandCertVersion } from './versions.ts'

export const bandCertBytes = 128
/** The bytes the vendor's signature covers. */
export const bandCertSignedBytes = 64
/** Conformance bits: what the hardware proves it can do. Limits follow them. */
export const conformanceBits = { tap: 1, sealedLinks: 2, wearEdges: 4, ranging: 8, display: 16 } as const
export const signatureTypes = { ed25519: 1, es256: 2 } as const
export type SignatureType = keyof typeof signatureTypes

export type BandCert = {
  readonly type: 'bandCert'
  readonly vendor: number
  readonly model: number
  readonly signatureType: SignatureType
  readonly bandId: BandId
  /** The band's static X25519 public key, `s_B`. */
  readonly bandKey: Bytes
  readonly conformance: number
  readonly batch: number
  readonly issuer: number
  readonly signed: Bytes
  readonly signature: Bytes
}

/** Decodes the 128 bytes of a BandCert; its byte fields are copies. The signature is checked by crypto/. */
export function decodeBandCert(bytes: Bytes): BandCert | Malformed {
  if (bytes.length !== bandCertBytes)
    return malformed(`a BandCert of ${bandCertBytes} bytes, got ${bytes.length}`, bytes.length)
  if (bytes[0] !== bandCertVersion) return malformed(`BandCert version ${bandCertVersion}, got ${bytes[0]}`, 0)
  const signatureType =
    bytes[5] === signatureTypes.ed25519 ? 'ed25519' : bytes[5] === signatureTypes.es256 ? 'es256' : undefined
  if (signatureType === undefined) return malformed('signature type 1 or 2', 5)
  return {
    type: 'bandCert',
    vendor: readU16(bytes, 1),
    model: readU16(bytes, 3),
    signatureType,
    bandId: parseBandId(bytes.subarray(6, 22)),
    bandKey: bytes.slice(22, 54),
    conformance: readU32(bytes, 54),
    batch: readU32(bytes, 58),
    issuer: readU16(bytes, 62),
    signed: bytes.slice(0, bandCertSignedBytes),
    signature: bytes.slice(bandCertSignedBytes),
  }
}

/** Signing input of a BandCert: the 64 bytes a vendor signs. */
export function encodeBandCertSigned(cert: Omit<BandCert, 'type' | 'signed' | 'signature'>): Uint8Array<ArrayBuffer> {
  return concatBytes(
    u8(bandCertVersion),
    u16(cert.vendor),
    u16(cert.model),
    u8(signatureTypes[cert.signatureType]),
    idBytes(cert.bandId),
    cert.bandKey,
    u32(cert.conformance),
    u32(cert.batch),
    u16(cert.issuer),
  )
}
