// Ports of tokens, partners, vendors and keys. Who the engine asks about the world outside: tokens, partners, vendors, its own keys. Each
// answer is a value; doubt denies.

import type { Keyring } from '../../crypto/at-rest.ts'
import type { KeysetOp } from '../../crypto/signed/keyset.ts'
import type { VendorKey } from '../../crypto/signed/band-certs.ts'
import type { AccountId, PartnerId } from '../../protocol/ids.ts'

/** What an account token says, after its signature, issuer, audience and times were checked. */
export type TokenClaims = {
  readonly account: AccountId
  /** When the wearer last signed in, ms; 0 = the token does not say. */
  readonly authTimeMs: number
  readonly expiresAtMs: number
  readonly scopes: readonly string[]
  /** The token's `cnf.jkt` is the thumbprint of the session key that signed the hello (RFC 9449 §6.1). */
  readonly boundToKey: boolean
  /** Accounts a hub may speak for; `['*']` = every account. Empty for phones. */
  readonly hubAccounts: readonly string[]
}

/** Why a token is refused, for those who run the engine; a phone hears `token-invalid`. */
export const tokenRefusals = [
  'malformed',
  'issuer',
  'algorithm',
  'key',
  'signature',
  'audience',
  'expired',
  'not-yet-valid',
  'subject',
  'scope',
  'not-bound',
  'sign-in-old',
  'other',
] as const
export type TokenRefusal = (typeof tokenRefusals)[number]

export type Tokens = {
  /**
   * The claims, or undefined for a token that is not valid now. Rejects only when its keys cannot be had: with a Fault `issuer-unreachable`,
   * which is no verdict on the token.
   */
  readonly verify: (token: string, sessionKey: Uint8Array) => Promise<TokenClaims | undefined>
  /** Hears of a token that holds and is not for the session that it was brought to. */
  readonly refused?: (reason: TokenRefusal) => void
}

export type Partner = {
  readonly id: PartnerId
  readonly name: string
  /** Offer keys by kid; two while rotating. */
  readonly offerKeys: ReadonlyMap<number, Uint8Array>
}
export type Partners = { readonly find: (id: PartnerId) => Partner | undefined }

export type VendorStatus = 'active' | 'revoked' | 'unknown'
export type Vendors = {
  /** Whether bands of this vendor, model and batch may pair; revoked ones that are bound drop to the lowest limits. */
  readonly status: (vendor: number, model: number, batch: number) => VendorStatus
  /** The root key that signs this issuer's BandCerts. */
  readonly rootKey: (vendor: number, issuer: number) => VendorKey | undefined
}

/** The engine's own keys (PROTOCOL §1). */
export type EngineKeys = {
  readonly ekid: number
  /** S_E by ekid: current and next. */
  readonly engineSecrets: ReadonlyMap<number, Uint8Array>
  /** The next S_E as bands are told of it, signed by V_R; undefined when there is none. */
  readonly keyset: KeysetOp | undefined
  readonly rkid: number
  readonly releaseSeed: Uint8Array
  readonly receipt: { readonly kid: string; readonly seed: Uint8Array }
  /** Keyed hashes that must not be joined outside: acctTag, pairwise subjects. */
  readonly pepper: Uint8Array
  readonly keyring: Keyring
}
