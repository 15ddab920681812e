// Timeline of one band, paged. What happened to one band, newest first: its moves, what was decided about it, what operators did. Only what is
// on disk. Asked for page by page; a long history of the account's other bands is read with pauses, and not to its end at once.

import type { TimelineAnswer, TimelineEntry } from '../../protocol/operator-api.ts'
import type { AccountId, BandId } from '../../protocol/ids.ts'
import { holdsOf } from '../../protocol/states.ts'
import { shortened } from '../ledger/account-rows.ts'
import type { Core } from '../core/core.ts'
import { type TimelineWish, timelineEntriesMax } from './port.ts'
import { askedFor, obligationWord, reasonWord } from '../ports/decision-words.ts'
import { decisionPages } from '../ledger/history.ts'
import { type HistoryRow, actKey, lsnOfKey, moveKey } from '../ports/rows.ts'

/** A page of a band's timeline. An unknown band has none. */
export async function bandTimeline(core: Core, bandId: BandId, wish: TimelineWish): Promise<TimelineAnswer> {
  const limit = Math.max(1, Math.min(wish.limit, timelineEntriesMax))
  const below = Math.min(wish.beforeLsn ?? Number.MAX_SAFE_INTEGER, core.ledger.durableLsn + 1)
  const account = core.ledger.get('band', bandId)?.account ?? null
  const wanted = { below, count: limit + 1 }
  const decisions =
    account === null ? nothing : await decisionsOf(core, account, bandId, { ...wanted, pause: wish.pause })
  const acts = [...actsOf(core, { bandId }, wanted), ...(account === null ? [] : actsOf(core, { account }, wanted))]
  const all = [...movesOf(core, bandId, wanted), ...acts, ...decisions.entries]
    .filter(({ lsn }) => lsn >= decisions.lookedToLsn)
    .toSorted((left, right) => right.lsn - left.lsn)
  const entries = all.slice(0, limit)
  const last = entries.at(-1)
  if (all.length > limit && last !== undefined) return { entries, nextBeforeLsn: last.lsn }
  return { entries, nextBeforeLsn: decisions.lookedToLsn > 0 ? decisions.lookedToLsn : null }
}

type Wanted = { readonly below: number; readonly count: number }

function movesOf(core: Core, bandId: BandId, { below, count }: Wanted): readonly TimelineEntry[] {
  const range = { from: moveKey(bandId, 0), to: moveKey(bandId, below), limit: count, reverse: true }
  return core.ledger.range('move', range).map(({ key, row }) => {
    const { holds, ...move } = row
    return { type: 'moved', lsn: lsnOfKey(key), ...move, holds: holdsOf(holds) }
  })
}

function actsOf(
  core: Core,
  about: { readonly bandId: BandId } | { readonly account: AccountId },
  { below, count }: Wanted,
): readonly TimelineEntry[] {
  const range = { from: actKey(about, 0), to: actKey(about, below), limit: count, reverse: true }
  return core.ledger.range('act', range).map(({ key, row }) => ({ type: 'act', lsn: lsnOfKey(key), ...row }))
}

type Decisions = {
  readonly entries: readonly TimelineEntry[]
  /** Older ones were not looked at; 0 = all were. */
  readonly lookedToLsn: number
}
const nothing: Decisions = { entries: [], lookedToLsn: 0 }

async function decisionsOf(
  core: Core,
  account: AccountId,
  bandId: BandId,
  { below, count, pause }: Wanted & Pick<TimelineWish, 'pause'>,
): Promise<Decisions> {
  const entries: TimelineEntry[] = []
  let lookedToLsn = 0
  for await (const { decided, nextBelowLsn } of decisionPages(core.ledger, account, { belowLsn: below, pause })) {
    for (const { lsn, row } of decided) {
      if (row.bandId === bandId) entries.push(decisionOf(core, account, lsn, row))
    }
    if (entries.length >= count) return { entries: entries.slice(0, count), lookedToLsn: 0 }
    lookedToLsn = nextBelowLsn ?? 0
  }
  return { entries, lookedToLsn }
}

function decisionOf(core: Core, account: AccountId, lsn: number, row: HistoryRow): TimelineEntry {
  const asked = askedFor(row.canon)
  return {
    type: 'decision',
    lsn,
    atMs: row.atMs,
    bandId: row.bandId,
    account: shortened(account),
    ...asked,
    partnerName: core.partners.find(asked.partner)?.name ?? null,
    label: row.label,
    reason: reasonWord(row.reason),
    obligation: obligationWord(row.obligation),
    level: row.level,
    reversedByLsn: row.reversedBy,
  }
}
