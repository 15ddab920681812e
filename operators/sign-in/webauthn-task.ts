// Message types of the worker thread that verifies passkeys.

import type { AssertedResponse, CreatedResponse } from './passkey-requests.ts'

/** Relying party: the origin that the browser must have seen, and the domain that passkeys are bound to (its id). */
export type PasskeyPlace = { readonly origin: string; readonly domain: string }

/** A passkey after an answer of it. */
export type JudgedPasskey = {
  readonly id: string
  readonly publicKey: Uint8Array<ArrayBuffer>
  readonly counter: number
}

export type PasskeyTask = { readonly place: PasskeyPlace; readonly challenge: string } & (
  | { readonly type: 'created'; readonly response: CreatedResponse }
  | { readonly type: 'asserted'; readonly response: AssertedResponse; readonly passkey: JudgedPasskey }
)

/** ES256 and EdDSA (COSE, RFC 9053 §2). */
export const passkeyAlgorithms = [-7, -8] as const
