// Feed snapshot of the operators' page. What the feed of the operators' page tells, field by field: read from the engine's counters, the
// second that ended last and the process, when a page looks. A value that was not measured is null, never a zero. For the minutes before only
// what was kept anyway is known.

import type { OwnFigures } from '../../operators/ports/ports.ts'
import type { AlarmRule, FleetHistory } from '../../protocol/operator-api.ts'
import { type FeedValue, feedFields, feedJournalStates, feedLists } from '../../protocol/messages/operator-feed.ts'
import { namesOf } from '../../base/names.ts'
import { reasons } from '../../protocol/reasons.ts'
import { accountHoldNames, bandStates, holdBits, sessionStates } from '../../protocol/states.ts'
import type { Counts, KeptSecond, LastMinute, Second } from '../figures/last-minute.ts'
import type { MemoryBytes } from '../figures/process-memory.ts'

/** What was seen at one moment. */
export type Seen = {
  readonly counts: Counts
  readonly second: Second | undefined
  readonly minuteAnswered?: KeptSecond['minuteAnswered'] | undefined
  /** These are looked at only while a page is there. */
  readonly memory?: MemoryBytes
  readonly own?: OwnFigures
  /** How often the lists of partners and vendors changed. */
  readonly listChanges?: { readonly partners: number; readonly vendors: number }
  readonly isDraining?: boolean
}

type Reading = (seen: Seen) => FeedValue | undefined

const scaled = (value: number | null | undefined, by: number): number | undefined =>
  value === null || value === undefined ? undefined : Math.round(value * by)
const us = (ms: number | null | undefined): number | undefined => scaled(ms, 1_000)
const kb = (bytes: number | null | undefined): number | undefined => scaled(bytes, 1 / 1_024)
/** The largest of none is no number. */
const mostUs = (of: { readonly count: number; readonly maxMs: number } | undefined): number | undefined =>
  of === undefined || of.count === 0 ? undefined : us(of.maxMs)
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
  ['answered', ({ second }) => second?.answered.count],
  ['answeredP50Us', ({ second }) => us(second?.answered.p50Ms)],
  ['answeredP99Us', ({ second }) => us(second?.answered.p99Ms)],
  ['answeredP999Us', ({ second }) => us(second?.answered.p999Ms)],
  ['answeredMaxUs', ({ second }) => mostUs(second?.answered)],
  ['gateP50Us', ({ second }) => us(second?.gate.p50Ms)],
  ['gateP99Us', ({ second }) => us(second?.gate.p99Ms)],
  ['loopP99Us', ({ second }) => us(second?.loopDelay.p99Ms)],
  ['loopMaxUs', ({ second }) => us(second?.loopDelay.maxMs)],
  ['gcCount', ({ second }) => second?.gc.count],
  ['gcMaxUs', ({ second }) => mostUs(second?.gc)],
  ['cpuUserMs', ({ second }) => scaled(second?.cpu.userMs, 1)],
  ['cpuSystemMs', ({ second }) => scaled(second?.cpu.systemMs, 1)],
  ['rssKb', ({ memory }) => kb(memory?.rss)],
  ['ownRssKb', ({ memory }) => kb(memory?.anonymous)],
  ['mappedKb', ({ memory }) => kb(memory?.mapped)],
  ['heapKb', ({ memory }) => kb(memory?.heapUsed)],
  ['viewers', ({ own }) => own?.viewers],
  ['draining', ({ isDraining }) => truth(isDraining)],
  ['denied', ({ counts }) => deniedOf(counts)],
  ['answeredMinute', ({ minuteAnswered }) => minuteAnswered?.count],
  ['answeredMinuteP99Us', ({ minuteAnswered }) => us(minuteAnswered?.p99Ms)],
  ['proposals', ({ own }) => own?.proposals],
  ...feedLists.map(
    (list) => [`changes.${list}`, ({ own, listChanges }: Seen) => ({ ...listChanges, ...own?.changes })[list]] as const,
  ),
])

/** One for each of `feedFields`; null for what was not looked at, or of which there was nothing to measure. */
export function feedValuesOf(seen: Seen): readonly FeedValue[] {
  return feedFields.map((field) => valueOf(field, seen))
}

/** What pictures are drawn from, beside what alarms are about. */
const drawnFields = ['decisions.approved', 'denied', 'answered', 'answeredP50Us', 'answeredP99Us', 'answeredP999Us']

/** The last minutes, as the feed would have told them: of the fields that the page's pictures and these alarms need. */
export function feedHistory(lastMinute: Pick<LastMinute, 'history'>, alarms: readonly AlarmRule[]): FleetHistory {
  const watched = alarms.flatMap(({ field, of }) => (of === undefined ? [field] : [field, of]))
  const fields = [...new Set([...drawnFields, ...watched])]
  const seconds = lastMinute
    .history()
    .map((kept) => ({ atMs: kept.second.atMs, values: fields.map((field) => valueOf(field, kept)) }))
  return { fields, seconds }
}

function valueOf(field: string, seen: Seen): FeedValue {
  const reading = readings.get(field)
  if (reading === undefined) throw new Error(`the feed has a field ${field} without a reading`)
  return reading(seen) ?? null
}

function deniedOf({ decisions }: Counts): number {
  return Object.entries(decisions).reduce((sum, [reason, count]) => (reason === 'approved' ? sum : sum + count), 0)
}

function journalNumber(state: (typeof feedJournalStates)[number]): number {
  return feedJournalStates.indexOf(state)
}
