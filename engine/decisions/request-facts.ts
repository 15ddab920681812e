// Input of the policy. What a request is decided from: the band's proof opened and checked, and the facts around it.

import { armKey, proofTag } from '../../crypto/signed/proof.ts'
import { equalSecret, wipe } from '../../crypto/primitives/secret.ts'
import { gradeProximity } from '../../policy/proximity.ts'
import type { Bytes } from '../../base/bytes.ts'
import { decodeEvidence } from '../../protocol/evidence.ts'
import type { PhoneFrameOf } from '../../protocol/messages/frames.ts'
import { idBytes } from '../../protocol/ids.ts'
import type { Offer } from '../../protocol/offer.ts'
import { type AuthProof, decodeUpOp } from '../../protocol/ops.ts'
import type { DataRecord } from '../../protocol/records.ts'
import { endLink, openRecord } from '../bands/band-link.ts'
import { ownerEpochOf } from '../ledger/account-rows.ts'
import type { Core } from '../core/core.ts'
import type { LinkIndex } from '../core/links.ts'
import { armingOf, usageCounted } from '../ports/apply.ts'
import { type AccountRow, type BandRow, accountBandKey, holdsOnBand } from '../ports/rows.ts'
import type { Session } from '../core/session.ts'
import type { Slot } from '../core/slots.ts'
import { confirmLink } from '../bands/up-records.ts'
import { verifyUser } from '../phones/user-verification.ts'
import { isPresent, isTickFresh } from '../bands/presence.ts'

/** A request whose proof opened on the band's live link. */
export type Proved = {
  readonly offer: Offer
  readonly rd: Bytes
  readonly record: DataRecord
  readonly proof: AuthProof
  readonly link: LinkIndex
}

/** Opens the band's AUTH_PROOF with `rd` as its context: a proof for one payment cannot open as another. */
export function openProof(
  core: Core,
  slot: Slot,
  record: DataRecord,
  offer: Offer,
  rd: Bytes,
): { readonly proof: AuthProof; readonly link: LinkIndex } | undefined {
  if (!record.proof) return undefined
  const opened = openRecord(core, slot, record, rd)
  if (opened === undefined) return undefined
  confirmLink(core, slot, record, opened)
  const op = decodeUpOp(opened.plaintext)
  if (op.type !== 'authProof') {
    endLink(core, slot, opened.link)
    return undefined
  }
  return op.rid === offer.terms.rid ? { proof: op, link: opened.link } : undefined
}

/** Everything `decide` looks at but the band itself. */
export function gatherFacts(
  core: Core,
  session: Session,
  slot: Slot,
  frame: PhoneFrameOf<'authorize'>,
  proved: Proved,
) {
  const { offer, proof, link } = proved
  const band = core.ledger.get('band', slot.bandId)
  const account = core.ledger.get('account', slot.account)
  const conformance = band?.conformance ?? 0
  const nowMs = core.time.nowMs()
  const { speaker } = session
  return {
    nowMs,
    clockCertain: core.time.certain(),
    proof: {
      valid: band !== undefined && isProofValid(core, slot, band, proved),
      verdict: proof.verdict,
      wear: proof.wear,
      armEpoch: proof.armEpoch,
    },
    present: isPresent(core, link) && isTickFresh(core, link, proof.tick),
    terms: offer.terms,
    level: gradeProximity({
      verdict: proof.verdict,
      evidence: decodeEvidence(proof.evidence),
      conformance,
      // No reader speaks to the engine itself yet, so no reader's clock vouches for an echo.
      readerNonceMatched: false,
    }),
    limits: { tables: core.config.limits, own: ownLimits(account) },
    usage: usageCounted(core.ledger.get('usage', slot.account), core.ledger.rewound),
    arming: armingOf(core.ledger.get('arming', accountBandKey(slot.account, slot.bandId)), band?.armEpoch),
    ownerEpoch: ownerEpochOf(core, account),
    accountHolds: account === undefined ? 0 : holdsOnBand(account, slot.bandId),
    phonePending: speaker?.type === 'phone' && nowMs < speaker.pendingUntilMs,
    userVerifiedNow: frame.uv !== null && verifyUser(core, session, frame, frame.uv) !== undefined,
    restricted: band === undefined || core.vendors.status(band.vendor, band.model, band.batch) !== 'active',
  }
}
export type RequestFactsGathered = ReturnType<typeof gatherFacts>

/** What the owner has set for itself, as the policy takes it. */
export function ownLimits(account: AccountRow | undefined) {
  return (account?.limits ?? []).map(([currency, perUseMinor, perDayMinor]) => ({ currency, perUseMinor, perDayMinor }))
}

/** Does `p` prove that the worn, armed band saw these bytes? Without an arm secret nothing does. */
function isProofValid(core: Core, slot: Slot, row: BandRow, { rd, record, proof }: Proved): boolean {
  const key = currentArmKey(core, slot, row)
  if (key === undefined || proof.armEpoch !== row.armEpoch) return false
  const tag = proofTag(core.primitives, key, { rd, sid: record.sid, ctr: record.ctr, proved: proof.proved })
  return equalSecret(tag, proof.p)
}

function currentArmKey(core: Core, slot: Slot, row: BandRow): Uint8Array | undefined {
  const band = core.registry.wake(slot.bandId)
  if (band.armKey !== undefined) return band.armKey
  const { sealedArmSecret } = band.keys
  if (sealedArmSecret === null) return undefined
  const secret = core.keys.keyring.open('arm', idBytes(slot.bandId), row.armEpoch, sealedArmSecret)
  if (secret === undefined) return undefined
  band.armKey = armKey(core.primitives, secret, idBytes(slot.bid), row.armEpoch)
  wipe(secret)
  return band.armKey
}
