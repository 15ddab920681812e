// Threshold alarms: one is on when a rule's field has been above or below its threshold for as long as the rule says, without a second
// between, and in each of them of as many as the rule asks for: a percentile of five answers says nothing.

import type { AlarmRule } from '../../protocol/operator-api.ts'
import { type FeedPoint, gapMs, valueOf } from './feed-points.ts'

/** Since when each rule's field is past its threshold, by the rule's name; a rule that is not is not there. */
export type PastSince = ReadonlyMap<string, number>

/**
 * The same after one more point. A value that was not measured is not past anything; and what was not seen, between this point and
 * one long before it (`before`), was not past anything either.
 */
export function followAlarms(
  rules: readonly AlarmRule[],
  since: PastSince,
  point: FeedPoint,
  before?: FeedPoint,
): PastSince {
  const isAfterGap = before !== undefined && point.atMs - before.atMs > gapMs
  const next = new Map<string, number>()
  for (const rule of rules) {
    if (isPast(rule, point)) next.set(rule.name, (isAfterGap ? undefined : since.get(rule.name)) ?? point.atMs)
  }
  return next
}

function isPast({ field, above, below, of, ofAtLeast = 0 }: AlarmRule, point: FeedPoint): boolean {
  const value = valueOf(point, field)
  if (value === null || (of !== undefined && (valueOf(point, of) ?? 0) < ofAtLeast)) return false
  return value > above || (below !== undefined && value < below)
}

/** Describes the condition of a rule, such as `above 500 for 3 s`. A threshold that no number passes goes without saying. */
export function conditionOf({ above, below, forS, of, ofAtLeast }: AlarmRule): string {
  const sides = [
    ...(above < Number.MAX_SAFE_INTEGER ? [`above ${above}`] : []),
    ...(below === undefined ? [] : [`below ${below}`]),
  ]
  const enough = of === undefined ? '' : `, each second with ${of} at least ${ofAtLeast ?? 0}`
  return `${sides.join(' or ')}${forS > 0 ? ` for ${forS} s` : ''}${enough}`
}

/** The rules that are on at this instant. */
export function alarmsOn(rules: readonly AlarmRule[], since: PastSince, atMs: number): readonly AlarmRule[] {
  return rules.filter((rule) => {
    const sinceMs = since.get(rule.name)
    return sinceMs !== undefined && atMs - sinceMs >= rule.forS * 1000
  })
}
