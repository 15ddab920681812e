// Why a decision came out as it did, for people: every fact that `decide` looks at, in its order, with the reason each would
// have denied for. It decides nothing; a test holds the first fact that speaks against approval to the reason that is given.

import { parseAction } from '../protocol/actions.ts'
import { amountMinorMax, offerLifeMaxMs } from '../protocol/limits.ts'
import type { DenialReason, Reason } from '../protocol/reasons.ts'
import { holdsOf } from '../protocol/states.ts'
import { type Room, canTap, reasonOfHolds, roomOf } from './decide.ts'
import type { DecisionFacts } from './facts.ts'

export type ExplainedFact = {
  readonly fact: string
  readonly value: string
  /** Whether it spoke for approval; null = it could not be judged, because what it is measured by is missing. */
  readonly holds: boolean | null
  /** What it denies for when it does not hold. */
  readonly denies: DenialReason
}

/** The facts in the order in which they are looked at. */
export function explainFacts(facts: DecisionFacts): readonly ExplainedFact[] {
  const room = roomOf(facts, facts)
  return [
    ...aboutBand(facts),
    ...aboutAsk(facts),
    ...aboutProof(facts),
    ...aboutAmount(facts, room),
    ...aboutEvidence(facts, room),
  ]
}

function aboutBand({ terms, band, nowMs, ownerEpoch, armedOwnerEpoch }: DecisionFacts): readonly ExplainedFact[] {
  const { state, holds } = band
  const action = parseAction(terms.action)
  const isBound = state !== 'unbound' && state !== 'pairing'
  return [
    fact('action', action ?? `number ${terms.action}`, action === 'pay' || action === 'receive', 'unsupported-action'),
    fact('binding', isBound ? 'bound' : state, isBound, 'band-not-bound'),
    fact('holds', holdsOf(holds).join(', ') || 'none', holds === 0, reasonOfHolds(holds)),
    fact(
      'deactivation',
      state === 'deactivating' ? 'under way' : 'none',
      state !== 'deactivating',
      'band-deactivating',
    ),
    fact('worn', state === 'offWrist' ? 'off the wrist' : 'on the wrist', state !== 'offWrist', 'band-off-wrist'),
    fact('armed', state, state === 'armed', 'band-not-armed'),
    fact('armed until', instant(band.armedUntilMs), nowMs < band.armedUntilMs, 'arm-expired'),
    fact(
      'owner epoch',
      `${ownerEpoch}, armed under ${armedOwnerEpoch}`,
      ownerEpoch === armedOwnerEpoch,
      'epoch-raised',
    ),
  ]
}

function aboutAsk({ phonePending, clockCertain, terms, nowMs }: DecisionFacts): readonly ExplainedFact[] {
  const leftMs = terms.expiresAtMs - nowMs
  return [
    fact('phone', phonePending ? 'inside its Security Delay' : 'has full rights', !phonePending, 'phone-pending'),
    fact('clock', clockCertain ? 'certain' : 'in doubt', clockCertain, 'clock-uncertain'),
    fact('offer expires', instant(terms.expiresAtMs), leftMs > 0, 'offer-expired'),
    fact(
      'offer lives on',
      `${leftMs} ms of at most ${offerLifeMaxMs}`,
      leftMs <= offerLifeMaxMs,
      'offer-too-long-lived',
    ),
  ]
}

function aboutProof({ proof, band, present }: DecisionFacts): readonly ExplainedFact[] {
  const epochs = `of arming ${proof.armEpoch}, the band's is ${band.armEpoch}`
  const isGood = proof.valid && proof.armEpoch === band.armEpoch
  return [
    fact('arming of the proof', epochs, proof.armEpoch >= band.armEpoch, 'band-not-armed'),
    fact('proof', isGood ? 'good' : 'not good', isGood, 'proof-invalid'),
    fact('wear in the proof', proof.wear, proof.wear === 'on', 'band-off-wrist'),
    fact('the wearer', proof.verdict, proof.verdict !== 'refused', 'refused-by-wearer'),
    fact('presence', present ? 'within its lease' : 'lapsed', present, 'not-present'),
  ]
}

function aboutAmount({ terms, band }: DecisionFacts, room: Room | undefined): readonly ExplainedFact[] {
  const { amountMinor, currency } = terms
  const isAmount = Number.isSafeInteger(amountMinor) && amountMinor > 0 && amountMinor <= amountMinorMax
  const within = (leftMinor: number | undefined) => (leftMinor === undefined ? null : amountMinor <= leftMinor)
  const restricted = band.restricted ? ', restricted' : ''
  return [
    fact('amount', minor(amountMinor), isAmount, 'amount-invalid'),
    fact(
      'currency',
      `${currency}, ${room === undefined ? 'no' : 'a'} limit table`,
      room !== undefined,
      'currency-not-allowed',
    ),
    fact('limit of one use', `${minor(room?.useMinor)}${restricted}`, within(room?.useMinor), 'over-use-limit'),
    fact('left of the day', minor(room?.dayMinor), within(room?.dayMinor), 'over-day-limit'),
    fact('left of the class', minor(room?.classMinor), within(room?.classMinor), 'over-class-limit'),
  ]
}

function aboutEvidence(facts: DecisionFacts, room: Room | undefined): readonly ExplainedFact[] {
  const { band, level, nowMs, terms, userVerifiedNow } = facts
  const { amountMinor } = terms
  const agoMs = nowMs - band.verifiedAtMs
  const isVerified = userVerifiedNow || (room === undefined ? null : amountMinor <= room.verifiedMinor)
  const isNear = room === undefined ? null : amountMinor <= room.atLevel(level)
  const tapHelps = room !== undefined && canTap(level, band.conformance) && amountMinor <= room.atLevel(2)
  const isWithin = room === undefined ? null : amountMinor <= room.inArming(level)
  const tapIsWithin = tapHelps && amountMinor <= room.inArming(2)
  const ofArming = minor(room?.inArming(level))
  const atLevel = room === undefined ? 'no limit table' : `${minor(room.atLevel(level))} at most`
  return [
    fact('verification', verification(agoMs, userVerifiedNow, room), isVerified, 'verification-stale'),
    fact('proximity', `level ${level}, ${atLevel}`, isNear, tapHelps ? 'proximity-too-low' : 'over-evidence-limit'),
    fact('left of the arming', ofArming, isWithin, tapIsWithin ? 'proximity-too-low' : 'over-arming-limit'),
  ]
}

function verification(agoMs: number, isNow: boolean, room: Room | undefined): string {
  if (isNow) return 'with this request'
  const within =
    room === undefined || room.withinMs === Number.POSITIVE_INFINITY ? 'any age' : `under ${room.withinMs} ms`
  return `${agoMs} ms ago, ${within} is enough`
}

function fact(name: string, value: string, holds: boolean | null, denies: DenialReason): ExplainedFact {
  return { fact: name, value, holds, denies }
}

function instant(atMs: number): string {
  return atMs === 0 ? 'never' : new Date(atMs).toISOString()
}

function minor(amountMinor: number | undefined): string {
  if (amountMinor === undefined) return 'no limit table'
  return amountMinor === Number.MAX_SAFE_INTEGER ? 'no limit' : `${amountMinor} minor units`
}

/** The condition of the policy behind each reason. */
export const ruleOf: Readonly<Record<Reason, string>> = {
  approved: 'Every condition held.',
  'unsupported-action': 'Only pay and receive are decided.',
  'band-not-bound': 'The band must be bound to an account.',
  'band-off-wrist': 'The band must be on the wrist, by what it last said and by the proof.',
  'band-not-armed': 'The band must be armed, and its proof made with that arming.',
  'band-deactivating': 'Nothing is approved while a deactivation is under way.',
  'owner-freeze': 'Nothing is approved under a hold: the owner froze the band.',
  'operator-freeze': 'Nothing is approved under a hold: an operator froze the band.',
  'risk-freeze': 'Nothing is approved under a hold: a rule froze the band.',
  'band-lost': 'Nothing is approved under a hold: the band is reported lost.',
  'not-present': 'The presence lease must not have lapsed.',
  'proof-invalid': "The proof must be good under the band's present arming.",
  'refused-by-wearer': 'The wearer must not refuse.',
  'verification-stale': 'An amount like this needs a verification of the wearer that is younger.',
  'proximity-too-low': 'An amount like this needs a tap.',
  'over-use-limit': 'One use must be within its limit.',
  'over-day-limit': "The day's payments must be within their limit.",
  'over-class-limit': "The day's uses of this class must be within their limit.",
  'over-evidence-limit': 'The amount must be within what the evidence of proximity supports.',
  'currency-not-allowed': 'The currency must have a limit table.',
  'amount-invalid': 'The amount must be a whole number of minor units above 0 that a partner may ask for.',
  'offer-expired': 'The offer must not have expired.',
  'offer-not-authentic': 'The offer must be of a partner who is listed, with its MAC.',
  'reference-conflict': 'A reference is decided once, for one content and one account.',
  'epoch-raised': "The arming must be of the owner's present epoch.",
  'clock-uncertain': 'Nothing is approved while the clock is in doubt.',
  'arm-expired': 'The arming must not have run out.',
  'phone-pending': 'The phone must be past its Security Delay.',
  'offer-too-long-lived': 'The offer must not be valid for longer than offers may be.',
  'over-arming-limit':
    'Since the band was armed, the shares of the day limits that payments of all currencies took must sum up to 1 at most.',
}
