// Receipts as signed JWTs: a decision the partner can verify offline, a JWS in compact form (RFC 7515 §7.1) signed by `V_E`. Sign only
// what is in the journal (PROTOCOL §9): 35 µs of Ed25519, so when asked.

import { type Bytes, ascii, concatBytes } from '../../base/bytes.ts'
import { type AccountId, type PartnerId, idBytes } from '../../protocol/ids.ts'
import { base64url } from '../../base/base64url.ts'
import type { Primitives } from '../primitives/primitives.ts'

/** `typ` of a receipt's header. */
export const receiptType = 'bandpass-receipt+jwt'
/** `alg` of a receipt's header (RFC 8037 §3.1): the name that every JWT library knows. `Ed25519` of RFC 9864 is accepted on input. */
export const receiptAlgorithm = 'EdDSA'

/** The payload of a receipt, as JSON. Instants are seconds, as JWT wants them (RFC 7519 §2); binary values are hex. */
export type ReceiptClaims = {
  readonly iss: string
  /** The partner. */
  readonly aud: PartnerId
  /** Pairwise: `pairwiseSubject`. */
  readonly sub: string
  readonly iat: number
  readonly exp: number
  /** The decision. */
  readonly jti: string
  /** The offer's partnerNonce, hex. */
  readonly nonce: string
  /** The request digest, hex. */
  readonly rd: string
  /** Wire number of the action. */
  readonly action: number
  readonly resource: string
  readonly amountMinor: number
  /** ISO 4217 numeric. */
  readonly currency: number
  /** Proximity level 0 to 4. */
  readonly level: number
  readonly ownerEpoch: number
}

/** Signs a receipt as compact JWS. `seed` is the Ed25519 seed of `V_E`, `kid` its name in the JWKS. */
export function signReceipt(
  primitives: Primitives,
  signer: { readonly kid: string; readonly seed: Bytes },
  claims: ReceiptClaims,
): string {
  const header = { alg: receiptAlgorithm, typ: receiptType, kid: signer.kid }
  const signed = `${jsonPart(header)}.${jsonPart(claims)}`
  return `${signed}.${base64url(primitives.ed25519Sign(signer.seed, ascii(signed)))}`
}

/** Pairwise pseudonym: a wearer's name for one partner only, so that partners cannot join what they know; 16 bytes of HMAC, base64url. */
export function pairwiseSubject(primitives: Primitives, pepper: Bytes, account: AccountId, partner: PartnerId): string {
  const mac = primitives.hmac(pepper, concatBytes(ascii('bnd1 sub'), idBytes(partner), ascii(account)))
  return base64url(mac.subarray(0, 16))
}

const utf8 = new TextEncoder()

function jsonPart(value: object): string {
  return base64url(utf8.encode(JSON.stringify(value)))
}
