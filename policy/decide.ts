// The decision (DESIGN §6): facts in, approval or denial out. Default deny: every condition is stated as what must be
// true, so a fact that is missing or not a number denies. The first reason in the order below is the one given.

import { parseAction } from '../protocol/actions.ts'
import { conformanceBits } from '../protocol/band-cert.ts'
import { amountMinorMax, offerLifeMaxMs } from '../protocol/limits.ts'
import type { DenialReason, Obligation } from '../protocol/reasons.ts'
import { holdBits } from '../protocol/states.ts'
import type { Decision, DecisionFacts } from './facts.ts'
import { armingAfter, armingLeft, countsInArming } from './arming-room.ts'
import { type LimitTable, currencyRoom, levelDayLeft, usageAfter, utcDayOf } from './limits.ts'
import type { ProximityLevel } from './proximity.ts'

/** What the account may still do with this action and currency; amounts in minor units. */
export type Room = {
  readonly useMinor: number
  readonly dayMinor: number
  readonly classMinor: number
  /** The most that the age of the wearer's verification allows, and how young it must be for the amount that is asked, ms. */
  readonly verifiedMinor: number
  readonly withinMs: number
  /** The most one use may be with evidence of this level. */
  readonly atLevel: (level: ProximityLevel) => number
  /** What is left to the arming with evidence of this level. */
  readonly inArming: (level: ProximityLevel) => number
}

/**
 * Decides one request. Approved only when the band is bound, free of holds and armed, its proof good, its wearer present
 * and willing, and the amount within every limit.
 */
export function decide(facts: DecisionFacts): Decision {
  const room = roomOf(facts, facts)
  const reason = whyNot(facts, room)
  const { level } = facts
  if (reason === undefined) return { approved: true, level, ...leftOf(roomOf(facts, spentAfter(facts)), level) }
  return { approved: false, reason, obligation: obligationOf(reason), level, ...leftOf(room, level) }
}

type Spent = Pick<DecisionFacts, 'usage' | 'arming'>

/** What counts against the limits once this request is approved. */
function spentAfter({ usage, arming, terms, nowMs, level, userVerifiedNow }: DecisionFacts): Spent {
  const { currency, action, amountMinor } = terms
  const use = { day: utcDayOf(nowMs), currency, action, amountMinor, level }
  return {
    usage: usageAfter(usage, use),
    arming: countsInArming(action, userVerifiedNow) ? armingAfter(arming, use) : arming,
  }
}

/**
 * What would help the wearer past a denial. A band that is not armed asks for `verify-user` too: arming is what the
 * verification does, after which the same offer may be asked again.
 */
function obligationOf(reason: DenialReason): Obligation | null {
  switch (reason) {
    case 'band-not-armed':
    case 'arm-expired':
    case 'verification-stale':
    case 'over-arming-limit':
      return 'verify-user'
    case 'proximity-too-low':
      return 'tap'
    default:
      return null
  }
}

function whyNot(facts: DecisionFacts, room: Room | undefined): DenialReason | undefined {
  const action = parseAction(facts.terms.action)
  if (action !== 'pay' && action !== 'receive') return 'unsupported-action'
  return (
    whyNotBand(facts) ??
    whyNotAsk(facts) ??
    whyNotProof(facts) ??
    whyNotAmount(facts, room) ??
    whyNotEvidence(facts, room)
  )
}

/** A hold is named before the state it left the band in: a frozen band is disarmed, and "frozen" is what helps. */
function whyNotBand({ band, nowMs, ownerEpoch, armedOwnerEpoch }: DecisionFacts): DenialReason | undefined {
  if (band.state === 'unbound' || band.state === 'pairing') return 'band-not-bound'
  if (band.holds !== 0) return reasonOfHolds(band.holds)
  if (band.state === 'deactivating') return 'band-deactivating'
  if (band.state === 'offWrist') return 'band-off-wrist'
  if (band.state !== 'armed') return 'band-not-armed'
  if (!(nowMs < band.armedUntilMs)) return 'arm-expired'
  if (ownerEpoch !== armedOwnerEpoch) return 'epoch-raised'
  return undefined
}

export function reasonOfHolds(bits: number): DenialReason {
  if ((bits & holdBits.lost) !== 0) return 'band-lost'
  if ((bits & holdBits['operator-freeze']) !== 0) return 'operator-freeze'
  if ((bits & holdBits['owner-freeze']) !== 0) return 'owner-freeze'
  return 'risk-freeze'
}

function whyNotAsk({ phonePending, clockCertain, terms, nowMs }: DecisionFacts): DenialReason | undefined {
  if (phonePending) return 'phone-pending'
  if (!clockCertain) return 'clock-uncertain'
  if (!(nowMs < terms.expiresAtMs)) return 'offer-expired'
  if (!(terms.expiresAtMs - nowMs <= offerLifeMaxMs)) return 'offer-too-long-lived'
  return undefined
}

function whyNotProof({ proof, band, present }: DecisionFacts): DenialReason | undefined {
  // The band lost its secret, or has not heard of the new one yet: arming helps, so this must not be final.
  if (proof.armEpoch < band.armEpoch) return 'band-not-armed'
  if (!proof.valid || proof.armEpoch !== band.armEpoch) return 'proof-invalid'
  if (proof.wear !== 'on') return 'band-off-wrist'
  if (proof.verdict === 'refused') return 'refused-by-wearer'
  if (!present) return 'not-present'
  return undefined
}

function whyNotAmount({ terms }: DecisionFacts, room: Room | undefined): DenialReason | undefined {
  const { amountMinor } = terms
  const isAmount = Number.isSafeInteger(amountMinor) && amountMinor > 0 && amountMinor <= amountMinorMax
  if (!isAmount) return 'amount-invalid'
  if (room === undefined) return 'currency-not-allowed'
  if (!(amountMinor <= room.useMinor)) return 'over-use-limit'
  if (!(amountMinor <= room.dayMinor)) return 'over-day-limit'
  if (!(amountMinor <= room.classMinor)) return 'over-class-limit'
  return undefined
}

function whyNotEvidence(facts: DecisionFacts, room: Room | undefined): DenialReason | undefined {
  if (room === undefined) return 'currency-not-allowed'
  const { band, level, terms } = facts
  const { amountMinor } = terms
  if (!(amountMinor <= room.verifiedMinor)) return 'verification-stale'
  const tapHelps = canTap(level, band.conformance) && amountMinor <= room.atLevel(2)
  if (!(amountMinor <= room.atLevel(level))) return tapHelps ? 'proximity-too-low' : 'over-evidence-limit'
  if (amountMinor <= room.inArming(level)) return undefined
  return tapHelps && amountMinor <= room.inArming(2) ? 'proximity-too-low' : 'over-arming-limit'
}

/** Could a tap of this band's wearer be better evidence than there is? */
export function canTap(level: ProximityLevel, conformance: number): boolean {
  return level < 2 && (conformance & conformanceBits.tap) !== 0
}

/**
 * The room that is left once `spent` is spent: the one place that limits, what was used of them and evidence meet. Undefined for
 * a currency without a limit table.
 */
export function roomOf(facts: DecisionFacts, { usage, arming }: Spent): Room | undefined {
  const { limits, terms, nowMs, band, userVerifiedNow } = facts
  const at = { day: utcDayOf(nowMs), currency: terms.currency, restricted: band.restricted }
  const room = currencyRoom(limits, usage, at)
  if (room === undefined) return undefined
  const { table, used, useMinor, dayMinor, classMinor } = room
  const pays = parseAction(terms.action) !== 'receive'
  let withinMs = Number.POSITIVE_INFINITY
  for (const step of table.verification) {
    if (terms.amountMinor > step.aboveMinor) withinMs = Math.min(withinMs, step.withinMs)
  }
  return {
    useMinor,
    dayMinor: pays ? dayMinor : Number.MAX_SAFE_INTEGER,
    classMinor: pays ? classMinor.pay : classMinor.receive,
    verifiedMinor: verifiedMinor(facts, table),
    withinMs,
    atLevel: (level) =>
      Math.min(
        table.perLevelUseMinor[level],
        level >= 2 ? Number.MAX_SAFE_INTEGER : table.tapAboveMinor,
        pays ? levelDayLeft(table.perLevelDayMinor, used.byLevelMinor, level) : Number.MAX_SAFE_INTEGER,
      ),
    inArming: (level) =>
      countsInArming(terms.action, userVerifiedNow)
        ? armingLeft(limits, arming, { currency: terms.currency, level })
        : Number.MAX_SAFE_INTEGER,
  }
}

/** The most that a verification of this age allows; without one there is nothing. */
function verifiedMinor({ userVerifiedNow, nowMs, band }: DecisionFacts, { verification }: LimitTable): number {
  if (userVerifiedNow) return amountMinorMax
  const agoMs = nowMs - band.verifiedAtMs
  if (!(agoMs >= 0)) return 0
  let most = amountMinorMax
  for (const { aboveMinor, withinMs } of verification) if (!(agoMs < withinMs)) most = Math.min(most, aboveMinor)
  return most
}

/**
 * What is told of the limits: the most that `decide` would approve next, all else equal, and what is left of the day. A test
 * holds both to what `decide` then does.
 */
function leftOf(
  room: Room | undefined,
  level: ProximityLevel,
): { readonly useLeftMinor: number; readonly dayLeftMinor: number } {
  if (room === undefined) return { useLeftMinor: 0, dayLeftMinor: 0 }
  const dayLeftMinor = Math.max(0, Math.min(room.dayMinor, room.classMinor))
  const useLeftMinor = Math.max(
    0,
    Math.min(room.useMinor, room.verifiedMinor, room.atLevel(level), room.inArming(level), dayLeftMinor),
  )
  return { useLeftMinor, dayLeftMinor }
}
