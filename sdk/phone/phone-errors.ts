// Error type and codes of the phone client: a stable code, what to do next, and a sentence for the developer. Nothing else is thrown.

import { type CloseCode, type ErrorCode, closeCodes, parseCloseCode, parseErrorCode } from '../../protocol/errors.ts'

/** Error codes that arise on the phone itself. */
type LocalErrorCode =
  | 'offline'
  | 'timeout'
  | 'band-unreachable'
  | 'engine-misspoke'
  | 'closed'
  | 'no-slot-free'
  | 'no-signature'
  | 'not-verified'
export type PhoneErrorCode = ErrorCode | CloseCode | LocalErrorCode

/** `retry` the same call later · `re-authenticate` get a new account token · `ask-user` to do something · `stop`. */
export type WhatThen = 'retry' | 're-authenticate' | 'ask-user' | 'stop'

type Advice = readonly [then: WhatThen, message: string]

/** Table of what each error code means to a phone app. The close codes' `then` is the protocol's. */
const advice: Readonly<Record<PhoneErrorCode, Advice>> = {
  malformed: ['stop', 'the engine did not understand this phone: update the app'],
  'not-authenticated': ['re-authenticate', 'the session is not authenticated: connect with a new account token'],
  'token-invalid': ['re-authenticate', 'the account token was refused: sign in again and give a new one'],
  'hello-proof-invalid': ['stop', 'the session key’s signature was refused: check the phone keys and the url’s host'],
  'unknown-band': ['stop', 'this account has no such band: read bands() again'],
  'slot-in-use': ['retry', 'the slot still carries another band: detach it first'],
  'slot-empty': ['retry', 'no band is attached to the slot: attach it again'],
  'rate-limited': ['retry', 'too many frames: wait retryAfterMs and send fewer'],
  busy: ['retry', 'the engine is busy with this band: wait retryAfterMs'],
  'pair-refused': [
    'ask-user',
    'pairing was refused; the reason is not told: is the band new, charged, and just tapped?',
  ],
  'pair-cancelled': ['ask-user', 'pairing was cancelled or its three minutes ended: start again'],
  'verification-invalid': ['ask-user', 'the user verification was refused: ask for the biometric again'],
  'phone-pending': [
    'ask-user',
    'this phone is new and waits for the security delay: only stopping is allowed until then',
  ],
  'not-worn': ['ask-user', 'the band is not on the wrist: put it on first'],
  'not-present': ['retry', 'the band was not heard lately: bring it near and try again'],
  'band-held': ['ask-user', 'a hold is set on the band: it must be lifted first'],
  'wrong-surface': ['ask-user', 'this cannot be done from this phone: sign in on the web'],
  'nothing-to-veto': ['stop', 'there is no change to veto'],
  'storage-full': ['retry', 'the engine cannot store more now; freezing still works'],
  unavailable: ['retry', 'the engine cannot answer now: wait and try again'],
  'unsupported-frame': ['stop', 'this engine does not offer that'],
  draining: ['retry', 'this engine is shutting down: reconnect'],
  'out-of-range': ['stop', 'a value is outside what the engine allows'],
  'not-for-hubs': ['stop', 'a hub cannot do this'],
  'band-silent': ['retry', 'the band did not answer: bring it near and try again'],
  'wrong-state': ['retry', 'the band’s state does not allow this now: look at its state'],
  'phone-unknown': ['re-authenticate', 'the engine does not know this phone: sign in again'],
  'phones-full': ['stop', 'the account has as many phones as it may: remove one first'],
  'phone-suspended': ['stop', 'another phone asked to remove this one: only stopping and reading go on'],
  'auth-timeout': ['re-authenticate', 'signing in took too long: connect again with a token at hand'],
  'auth-failed': ['re-authenticate', 'the engine refused this phone’s sign-in: get a new account token'],
  fenced: ['stop', 'a newer session of this phone took over: do not reconnect from here'],
  'slow-reader': ['retry', 'this phone read too slowly and was disconnected'],
  'token-expired': ['re-authenticate', 'the account token expired: get a new one'],
  'version-unsupported': ['stop', 'the engine does not speak this version: update the app'],
  offline: ['retry', 'no connection to the engine: it is tried again in the background'],
  timeout: ['retry', 'no answer in time'],
  'band-unreachable': ['ask-user', 'the band did not come up over the radio: bring it near'],
  'engine-misspoke': ['stop', 'the engine sent what this version does not understand: update the app'],
  closed: ['stop', 'this session is over: connect anew'],
  'no-slot-free': ['stop', 'this session already carries as many bands as it may: detach one'],
  'no-signature': ['retry', 'the session key did not sign: is the phone unlocked?'],
  'not-verified': ['ask-user', 'the user was not verified: ask for the biometric again'],
}

/** Every failure of the phone client. `retryAfterMs` is null unless the engine named a time. */
export class PhoneError extends Error {
  override readonly name = 'PhoneError'
  readonly code: PhoneErrorCode
  readonly then: WhatThen
  readonly retryAfterMs: number | null

  constructor(
    code: PhoneErrorCode,
    details: { readonly retryAfterMs?: number | null; readonly about?: string; readonly cause?: unknown } = {},
  ) {
    const [then, message] = advice[code]
    super(
      details.about === undefined ? `${code}: ${message}` : `${code} (${details.about}): ${message}`,
      details.cause === undefined ? {} : { cause: details.cause },
    )
    this.code = code
    this.then = then
    this.retryAfterMs = details.retryAfterMs ?? null
  }
}

/** Wraps whatever was thrown in a PhoneError: itself, or one of this code that says what it was. */
export function asPhoneError(error: unknown, code: PhoneErrorCode): PhoneError {
  return error instanceof PhoneError ? error : new PhoneError(code, { about: textOf(error), cause: error })
}

/** Runs one call of the app: what it rejects with is a PhoneError. Arguments of a wrong type or size are `out-of-range`. */
export async function guarded<Value>(call: () => Promise<Value> | Value): Promise<Value> {
  try {
    return await call()
  } catch (error) {
    throw asPhoneError(error, 'out-of-range')
  }
}

/** Text of a thrown value, never throwing itself; apps throw all kinds, also such as cannot be written down. */
export function textOf(value: unknown): string {
  try {
    return String(value)
  } catch {
    return typeof value
  }
}

/** Frame 200 as an error; a code this version does not know is `engine-misspoke`. */
export function errorOfFrame(
  frame: { readonly code: number; readonly retryAfterMs: number | null },
  about: string,
): PhoneError {
  const code = parseErrorCode(frame.code)
  if (code === undefined) return new PhoneError('engine-misspoke', { about: `${about}, error ${frame.code}` })
  return new PhoneError(code, { retryAfterMs: frame.retryAfterMs, about })
}

/** A socket's close as an error: unknown codes of 4000 to 4099 stop, all others are a lost connection. */
export function errorOfClose(number: number): PhoneError {
  const code = parseCloseCode(number)
  if (code !== undefined) return new PhoneError(code)
  if (number >= 4000 && number <= 4099) return new PhoneError('engine-misspoke', { about: `close code ${number}` })
  return new PhoneError('offline', { about: `close code ${number}` })
}

/** May the client reconnect by itself after this? `fenced` never; `re-authenticate` with a new token. */
export function afterClose(error: PhoneError): 'retry' | 're-authenticate' | 'stop' {
  const close = Object.entries(closeCodes).find(([name]) => name === error.code)
  if (close !== undefined) return close[1].then
  return error.then === 'ask-user' ? 'stop' : error.then
}
