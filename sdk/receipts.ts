// Offline JWT verification of receipts, for a partner: that a receipt answers an offer, with the engine's public keys (PROTOCOL §9).
// The one door to jose. The algorithm and the keys are the verifier's choice, never the token's. Nothing that is compared may be
// left out: a receipt alone says that something was approved, not what was asked for.

import { type JSONWebKeySet, type JWK, type JWTVerifyGetKey, createLocalJWKSet, errors, jwtVerify } from 'jose'
import { type Bytes, toHex } from '../base/bytes.ts'
import type { PartnerId } from '../protocol/ids.ts'
import { type Offer, decodeOffer } from '../protocol/offer.ts'
import { noblePrimitives } from '../crypto/primitives/noble-primitives.ts'
import { requestDigest } from '../crypto/signed/proof.ts'
import { type ReceiptClaims, receiptAlgorithm, receiptType } from '../crypto/signed/receipts.ts'

/** Timeout of reading the key set, ms, unless the call says otherwise. */
const keySetWithinMs = 10_000

/**
 * Fetches the engine's JWKS at `url`, its `/.well-known/jwks.json`. Keep it, and read it again when a receipt's key is unknown. Rejects
 * with an Error that says what came instead.
 */
export async function readKeySet(url: string, withinMs: number = keySetWithinMs): Promise<JSONWebKeySet> {
  const response = await fetch(url, { signal: AbortSignal.timeout(withinMs) })
  const found: unknown = response.ok ? await response.json() : undefined
  if (isKeySet(found)) return found
  throw new Error(
    `a key set expected at ${url}, got HTTP ${response.status}${response.ok ? ' with something else' : ''}`,
  )
}

function isKeySet(value: unknown): value is JSONWebKeySet {
  if (typeof value !== 'object' || value === null || !('keys' in value) || !Array.isArray(value.keys)) return false
  return value.keys.every((key: unknown) => typeof key === 'object' && key !== null && 'kty' in key)
}

export type ReceiptExpectation = {
  /** The engine's `/.well-known/jwks.json`, kept up to date by the caller. Only its keys are ever used. */
  readonly jwks: JSONWebKeySet
  /** Who must have signed: `issuer` of the engine's settings. */
  readonly issuer: string
  /** The 117 bytes of the offer, as we made and kept them, never as a phone brings them. */
  readonly offer: Bytes
  /** The highest `ownerEpoch` heard of each `sub`: older receipts of that wearer are revoked. Empty for a partner that keeps none. */
  readonly ownerEpochs: ReadonlyMap<string, number>
  /** The verifier's clock, ms since 1970. */
  readonly nowMs: number
}

export type ReceiptVerdict =
  | { readonly type: 'valid'; readonly claims: ReceiptClaims }
  | {
      readonly type: 'invalid'
      readonly why:
        | 'malformed'
        | 'signature'
        | 'unknown-key'
        | 'expired'
        | 'not-for-us'
        | 'wrong-issuer'
        | 'wrong-offer'
        | 'epoch-raised'
      readonly message: string
    }

/** Accepted `alg` values: what the engine writes, and the name that RFC 9864 gives to the same algorithm. */
const algorithms: string[] = [receiptAlgorithm, 'Ed25519']
/**
 * 64 bytes in base64url, whose last letter has four bits to spare: they must be zero (RFC 4648 §3.5). Else one receipt would have
 * sixteen texts, and a partner that knows its receipts by their text would take it again.
 */
const canonicalSignature = /\.[\w-]{85}[AQgw]$/
/** Clock skew that is tolerated between partner and engine, s. */
const leewayS = 5

/**
 * Verifies that a receipt is genuine, of this offer and unexpired. Fulfil an offer once: its receipt is as valid when it is shown again.
 * Never throws on what a token says; throws a RangeError when `offer` is none.
 */
export async function verifyReceipt(token: string, expected: ReceiptExpectation): Promise<ReceiptVerdict> {
  const offer = decodeOffer(expected.offer)
  if (offer.type === 'malformed') throw new RangeError(`the offer that a receipt is measured with: ${offer.expected}`)
  try {
    const { payload } = await jwtVerify(token, keyFinder(expected.jwks), {
      algorithms,
      typ: receiptType,
      audience: offer.terms.partner,
      issuer: expected.issuer,
      clockTolerance: leewayS,
      currentDate: new Date(expected.nowMs),
      requiredClaims: ['iss', 'aud', 'sub', 'iat', 'exp', 'jti', 'nonce', 'rd'],
    })
    if (!canonicalSignature.test(token))
      return invalid('malformed', 'a signature of 64 bytes in its one base64url form')
    return judge(payload, offer, expected.ownerEpochs)
  } catch (error) {
    return refusal(error)
  }
}

// A key is used only if the engine's list names it, as an Ed25519 signing key, and the token names it too: it can neither
// bring its own key (`jwk`, `jku`: jose ignores them) nor pick one of another kind, nor leave the choice to us.
function keyFinder(jwks: JSONWebKeySet): JWTVerifyGetKey {
  const find = createLocalJWKSet({ keys: jwks.keys.filter(isReceiptKey).map(({ alg: _, ...key }) => key) })
  return async (header, token) => {
    if (typeof header?.kid !== 'string') throw new errors.JWKSNoMatchingKey()
    return find(header, token)
  }
}

// jose itself passes over keys that are not for signing (`use`, `key_ops`).
function isReceiptKey(key: JWK): boolean {
  const isForThis = key.alg === undefined || algorithms.includes(key.alg)
  return key.kty === 'OKP' && key.crv === 'Ed25519' && typeof key.kid === 'string' && isForThis
}

function judge(
  payload: Readonly<Record<string, unknown>>,
  offer: Offer,
  ownerEpochs: ReceiptExpectation['ownerEpochs'],
): ReceiptVerdict {
  const claims = readClaims(payload)
  if (claims === undefined) return invalid('malformed', 'the claims of a receipt')
  const asked = claimsOfOffer(offer)
  for (const name of names) {
    if (claims[name] !== asked[name]) {
      return invalid('wrong-offer', `${name} ${asked[name]} expected, as in the offer, got ${claims[name]}`)
    }
  }
  const raised = ownerEpochs.get(claims.sub)
  if (raised !== undefined && claims.ownerEpoch < raised) {
    return invalid('epoch-raised', `owner epoch ${claims.ownerEpoch} of at least ${raised}`)
  }
  return { type: 'valid', claims }
}

/** Claims that a receipt repeats of its offer; `rd` also covers what it does not repeat: reference, end of life and label. */
const names = ['nonce', 'rd', 'action', 'resource', 'amountMinor', 'currency'] as const

function claimsOfOffer({ terms, canon, labelBytes }: Offer): Pick<ReceiptClaims, (typeof names)[number]> {
  const { partnerNonce, action, resource, amountMinor, currency } = terms
  const rd = toHex(requestDigest(noblePrimitives, canon, labelBytes))
  return { nonce: toHex(partnerNonce), rd, action, resource, amountMinor, currency }
}

function readClaims(payload: Readonly<Record<string, unknown>>): ReceiptClaims | undefined {
  const { iss, aud, sub, iat, exp, jti, nonce, rd, action, resource, amountMinor, currency, level, ownerEpoch } =
    payload
  const texts = { iss, aud, sub, jti, nonce, rd, resource }
  const counts = { iat, exp, action, amountMinor, currency, level, ownerEpoch }
  return isTexts(texts) && isCounts(counts) && isPartnerId(texts.aud)
    ? { ...texts, aud: texts.aud, ...counts }
    : undefined
}

function isTexts<Name extends string>(fields: Record<Name, unknown>): fields is Record<Name, string> {
  return Object.values(fields).every((value) => typeof value === 'string')
}

function isCounts<Name extends string>(fields: Record<Name, unknown>): fields is Record<Name, number> {
  return Object.values(fields).every((value) => Number.isSafeInteger(value))
}

function isPartnerId(text: string): text is PartnerId {
  return /^[0-9a-f]{32}$/.test(text)
}

function refusal(error: unknown): ReceiptVerdict {
  if (error instanceof errors.JWTExpired) return invalid('expired', error.message)
  if (error instanceof errors.JWSSignatureVerificationFailed) return invalid('signature', error.message)
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) {
    return invalid('unknown-key', error.message)
  }
  if (error instanceof errors.JWTClaimValidationFailed && error.reason === 'check_failed') {
    if (error.claim === 'aud') return invalid('not-for-us', error.message)
    if (error.claim === 'iss') return invalid('wrong-issuer', error.message)
  }
  return invalid('malformed', error instanceof Error ? error.message : String(error))
}

function invalid(why: Extract<ReceiptVerdict, { readonly type: 'invalid' }>['why'], message: string): ReceiptVerdict {
  return { type: 'invalid', why, message }
}
