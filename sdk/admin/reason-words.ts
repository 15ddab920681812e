// Descriptions of reason codes: why something was denied, for people who look into it. What a wearer is shown is the app's business.

import { type Reason, reasons } from '../../protocol/reasons.ts'

const words: Readonly<Record<Reason, string>> = {
  approved: 'approved',
  'unsupported-action': 'this engine does not decide that action',
  'band-not-bound': 'the band was nobody’s',
  'band-off-wrist': 'the band was not worn',
  'band-not-armed': 'the band was not armed',
  'band-deactivating': 'the band was being deactivated',
  'owner-freeze': 'frozen by its owner',
  'operator-freeze': 'frozen by an operator',
  'risk-freeze': 'frozen by a rule',
  'band-lost': 'reported lost',
  'not-present': 'the wearer’s presence had lapsed',
  'proof-invalid': 'the proof did not fit',
  'refused-by-wearer': 'the wearer said no',
  'verification-stale': 'needs a newer verification',
  'proximity-too-low': 'needs a tap',
  'over-use-limit': 'too much for one use',
  'over-day-limit': 'too much for that day',
  'over-class-limit': 'too much of that action for that day',
  'over-evidence-limit': 'too much for how near the band was',
  'currency-not-allowed': 'no limits for this currency',
  'amount-invalid': 'no amount',
  'offer-expired': 'the offer had expired',
  'offer-not-authentic': 'no partner made this offer',
  'reference-conflict': 'the reference was used for something else',
  'epoch-raised': 'everything was frozen after the arming',
  'clock-uncertain': 'the engine did not trust its clock',
  'arm-expired': 'the arming was over',
  'phone-pending': 'the phone was too new',
  'offer-too-long-lived': 'the offer expires too late',
  'over-arming-limit': 'too much since the band was armed',
}

/** A reason in words; one that this version does not know is told as it is. */
export function reasonText(reason: string): string {
  return isReason(reason) ? words[reason] : reason
}

function isReason(reason: string): reason is Reason {
  return Object.hasOwn(reasons, reason)
}
