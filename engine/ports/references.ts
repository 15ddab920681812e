// The answers kept for a reference (partner, rid): an approval stands for all, a denial binds its own account only. Under the
// reference itself lies the approval, or the first denial; denials of further accounts lie behind it, each under its account.

import type { AccountId } from '../../protocol/ids.ts'
import { type Change, type ReferenceRow, type RowReader, accountReferenceKey } from './rows.ts'

const approved = 0

/** What was decided before: the account's own answer, and whether the reference is another account's by its approval. */
export type Kept = { readonly own: ReferenceRow | undefined; readonly isTaken: boolean }

const nothingKept: Kept = { own: undefined, isTaken: false }

/** Looks for the answers that bind an account; `key` is the reference's. A reference that is new costs one row not found. */
export function keptFor(rows: RowReader, key: string, account: AccountId): Kept {
  const first = rows.get('reference', key)
  if (first === undefined) return nothingKept
  if (first.account === account) return { own: first, isTaken: false }
  return { own: rows.get('reference', accountReferenceKey(key, account)), isTaken: first.reason === approved }
}

/** Keeps an answer. An approval takes the first place, and the denial that was there moves behind it. */
export function keepAnswer(rows: RowReader, key: string, answer: ReferenceRow): readonly Change[] {
  const first = rows.get('reference', key)
  if (first === undefined || first.account === answer.account) return [{ table: 'reference', key, row: answer }]
  const ownKey = accountReferenceKey(key, answer.account)
  if (answer.reason !== approved) return [{ table: 'reference', key: ownKey, row: answer }]
  const moved: Change[] = [
    { table: 'reference', key, row: answer },
    { table: 'reference', key: accountReferenceKey(key, first.account), row: first },
  ]
  const isDenied = rows.get('reference', ownKey) !== undefined
  return isDenied ? [...moved, { table: 'reference', key: ownKey, row: null }] : moved
}
