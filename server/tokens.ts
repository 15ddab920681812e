// Account tokens: who verifies them and, for demos, who makes them. The one door to jose. Algorithm and keys are our
// choice by issuer, never the token's: a key is used only with the algorithm of its kind, and what a token brings along
// (`jwk`, `jku`, `x5c`) is ignored.

import { ECDH } from 'node:crypto'
import {
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  SignJWT,
  createLocalJWKSet,
  createRemoteJWKSet,
  decodeJwt,
  errors,
  importJWK,
  jwtVerify,
} from 'jose'
import { base64url } from '../crypto/base64url.ts'
import { nodePrimitives } from '../crypto/node-primitives.ts'
import { Fault } from '../engine/ports/fault.ts'
import type { TokenClaims, Tokens } from '../engine/ports/surroundings.ts'
import { type Bytes, ascii } from '../protocol/bytes.ts'
import { parseAccountId } from '../protocol/ids.ts'
import { kidOf } from './engine-keys.ts'

/** `iss` of tokens that `bandpass token` makes. */
export const localIssuer = 'bandpass-local'

/** The algorithms of account tokens; each goes with one kind of key. */
const algorithms = ['EdDSA', 'Ed25519', 'ES256']
/** How far the issuer's clock may be from ours, s. */
const leewayS = 5
const jwksTimeoutMs = 5_000
const jwksCacheMs = 600_000
const jwksCooldownMs = 30_000

/** Whose tokens are accepted: an `iss` and where its keys are. */
export type TokenIssuer = { readonly issuer: string; readonly keys: JWTVerifyGetKey }

/** An issuer with a fixed set of keys. Throws a Fault `keys-missing` on a set without a usable key. */
export function fixedIssuer(issuer: string, jwks: unknown, from: string): TokenIssuer {
  const usable = usableKeys(jwks)
  if (usable.keys.length === 0) {
    throw new Fault('keys-missing', `${from}: a JWK set with at least one Ed25519 or P-256 public key expected`)
  }
  return { issuer, keys: createLocalJWKSet(usable) }
}

/** An issuer whose keys are fetched from an address and cached. */
export function remoteIssuer(issuer: string, url: string): TokenIssuer {
  const options = { timeoutDuration: jwksTimeoutMs, cacheMaxAge: jwksCacheMs, cooldownDuration: jwksCooldownMs }
  const remote = createRemoteJWKSet(new URL(url), options)
  const keys: JWTVerifyGetKey = async (header, token) => {
    try {
      return await remote(header, token)
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error
      throw new Fault('keys-missing', `the keys of ${issuer} cannot be had from ${url}`, { retry: true, cause: error })
    }
  }
  return { issuer, keys }
}

/** The issuer whose seed is among the engine's own keys. */
export function issuerOfSeed(seed: Bytes): TokenIssuer {
  return fixedIssuer(localIssuer, { keys: [publicJwk(nodePrimitives.ed25519PublicKey(seed))] }, 'the local issuer')
}

/** An Ed25519 public key as a JWK (RFC 8037 §2), named by its kid. */
export function publicJwk(publicKey: Bytes): Record<'kty' | 'crv' | 'x' | 'kid' | 'use' | 'alg', string> {
  return { kty: 'OKP', crv: 'Ed25519', x: base64url(publicKey), kid: kidOf(publicKey), use: 'sig', alg: 'EdDSA' }
}

/** Verifies tokens of these issuers. */
export function createTokens(from: {
  readonly issuers: readonly TokenIssuer[]
  readonly audience: string
  readonly nowMs: () => number
}): Tokens {
  return {
    async verify(token, sessionKey) {
      const issuer = from.issuers.find((one) => one.issuer === claimedIssuer(token))
      if (issuer === undefined) return undefined
      try {
        const { payload } = await jwtVerify(token, issuer.keys, {
          algorithms,
          issuer: issuer.issuer,
          audience: from.audience,
          clockTolerance: leewayS,
          currentDate: new Date(from.nowMs()),
          requiredClaims: ['sub', 'exp'],
        })
        return claimsOf(payload, sessionKey)
      } catch (error) {
        if (error instanceof Fault) throw error
        return undefined
      }
    },
  }
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

/** A token of the local issuer, saying that the wearer signed in just now. */
export async function mintToken(seed: Bytes, request: TokenRequest): Promise<string> {
  const publicKey = publicJwk(nodePrimitives.ed25519PublicKey(seed))
  const key = await importJWK({ kty: 'OKP', crv: 'Ed25519', x: publicKey.x, d: base64url(seed) }, 'EdDSA')
  const nowS = Math.floor(request.nowMs / 1_000)
  const jkt = request.sessionKey === undefined ? undefined : thumbprintOf(request.sessionKey)
  if (request.sessionKey !== undefined && jkt === undefined) {
    throw new RangeError('a session key is 32 bytes (Ed25519) or 33 (P-256, compressed)')
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

function claimsOf(payload: JWTPayload, sessionKey: Bytes): TokenClaims | undefined {
  const { sub, exp, auth_time: authTime, scope, cnf, accounts } = payload
  if (sub === undefined || exp === undefined) return undefined
  // RFC 9068 §2.2.3: words with spaces between. A list would read as no scope, and so as a phone's.
  if (scope !== undefined && typeof scope !== 'string') return undefined
  let account: TokenClaims['account']
  try {
    account = parseAccountId(sub)
  } catch {
    return undefined
  }
  return {
    account,
    authTimeMs: typeof authTime === 'number' && Number.isFinite(authTime) ? Math.floor(authTime * 1_000) : 0,
    expiresAtMs: Math.floor(exp * 1_000),
    scopes: scope === undefined ? [] : scope.split(' ').filter((one) => one !== ''),
    boundToKey: isBound(cnf, sessionKey),
    hubAccounts: Array.isArray(accounts) ? accounts.filter((one): one is string => typeof one === 'string') : [],
  }
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

/** Keys of the two kinds we take, public halves only. */
function usableKeys(jwks: unknown): JSONWebKeySet {
  if (typeof jwks !== 'object' || jwks === null || !('keys' in jwks) || !Array.isArray(jwks.keys)) return { keys: [] }
  const keys: JSONWebKeySet['keys'][number][] = []
  for (const key of jwks.keys as readonly unknown[]) {
    if (typeof key !== 'object' || key === null) continue
    const { kty, crv, x, y, kid, use } = { kty: '', crv: '', x: '', y: '', kid: undefined, use: undefined, ...key }
    const isOurs = (kty === 'OKP' && crv === 'Ed25519') || (kty === 'EC' && crv === 'P-256')
    if (!isOurs || typeof x !== 'string' || (use !== undefined && use !== 'sig')) continue
    keys.push({
      kty,
      crv,
      x,
      ...(kty === 'EC' && typeof y === 'string' ? { y } : {}),
      ...(typeof kid === 'string' ? { kid } : {}),
    })
  }
  return { keys }
}
