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

/** The text of a label as it is on the wire: padded with zeros. Most are ASCII: for those a decoder costs more than all else of a row. */
export function labelText(label: Uint8Array): string {
  let plain = ''
  for (const byte of label) {
    if (byte === 0) break
    if (byte > 0x7f) return utf8.decode(label.subarray(0, endOf(label)))
    plain += String.fromCharCode(byte)
  }
  return plain
}

function endOf(label: Uint8Array): number {
  const end = label.indexOf(0)
  return end < 0 ? label.length : end
}
