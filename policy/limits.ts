// Limits and what is used of them: integers in minor units, a day is a UTC day, sums never pass a limit.
// `perDayMinor` bounds the sum of `pay`; `receive` has only its class limit per day.

import { actions } from '../protocol/actions.ts'
import type { ProximityLevel } from './proximity.ts'

/** One amount for each proximity level, 0 to 4. */
export type PerLevel = readonly [number, number, number, number, number]

/** A currency's limits from the configuration. */
export type LimitTable = {
  readonly perUseMinor: number
  readonly perDayMinor: number
  readonly perClassDayMinor: { readonly pay: number; readonly receive: number }
  /** The most one use may be with evidence of that level. */
  readonly perLevelUseMinor: PerLevel
  /** The most a day's payments with evidence of that level or weaker may sum up to. */
  readonly perLevelDayMinor: PerLevel
  /** Above `aboveMinor` the wearer's verification must be younger than `withinMs`; 0 ms = with this very request. */
  readonly verification: readonly { readonly aboveMinor: number; readonly withinMs: number }[]
  /** The most one use of a restricted band may be. */
  readonly restrictedPerUseMinor: number
  /** Above this amount level 2 or more is needed. */
  readonly tapAboveMinor: number
}

/** What an account's owner set for itself in one currency; never widens the table. */
type OwnLimit = { readonly currency: number; readonly perUseMinor: number; readonly perDayMinor: number }

/** The configured table of each currency (ISO 4217 numeric) and the owner's own limits; the smaller of both holds. */
export type AccountLimits = {
  readonly tables: ReadonlyMap<number, LimitTable>
  readonly own: readonly OwnLimit[]
}

/** What was approved in one currency on `Usage.day`. */
export type CurrencyUsage = {
  readonly currency: number
  readonly payMinor: number
  readonly receiveMinor: number
  /** `payMinor` by proximity level. */
  readonly byLevelMinor: PerLevel
}

/** What an account used on one UTC day (days since 1970-01-01). */
export type Usage = { readonly day: number; readonly byCurrency: readonly CurrencyUsage[] }

/** One approval or reversal; `action` is the wire number. */
export type Use = {
  readonly day: number
  readonly currency: number
  readonly action: number
  readonly amountMinor: number
  readonly level: ProximityLevel
}

/** An account that has used nothing. */
export const noUsage: Usage = { day: 0, byCurrency: [] }

const unused: Omit<CurrencyUsage, 'currency'> = { payMinor: 0, receiveMinor: 0, byLevelMinor: [0, 0, 0, 0, 0] }

/** The UTC day an instant (ms) lies in. */
export function utcDayOf(atMs: number): number {
  return Math.floor(atMs / 86_400_000)
}

/**
 * The usage after an approval. A later day starts from nothing; an earlier one (a clock that went back) still counts
 * against the later day, so turning the clock never frees a limit. Actions that move no money change nothing.
 */
export function usageAfter(usage: Usage, use: Use): Usage {
  return withUse(use.day > usage.day ? { day: use.day, byCurrency: [] } : usage, use, use.amountMinor)
}

/** The usage after an approval of the same day was taken back; one of another day changes nothing. */
export function usageReversed(usage: Usage, use: Use): Usage {
  return use.day === usage.day ? withUse(usage, use, -use.amountMinor) : usage
}

/** What was used of a currency on `day`; nothing when the day is later than the usage. */
export function usedOn(usage: Usage, day: number, currency: number): Omit<CurrencyUsage, 'currency'> {
  if (day > usage.day) return unused
  for (const used of usage.byCurrency) if (used.currency === currency) return used
  return unused
}

/** What is left in one currency before evidence is looked at, minor units; below 0 when a limit was lowered after its use. */
type CurrencyRoom = {
  readonly table: LimitTable
  readonly used: Omit<CurrencyUsage, 'currency'>
  /** The most one use may be. */
  readonly useMinor: number
  /** Of the day's payments. */
  readonly dayMinor: number
  /** Of what the day allows each class. */
  readonly classMinor: { readonly pay: number; readonly receive: number }
}

/** The room an account has on `day`; undefined for a currency without a table. `restricted`: the band's maker, model or batch is revoked. */
export function currencyRoom(
  { tables, own }: AccountLimits,
  usage: Usage,
  at: { readonly day: number; readonly currency: number; readonly restricted: boolean },
): CurrencyRoom | undefined {
  const { day, currency, restricted } = at
  const table = tables.get(currency)
  if (table === undefined) return undefined
  const set = own.find((one) => one.currency === currency)
  const used = usedOn(usage, day, currency)
  const { pay, receive } = table.perClassDayMinor
  return {
    table,
    used,
    useMinor: Math.min(
      table.perUseMinor,
      set?.perUseMinor ?? Number.MAX_SAFE_INTEGER,
      restricted ? table.restrictedPerUseMinor : Number.MAX_SAFE_INTEGER,
    ),
    dayMinor: Math.min(table.perDayMinor, set?.perDayMinor ?? Number.MAX_SAFE_INTEGER) - used.payMinor,
    classMinor: { pay: pay - used.payMinor, receive: receive - used.receiveMinor },
  }
}

/** The most that a day's payments in a currency may sum up to, minor units; 0 without a table. */
export function payDayMinor({ tables, own }: AccountLimits, currency: number): number {
  const table = tables.get(currency)
  if (table === undefined) return 0
  const set = own.find((one) => one.currency === currency)
  return Math.min(table.perDayMinor, table.perClassDayMinor.pay, set?.perDayMinor ?? Number.MAX_SAFE_INTEGER)
}

/** What is left of a day's payments with evidence of `level`, given that weaker evidence counts against stronger. */
export function levelDayLeft(perLevelDayMinor: PerLevel, byLevelMinor: PerLevel, level: ProximityLevel): number {
  let left = Number.MAX_SAFE_INTEGER
  let sum = 0
  for (let at = 0; at < perLevelDayMinor.length; at++) {
    sum += byLevelMinor[at] ?? 0
    if (at >= level) left = Math.min(left, (perLevelDayMinor[at] ?? 0) - sum)
  }
  return left
}

function withUse(usage: Usage, use: Use, deltaMinor: number): Usage {
  const used = usedOn(usage, usage.day, use.currency)
  const after = changed(used, use, deltaMinor)
  if (after === undefined) return usage
  const others = usage.byCurrency.filter((one) => one.currency !== use.currency)
  return { day: usage.day, byCurrency: [...others, { currency: use.currency, ...after }] }
}

function changed(
  used: Omit<CurrencyUsage, 'currency'>,
  use: Use,
  deltaMinor: number,
): Omit<CurrencyUsage, 'currency'> | undefined {
  const { payMinor, receiveMinor, byLevelMinor } = used
  if (use.action === actions.pay) {
    const at = (level: ProximityLevel) => notBelowZero(byLevelMinor[level] + (level === use.level ? deltaMinor : 0))
    const levels: PerLevel = [at(0), at(1), at(2), at(3), at(4)]
    return { payMinor: notBelowZero(payMinor + deltaMinor), receiveMinor, byLevelMinor: levels }
  }
  if (use.action === actions.receive) {
    return { payMinor, receiveMinor: notBelowZero(receiveMinor + deltaMinor), byLevelMinor }
  }
  return undefined
}

function notBelowZero(minor: number): number {
  return Math.max(0, minor)
}
