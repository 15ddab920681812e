// Error codes of frame 200 and WebSocket close codes (RFC 6455 §7.4.2, private range): closed lists; a close code says what to do.

import { finderOf, namesOf } from '../base/names.ts'

/** Error codes of frame 200. Wire numbers are forever. */
export const errorCodes = {
  malformed: 1,
  'not-authenticated': 2,
  'token-invalid': 3,
  'hello-proof-invalid': 4,
  'unknown-band': 5,
  'slot-in-use': 6,
  'slot-empty': 7,
  'rate-limited': 8,
  busy: 9,
  'pair-refused': 10,
  'pair-cancelled': 11,
  'verification-invalid': 12,
  'phone-pending': 13,
  'not-worn': 14,
  'not-present': 15,
  'band-held': 16,
  'wrong-surface': 17,
  'nothing-to-veto': 18,
  'storage-full': 19,
  unavailable: 20,
  'unsupported-frame': 21,
  draining: 22,
  'out-of-range': 23,
  'not-for-hubs': 24,
  'band-silent': 25,
  'wrong-state': 26,
  'phone-unknown': 27,
  'phones-full': 28,
  'phone-suspended': 29,
} as const
export type ErrorCode = keyof typeof errorCodes

/** Close codes 4000 to 4099 of the WebSocket, and what a phone does on each. */
export const closeCodes = {
  malformed: { number: 4000, then: 'stop' },
  'auth-timeout': { number: 4001, then: 're-authenticate' },
  'auth-failed': { number: 4002, then: 're-authenticate' },
  fenced: { number: 4003, then: 'stop' },
  'rate-limited': { number: 4004, then: 'retry' },
  'slow-reader': { number: 4005, then: 'retry' },
  draining: { number: 4006, then: 'retry' },
  unavailable: { number: 4007, then: 'retry' },
  'token-expired': { number: 4008, then: 're-authenticate' },
  'version-unsupported': { number: 4009, then: 'stop' },
} as const satisfies Record<string, { readonly number: number; readonly then: 'retry' | 're-authenticate' | 'stop' }>
export type CloseCode = keyof typeof closeCodes

const errorOfNumber = finderOf(errorCodes)
const closeOfNumber: ReadonlyMap<number, CloseCode> = new Map(
  namesOf(closeCodes).map((name) => [closeCodes[name].number, name]),
)

/** The error code with this wire number, or undefined for one this version does not know. */
export function parseErrorCode(number: number): ErrorCode | undefined {
  return errorOfNumber(number)
}

/** The close code with this number, or undefined: then treat 4000-4099 as `stop` and the rest as `retry`. */
export function parseCloseCode(number: number): CloseCode | undefined {
  return closeOfNumber.get(number)
}
