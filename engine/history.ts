// The decisions of an account, newest first. They lie in the order of the journal, each naming the one before it of its account;
// marks on the way lead to any position.

import type { AccountId } from '../protocol/ids.ts'
import type { Ledger } from './ledger.ts'
import type { Lsn } from './ports/journal.ts'
import { type HistoryRow, historyKey, historyMarkKey } from './ports/rows.ts'

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
