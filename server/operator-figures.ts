// What the feed of the operators' page tells, field by field: read from the engine's counters, the second that ended last and the
// process, when somebody looks. For the minute before only what was kept anyway is known.

import type { FleetAnswer } from '../protocol/operator-api.ts'
import { feedFields, feedJournalStates } from '../protocol/operator-feed.ts'
import { namesOf } from '../protocol/names.ts'
import { reasons } from '../protocol/reasons.ts'
import { accountHoldNames, bandStates, holdBits, sessionStates } from '../protocol/states.ts'
import type { Counts, LastMinute, Second } from './last-minute.ts'
import type { MemoryBytes } from './process-memory.ts'

/** What was seen at one moment. */
export type Seen = {
  readonly counts: Counts
  readonly second: Second | undefined
  /** These are looked at only while somebody is there. */
  readonly memory?: MemoryBytes
  readonly viewers?: number
  readonly isDraining?: boolean
}

type Reading = (seen: Seen) => number | null | undefined

const us = (ms: number | null | undefined): number => Math.round((ms ?? 0) * 1_000)
const kb = (bytes: number | null | undefined): number | undefined =>
  bytes === null || bytes === undefined ? undefined : Math.round(bytes / 1_024)
const truth = (is: boolean | undefined): number | undefined => (is === undefined ? undefined : Number(is))

const readings: ReadonlyMap<string, Reading> = new Map<string, Reading>([
  ...namesOf(bandStates).map((name) => [`bands.${name}`, ({ counts }: Seen) => counts.bands?.[name]] as const),
  ['bands.held', ({ counts }) => counts.bandsHeld],
  ...namesOf(holdBits).map((name) => [`holds.${name}`, ({ counts }: Seen) => counts.holds?.[name]] as const),
  ...accountHoldNames.map(
    (name) => [`accountHolds.${name}`, ({ counts }: Seen) => counts.accountHolds?.[name]] as const,
  ),
  ...sessionStates.map((name) => [`sessions.${name}`, ({ counts }: Seen) => counts.sessions?.[name]] as const),
  ...namesOf(reasons).map((name) => [`decisions.${name}`, ({ counts }: Seen) => counts.decisions[name] ?? 0] as const),
  ['reversals', ({ counts }) => counts.reversals],
  ['unexpected', ({ counts }) => counts.unexpected],
  ['actorErrors', ({ counts }) => counts.actorErrors],
  ['links', ({ counts }) => counts.links],
  ['bandsAwake', ({ counts }) => counts.bandsAwake],
  ['pairingWindows', ({ counts }) => counts.pairingWindows],
  ['gateDepth', ({ counts }) => counts.gateDepth],
  ['alarmsWaiting', ({ counts }) => counts.alarmsWaiting],
  ['journalState', ({ counts }) => (counts.journal === undefined ? undefined : journalNumber(counts.journal))],
  ['clockCertain', ({ counts }) => truth(counts.clockCertain)],
  ['appendedLsn', ({ counts }) => counts.appendedLsn],
  ['durableLsn', ({ counts }) => counts.durableLsn],
  ['appliedLsn', ({ counts }) => counts.appliedLsn],
  ['answered', ({ second }) => second?.answered.count ?? 0],
  ['answeredP50Us', ({ second }) => us(second?.answered.p50Ms)],
  ['answeredP99Us', ({ second }) => us(second?.answered.p99Ms)],
  ['answeredP999Us', ({ second }) => us(second?.answered.p999Ms)],
  ['answeredMaxUs', ({ second }) => us(second?.answered.maxMs)],
  ['gateP50Us', ({ second }) => us(second?.gate.p50Ms)],
  ['gateP99Us', ({ second }) => us(second?.gate.p99Ms)],
  ['loopP99Us', ({ second }) => us(second?.loopDelay.p99Ms)],
  ['loopMaxUs', ({ second }) => us(second?.loopDelay.maxMs)],
  ['gcCount', ({ second }) => second?.gc.count ?? 0],
  ['gcMaxUs', ({ second }) => us(second?.gc.maxMs)],
  ['cpuUserMs', ({ second }) => Math.round(second?.cpu.userMs ?? 0)],
  ['cpuSystemMs', ({ second }) => Math.round(second?.cpu.systemMs ?? 0)],
  ['rssKb', ({ memory }) => kb(memory?.rss)],
  ['ownRssKb', ({ memory }) => kb(memory?.anonymous)],
  ['mappedKb', ({ memory }) => kb(memory?.mapped)],
  ['heapKb', ({ memory }) => kb(memory?.heapUsed)],
  ['viewers', ({ viewers }) => viewers],
  ['draining', ({ isDraining }) => truth(isDraining)],
])

/** One for each of `feedFields`; null for what was not looked at. */
export function feedValuesOf(seen: Seen): readonly (number | null)[] {
  return feedFields.map((field) => {
    const reading = readings.get(field)
    if (reading === undefined) throw new Error(`the feed has a field ${field} that nobody reads`)
    return reading(seen) ?? null
  })
}

/** The last minute, as the feed would have told it. */
export function feedHistory(lastMinute: Pick<LastMinute, 'history'>): FleetAnswer['history'] {
  return lastMinute
    .history()
    .map(({ second, counts }) => ({ atMs: second.atMs, values: feedValuesOf({ counts, second }) }))
}

function journalNumber(state: (typeof feedJournalStates)[number]): number {
  return feedJournalStates.indexOf(state)
}
