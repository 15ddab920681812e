// JWT issuer of a demo: account tokens, which a wallet's sign-in would hand to the app, made here so that simulated phones
// can sign in. A JWT (RFC 7519) bound to the phone's session key by `cnf.jkt` (RFC 9449 §6.1).

import { type Bytes, ascii, concatBytes } from '../base/bytes.ts'
import { base64url } from '../base/base64url.ts'
import type { Primitives } from '../crypto/primitives/primitives.ts'

/** Issuer of the tokens; `seed` is an Ed25519 seed. */
export type TokenIssuer = { readonly iss: string; readonly aud: string; readonly kid: string; readonly seed: Bytes }

export type TokenWish = {
  readonly account: string
  readonly nowMs: number
  /** When the wearer last signed in; now unless given. */
  readonly signedInAtMs?: number
  readonly lifeS?: number
  /** Space-separated, such as `hub` or `web`. */
  readonly scope?: string
}

const defaultLifeS = 3_600

/** A token for the phone with this Ed25519 session key. */
export function mintToken(primitives: Primitives, issuer: TokenIssuer, wish: TokenWish, sessionKey: Bytes): string {
  const iat = Math.floor(wish.nowMs / 1_000)
  const header = { alg: 'EdDSA', typ: 'JWT', kid: issuer.kid }
  const claims = {
    iss: issuer.iss,
    aud: issuer.aud,
    sub: wish.account,
    iat,
    exp: iat + (wish.lifeS ?? defaultLifeS),
    auth_time: Math.floor((wish.signedInAtMs ?? wish.nowMs) / 1_000),
    cnf: { jkt: thumbprint(primitives, sessionKey) },
    ...(wish.scope === undefined ? {} : { scope: wish.scope }),
  }
  const signed = `${jsonPart(header)}.${jsonPart(claims)}`
  return `${signed}.${base64url(primitives.ed25519Sign(issuer.seed, ascii(signed)))}`
}

/** JWK thumbprint of an Ed25519 key (RFC 7638 §3, RFC 8037 §2). */
export function thumbprint(primitives: Primitives, publicKey: Bytes): string {
  if (publicKey.length !== 32) throw new RangeError(`an Ed25519 key is 32 bytes, got ${publicKey.length}`)
  return base64url(primitives.sha256(ascii(`{"crv":"Ed25519","kty":"OKP","x":"${base64url(publicKey)}"}`)))
}

function jsonPart(value: object): string {
  return base64url(concatBytes(new TextEncoder().encode(JSON.stringify(value))))
}
