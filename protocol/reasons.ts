// Reason codes: the closed list of why a request was denied. To add a reason, add one line here and one in docs/protocol.md;
// the compiler and a test then point at whatever else must know it.

import { finderOf } from '../base/names.ts'

/** Obligations: what would help the wearer get past a denial. */
export const obligations = { 'verify-user': 1, tap: 2 } as const
export type Obligation = keyof typeof obligations

/** Wire numbers are forever: add at the end, never reuse. 0 is the approval. */
export const reasons = {
  approved: 0,
  'unsupported-action': 1,
  'band-not-bound': 2,
  'band-off-wrist': 3,
  'band-not-armed': 4,
  'band-deactivating': 5,
  'owner-freeze': 6,
  'operator-freeze': 7,
  'risk-freeze': 8,
  'band-lost': 9,
  'not-present': 10,
  'proof-invalid': 11,
  'refused-by-wearer': 12,
  'verification-stale': 13,
  'proximity-too-low': 14,
  'over-use-limit': 15,
  'over-day-limit': 16,
  'over-class-limit': 17,
  'over-evidence-limit': 18,
  'currency-not-allowed': 19,
  'amount-invalid': 20,
  'offer-expired': 21,
  'offer-not-authentic': 22,
  'reference-conflict': 23,
  'epoch-raised': 24,
  'clock-uncertain': 25,
  'arm-expired': 26,
  'phone-pending': 27,
  'offer-too-long-lived': 28,
  'over-arming-limit': 29,
} as const

/** `approved`, or why not. */
export type Reason = keyof typeof reasons
export type DenialReason = Exclude<Reason, 'approved'>

const reasonOfNumber = finderOf(reasons)
const obligationOfNumber = finderOf(obligations)

/** The reason with this wire number, or undefined for a number this version does not know. */
export function parseReason(number: number): Reason | undefined {
  return reasonOfNumber(number)
}

/** The obligation with this wire number, or undefined for a number this version does not know. */
export function parseObligation(number: number): Obligation | undefined {
  return obligationOfNumber(number)
}
