// Test oracle for decisions: which of an honest request can be right, whatever engine it was asked.

import { verdicts } from '../../protocol/ops.ts'
import { type DenialReason, parseReason } from '../../protocol/reasons.ts'

/** Denials that the account's own limits and the wearer may cause; every other one of an honest request is wrong. */
const fairDenials: ReadonlySet<DenialReason> = new Set([
  'unsupported-action',
  'over-use-limit',
  'over-day-limit',
  'over-class-limit',
  'over-evidence-limit',
  'over-arming-limit',
  'currency-not-allowed',
  'amount-invalid',
  'verification-stale',
  'proximity-too-low',
  'owner-freeze',
  'operator-freeze',
  'risk-freeze',
])

/** Is this decision wrong: an approval that the wearer refused, or a denial that nothing about an honest band explains? `verdict` by wire number. */
export function isWrong(decision: { readonly approved: boolean; readonly reason: number }, verdict: number): boolean {
  const isRefused = verdict === verdicts.refused
  if (decision.approved) return isRefused
  const reason = parseReason(decision.reason)
  if (reason === undefined || reason === 'approved') return true
  return !fairDenials.has(reason) && !(isRefused && reason === 'refused-by-wearer')
}
