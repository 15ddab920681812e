// Linked list of an account's decisions, with skip marks, newest first. They lie in the order of the journal, each naming the one before it of
// its account; marks on the way lead to any position.

import type { AccountId } from '../../protocol/ids.ts'
import { pageEntriesMax } from '../../protocol/limits.ts'
import type { Ledger } from './ledger.ts'
import type { Lsn } from '../ports/journal.ts'
import { type HistoryRow, historyKey, historyMarkKey } from '../ports/rows.ts'

type Reads = Pick<Ledger, 'get' | 'range'>
export type Decided = { readonly lsn: Lsn; readonly row: HistoryRow }

/** Those before a position, at most `limit`, newest first. A page that is not full is the last one. */
export function decisionsBefore(
  ledger: Reads,
  account: AccountId,
  { belowLsn, limit }: { readonly belowLsn: Lsn; readonly limit: number },
): readonly Decided[] {
  const page: Decided[] = []
  let lsn = startAt(ledger, account, belowLsn)
  while (lsn !== null && page.length < limit) {
    const row = ledger.get('history', historyKey(lsn))
    if (row === undefined) break
    if (lsn < belowLsn) page.push({ lsn, row })
    lsn = row.before
  }
  return page
}

/** How far back a history is read for one look: an account with a long one must not be felt by those who pay. */
export const lookBackMax = 1_024

export type DecisionPage = {
  readonly decided: readonly Decided[]
  /** Where the next page begins; null = this is the last of them. */
  readonly nextBelowLsn: Lsn | null
}

/** Those before a position, page by page, with a pause between two; not beyond `lookBackMax`. */
export async function* decisionPages(
  ledger: Reads,
  account: AccountId,
  from: { readonly belowLsn: Lsn; readonly pause: () => Promise<void> },
): AsyncGenerator<DecisionPage> {
  let belowLsn: Lsn | null = from.belowLsn
  for (let looked = 0; belowLsn !== null && looked < lookBackMax; looked += pageEntriesMax) {
    if (looked > 0) await from.pause()
    const decided: readonly Decided[] = decisionsBefore(ledger, account, { belowLsn, limit: pageEntriesMax })
    belowLsn = decided.length < pageEntriesMax ? null : (decided.at(-1)?.lsn ?? null)
    yield { decided, nextBelowLsn: belowLsn }
  }
}

/** A decision of the account with few or none between it and the position; null = it has none. */
function startAt(ledger: Reads, account: AccountId, belowLsn: Lsn): Lsn | null {
  const newest = ledger.get('usage', account)?.newestLsn ?? null
  if (newest === null || newest < belowLsn) return newest
  // Mostly the last one of the page before.
  const at = ledger.get('history', historyKey(belowLsn))
  if (at?.account === account) return at.before
  const range = { from: historyMarkKey(account, belowLsn), to: historyMarkKey(account, newest), limit: 1 }
  return ledger.range('historyMark', range)[0]?.row.lsn ?? newest
}
