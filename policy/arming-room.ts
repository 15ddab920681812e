// Spending limit of one arming, over all currencies and across midnight: what a band that is snatched while it is armed can pay before
// its owner must verify again. Currencies are added without exchange rates: a payment is the share of the day's limit that it
// takes, and the shares of one arming are 1 at most. In a single currency that is the day's limit itself, to the minor unit.

import { actions } from '../protocol/actions.ts'
import { type AccountLimits, type PerLevel, type Use, levelDayLeft, payDayMinor } from './limits.ts'
import type { ProximityLevel } from './proximity.ts'

/** What one arming paid in one currency, minor units by proximity level. */
type ArmingSum = { readonly currency: number; readonly byLevelMinor: PerLevel }

/** What one arming paid, one entry for each currency. */
export type ArmingUsage = readonly ArmingSum[]

/** A request with a verification of its own is the owner's: it neither counts in the arming nor is bounded by it. */
export function countsInArming(action: number, userVerifiedNow: boolean): boolean {
  return action === actions.pay && !userVerifiedNow
}

/** The sums after a payment that counts. */
export function armingAfter(spent: ArmingUsage, use: Omit<Use, 'day' | 'action'>): ArmingUsage {
  return changed(spent, use, use.amountMinor)
}

/** The sums after such a payment was taken back. */
export function armingReversed(spent: ArmingUsage, use: Omit<Use, 'day' | 'action'>): ArmingUsage {
  return changed(spent, use, -use.amountMinor)
}

/**
 * What is left to an arming of payments in this currency with evidence of `level`, minor units; below 0 when a limit was lowered
 * after its use. 0 for a currency without a table.
 */
export function armingLeft(
  limits: AccountLimits,
  spent: ArmingUsage,
  at: { readonly currency: number; readonly level: ProximityLevel },
): number {
  const { currency, level } = at
  const table = limits.tables.get(currency)
  if (table === undefined) return 0
  const own = sumsOf(spent, currency)
  const dayMinor = payDayMinor(limits, currency)
  if (spent.every((one) => one.currency === currency))
    return Math.min(dayMinor - paidUpTo(own, 4), levelDayLeft(table.perLevelDayMinor, own, level))
  const others = spent.filter((one) => one.currency !== currency)
  let left = leftBeside(dayMinor, own, 4, others, (other) => payDayMinor(limits, other))
  for (const through of levels) {
    if (through < level) continue
    const limitOf = (other: number) => limits.tables.get(other)?.perLevelDayMinor[through] ?? 0
    left = Math.min(left, leftBeside(table.perLevelDayMinor[through], own, through, others, limitOf))
  }
  return left
}

const levels: readonly ProximityLevel[] = [0, 1, 2, 3, 4]
/** Shares are counted in thousandths of a millionth, as BigInt: an amount times this is beyond what a number holds. */
const whole = 1_000_000_000n
const unpaid: PerLevel = [0, 0, 0, 0, 0]

/** What a limit leaves of a currency beside the shares that the other currencies took; always rounded against the spender. */
function leftBeside(
  limitMinor: number,
  own: PerLevel,
  through: ProximityLevel,
  others: ArmingUsage,
  limitOf: (currency: number) => number,
): number {
  let left = whole
  for (const { currency, byLevelMinor } of others) left -= shareOf(paidUpTo(byLevelMinor, through), limitOf(currency))
  if (left <= 0n) return -paidUpTo(own, through)
  return Number((left * BigInt(limitMinor)) / whole) - paidUpTo(own, through)
}

/** Doubt denies: what was paid in a currency that has no limit now took all of it. */
function shareOf(paidMinor: number, limitMinor: number): bigint {
  if (paidMinor === 0) return 0n
  if (!(limitMinor > 0)) return whole
  const limit = BigInt(limitMinor)
  return (BigInt(paidMinor) * whole + limit - 1n) / limit
}

function paidUpTo(byLevelMinor: PerLevel, through: ProximityLevel): number {
  let sum = 0
  for (let level = 0; level <= through; level++) sum += byLevelMinor[level] ?? 0
  return sum
}

function sumsOf(spent: ArmingUsage, currency: number): PerLevel {
  for (const one of spent) if (one.currency === currency) return one.byLevelMinor
  return unpaid
}

function changed(spent: ArmingUsage, use: Omit<Use, 'day' | 'action'>, deltaMinor: number): ArmingUsage {
  const { currency, level } = use
  const before = sumsOf(spent, currency)
  const at = (one: ProximityLevel) => Math.max(0, before[one] + (one === level ? deltaMinor : 0))
  const byLevelMinor: PerLevel = [at(0), at(1), at(2), at(3), at(4)]
  return [...spent.filter((one) => one.currency !== currency), { currency, byLevelMinor }]
}
