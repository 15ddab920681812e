// The decision (DESIGN §6): facts in, approval or denial out. Default deny: every condition is stated as what must be
// true, so a fact that is missing or not a number denies. The first reason in the order below is the one given.

import { parseAction } from '../protocol/actions.ts'
import { conformanceBits } from '../protocol/band-cert.ts'
import { amountMinorMax, offerLifeMaxMs } from '../protocol/limits.ts'
import type { DenialReason, Obligation } from '../protocol/reasons.ts'
import { holdBits } from '../protocol/states.ts'
import type { Decision, DecisionFacts } from './facts.ts'
import { currencyRoom, levelDayLeft, utcDayOf } from './limits.ts'
import type { ProximityLevel } from './proximity.ts'

/** What the account may still do with this action and currency; amounts in minor units. */
export type Room = {
  readonly useMinor: number
  readonly dayMinor: number
  readonly classMinor: number
  readonly tapAboveMinor: number
  readonly withinMs: number
  /** The most one use may be with evidence of this level. */
  readonly atLevel: (level: ProximityLevel) => number
}

/**
 * Decides one request. Approved only when the band is bound, free of holds and armed, its proof good, its wearer present
 * and willing, and the amount within every limit.
 */
export function decide(facts: DecisionFacts): Decision {
  const room = roomOf(facts)
  const reason = whyNot(facts, room)
  const { level } = facts
  if (reason === undefined) {
    const { amountMinor } = facts.terms
    return { approved: true, level, ...leftOf(room, level, amountMinor) }
  }
  return { approved: false, reason, obligation: obligationOf(reason), level, ...leftOf(room, level, 0) }
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
  const { band, level, nowMs, terms, userVerifiedNow } = facts
  const verifiedAgoMs = nowMs - band.verifiedAtMs
  const isVerified = userVerifiedNow || (verifiedAgoMs >= 0 && verifiedAgoMs < room.withinMs)
  if (!isVerified) return 'verification-stale'
  if (isSupported(terms.amountMinor, level, room)) return undefined
  const tapHelps =
    level < 2 && (band.conformance & conformanceBits.tap) !== 0 && isSupported(terms.amountMinor, 2, room)
  return tapHelps ? 'proximity-too-low' : 'over-evidence-limit'
}

export function isSupported(amountMinor: number, level: ProximityLevel, room: Room): boolean {
  return (level >= 2 || amountMinor <= room.tapAboveMinor) && amountMinor <= room.atLevel(level)
}

/** Undefined for a currency without a limit table. */
export function roomOf({ limits, usage, terms, nowMs, band }: DecisionFacts): Room | undefined {
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
    tapAboveMinor: table.tapAboveMinor,
    withinMs,
    atLevel: (level) =>
      Math.min(
        table.perLevelUseMinor[level],
        pays ? levelDayLeft(table.perLevelDayMinor, used.byLevelMinor, level) : Number.MAX_SAFE_INTEGER,
      ),
  }
}

function leftOf(
  room: Room | undefined,
  level: ProximityLevel,
  takenMinor: number,
): { readonly useLeftMinor: number; readonly dayLeftMinor: number } {
  if (room === undefined) return { useLeftMinor: 0, dayLeftMinor: 0 }
  const dayLeftMinor = Math.max(0, Math.min(room.dayMinor, room.classMinor) - takenMinor)
  return { useLeftMinor: Math.max(0, Math.min(room.useMinor, room.atLevel(level), dayLeftMinor)), dayLeftMinor }
}
