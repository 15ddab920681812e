// Audit timeline of a band, newest first: its moves, its decisions, and what operators did. A decision opens into its
// explanation; older entries are asked for a page at a time.

import { type TimelineAnswer, type TimelineEntry, operatorPaths } from '../../protocol/operator-api.ts'
import type { ApiRefusal } from '../../protocol/operator-api.ts'
import { get, pathOf } from '../state/api.ts'
import { Explanation } from '../decisions/explanation.tsx'
import { formatAmount } from '../parts/money.ts'
import { Empty, HoldTags, Id, Loading, Panel, ReasonTag, Refused, StateTag, Tag, Time } from '../parts/parts.tsx'
import { useEffect, useRef, useState } from '../state/preact.ts'

const pageLength = 50

export type Timeline = {
  readonly entries: readonly TimelineEntry[]
  readonly isLoading: boolean
  readonly refusal: ApiRefusal | undefined
  /** Undefined: nothing older is there. */
  readonly older: (() => void) | undefined
  /** Reads what is newest; the older entries that were read stay. */
  readonly again: () => void
}

type Read = {
  readonly bandId: string
  readonly entries: readonly TimelineEntry[]
  readonly nextBeforeLsn: number | null
}

export function useTimeline(bandId: string): Timeline {
  const [read, setRead] = useState<Read>({ bandId, entries: [], nextBeforeLsn: null })
  const [isLoading, setLoading] = useState(true)
  const [refusal, setRefusal] = useState<ApiRefusal | undefined>(undefined)
  const current = useRef(bandId)
  current.current = bandId
  const load = async (beforeLsn: number | undefined): Promise<void> => {
    setLoading(true)
    const query = `limit=${pageLength}${beforeLsn === undefined ? '' : `&beforeLsn=${beforeLsn}`}`
    const path = `${pathOf(operatorPaths.timeline, { bandId })}?${query}`
    const answered = await get<TimelineAnswer>(path, ['entries', 'nextBeforeLsn'])
    if (current.current !== bandId) return
    setLoading(false)
    setRefusal(answered.ok ? undefined : answered.refusal)
    if (answered.ok) setRead((was) => merged(was, bandId, answered.answer, beforeLsn))
  }
  useEffect(() => {
    void load(undefined)
  }, [bandId])
  const isOfBand = read.bandId === bandId
  const next = isOfBand ? read.nextBeforeLsn : null
  return {
    entries: isOfBand ? read.entries : [],
    isLoading,
    refusal,
    older: next === null ? undefined : () => void load(next),
    again: () => void load(undefined),
  }
}

export function TimelinePanel({ timeline }: { readonly timeline: Timeline }) {
  const { entries, isLoading, refusal, older, again } = timeline
  return (
    <Panel title="Timeline" class={refusal === undefined ? 'span' : 'span stale'}>
      {refusal !== undefined && <Refused refusal={refusal} again={again} />}
      {entries.length === 0 && isLoading && <Loading what="the timeline" />}
      {entries.length === 0 && !isLoading && refusal === undefined && (
        <Empty>
          {older === undefined
            ? 'Nothing happened to it yet.'
            : 'Nothing happened to it in the part that was looked at.'}
        </Empty>
      )}
      <ol class="timeline">
        {entries.map((entry) => (
          <li key={`${entry.type} ${entry.lsn}`} class={entry.type}>
            <Entry entry={entry} />
          </li>
        ))}
      </ol>
      {older !== undefined && (
        <button type="button" onClick={older} disabled={isLoading}>
          Older
        </button>
      )}
    </Panel>
  )
}

function Entry({ entry }: { readonly entry: TimelineEntry }) {
  switch (entry.type) {
    case 'moved':
      return (
        <div class="entry">
          <Time atMs={entry.atMs} />
          <span class="what">
            <code>{entry.cause}</code> <StateTag state={entry.state} />
            {entry.holds.length > 0 && <HoldTags holds={entry.holds} />}
          </span>
          <span class="muted" title={entry.by}>
            by {shortActor(entry.by)}, generation {entry.generation}
          </span>
          <Id>{entry.lsn}</Id>
        </div>
      )
    case 'act':
      return (
        <div class="entry">
          <Time atMs={entry.atMs} />
          <span class="what">
            <Tag tone="plain">{entry.act}</Tag> <bdi>{entry.reason}</bdi>
          </span>
          <span class="muted">
            by {entry.by}
            {entry.also !== null && ` and ${entry.also}`}
          </span>
          <Id>{entry.lsn}</Id>
        </div>
      )
    case 'decision':
      return <DecisionEntryLine entry={entry} />
  }
}

function DecisionEntryLine({ entry }: { readonly entry: Extract<TimelineEntry, { readonly type: 'decision' }> }) {
  const [isOpen, setOpen] = useState(false)
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary class="entry">
        <Time atMs={entry.atMs} />
        <span class="what">
          <ReasonTag reason={entry.reason} /> {entry.action}{' '}
          <strong class="number">{formatAmount(entry.amountMinor, entry.currency)}</strong> <bdi>{entry.label}</bdi>
          {entry.reversedByLsn !== null && <Tag tone="warn">taken back</Tag>}
        </span>
        <span class="muted" title={entry.partner}>
          {entry.partnerName ?? `${entry.partner.slice(0, 8)}…`}
        </span>
        <Id>{entry.lsn}</Id>
      </summary>
      {isOpen && <Explanation lsn={entry.lsn} level={3} />}
    </details>
  )
}

/** A phone by the beginning of its id, as wherever an id is too long for its place; others as they are. */
function shortActor(by: string): string {
  return by.replace(/^(phone:[0-9a-f]{8})[0-9a-f]+$/, '$1…')
}

/** Merges two pages without duplicates; what is older stays read. */
function merged(was: Read, bandId: string, { entries, nextBeforeLsn }: TimelineAnswer, beforeLsn?: number): Read {
  const kept = was.bandId === bandId ? was.entries : []
  const oldest = entries.at(-1)?.lsn
  const overlaps = oldest !== undefined && kept.some((entry) => entry.lsn >= oldest)
  if (beforeLsn === undefined && !overlaps) return { bandId, entries, nextBeforeLsn }
  const keyOf = (entry: TimelineEntry): string => `${entry.type} ${entry.lsn}`
  const fresh = new Set(entries.map(keyOf))
  const all = [...entries, ...kept.filter((entry) => !fresh.has(keyOf(entry)))].sort((a, b) => b.lsn - a.lsn)
  const reachesFurther = beforeLsn !== undefined || (kept.at(-1)?.lsn ?? Infinity) >= (oldest ?? Infinity)
  return { bandId, entries: all, nextBeforeLsn: reachesFurther ? nextBeforeLsn : was.nextBeforeLsn }
}
