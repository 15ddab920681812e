// Codec of an offer, a partner's authenticated request (PROTOCOL §5). `canon` is what is agreed to; `rd` hashes canon and label.

import {
  type Bytes,
  concatBytes,
  decodeUtf8,
  encodeUtf8,
  hexAt,
  readU16,
  readU32,
  readU48,
  readU64,
  u16,
  u32,
  u48,
  u64,
  u8,
} from '../base/bytes.ts'
import { type PartnerId, type ResourceId, type Rid, idBytes, parsePartnerId, parseResourceId, parseRid } from './ids.ts'
import { amountMinorMax, offerLabelBytesMax } from './limits.ts'
import { type Malformed, malformed } from './malformed.ts'

export const canonBytes = 73
export const offerBytes = 117
const ridAt = 59
const ridBytes = 8
const partnerBytes = 16
/** The bytes a partner's MAC covers: canon, label, kid. */
export const offerMacedBytes = canonBytes + offerLabelBytesMax + 4

/** Terms of an offer, as a partner states them; `action` is the wire number (see actions.ts), amounts are minor units. */
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
      partner: parsePartnerId(bytes, 0),
      resource: parseResourceId(bytes, 16),
      action: bytes[32] ?? 0,
      amountMinor,
      currency: readU16(bytes, 41),
      partnerNonce: bytes.subarray(43, 59),
      rid: ridOf(bytes),
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

/** The reference of an offer. */
function ridOf(offer: Bytes): Rid {
  return parseRid(offer, ridAt)
}

/** Idempotency key of a canon, the rid and then the partner as one text: 48 hex digits. */
export function referenceOf(canon: Bytes): string {
  for (let i = 0; i < ridBytes; i++) reference[i] = canon[ridAt + i] ?? 0
  for (let i = 0; i < partnerBytes; i++) reference[ridBytes + i] = canon[i] ?? 0
  return hexAt(reference, 0, reference.length)
}
/** Scratch buffer, so that the reference becomes one flat string: it is a key of rows. */
const reference = new Uint8Array(partnerBytes + ridBytes)

/** Amount, currency and action of a canon: all that is needed to count it against limits. */
export function moneyOf(canon: Bytes): Pick<OfferTerms, 'action' | 'amountMinor' | 'currency'> {
  return { action: canon[32] ?? 0, amountMinor: readU64(canon, 33) ?? 0, currency: readU16(canon, 41) }
}

/** Decodes the terms of a journaled canon, without label and kid. The canon was decoded once when it was an offer. */
export function decodeOfferTerms(canon: Bytes): Omit<OfferTerms, 'label' | 'kid'> {
  return {
    partner: parsePartnerId(canon, 0),
    resource: parseResourceId(canon, 16),
    ...moneyOf(canon),
    partnerNonce: canon.subarray(43, 59),
    rid: ridOf(canon),
    expiresAtMs: readU48(canon, 67),
  }
}

/** Encodes the 101 bytes a partner's MAC covers. Throws a RangeError on terms that do not fit: a number is never cut. */
export function encodeOfferTerms(terms: OfferTerms): Uint8Array<ArrayBuffer> {
  requireInteger('an action', terms.action, 0xff)
  requireInteger('an amount in minor units', terms.amountMinor, amountMinorMax)
  requireInteger('a currency', terms.currency, 0xffff)
  requireInteger('an expiry in ms', terms.expiresAtMs, 0xffff_ffff_ffff)
  requireInteger('a kid', terms.kid, 0xffff_ffff)
  if (terms.partnerNonce.length !== 16)
    throw new RangeError(`a partner nonce is 16 bytes, got ${terms.partnerNonce.length}`)
  const label = encodeUtf8(terms.label)
  if (label.length > offerLabelBytesMax || label.includes(0)) {
    throw new RangeError(`a label is at most ${offerLabelBytesMax} bytes of UTF-8 without zeros, got ${label.length}`)
  }
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

function requireInteger(what: string, value: number, max: number): void {
  if (!Number.isSafeInteger(value) || value < 0 || value > max)
    throw new RangeError(`${what} is 0 to ${max}, got ${value}`)
}

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
