// Authorization handler (frame 5). The road of an authorization (docs/architecture.md §3), one named step after the other; the only wait is
// that for the disk. Hundreds of requests wait there at once and the collector carries what each keeps, so each keeps little, and no promise
// of its own.

import { verifyOffer } from '../../crypto/signed/offers.ts'
import { requestDigest } from '../../crypto/signed/proof.ts'
import { countsInArming } from '../../policy/arming-room.ts'
import type { Decision } from '../../policy/facts.ts'
import { type Bytes, copyBytes, equalBytes } from '../../base/bytes.ts'
import type { PhoneFrameOf } from '../../protocol/messages/frames.ts'
import type { ErrorCode } from '../../protocol/errors.ts'
import type { Rid } from '../../protocol/ids.ts'
import { type Offer, type OfferTerms, decodeOffer } from '../../protocol/offer.ts'
import { patterns } from '../../protocol/ops.ts'
import {
  type DenialReason,
  type Obligation,
  type Reason,
  obligations,
  parseReason,
  reasons,
} from '../../protocol/reasons.ts'
import { decodeData } from '../../protocol/records.ts'
import { sendDown } from '../bands/band-link.ts'
import { tellBand } from '../bands/tell-band.ts'
import type { Core } from '../core/core.ts'
import type { GatePlace } from '../core/output-gate.ts'
import { decisionRecord } from './decision-record.ts'
import type { Lsn } from '../ports/journal.ts'
import { keptFor } from '../ports/references.ts'
import { type ReferenceRow, referenceKey } from '../ports/rows.ts'
import { type Approved, makeReceipt } from './receipts.ts'
import { type Proved, gatherFacts, openProof } from './request-facts.ts'
import { mayBeForgotten } from '../ledger/restored.ts'
import { type Session, answer, refuse } from '../core/session.ts'
import type { Slot } from '../core/slots.ts'
import { type Approval, reversalOf, whyOvertaken } from '../ledger/under-way.ts'

/** What is answered with frame 105. */
type Answer = {
  readonly type: 'answered'
  readonly reason: Reason
  readonly obligation: Obligation | null
  readonly useLeftMinor: number
  readonly dayLeftMinor: number
  readonly lsn: number
  readonly receipt: string | null
}

/** It could not be decided, or its record not be written: error 200. */
type Failed = { readonly type: 'failed'; readonly error: ErrorCode }

type Outcome = Answer | Failed

/** Who asked, and under which name the band knows what was asked. */
type Asked = {
  readonly session: Session
  readonly slot: Slot
  readonly id: number
  readonly startedAtMs: number
  readonly place: GatePlace
}

/** Frame 5. Answers by itself, mostly once the disk has what was decided. */
export function authorize(core: Core, session: Session, frame: PhoneFrameOf<'authorize'>): void {
  const startedAtMs = core.time.monotonicMs()
  const slot = core.slots.of(session, frame.slot)
  if (slot === undefined) return refuse(session, frame.id, 'slot-empty')
  const asked = { session, slot, id: frame.id, startedAtMs, place: core.gate.take(session) }
  try {
    decideAuthorize(core, asked, frame)
  } catch (error) {
    fail(core, asked, error)
  }
}

/** Most of these answers wait for the disk; those that nothing is journaled for do not. */
function decideAuthorize(core: Core, asked: Asked, frame: PhoneFrameOf<'authorize'>): void {
  const { slot } = asked
  const wantsReceipt = frame.wantsReceipt === true
  // The frame's buffer is borrowed, and a receipt names parts of the offer after the wait.
  const offer = decodeOffer(wantsReceipt ? copyBytes(frame.offer) : frame.offer)
  if (offer.type === 'malformed') return settle(core, asked, undefined, denied('offer-not-authentic'))
  const { rid } = offer.terms
  if (!isFromPartner(core, offer)) return settle(core, asked, rid, denied('offer-not-authentic'))
  const rd = requestDigest(core.primitives, offer.canon, offer.labelBytes)
  const { own, isTaken } = keptFor(core.ledger, referenceKey(offer.terms), slot.account)
  if (own !== undefined && !equalBytes(own.rd, rd)) return settle(core, asked, rid, denied('reference-conflict'))
  if (own?.final === true) return settleLater(core, asked, rid, answerStored(core, offer, rd, own, wantsReceipt))
  if (isTaken) return settle(core, asked, rid, denied('reference-conflict'))
  // Whether it was decided is forgotten, and it is decided once: the partner asks with a new offer when there can be none such.
  if (mayBeForgotten(core.ledger.restored, offer.terms)) return settle(core, asked, rid, failed('unavailable'))
  const record = decodeData(frame.record)
  const proof = record.type === 'data' ? openProof(core, slot, record, offer, rd) : undefined
  // Not a decision about the offer but about bytes that are no proof: nothing is journaled, the reference stays free.
  if (proof === undefined || record.type !== 'data') return settle(core, asked, rid, denied('proof-invalid'))
  decideProved(core, asked, frame, { offer, rd, record, proof: proof.proof, link: proof.link })
}

function decideProved(core: Core, asked: Asked, frame: PhoneFrameOf<'authorize'>, proved: Proved): void {
  const { session, slot } = asked
  const { offer, rd } = proved
  const { rid } = offer.terms
  const facts = gatherFacts(core, session, slot, frame, proved)
  const atMs = facts.nowMs
  const told = tellBand(core, slot.bandId, { type: 'band.authorize', atMs, facts }, byBand)
  if (told.type === 'refused') return settle(core, asked, rid, failed(told.error))
  const { decision, row } = told
  if (decision === undefined) throw new Error('a decision expected of a band that was asked for one')
  const lsn = core.ledger.append(decisionRecord(core, { slot, proved, facts, decision, row }), 'normal')
  if (typeof lsn !== 'number') return settle(core, asked, rid, notAppended(lsn))
  const enteredAtMs = core.time.monotonicMs()
  core.gate.enter(enteredAtMs)
  const { ownerEpoch, userVerifiedNow } = facts
  const armEpoch = countsInArming(offer.terms.action, userVerifiedNow) ? row.armEpoch : null
  const { approved, level } = decision
  awaitDisk(core, {
    asked,
    rid,
    decision,
    lsn,
    enteredAtMs,
    approval: approved ? underWay(slot, offer.terms, { lsn, ownerEpoch, armEpoch }) : undefined,
    receiptFor:
      approved && frame.wantsReceipt === true
        ? { offer, rd, account: slot.account, lsn, atMs, level, ownerEpoch }
        : undefined,
    tapFor: !approved && decision.obligation === 'tap' ? copyBytes(frame.offer) : undefined,
  })
}

const byBand = { by: 'band', use: 'normal' } as const

/** All that a decision keeps while its record goes to the disk. */
type Decided = {
  readonly asked: Asked
  readonly rid: Rid
  readonly decision: Decision
  readonly lsn: Lsn
  readonly enteredAtMs: number
  /** What a stop finds it by, when it was approved. */
  readonly approval: Approval | undefined
  /** What to make a receipt of, when one was asked for. */
  readonly receiptFor: Approved | undefined
  /** The offer that the wearer is asked to tap for. */
  readonly tapFor: Bytes | undefined
}

function underWay(
  { bandId, account, generation }: Slot,
  { partner, rid }: OfferTerms,
  at: Pick<Approval, 'lsn' | 'ownerEpoch' | 'armEpoch'>,
): Approval {
  const { lsn, ownerEpoch, armEpoch } = at
  return { lsn, partner, rid, bandId, account, generation, ownerEpoch, armEpoch, reversed: undefined }
}

function awaitDisk(core: Core, decided: Decided): void {
  const { approval } = decided
  if (approval !== undefined) core.underWay.add(approval)
  core.ledger.whenDurable(decided.lsn, (failure) => {
    try {
      if (approval !== undefined) core.underWay.delete(approval)
      leaveGate(core, decided.enteredAtMs)
      if (failure === undefined) answerDecided(core, decided)
      else fail(core, decided.asked, failure)
    } catch (error) {
      fail(core, decided.asked, error)
    }
  })
}

/** The record is on disk: the answer may leave, unless a hold has overtaken it. */
function answerDecided(core: Core, { asked, rid, decision, lsn, approval, receiptFor, tapFor }: Decided): void {
  const { slot } = asked
  const { useLeftMinor, dayLeftMinor } = decision
  const answered = { type: 'answered', useLeftMinor, dayLeftMinor, lsn } as const
  if (!decision.approved) {
    if (tapFor !== undefined) sendDown(core, slot, { type: 'authReq', offer: tapFor })
    const { reason, obligation } = decision
    return settle(core, asked, rid, { ...answered, reason, obligation, receipt: null })
  }
  if (approval === undefined) throw new Error('an approval expected to wait where stops find it')
  if (approval.reversed !== undefined) return settleLater(core, asked, rid, reversed(core, approval.reversed))
  const reason = whyOvertaken(approval, core.ledger.get('band', slot.bandId), core.ledger.get('account', slot.account))
  if (reason !== undefined) return settleLater(core, asked, rid, reverse(core, approval, reason))
  const receipt = receiptFor === undefined ? null : makeReceipt(core, receiptFor)
  settle(core, asked, rid, { ...answered, reason: 'approved', obligation: null, receipt })
}

function settleLater(core: Core, asked: Asked, rid: Rid, answering: Promise<Outcome>): void {
  void answering
    .then((outcome) => settle(core, asked, rid, outcome))
    .catch((error: unknown) => fail(core, asked, error))
}

/** The answer is free to leave, with what becomes free with it; `rid` is undefined when the offer could not be read. */
function settle(core: Core, asked: Asked, rid: Rid | undefined, outcome: Outcome): void {
  const { session, slot, id, startedAtMs, place } = asked
  place.done()
  if (outcome.type === 'failed') return refuse(session, id, outcome.error)
  core.releases.add(session.connection, () => {
    sendDecision(session, id, outcome)
    if (rid !== undefined) tellBandResult(core, slot, rid, outcome)
    const tookMs = core.time.monotonicMs() - startedAtMs
    core.meters.answered(tookMs)
    core.counters.decided(outcome.reason)
    core.watch.decided(outcome.reason, tookMs)
    core.watch.bandTouched(slot.bandId)
  })
}

function fail(core: Core, asked: Asked, error: unknown): void {
  asked.place.done()
  core.failed(error)
  refuse(asked.session, asked.id, 'unavailable')
}

function leaveGate(core: Core, enteredAtMs: number): void {
  const atMs = core.time.monotonicMs()
  core.gate.leave(atMs)
  core.meters.gated(atMs - enteredAtMs)
}

function isFromPartner(core: Core, offer: Offer): boolean {
  const key = core.partners.find(offer.terms.partner)?.offerKeys.get(offer.terms.kid)
  return key !== undefined && verifyOffer(core.primitives, key, offer)
}

function denied(reason: DenialReason): Answer {
  return { type: 'answered', reason, obligation: null, useLeftMinor: 0, dayLeftMinor: 0, lsn: 0, receipt: null }
}

function failed(error: ErrorCode): Failed {
  return { type: 'failed', error }
}

function notAppended(why: 'full' | 'failed'): Failed {
  return failed(why === 'full' ? 'storage-full' : 'unavailable')
}

/** A final answer given before: the same again, once it is surely on disk. */
async function answerStored(
  core: Core,
  offer: Offer,
  rd: Bytes,
  stored: ReferenceRow,
  wantsReceipt: boolean,
): Promise<Answer> {
  await core.ledger.durable(stored.lsn)
  const current = keptFor(core.ledger, referenceKey(offer.terms), stored.account).own ?? stored
  if (current.lsn !== stored.lsn) return answerStored(core, offer, rd, current, wantsReceipt)
  const { useLeftMinor, dayLeftMinor, lsn, account, level, decidedAtMs, ownerEpoch } = stored
  const reason = parseReason(stored.reason) ?? 'reference-conflict'
  const receipt =
    wantsReceipt && reason === 'approved'
      ? makeReceipt(core, { offer, rd, account, lsn, atMs: decidedAtMs, level, ownerEpoch })
      : null
  return { type: 'answered', reason, obligation: null, useLeftMinor, dayLeftMinor, lsn, receipt }
}

/** The stop that overtook an approval took it back, in its own group: what it says is told when that is on disk. */
async function reversed(core: Core, { lsn, reason }: NonNullable<Approval['reversed']>): Promise<Answer> {
  await core.ledger.durable(lsn)
  return { ...denied(reason), lsn }
}

/**
 * What stops a band reverses what waits for it in the same run, so this is not reached; if it ever is, the answer is no all the
 * same, and the failure is told.
 */
async function reverse(core: Core, approval: Approval, reason: DenialReason): Promise<Outcome> {
  core.failed(new Error(`an approval that ${reason} overtook was not reversed with it`))
  const lsn = core.ledger.append(reversalOf(approval, reason, core.time.nowMs()), 'reserve')
  if (typeof lsn !== 'number') return notAppended(lsn)
  core.counters.reversals++
  return reversed(core, { lsn, reason })
}

function sendDecision(session: Session, id: number, answered: Answer): void {
  const { reason, obligation, receipt, useLeftMinor, dayLeftMinor, lsn } = answered
  answer(session, {
    type: 'decision',
    id,
    approved: reason === 'approved',
    reason: reasons[reason],
    obligation: obligation === null ? null : obligations[obligation],
    receipt,
    useLeftMinor,
    dayLeftMinor,
    lsn,
  })
}

function tellBandResult(core: Core, slot: Slot, rid: Rid, { reason, lsn }: Answer): void {
  if (lsn === 0) return
  const isApproved = reason === 'approved'
  const pattern = isApproved ? patterns.approved : patterns.denied
  sendDown(core, slot, { type: 'authResult', rid, outcome: isApproved ? 1 : 0, pattern })
}
