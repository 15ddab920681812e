// Receipts: a decision signed for its partner, made only after its record is in the journal (PROTOCOL §9).

import { pairwiseSubject, signReceipt } from '../../crypto/signed/receipts.ts'
import { type Bytes, toHex } from '../../base/bytes.ts'
import type { AccountId } from '../../protocol/ids.ts'
import type { OfferTerms } from '../../protocol/offer.ts'
import type { Core } from '../core/core.ts'
import type { Lsn } from '../ports/journal.ts'

export type Approved = {
  readonly offer: { readonly terms: Omit<OfferTerms, 'label' | 'kid'> }
  readonly rd: Bytes
  readonly account: AccountId
  /** Where the approval stands in the journal. */
  readonly lsn: Lsn
  readonly atMs: number
  readonly level: number
  readonly ownerEpoch: number
}

/**
 * The receipt's `jti`: the approval's position in the journal and its instant. The position alone comes again when an older journal
 * was put back; the two together do not, because time goes on.
 */
export function receiptId({ lsn, atMs }: Pick<Approved, 'lsn' | 'atMs'>): string {
  return `${lsn.toString(16).padStart(14, '0')}-${atMs.toString(16).padStart(11, '0')}`
}

/** The compact JWS. Made again for the same approval it is the same text: everything in it is on disk. */
export function makeReceipt(core: Core, approved: Approved): string {
  return signReceipt(core.primitives, core.keys.receipt, receiptClaims(core, approved))
}

/** What the receipt says. */
export function receiptClaims(core: Core, approved: Approved) {
  const { terms } = approved.offer
  const iat = Math.floor(approved.atMs / 1_000)
  return {
    iss: core.config.issuer,
    aud: terms.partner,
    sub: pairwiseSubject(core.primitives, core.keys.pepper, approved.account, terms.partner),
    iat,
    exp: iat + core.config.receiptLifeS,
    jti: receiptId(approved),
    nonce: toHex(terms.partnerNonce),
    rd: toHex(approved.rd),
    action: terms.action,
    resource: terms.resource,
    amountMinor: terms.amountMinor,
    currency: terms.currency,
    level: approved.level,
    ownerEpoch: approved.ownerEpoch,
  }
}
