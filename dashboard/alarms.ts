// Which alarms are on: a rule's field has been above or below its threshold for as long as the rule says, without a second between.

import type { AlarmRule } from '../protocol/operator-api.ts'
import { type FeedPoint, valueOf } from './feed-points.ts'

/** Since when each rule's field is past its threshold, by the rule's name; a rule that is not is not there. */
export type PastSince = ReadonlyMap<string, number>

/** The same after one more point. A value that was not measured is not past anything. */
export function followAlarms(rules: readonly AlarmRule[], since: PastSince, point: FeedPoint): PastSince {
  const next = new Map<string, number>()
  for (const rule of rules) {
    const value = valueOf(point, rule.field)
    if (value !== null && isPast(rule, value)) next.set(rule.name, since.get(rule.name) ?? point.atMs)
  }
  return next
}

function isPast({ above, below }: AlarmRule, value: number): boolean {
  return value > above || (below !== undefined && value < below)
}

/** When a rule is on, such as `above 500 for 3 s`. A threshold that no number passes goes without saying. */
export function conditionOf({ above, below, forS }: AlarmRule): string {
  const sides = [
    ...(above < Number.MAX_SAFE_INTEGER ? [`above ${above}`] : []),
    ...(below === undefined ? [] : [`below ${below}`]),
  ]
  return `${sides.join(' or ')}${forS > 0 ? ` for ${forS} s` : ''}`
}

/** The rules that are on at this instant. */
export function alarmsOn(rules: readonly AlarmRule[], since: PastSince, atMs: number): readonly AlarmRule[] {
  return rules.filter((rule) => {
    const sinceMs = since.get(rule.name)
    return sinceMs !== undefined && atMs - sinceMs >= rule.forS * 1000
  })
}
