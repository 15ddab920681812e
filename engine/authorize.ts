// The road of an authorization (DESIGN §3), one named step after the other; the only await is the append.

import { verifyOffer } from '../crypto/offers.ts'
import { requestDigest } from '../crypto/proof.ts'
import { type Bytes, copyBytes, equalBytes } from '../protocol/bytes.ts'
import type { PhoneFrameOf } from '../protocol/frames.ts'
import { type Offer, decodeOffer, ridOf } from '../protocol/offer.ts'
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
import { holdsOf } from '../protocol/states.ts'
import { bandSlot } from './attach.ts'
import { sendDown } from './band-link.ts'
import { tellBand } from './bands.ts'
import type { Core } from './core.ts'
import { decisionRecord } from './decision-record.ts'
import type { DecisionRecord } from './ports/records.ts'
import type { ReferenceRow } from './ports/rows.ts'
import { makeReceipt } from './receipts.ts'
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

/** Frame 5. Resolves when the answer is free to leave. */
export async function authorize(core: Core, session: Session, borrowed: PhoneFrameOf<'authorize'>): Promise<void> {
  const startedAtMs = core.time.monotonicMs()
  const slot = bandSlot(core, session, borrowed.slot)
  if (slot === undefined) return refuse(session, borrowed.id, 'slot-empty')
  // The frame's buffer is borrowed, and what is told to the band names the offer after the wait.
  const frame = { ...borrowed, offer: copyBytes(borrowed.offer) }
  const answered = await decideAuthorize(core, session, slot, frame)
  if (answered === undefined)
    return refuse(session, frame.id, core.ledger.writable === 'full' ? 'storage-full' : 'unavailable')
  core.releases.add(session.connection, () => {
    sendDecision(session, frame.id, answered)
    tellBandResult(core, slot, frame.offer, answered)
    const tookMs = core.time.monotonicMs() - startedAtMs
    core.meters.answered(tookMs)
    core.counters.decided(answered.reason)
    core.watch.decided(answered.reason, tookMs)
  })
}

/** Most of these answers wait for the disk; those that nothing is journaled for do not. */
function decideAuthorize(
  core: Core,
  session: Session,
  slot: Slot,
  frame: PhoneFrameOf<'authorize'>,
): Answer | Promise<Answer | undefined> {
  const offer = decodeOffer(frame.offer)
  if (offer.type === 'malformed' || !isFromPartner(core, offer)) return denied('offer-not-authentic')
  const rd = requestDigest(core.primitives, offer.canon, offer.labelBytes)
  const stored = core.ledger.get('reference', referenceKey(offer))
  if (stored !== undefined) {
    if (stored.account !== slot.account || !equalBytes(stored.rd, rd)) return denied('reference-conflict')
    if (stored.final) return answerStored(core, offer, rd, stored, frame.wantsReceipt === true)
  }
  const record = decodeData(frame.record)
  const proof = record.type === 'data' ? openProof(core, slot, record, offer, rd) : undefined
  // Not a decision about the offer but about bytes that are no proof: nothing is journaled, the reference stays free.
  if (proof === undefined || record.type !== 'data') return denied('proof-invalid')
  return decideProved(core, session, slot, frame, { offer, rd, record, ...proof })
}

async function decideProved(
  core: Core,
  session: Session,
  slot: Slot,
  frame: PhoneFrameOf<'authorize'>,
  proved: Proved,
): Promise<Answer | undefined> {
  const { offer, rd } = proved
  const facts = gatherFacts(core, session, slot, frame, proved)
  const atMs = facts.nowMs
  const told = tellBand(core, slot.bandId, { type: 'band.authorize', atMs, facts }, { by: 'band', use: 'normal' })
  if (told.type === 'refused' || told.decision === undefined) return undefined
  const { decision, row } = told
  const record = decisionRecord(core, { slot, proved, facts, decision, row })
  const lsn = core.ledger.append(record, 'normal')
  if (typeof lsn !== 'number') return undefined
  const enteredAtMs = core.time.monotonicMs()
  core.gate.enter(enteredAtMs)
  try {
    await core.ledger.durable(lsn)
  } finally {
    leaveGate(core, enteredAtMs)
  }
  const overtaken = decision.approved ? holdSince(core, slot, record) : undefined
  if (overtaken !== undefined) return reverse(core, slot, offer, { lsn, reason: overtaken })
  const { useLeftMinor, dayLeftMinor } = decision
  if (!decision.approved) {
    if (decision.obligation === 'tap') sendDown(core, slot, { type: 'authReq', offer: frame.offer })
    return { reason: decision.reason, obligation: decision.obligation, useLeftMinor, dayLeftMinor, lsn, receipt: null }
  }
  const receipt =
    frame.wantsReceipt === true
      ? makeReceipt(core, {
          offer,
          rd,
          account: slot.account,
          lsn,
          atMs,
          level: decision.level,
          ownerEpoch: facts.ownerEpoch,
        })
      : null
  return { reason: 'approved', obligation: null, useLeftMinor, dayLeftMinor, lsn, receipt }
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

function referenceKey(offer: Offer): string {
  return `${offer.terms.partner}${offer.terms.rid}`
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
  const current = core.ledger.get('reference', referenceKey(offer)) ?? stored
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
function holdSince(core: Core, slot: Slot, record: DecisionRecord): DenialReason | undefined {
  const row = core.ledger.get('band', slot.bandId)
  if (row === undefined || row.generation !== slot.generation) return 'band-not-bound'
  const hold = holdsOf(row.holds).at(-1)
  if (hold !== undefined) return hold === 'lost' ? 'band-lost' : hold
  if (row.state === 'deactivating') return 'band-deactivating'
  const ownerEpoch = core.ledger.get('account', slot.account)?.ownerEpoch ?? 0
  return ownerEpoch === record.ownerEpoch ? undefined : 'epoch-raised'
}

/** An approval that was overtaken never took effect: journaled, given back to the limits, and the reference denied. */
async function reverse(
  core: Core,
  slot: Slot,
  offer: Offer,
  overtaken: { readonly lsn: number; readonly reason: DenialReason },
): Promise<Answer | undefined> {
  const { partner, rid } = offer.terms
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

function tellBandResult(core: Core, slot: Slot, offerBytes: Uint8Array, { reason, lsn }: Answer): void {
  if (lsn === 0) return
  const isApproved = reason === 'approved'
  const pattern = isApproved ? patterns.approved : patterns.denied
  sendDown(core, slot, { type: 'authResult', rid: ridOf(offerBytes), outcome: isApproved ? 1 : 0, pattern })
}
