// A decision in words, from what the journal or the history keeps of it: the same for every list that shows one.

import { parseAction } from '../../protocol/actions.ts'
import { decodeOfferTerms } from '../../protocol/offer.ts'
import { parseObligation, parseReason } from '../../protocol/reasons.ts'

/** What was asked for. A partner's own action goes by its number. */
export function askedFor(canon: Uint8Array) {
  const { partner, resource, rid, action, amountMinor, currency } = decodeOfferTerms(canon)
  const named = parseAction(action)
  return {
    partner,
    resource,
    reference: rid,
    action: named === undefined || named === 'partner-own' ? String(action) : named,
    amountMinor,
    currency,
  }
}

/** A number of a newer version's list stays a number. */
export function reasonWord(reason: number): string {
  return parseReason(reason) ?? String(reason)
}

export function obligationWord(obligation: number | null): string | null {
  return obligation === null ? null : (parseObligation(obligation) ?? String(obligation))
}

const utf8 = new TextDecoder()

/** The text of a label as it is on the wire: padded with zeros. */
export function labelText(label: Uint8Array): string {
  const end = label.indexOf(0)
  return utf8.decode(end < 0 ? label : label.subarray(0, end))
}
