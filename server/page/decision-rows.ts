// Decision queries of the operators' page. Decisions of the journal for the operators' page: a page at a time for who looks, or all of them as
// fast as they are taken for who exports. The search is in a thread of its own (store/search/decision-search.ts); nothing is found faster than
// it is read.

import type { Journal } from '../../engine/ports/journal.ts'
import type { Decisions } from '../../operators/ports/ports.ts'
import type { DecisionEntry } from '../../protocol/operator-api.ts'
import { journalFolderOf } from '../../store/files/data-folder.ts'
import { searchDecisions } from '../../store/search/decision-search.ts'

export function decisionRows(
  dataFolder: string,
  journal: Pick<Journal, 'firstLsn' | 'durableLsn'>,
  rewoundLsn = 0,
): Decisions {
  const folder = journalFolderOf(dataFolder)
  return {
    async search(filter, { limit, signal }) {
      const decisions: DecisionEntry[] = []
      const { nextBeforeLsn, searched } = await searchDecisions(folder, filter, {
        throughLsn: journal.durableLsn,
        limit,
        signal,
        rewoundLsn,
        onBatch: (entries) => void decisions.push(...entries.map(named)),
      })
      return { decisions, nextBeforeLsn, searched }
    },
    all: (filter, signal) =>
      handedOut(signal, async (onBatch, ended) => {
        const wish = { throughLsn: journal.durableLsn, limit: Number.MAX_SAFE_INTEGER, signal: ended, rewoundLsn }
        await searchDecisions(folder, filter, { ...wish, onBatch: (entries) => onBatch(entries.map(named)) })
      }),
    span: () => ({ oldestLsn: journal.firstLsn, newestLsn: journal.durableLsn }),
  }
}

/** The partner's name is for the caller to add: the journal does not have it. */
function named(entry: Omit<DecisionEntry, 'partnerName'>): DecisionEntry {
  return { ...entry, partnerName: null }
}

type Batch = readonly DecisionEntry[]
type Offered =
  | { readonly type: 'batch'; readonly batch: Batch }
  | { readonly type: 'end' }
  | { readonly type: 'failed'; readonly error: unknown }

/** What `search` finds, batch by batch: it waits until each is taken, and ends when its reader takes no more. */
async function* handedOut(
  signal: AbortSignal,
  search: (onBatch: (batch: Batch) => Promise<void>, ended: AbortSignal) => Promise<void>,
): AsyncGenerator<Batch> {
  const over = new AbortController()
  let offer: (offered: Offered) => void = () => {}
  let taken = (): void => {}
  const next = () => new Promise<Offered>((resolve) => (offer = resolve))
  let waiting = next()
  const running = search(
    (batch) =>
      new Promise((resolve) => {
        taken = resolve
        offer({ type: 'batch', batch })
      }),
    AbortSignal.any([signal, over.signal]),
  ).then(
    () => offer({ type: 'end' }),
    (error: unknown) => offer({ type: 'failed', error }),
  )
  try {
    for (;;) {
      const offered = await waiting
      if (offered.type === 'end') return
      if (offered.type === 'failed') throw offered.error
      yield offered.batch
      waiting = next()
      taken()
    }
  } finally {
    over.abort()
    taken()
    await running
  }
}
