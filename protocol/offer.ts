// An offer: a partner's authenticated request (PROTOCOL §5). `canon` is what is agreed to; `rd` hashes canon and label.

import { type Bytes, concatBytes, readU16, readU32, readU48, readU64, u16, u32, u48, u64, u8 } from './bytes.ts'
import { type PartnerId, type ResourceId, type Rid, idBytes, parsePartnerId, parseResourceId, parseRid } from './ids.ts'
import { amountMinorMax, offerLabelBytesMax } from './limits.ts'
import { type Malformed, malformed } from './malformed.ts'

export const canonBytes = 73
export const offerBytes = 117
/** The bytes a partner's MAC covers: canon, label, kid. */
export const offerMacedBytes = canonBytes + offerLabelBytesMax + 4

/** What a partner states; `action` is the wire number (see actions.ts), amounts are minor units. */
export type OfferTerms = {
  readonly partner: PartnerId
  readonly resource: ResourceId
  readonly action: number
  readonly amountMinor: number
  /** ISO 4217 numeric code. */
  readonly currency: number
  readonly partnerNonce: Bytes
  readonly rid: Rid
  readonly expiresAtMs: number
  /** At most 24 bytes of UTF-8; zero-padded on the wire. */
  readonly label: string
  readonly kid: number
}

/** A decoded offer; `canon`, `label` and `maced` are views of the bytes it came from. */
export type Offer = {
  readonly type: 'offer'
  readonly terms: OfferTerms
  readonly canon: Bytes
  readonly labelBytes: Bytes
  readonly maced: Bytes
  readonly mac: Bytes
}

/** Decodes the 117 bytes of an offer. Shape only: the MAC is checked by crypto/, the terms by policy/. */
export function decodeOffer(bytes: Bytes): Offer | Malformed {
  if (bytes.length !== offerBytes)
    return malformed(`an offer of ${offerBytes} bytes, got ${bytes.length}`, bytes.length)
  const amountMinor = readU64(bytes, 33)
  if (amountMinor === undefined || amountMinor > amountMinorMax)
    return malformed(`an amount up to ${amountMinorMax}`, 33)
  const labelBytes = bytes.subarray(canonBytes, canonBytes + offerLabelBytesMax)
  const label = decodeLabel(labelBytes)
  if (label === undefined) return malformed('a label of UTF-8, zero-padded', canonBytes)
  return {
    type: 'offer',
    terms: {
      partner: parsePartnerId(bytes.subarray(0, 16)),
      resource: parseResourceId(bytes.subarray(16, 32)),
      action: bytes[32] ?? 0,
      amountMinor,
      currency: readU16(bytes, 41),
      partnerNonce: bytes.subarray(43, 59),
      rid: parseRid(bytes.subarray(59, 67)),
      expiresAtMs: readU48(bytes, 67),
      label,
      kid: readU32(bytes, canonBytes + offerLabelBytesMax),
    },
    canon: bytes.subarray(0, canonBytes),
    labelBytes,
    maced: bytes.subarray(0, offerMacedBytes),
    mac: bytes.subarray(offerMacedBytes, offerBytes),
  }
}

/** The 101 bytes a partner's MAC covers. Throws a RangeError on terms that do not fit. */
export function encodeOfferTerms(terms: OfferTerms): Uint8Array<ArrayBuffer> {
  const label = new TextEncoder().encode(terms.label)
  if (label.length > offerLabelBytesMax) {
    throw new RangeError(`a label is at most ${offerLabelBytesMax} bytes of UTF-8, got ${label.length}`)
  }
  if (!Number.isSafeInteger(terms.amountMinor) || terms.amountMinor < 0 || terms.amountMinor > amountMinorMax) {
    throw new RangeError(`an amount is 0 to ${amountMinorMax} minor units, got ${terms.amountMinor}`)
  }
  if (terms.partnerNonce.length !== 16)
    throw new RangeError(`a partner nonce is 16 bytes, got ${terms.partnerNonce.length}`)
  const padded = new Uint8Array(offerLabelBytesMax)
  padded.set(label)
  return concatBytes(
    idBytes(terms.partner),
    idBytes(terms.resource),
    u8(terms.action),
    u64(terms.amountMinor),
    u16(terms.currency),
    terms.partnerNonce,
    idBytes(terms.rid),
    u48(terms.expiresAtMs),
    padded,
    u32(terms.kid),
  )
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function decodeLabel(bytes: Bytes): string | undefined {
  let end = bytes.indexOf(0)
  if (end < 0) end = bytes.length
  for (let i = end; i < bytes.length; i++) if (bytes[i] !== 0) return undefined
  let plain = ''
  for (let i = 0; i < end; i++) {
    const byte = bytes[i] ?? 0
    if (byte > 0x7f) return decodeUtf8(bytes.subarray(0, end))
    plain += String.fromCharCode(byte)
  }
  return plain
}

function decodeUtf8(bytes: Bytes): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}
