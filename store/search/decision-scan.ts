// Reverse scan of the journal. Goes through the journal's files from the newest record down and finds decisions, beside the engine that writes
// them: only what was durable when it was asked, one group in memory at a time. A segment that is recycled meanwhile ends the search where it
// began.

import type { DecisionEntry, DecisionFilter } from '../../protocol/operator-api.ts'
import type { Lsn } from '../../engine/ports/journal.ts'
import { askedFor, labelText, obligationWord, reasonWord } from '../../engine/ports/decision-words.ts'
import { type DecisionRecord, decodeRecord, recordTypeOf } from '../../engine/ports/records.ts'
import { Fault } from '../../engine/ports/fault.ts'
import { type FilePort, type OpenFile, fileErrorCode } from '../files/file-port.ts'
import { type GroupPlace, groupAt, placesOf } from '../journal/journal-groups.ts'
import { isGone, openIfThere } from '../journal/journal-reading.ts'
import { type ScannedGroup, recordsOf } from '../journal/journal-scan.ts'
import { type Segment, damaged, listSegments } from '../journal/journal-segments.ts'

/** A decision as the journal has it: the account whole, the partner's name not there. */
export type FoundDecision = Omit<DecisionEntry, 'partnerName'>

export type DecisionWish = {
  readonly folder: string
  readonly filter: DecisionFilter
  /** What is durable: nothing behind it is looked at. */
  readonly throughLsn: Lsn
  /** Entries to find; then it ends. */
  readonly limit: number
  /** Where journal time ran back the last time; 0 or undefined = nowhere. Then instants say nothing about where to look. */
  readonly rewoundLsn?: Lsn
}

/** What a stretch of the journal gave. */
export type ScanStep = {
  /** Newest first. */
  readonly entries: readonly FoundDecision[]
  /** Records looked at for it. */
  readonly records: number
  /** The lowest position looked at so far; 0 = there was nothing to look at. */
  readonly downToLsn: Lsn
}

/**
 * A reversal follows its approval as soon as that is on disk, so it is found within the time of one sync. A search that begins below
 * the newest record looks this far above it for reversals, ms of engine time.
 */
export const reversedWithinMs = 30_000
/** Records after which a step is handed out, so that the reader can stop, or let others go on. */
const recordsPerStep = 2_000
const attemptsMax = 5

type Reversal = { readonly lsn: Lsn; readonly reason: number }

/** Looks from `filter.beforeLsn`, or the newest, down to `filter.fromMs`, the limit or the beginning. Throws a Fault. */
export function* scanDecisions(files: FilePort, wish: DecisionWish): Generator<ScanStep, undefined> {
  const { filter, folder, limit } = wish
  const isInOrder = (wish.rewoundLsn ?? 0) === 0
  const through = Math.min(wish.throughLsn, (filter.beforeLsn ?? Number.MAX_SAFE_INTEGER) - 1)
  const segments = reachesOf(segmentsOf(files, folder), wish.throughLsn)
  const reversals = new Map<Lsn, Reversal>()
  const start = startOf(files, segments, { filter: isInOrder ? filter : {}, throughLsn: through })
  if (start === undefined) return undefined
  lookAbove(files, segments, start, wish.throughLsn, reversals)
  const step = { entries: [] as FoundDecision[], records: 0, downToLsn: 0 }
  let left = limit
  for (let at = start.segment; at >= 0 && left > 0; at--) {
    const reach = segments[at]
    const reader = reach === undefined ? undefined : openReader(files, reach)
    if (reader === undefined) break
    try {
      const places = at === start.segment ? start.places : reader.places(wish.throughLsn)
      if (places === undefined) break
      for (const place of places.toReversed()) {
        const group = reader.group(place)
        if (group === undefined) {
          yield { ...step }
          return undefined
        }
        for (const { lsn, body } of [...recordsOf(group)].toReversed()) {
          if (lsn > through || left === 0) continue
          step.records++
          step.downToLsn = lsn
          const entry = entryOf(lsn, body, filter, reversals)
          if (entry === undefined) continue
          step.entries.push(entry)
          left--
        }
        if (left === 0 || (isInOrder && beginsBefore(group, filter.fromMs))) {
          yield { ...step }
          return undefined
        }
        if (step.records < recordsPerStep) continue
        yield { ...step, entries: step.entries.splice(0) }
        step.records = 0
      }
    } finally {
      reader.close()
    }
  }
  yield { ...step }
  return undefined
}

/** A list that changes while it is read is read again. */
function segmentsOf(files: FilePort, folder: string): readonly Segment[] {
  for (let attempt = 1; ; attempt++) {
    try {
      return listSegments(files, folder)
    } catch (error) {
      const isMoving = error instanceof Fault || fileErrorCode(error) === 'ENOENT'
      if (!isMoving || attempt === attemptsMax) throw error
    }
  }
}

/** A segment, and the last record in it that may be looked at. */
type Reach = { readonly segment: Segment; readonly lastLsn: Lsn }

function reachesOf(segments: readonly Segment[], throughLsn: Lsn): readonly Reach[] {
  const within = segments.filter(({ header }) => header.firstLsn <= throughLsn)
  return within.map((segment, at) => {
    return { segment, lastLsn: Math.min(throughLsn, (within[at + 1]?.header.firstLsn ?? Number.MAX_SAFE_INTEGER) - 1) }
  })
}

type Reader = {
  /** The groups up to the one that holds `through`; undefined when the segment was recycled. Throws a Fault when one is missing. */
  readonly places: (through: Lsn) => readonly GroupPlace[] | undefined
  /** Undefined when the segment was recycled. Throws a Fault on a group that is damaged. */
  readonly group: (place: GroupPlace) => ScannedGroup | undefined
  readonly close: () => void
}

/** Undefined when the segment was recycled. */
function openReader(files: FilePort, reach: Reach): Reader | undefined {
  const file = openIfThere(files, reach.segment)
  return file === undefined ? undefined : readerOf(files, file, reach)
}

function readerOf(files: FilePort, file: OpenFile, { segment, lastLsn }: Reach): Reader {
  return {
    places: (through) => {
      const places = [...placesOf(file, segment, through)].flat()
      const last = places.at(-1)
      const reachedLsn = last === undefined ? segment.header.firstLsn - 1 : last.firstLsn + last.recordCount - 1
      if (reachedLsn >= Math.min(through, lastLsn)) return places
      if (isGone(files, segment)) return undefined
      const why = `records up to ${Math.min(through, lastLsn)} expected`
      throw damaged({ path: segment.path, offset: last?.offset ?? 0, lsn: reachedLsn + 1, why })
    },
    group: (place) => {
      const group = groupAt(file, segment, place)
      if (typeof group !== 'string') return group
      if (isGone(files, segment)) return undefined
      throw damaged({ path: segment.path, offset: place.offset, lsn: place.firstLsn, why: group })
    },
    close: () => file.close(),
  }
}

type Start = {
  /** Its place among the segments. */
  readonly segment: number
  /** Its groups up to the newest that is looked at. */
  readonly places: readonly GroupPlace[]
}

/** Where to begin: the newest group that holds anything within `throughLsn` and not after `filter.toMs`. */
function startOf(
  files: FilePort,
  segments: readonly Reach[],
  { filter, throughLsn }: Pick<DecisionWish, 'filter' | 'throughLsn'>,
): Start | undefined {
  for (let at = segments.length - 1; at >= 0; at--) {
    const reach = segments[at]
    if (reach === undefined || reach.segment.header.firstLsn > throughLsn) continue
    const reader = openReader(files, reach)
    if (reader === undefined) return undefined
    try {
      const [first] = reader.places(reach.segment.header.firstLsn) ?? []
      const isAfter = (place: GroupPlace) => {
        const group = reader.group(place)
        return group !== undefined && filter.toMs !== undefined && firstAtMs(group) > filter.toMs
      }
      if (first !== undefined && isAfter(first)) continue
      const places = reader.places(throughLsn) ?? []
      const from = filter.toMs === undefined ? places.length : firstThat(places, isAfter)
      if (from > 0) return { segment: at, places: places.slice(0, from) }
    } finally {
      reader.close()
    }
  }
  return undefined
}

/** The first place for which it is true, given that it is so for all after it; the length when for none. */
function firstThat(places: readonly GroupPlace[], isTrue: (place: GroupPlace) => boolean): number {
  let low = 0
  let high = places.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const place = places[middle]
    if (place !== undefined && isTrue(place)) high = middle
    else low = middle + 1
  }
  return low
}

/** Reversals of what is about to be looked at may stand above it. */
function lookAbove(
  files: FilePort,
  segments: readonly Reach[],
  start: Start,
  throughLsn: Lsn,
  reversals: Map<Lsn, Reversal>,
): void {
  const newest = start.places.at(-1)
  let untilMs = Number.POSITIVE_INFINITY
  for (const reach of segments.slice(start.segment)) {
    const reader = openReader(files, reach)
    if (reader === undefined) return
    try {
      for (const place of reader.places(throughLsn) ?? []) {
        if (newest !== undefined && place.firstLsn < newest.firstLsn) continue
        const group = reader.group(place)
        if (group === undefined || firstAtMs(group) > untilMs) return
        if (untilMs === Number.POSITIVE_INFINITY) untilMs = lastAtMs(group) + reversedWithinMs
        for (const { lsn, body } of recordsOf(group)) if (lsn <= throughLsn) noteReversal(lsn, body, reversals)
      }
    } finally {
      reader.close()
    }
  }
}

function noteReversal(lsn: Lsn, body: Uint8Array, reversals: Map<Lsn, Reversal>): void {
  if (recordTypeOf(body) !== 'reversal') return
  const record = decodeRecord(body)
  if (record.type === 'reversal') reversals.set(record.reversedLsn, { lsn, reason: record.reason })
}

function entryOf(
  lsn: Lsn,
  body: Uint8Array,
  filter: DecisionFilter,
  reversals: Map<Lsn, Reversal>,
): FoundDecision | undefined {
  noteReversal(lsn, body, reversals)
  if (recordTypeOf(body) !== 'decision') return undefined
  const record = decodeRecord(body)
  if (record.type !== 'decision') return undefined
  const reversal = reversals.get(lsn)
  // Whatever was met twice, or lies above what is looked at, is not kept for ever.
  reversals.delete(lsn)
  const entry = described(lsn, record, reversal)
  return isWanted(entry, filter) ? entry : undefined
}

function described(lsn: Lsn, record: DecisionRecord, reversal: Reversal | undefined): FoundDecision {
  const { atMs, bandId, account, canon, label, obligation, level } = record
  return {
    lsn,
    atMs,
    bandId,
    account,
    ...askedFor(canon),
    label: labelText(label),
    reason: reasonWord(reversal?.reason ?? record.reason),
    obligation: obligationWord(obligation),
    level,
    reversedByLsn: reversal?.lsn ?? null,
  }
}

function isWanted(entry: FoundDecision, filter: DecisionFilter): boolean {
  const { fromMs, toMs, partner, reason, minMinor, maxMinor, currency, action, account, bandId, reference } = filter
  const is = <Value>(wanted: Value | undefined, value: Value) => wanted === undefined || wanted === value
  return (
    entry.atMs >= (fromMs ?? 0) &&
    entry.atMs <= (toMs ?? Number.POSITIVE_INFINITY) &&
    entry.amountMinor >= (minMinor ?? 0) &&
    entry.amountMinor <= (maxMinor ?? Number.POSITIVE_INFINITY) &&
    (reason === 'denied' ? entry.reason !== 'approved' : is(reason, entry.reason)) &&
    is(partner, entry.partner) &&
    is(currency, entry.currency) &&
    is(action, entry.action) &&
    is(account, entry.account) &&
    is(bandId, entry.bandId) &&
    entry.reference.startsWith(reference ?? '')
  )
}

/** Time does not run back in this journal: nothing before such a group is wanted. */
function beginsBefore(group: ScannedGroup, fromMs: number | undefined): boolean {
  return fromMs !== undefined && firstAtMs(group) < fromMs
}

function firstAtMs(group: ScannedGroup): number {
  for (const { body } of recordsOf(group)) return decodeRecord(body).atMs
  return 0
}

function lastAtMs(group: ScannedGroup): number {
  let last: Uint8Array | undefined
  for (const { body } of recordsOf(group)) last = body
  return last === undefined ? 0 : decodeRecord(last).atMs
}
