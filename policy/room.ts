// Remaining limits of a request. What limits and evidence leave of an account's money for one request: the one place where limits, what was
// used of them, the arming and the evidence meet. All amounts in minor units.

import { parseAction } from '../protocol/actions.ts'
import { amountMinorMax } from '../protocol/limits.ts'
import type { DecisionFacts } from './facts.ts'
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

type Spent = Pick<DecisionFacts, 'usage' | 'arming'>

/** What counts against the limits once this request is approved. */
export function spentAfter({ usage, arming, terms, nowMs, level, userVerifiedNow }: DecisionFacts): Spent {
  const { currency, action, amountMinor } = terms
  const use = { day: utcDayOf(nowMs), currency, action, amountMinor, level }
  return {
    usage: usageAfter(usage, use),
    arming: countsInArming(action, userVerifiedNow) ? armingAfter(arming, use) : arming,
  }
}

/**
 * The room that is left once `spent` is spent; undefined for a currency without a limit table.
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
export function leftOf(
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
