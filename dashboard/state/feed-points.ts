// Time series of the feed, second by second, for the plots. Pure: a message comes in, points come out.

import { type FleetHistory, historySeconds } from '../../protocol/operator-api.ts'
import { type FeedMessage, feedFields } from '../../protocol/messages/operator-feed.ts'

/** Sample of all values at one instant; null = was not measured. */
export type FeedPoint = { readonly atMs: number; readonly values: readonly (number | null)[] }

/** This many seconds are kept: a quarter of an hour. */
export const pointsMax = 900
/** Points farther apart than this have a gap between them: what was there is not known. */
export const gapMs = 2_500

/** How many bands and accounts are under each hold. */
export const holdFields = feedFields.filter((name) => /^(holds|accountHolds)\./.test(name))

const indexes = new Map(feedFields.map((name, index) => [name, index]))

/** The value of a field; null where there is none. */
export function valueOf(point: FeedPoint | undefined, field: string): number | null {
  const index = indexes.get(field)
  return index === undefined ? null : (point?.values[index] ?? null)
}

/** Applies a message to the point before. Undefined: a delta came before a snapshot, or it tells no values. */
export function mergeFeed(before: FeedPoint | undefined, message: FeedMessage): FeedPoint | undefined {
  switch (message.type) {
    case 'whole':
      return { atMs: message.atMs, values: message.values }
    case 'changed': {
      if (before === undefined) return undefined
      const values = [...before.values]
      for (const [field, value] of message.changes) if (field < feedFields.length) values[field] = value
      return { atMs: message.atMs, values }
    }
    case 'band':
    case 'steps':
      return undefined
  }
}

/** The points with one more; the oldest leave. What is not newer than the last replaces it. */
export function addPoint(points: readonly FeedPoint[], point: FeedPoint): readonly FeedPoint[] {
  const older = points.filter((one) => one.atMs < point.atMs)
  return [...older, point].slice(-pointsMax)
}

/** The history of an engine as points: what it did not keep was not measured. */
export function pointsOf({ fields, seconds }: FleetHistory): readonly FeedPoint[] {
  return seconds.map(({ atMs, values }) => {
    const kept = new Map(fields.map((field, at) => [field, values[at] ?? null]))
    return { atMs, values: feedFields.map((field) => kept.get(field) ?? null) }
  })
}

/** How far back the points of the pictures' span reach, ms; the span itself when there is no more than a moment missing. */
export function heldMs(points: readonly FeedPoint[], spanMs: number = historySeconds * 1000): number {
  const newest = points.at(-1)
  if (newest === undefined) return 0
  const oldest = points.find((point) => newest.atMs - point.atMs <= spanMs)
  const held = newest.atMs - (oldest?.atMs ?? newest.atMs)
  return held > spanMs - 2 * gapMs ? spanMs : held
}

/** Merges the feed with the engine's history, which fills its gaps: what came before the page, or while it was cut off. */
export function withHistory(told: readonly FeedPoint[], history: readonly FeedPoint[]): readonly FeedPoint[] {
  const secondOf = (point: FeedPoint): number => Math.round(point.atMs / 1000)
  const known = new Set(told.map(secondOf))
  return [...told, ...history.filter((point) => !known.has(secondOf(point)))]
    .sort((a, b) => a.atMs - b.atMs)
    .slice(-pointsMax)
}

/** Instants in seconds, and a line for each picture; null where there is no value. */
export type Lines = readonly [readonly number[], ...(readonly (number | null)[])[]]

/** Lines over time. Where nothing was told for a while a point without values is put in, so that the line breaks. */
export function linesOf(
  points: readonly FeedPoint[],
  lines: readonly ((point: FeedPoint, before: FeedPoint | undefined) => number | null)[],
): Lines {
  const times: number[] = []
  const values: (number | null)[][] = lines.map(() => [])
  points.forEach((point, at) => {
    const before = points[at - 1]
    const isAfterGap = before !== undefined && point.atMs - before.atMs > gapMs
    if (isAfterGap) {
      times.push((before.atMs + 1) / 1000)
      for (const line of values) line.push(null)
    }
    times.push(point.atMs / 1000)
    lines.forEach((line, index) => values[index]?.push(line(point, isAfterGap ? undefined : before)))
  })
  return [times, ...values]
}

/** Microseconds of a field as milliseconds; null when nothing was measured. */
export function msOf(point: FeedPoint | undefined, field: string): number | null {
  const us = valueOf(point, field)
  return us === null || us === 0 ? null : us / 1000
}

/** Rate of counters per second, all fields together; null when that is not known, as after a restart. */
export function rateOf(
  point: FeedPoint | undefined,
  before: FeedPoint | undefined,
  fields: readonly string[],
): number | null {
  if (point === undefined || before === undefined || point.atMs <= before.atMs) return null
  let rose = 0
  for (const field of fields) {
    const now = valueOf(point, field)
    const then = valueOf(before, field)
    if (now === null || then === null || now < then) return null
    rose += now - then
  }
  return (rose * 1000) / (point.atMs - before.atMs)
}
