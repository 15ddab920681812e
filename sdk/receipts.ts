// A partner's side of believing: verifies a receipt offline with the engine's public keys (PROTOCOL §9). The one door to
// jose. The algorithm and the keys are the verifier's choice, never the token's.

import { type JSONWebKeySet, type JWK, type JWTVerifyGetKey, createLocalJWKSet, errors, jwtVerify } from 'jose'
import { type Bytes, toHex } from '../protocol/bytes.ts'
import type { PartnerId } from '../protocol/ids.ts'
import { type ReceiptClaims, receiptAlgorithm, receiptType } from '../crypto/receipts.ts'

export type ReceiptExpectation = {
  /** The engine's `/.well-known/jwks.json`, kept up to date by the caller. Only its keys are ever used. */
  readonly jwks: JSONWebKeySet
  /** Who we are: the receipt must be for us. */
  readonly partner: PartnerId
  /** The nonce of the offer this receipt should answer. */
  readonly nonce?: Bytes
  /** Who must have signed, when several engines share keys. */
  readonly issuer?: string
  /** Raised owner epochs, by `sub`: older receipts of that wearer are dead. */
  readonly ownerEpochs?: ReadonlyMap<string, number>
  /** The verifier's clock, ms since 1970. */
  readonly nowMs: number
}

export type ReceiptVerdict =
  | { readonly type: 'valid'; readonly claims: ReceiptClaims }
  | {
      readonly type: 'invalid'
      readonly why:
        'malformed' | 'signature' | 'unknown-key' | 'expired' | 'not-for-us' | 'wrong-nonce' | 'epoch-raised'
      readonly message: string
    }

/** How far the clocks of partner and engine may differ, s. */
const leewayS = 5

/** Is this receipt genuine, ours, of this offer and still alive? Never throws on what a token says. */
export async function verifyReceipt(token: string, expected: ReceiptExpectation): Promise<ReceiptVerdict> {
  try {
    const { payload } = await jwtVerify(token, keyFinder(expected.jwks), {
      algorithms: [receiptAlgorithm, 'EdDSA'],
      typ: receiptType,
      audience: expected.partner,
      clockTolerance: leewayS,
      currentDate: new Date(expected.nowMs),
      requiredClaims: ['iss', 'aud', 'sub', 'iat', 'exp', 'jti', 'nonce', 'rd'],
      ...(expected.issuer === undefined ? {} : { issuer: expected.issuer }),
    })
    return judge(payload, expected)
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
  const isForThis = key.alg === undefined || key.alg === receiptAlgorithm || key.alg === 'EdDSA'
  return key.kty === 'OKP' && key.crv === 'Ed25519' && typeof key.kid === 'string' && isForThis
}

function judge(payload: Readonly<Record<string, unknown>>, expected: ReceiptExpectation): ReceiptVerdict {
  const claims = readClaims(payload)
  if (claims === undefined) return invalid('malformed', 'the claims of a receipt')
  if (expected.nonce !== undefined && claims.nonce !== toHex(expected.nonce)) {
    return invalid('wrong-nonce', 'it answers another offer')
  }
  const raised = expected.ownerEpochs?.get(claims.sub)
  if (raised !== undefined && claims.ownerEpoch < raised) {
    return invalid('epoch-raised', `owner epoch ${claims.ownerEpoch} of at least ${raised}`)
  }
  return { type: 'valid', claims }
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
  if (error instanceof errors.JWTClaimValidationFailed && error.claim === 'aud')
    return invalid('not-for-us', error.message)
  return invalid('malformed', error instanceof Error ? error.message : String(error))
}

function invalid(why: Extract<ReceiptVerdict, { readonly type: 'invalid' }>['why'], message: string): ReceiptVerdict {
  return { type: 'invalid', why, message }
}
