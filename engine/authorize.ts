// The road of an authorization (DESIGN §3), one named step after the other; the only wait is that for the disk. Hundreds of
// requests wait there at once and the collector carries what each keeps, so each keeps little, and no promise of its own.

import { verifyOffer } from '../crypto/offers.ts'
import { requestDigest } from '../crypto/proof.ts'
import { reasonOfHolds } from '../policy/decide.ts'
import type { Decision } from '../policy/facts.ts'
import { type Bytes, copyBytes, equalBytes } from '../protocol/bytes.ts'
import type { PhoneFrameOf } from '../protocol/frames.ts'
import type { PartnerId, Rid } from '../protocol/ids.ts'
import { type Offer, type OfferTerms, decodeOffer } from '../protocol/offer.ts'
import { patterns } from '../protocol/ops.ts'
import {
  type DenialReason,
  type Obligation,
  type Reason,
  obligations,
  parseReason,
  reasons,
} from '../protocol/reasons.ts'
import { decodeData } from '../protocol/records.ts'
import { holdsInForce } from './account-rows.ts'
import { bandSlot } from './attach.ts'
import { sendDown } from './band-link.ts'
import { tellBand } from './bands.ts'
import type { Core } from './core.ts'
import { decisionRecord } from './decision-record.ts'
import type { Lsn } from './ports/journal.ts'
import { type ReferenceRow, referenceKey } from './ports/rows.ts'
import { type Approved, makeReceipt } from './receipts.ts'
import { type Proved, gatherFacts, openProof } from './request-facts.ts'
import { type Session, answer, refuse } from './session.ts'
import type { Slot } from './slots.ts'

/** What is answered with frame 105. */
type Answer = {
  readonly reason: Reason
  readonly obligation: Obligation | null
  readonly useLeftMinor: number
  readonly dayLeftMinor: number
  readonly lsn: number
  readonly receipt: string | null
}

/** Who asked, and under which name the band knows what was asked. */
type Asked = {
  readonly session: Session
  readonly slot: Slot
  readonly id: number
  readonly startedAtMs: number
  /** Counted among those that wait, until it is answered. */
  isWaiting: boolean
}

/** Frame 5. Answers by itself, mostly once the disk has what was decided. */
export function authorize(core: Core, session: Session, frame: PhoneFrameOf<'authorize'>): undefined {
  const startedAtMs = core.time.monotonicMs()
  const slot = bandSlot(core, session, frame.slot)
  if (slot === undefined) {
    refuse(session, frame.id, 'slot-empty')
    return
  }
  const asked = { session, slot, id: frame.id, startedAtMs, isWaiting: true }
  session.waiting++
  core.gate.waiting++
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
  const stored = core.ledger.get('reference', referenceKey(offer.terms))
  if (stored !== undefined) {
    if (stored.account !== slot.account || !equalBytes(stored.rd, rd))
      return settle(core, asked, rid, denied('reference-conflict'))
    if (stored.final) return settleLater(core, asked, rid, answerStored(core, offer, rd, stored, wantsReceipt))
  }
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
  if (told.type === 'refused' || told.decision === undefined) return settle(core, asked, rid, undefined)
  const { decision, row } = told
  const lsn = core.ledger.append(decisionRecord(core, { slot, proved, facts, decision, row }), 'normal')
  if (typeof lsn !== 'number') return settle(core, asked, rid, undefined)
  const enteredAtMs = core.time.monotonicMs()
  core.gate.enter(enteredAtMs)
  const { ownerEpoch } = facts
  const { approved, level } = decision
  awaitDisk(core, {
    asked,
    partner: offer.terms.partner,
    rid,
    decision,
    lsn,
    enteredAtMs,
    ownerEpoch,
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
  readonly partner: PartnerId
  readonly rid: Rid
  readonly decision: Decision
  readonly lsn: Lsn
  readonly enteredAtMs: number
  readonly ownerEpoch: number
  /** What to make a receipt of, when one was asked for. */
  readonly receiptFor: Approved | undefined
  /** The offer that the wearer is asked to tap for. */
  readonly tapFor: Bytes | undefined
}

function awaitDisk(core: Core, decided: Decided): void {
  core.ledger.whenDurable(decided.lsn, (failure) => {
    try {
      leaveGate(core, decided.enteredAtMs)
      if (failure === undefined) answerDecided(core, decided)
      else fail(core, decided.asked, failure)
    } catch (error) {
      fail(core, decided.asked, error)
    }
  })
}

/** The record is on disk: the answer may leave, unless a hold has overtaken it. */
function answerDecided(
  core: Core,
  { asked, partner, rid, decision, lsn, ownerEpoch, receiptFor, tapFor }: Decided,
): void {
  const { slot } = asked
  const { useLeftMinor, dayLeftMinor } = decision
  if (!decision.approved) {
    if (tapFor !== undefined) sendDown(core, slot, { type: 'authReq', offer: tapFor })
    const { reason, obligation } = decision
    return settle(core, asked, rid, { reason, obligation, useLeftMinor, dayLeftMinor, lsn, receipt: null })
  }
  const reason = holdSince(core, slot, ownerEpoch)
  if (reason !== undefined) return settleLater(core, asked, rid, reverse(core, slot, { partner, rid }, { lsn, reason }))
  const receipt = receiptFor === undefined ? null : makeReceipt(core, receiptFor)
  settle(core, asked, rid, { reason: 'approved', obligation: null, useLeftMinor, dayLeftMinor, lsn, receipt })
}

function settleLater(core: Core, asked: Asked, rid: Rid, answering: Promise<Answer | undefined>): void {
  void answering
    .then((answered) => settle(core, asked, rid, answered))
    .catch((error: unknown) => fail(core, asked, error))
}

/** The answer is free to leave, with what becomes free with it; undefined: it could not be journaled. */
function settle(core: Core, asked: Asked, rid: Rid | undefined, answered: Answer | undefined): void {
  endWaiting(core, asked)
  const { session, slot, id, startedAtMs } = asked
  if (answered === undefined)
    return refuse(session, id, core.ledger.writable === 'full' ? 'storage-full' : 'unavailable')
  core.releases.add(session.connection, () => {
    sendDecision(session, id, answered)
    if (rid !== undefined) tellBandResult(core, slot, rid, answered)
    const tookMs = core.time.monotonicMs() - startedAtMs
    core.meters.answered(tookMs)
    core.counters.decided(answered.reason)
    core.watch.decided(answered.reason, tookMs)
    core.watch.bandTouched(slot.bandId)
  })
}

function fail(core: Core, asked: Asked, error: unknown): void {
  endWaiting(core, asked)
  core.failed(error)
  refuse(asked.session, asked.id, 'unavailable')
}

function endWaiting(core: Core, asked: Asked): void {
  if (!asked.isWaiting) return
  asked.isWaiting = false
  asked.session.waiting--
  core.gate.waiting--
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
  return { reason, obligation: null, useLeftMinor: 0, dayLeftMinor: 0, lsn: 0, receipt: null }
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
  const current = core.ledger.get('reference', referenceKey(offer.terms)) ?? stored
  if (current.lsn !== stored.lsn) return answerStored(core, offer, rd, current, wantsReceipt)
  const { useLeftMinor, dayLeftMinor, lsn, account, level, decidedAtMs, ownerEpoch } = stored
  const reason = parseReason(stored.reason) ?? 'reference-conflict'
  const receipt =
    wantsReceipt && reason === 'approved'
      ? makeReceipt(core, { offer, rd, account, lsn, atMs: decidedAtMs, level, ownerEpoch })
      : null
  return { reason, obligation: null, useLeftMinor, dayLeftMinor, lsn, receipt }
}

/** Deny beats allow: what came while the record went to disk. Undefined when the approval still stands. */
function holdSince(core: Core, slot: Slot, ownerEpochThen: number): DenialReason | undefined {
  const row = core.ledger.get('band', slot.bandId)
  if (row === undefined || row.generation !== slot.generation) return 'band-not-bound'
  const holds = holdsInForce(core, row)
  if (holds !== 0) return reasonOfHolds(holds)
  if (row.state === 'deactivating') return 'band-deactivating'
  const ownerEpoch = core.ledger.get('account', slot.account)?.ownerEpoch ?? 0
  return ownerEpoch === ownerEpochThen ? undefined : 'epoch-raised'
}

/** An approval that was overtaken never took effect: journaled, given back to the limits, and the reference denied. */
async function reverse(
  core: Core,
  slot: Slot,
  { partner, rid }: Pick<OfferTerms, 'partner' | 'rid'>,
  overtaken: { readonly lsn: number; readonly reason: DenialReason },
): Promise<Answer | undefined> {
  const lsn = core.ledger.append(
    {
      type: 'reversal',
      atMs: core.time.nowMs(),
      account: slot.account,
      partner,
      rid,
      reversedLsn: overtaken.lsn,
      reason: reasons[overtaken.reason],
    },
    'reserve',
  )
  if (typeof lsn !== 'number') return undefined
  core.counters.reversals++
  await core.ledger.durable(lsn)
  return { ...denied(overtaken.reason), lsn }
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
