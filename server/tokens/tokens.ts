// Account tokens: who verifies them and, for demos, who makes them. The one door to jose. Algorithm and keys are our
// choice by issuer, never the token's: a key is used only with the algorithm of its kind, and what a token brings along
// (`jwk`, `jku`, `x5c`) is ignored.

import { ECDH } from 'node:crypto'
import {
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  SignJWT,
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  errors,
  importJWK,
  jwtVerify,
} from 'jose'
import { base64url } from '../../base/base64url.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { Fault } from '../../engine/ports/fault.ts'
import type { TokenClaims, TokenRefusal, Tokens } from '../../engine/ports/surroundings.ts'
import { type Bytes, ascii } from '../../base/bytes.ts'
import { claimAt } from '../../operators/sign-in/claim.ts'
import { parseAccountId } from '../../protocol/ids.ts'
import { accountOf, subjectExpected } from './account-names.ts'
import { kidOf } from '../documents/engine-keys.ts'
import { leewayDefaultS } from '../settings/token-leeway.ts'
import type { RefusedToken } from './token-refusals.ts'

/** `iss` of tokens that `bandpass token` makes. */
export const localIssuer = 'bandpass-local'

/** The algorithms of account tokens; each goes with one kind of key. */
const algorithms = ['EdDSA', 'Ed25519', 'ES256']
/** Keys of one set. */
export const jwksKeysMax = 100

/** An `iss` and where its keys are. */
export type KeyedIssuer = { readonly issuer: string; readonly keys: JWTVerifyGetKey }

/** Whose tokens are accepted, and which claim of theirs says whose account it is. */
export type TokenIssuer = KeyedIssuer & {
  /** `sub` unless given; dots lead into objects. */
  readonly accountClaim?: string
}

/**
 * An issuer with a fixed set of keys, and their names. Throws a Fault `keys-missing` on a set without a usable key, or with more than
 * a set has.
 */
export function fixedIssuer(
  issuer: string,
  jwks: unknown,
  from: string,
): KeyedIssuer & { readonly kids: ReadonlySet<string> } {
  const usable = usableKeys(jwks)
  if (usable.keys.length > jwksKeysMax) {
    throw new Fault(
      'keys-missing',
      `${from}: a JWK set of at most ${jwksKeysMax} keys expected, got ${usable.keys.length}`,
    )
  }
  if (usable.keys.length === 0) {
    throw new Fault('keys-missing', `${from}: a JWK set with at least one Ed25519 or P-256 public key expected`)
  }
  const kids = new Set(usable.keys.flatMap(({ kid }) => (kid === undefined ? [] : [kid])))
  return { issuer, keys: createLocalJWKSet(usable), kids }
}

/** The issuer whose seed is among the engine's own keys. */
export function issuerOfSeed(seed: Bytes): TokenIssuer {
  return fixedIssuer(localIssuer, { keys: [publicJwk(nodePrimitives.ed25519PublicKey(seed))] }, 'the local issuer')
}

/** An Ed25519 public key as a JWK (RFC 8037 §2), named by its kid. */
export function publicJwk(publicKey: Bytes): Record<'kty' | 'crv' | 'x' | 'kid' | 'use' | 'alg', string> {
  return { kty: 'OKP', crv: 'Ed25519', x: base64url(publicKey), kid: kidOf(publicKey), use: 'sig', alg: 'EdDSA' }
}

/** Verifies tokens of these issuers. `refused` hears why one was not taken. */
export function createTokens(from: {
  readonly issuers: readonly TokenIssuer[]
  readonly audience: string
  readonly nowMs: () => number
  /** How far an issuer's clock may be from ours, s; 5 unless given. */
  readonly leewayS?: number
  readonly refused?: (reason: TokenRefusal, token?: RefusedToken) => void
}): Tokens {
  const { issuers, audience, nowMs, leewayS = leewayDefaultS, refused } = from
  const refuse = (reason: TokenRefusal, token?: RefusedToken): undefined => {
    refused?.(reason, token)
    return undefined
  }
  return {
    refused: (reason) => refused?.(reason),
    async verify(token, sessionKey) {
      const claimed = claimedIssuer(token)
      if (claimed === undefined) return refuse('malformed')
      const issuer = issuers.find((one) => isSameIssuer(one.issuer, claimed))
      if (issuer === undefined) {
        return refuse('issuer', { expected: issuers.map((one) => one.issuer).join(', '), got: claimed })
      }
      const options: JWTVerifyOptions = {
        algorithms,
        issuer: claimed,
        audience,
        clockTolerance: leewayS,
        currentDate: new Date(nowMs()),
        requiredClaims: ['exp'],
      }
      try {
        const payload = await verified(token, issuer.keys, options)
        const claims = claimsOf(payload, sessionKey, issuer)
        return typeof claims === 'string' ? refuse(claims, toldOf(claims, payload, issuer)) : claims
      } catch (error) {
        if (error instanceof Fault) throw error
        const reason = reasonOf(error)
        return refuse(reason, whatOf(reason, token, audience))
      }
    },
  }
}

/** Providers disagree with their own documents on the slash at the end; it is one host and path all the same. */
function isSameIssuer(configured: string, claimed: string): boolean {
  return configured.replace(/\/$/, '') === claimed.replace(/\/$/, '')
}

/** The payload, when one of the keys fits: a token without a `kid`, or a `kid` that two keys have, may be of any of them. */
async function verified(token: string, keys: JWTVerifyGetKey, options: JWTVerifyOptions): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keys, options)).payload
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    for await (const key of error) {
      try {
        return (await jwtVerify(token, key, options)).payload
      } catch (other) {
        if (!(other instanceof errors.JWSSignatureVerificationFailed)) throw other
      }
    }
    throw new errors.JWSSignatureVerificationFailed()
  }
}

function reasonOf(error: unknown): TokenRefusal {
  if (error instanceof errors.JWTExpired) return 'expired'
  if (error instanceof errors.JWTClaimValidationFailed) return reasonOfClaim.get(error.claim) ?? 'other'
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported) return 'algorithm'
  if (error instanceof errors.JWKSNoMatchingKey) return 'key'
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature'
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) return 'malformed'
  return 'other'
}

const reasonOfClaim: ReadonlyMap<string, TokenRefusal> = new Map([
  ['iss', 'issuer'],
  ['aud', 'audience'],
  ['exp', 'expired'],
  ['nbf', 'not-yet-valid'],
  ['iat', 'not-yet-valid'],
])

/** What helps to mend it, of a token that was not verified: a stranger may have written it. */
function whatOf(reason: TokenRefusal, token: string, audience: string): RefusedToken {
  try {
    const { alg, kid } = decodeProtectedHeader(token)
    if (reason === 'algorithm') return { expected: algorithms.join(', '), got: shownClaim(alg) }
    if (reason === 'key') return { expected: 'a kid among the keys of the issuer', got: shownClaim(kid) }
    const { aud, exp, nbf } = decodeJwt(token)
    if (reason === 'audience') return { expected: audience, got: shownClaim(aud) }
    if (reason === 'expired') return { got: `exp ${shownClaim(exp)}` }
    return reason === 'not-yet-valid' ? { got: `nbf ${shownClaim(nbf)}` } : {}
  } catch {
    return {}
  }
}

function toldOf(reason: TokenRefusal, payload: JWTPayload, { accountClaim = 'sub' }: TokenIssuer): RefusedToken {
  if (reason === 'scope')
    return { expected: 'words with spaces between', got: shownClaim(payload['scope'] ?? payload['scp']) }
  const expected = `${accountClaim}: ${subjectExpected}`
  // Whose token it is, is not for the log.
  return {
    expected: accountClaim === 'email' ? `${expected}, with email_verified` : expected,
    got: typeof claimAt(payload, accountClaim),
  }
}

function shownClaim(claim: unknown): string {
  return typeof claim === 'string' ? claim : (JSON.stringify(claim) ?? 'nothing')
}

/** RFC 7638 thumbprint (base64url of SHA-256) of a session key: 32 bytes Ed25519, 33 bytes P-256 compressed. */
export function thumbprintOf(sessionKey: Bytes): string | undefined {
  const required = requiredMembers(sessionKey)
  return required === undefined ? undefined : base64url(nodePrimitives.sha256(ascii(JSON.stringify(required))))
}

export type TokenRequest = {
  readonly account: string
  /** The session key the token is bound to; unbound without. */
  readonly sessionKey?: Bytes
  readonly audience: string
  readonly lifeS: number
  readonly nowMs: number
  readonly scopes?: readonly string[]
  /** Accounts a hub may speak for. */
  readonly hubAccounts?: readonly string[]
}

/** Is this a key that a token can be bound to? */
export function isSessionKey(key: Bytes): boolean {
  return thumbprintOf(key) !== undefined
}

export const sessionKeyExpected = 'a session key is 32 bytes (Ed25519) or 33 (P-256, compressed)'

/** A token of the local issuer, saying that the wearer signed in just now. */
export async function mintToken(seed: Bytes, request: TokenRequest): Promise<string> {
  const publicKey = publicJwk(nodePrimitives.ed25519PublicKey(seed))
  const key = await importJWK({ kty: 'OKP', crv: 'Ed25519', x: publicKey.x, d: base64url(seed) }, 'EdDSA')
  const nowS = Math.floor(request.nowMs / 1_000)
  const jkt = request.sessionKey === undefined ? undefined : thumbprintOf(request.sessionKey)
  if (request.sessionKey !== undefined && jkt === undefined) {
    throw new RangeError(sessionKeyExpected)
  }
  return new SignJWT({
    auth_time: nowS,
    ...(jkt === undefined ? {} : { cnf: { jkt } }),
    ...(request.scopes === undefined ? {} : { scope: request.scopes.join(' ') }),
    ...(request.hubAccounts === undefined ? {} : { accounts: request.hubAccounts }),
  })
    .setProtectedHeader({ alg: 'EdDSA', kid: publicKey.kid })
    .setIssuer(localIssuer)
    .setAudience(request.audience)
    .setSubject(parseAccountId(request.account))
    .setIssuedAt(nowS)
    .setExpirationTime(nowS + request.lifeS)
    .sign(key)
}

/** Which issuer a token claims; only picks whose keys it is measured with. */
function claimedIssuer(token: string): string | undefined {
  try {
    return decodeJwt(token).iss
  } catch {
    return undefined
  }
}

function claimsOf(payload: JWTPayload, sessionKey: Bytes, from: TokenIssuer): TokenClaims | TokenRefusal {
  const { exp, auth_time: authTime, cnf, accounts } = payload
  if (exp === undefined) return 'expired'
  const scopes = scopesOf(payload)
  if (scopes === undefined) return 'scope'
  const account = accountIn(payload, from)
  if (account === undefined) return 'subject'
  return {
    account,
    authTimeMs: typeof authTime === 'number' && Number.isFinite(authTime) ? Math.floor(authTime * 1_000) : 0,
    expiresAtMs: Math.floor(exp * 1_000),
    scopes,
    boundToKey: isBound(cnf, sessionKey),
    hubAccounts: Array.isArray(accounts) ? accounts.flatMap((one: unknown) => hubAccount(one, from)) : [],
  }
}

/**
 * RFC 9068 §2.2.3: words with spaces between. Some providers call it `scp`, as words or as a list; passed over it would make a hub's or a
 * web surface's token one of a phone.
 */
function scopesOf({ scope, scp }: JWTPayload): readonly string[] | undefined {
  const given = scope === undefined ? scp : scope
  if (given === undefined) return []
  if (typeof given === 'string') return given.split(' ').filter((one) => one !== '')
  const isList = scope === undefined && Array.isArray(given)
  return isList && given.every((one: unknown) => typeof one === 'string') ? given : undefined
}

/** The account that a token is for. The engine's own issuer names accounts; all others name subjects. */
function accountIn(
  payload: JWTPayload,
  { issuer, accountClaim = 'sub' }: TokenIssuer,
): TokenClaims['account'] | undefined {
  // An address that its provider has not verified may be another person's.
  if (accountClaim === 'email' && payload['email_verified'] !== true) return undefined
  return issuer === localIssuer ? accountNamed(payload.sub) : accountOf(claimAt(payload, accountClaim))
}

function accountNamed(name: string | undefined): TokenClaims['account'] | undefined {
  try {
    return name === undefined ? undefined : parseAccountId(name)
  } catch {
    return undefined
  }
}

/** A hub's accounts are named as tokens name them; `*` is every one. */
function hubAccount(named: unknown, { issuer }: TokenIssuer): readonly string[] {
  if (typeof named !== 'string') return []
  const account = named === '*' || issuer === localIssuer ? named : accountOf(named)
  return account === undefined ? [] : [account]
}

function isBound(cnf: unknown, sessionKey: Bytes): boolean {
  if (typeof cnf !== 'object' || cnf === null || !('jkt' in cnf)) return false
  const thumbprint = thumbprintOf(sessionKey)
  return thumbprint !== undefined && cnf.jkt === thumbprint
}

/** The members a thumbprint is taken over, in its order (RFC 7638 §3.2, RFC 8037 §2). */
function requiredMembers(key: Bytes): Readonly<Record<string, string>> | undefined {
  if (key.length === 32) return { crv: 'Ed25519', kty: 'OKP', x: base64url(key) }
  if (key.length !== 33) return undefined
  try {
    const point = ECDH.convertKey(key, 'prime256v1', undefined, undefined, 'uncompressed')
    if (typeof point === 'string') return undefined
    return { crv: 'P-256', kty: 'EC', x: base64url(point.subarray(1, 33)), y: base64url(point.subarray(33)) }
  } catch {
    return undefined
  }
}

/** Keys of the two kinds we take, public halves only. What a set has beside them, such as RSA keys, is passed over. */
function usableKeys(jwks: unknown): JSONWebKeySet {
  if (typeof jwks !== 'object' || jwks === null || !('keys' in jwks) || !Array.isArray(jwks.keys)) return { keys: [] }
  const keys: JSONWebKeySet['keys'][number][] = []
  for (const key of jwks.keys as readonly unknown[]) {
    if (typeof key !== 'object' || key === null) continue
    const { kty, crv, x, y, kid, use, alg } = { ...noKey, ...key }
    const isOurs = (kty === 'OKP' && crv === 'Ed25519') || (kty === 'EC' && crv === 'P-256')
    const isForTokens = (use === undefined || use === 'sig') && (alg === undefined || algorithms.includes(String(alg)))
    const [left, right] = [coordinateOf(x), coordinateOf(y)]
    if (!isOurs || !isForTokens || left === undefined || (kty === 'EC' && right === undefined)) continue
    keys.push({
      kty,
      crv,
      x: left,
      ...(kty === 'EC' && right !== undefined ? { y: right } : {}),
      ...(typeof kid === 'string' ? { kid } : {}),
    })
  }
  return { keys }
}

const noKey = { kty: '', crv: '', x: undefined, y: undefined, kid: undefined, use: undefined, alg: undefined }

/** 32 bytes in base64url (RFC 7518 §6.2.1.2), which some write as base64 or with padding. */
function coordinateOf(written: unknown): string | undefined {
  if (typeof written !== 'string') return undefined
  const text = written.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
  return /^[\w-]{43}$/.test(text) ? text : undefined
}
