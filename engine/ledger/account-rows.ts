// Read model of an account. An account as its rows tell it: its epoch and limits, the holds in force for its bands, and the list of these.

import type { AccountId, BandId } from '../../protocol/ids.ts'
import type { Ledger } from './ledger.ts'
import { type AccountRow, type BandRow, holdsOnBand, newAccount } from '../ports/rows.ts'
import { ownerEpochMin } from './restored.ts'

type HasLedger = { readonly ledger: Pick<Ledger, 'get' | 'range' | 'restored'> }

/** The account's owner epoch: the row's, or the one that a restore has raised all of them to. */
export function ownerEpochOf({ ledger }: HasLedger, row: Pick<AccountRow, 'ownerEpoch'> | undefined): number {
  return Math.max(row?.ownerEpoch ?? 0, ownerEpochMin(ledger.restored))
}

/** The account's row with its owner epoch of now, or what an account starts with. */
export function accountRow(core: HasLedger, account: AccountId): AccountRow {
  const row = core.ledger.get('account', account) ?? newAccount(account)
  return { ...row, ownerEpoch: ownerEpochOf(core, row) }
}

/** Bits of the holds an account is under as a whole; nothing is paired with it meanwhile. */
export function accountHolds(core: HasLedger, account: AccountId | null): number {
  return account === null ? 0 : (core.ledger.get('account', account)?.holds ?? 0)
}

/** Bits of the account's holds that stop this band of it; 0 for a band without an account. */
export function accountHoldsOn(core: HasLedger, { account, bandId }: Pick<BandRow, 'account' | 'bandId'>): number {
  const row = account === null ? undefined : core.ledger.get('account', account)
  return row === undefined ? 0 : holdsOnBand(row, bandId)
}

/** Bits of all holds in force for a band: its own and its account's. */
export function holdsInForce(core: HasLedger, row: Pick<BandRow, 'holds' | 'account' | 'bandId'>): number {
  return row.holds | accountHoldsOn(core, row)
}

/** Bands read at once. */
const bandsPageMax = 1_000

/** All bands of an account, as of the moment each page is read. */
export function* bandsOf(core: HasLedger, account: AccountId): Generator<BandId> {
  for (const page of bandPages(core, account)) yield* page
}

/** The same a page at a time, so that a long account can be gone through with pauses. */
export function* bandPages(core: HasLedger, account: AccountId): Generator<readonly BandId[]> {
  let from = `${account}|`
  for (;;) {
    const rows = core.ledger.range('accountBand', { from, to: `${account}}`, limit: bandsPageMax })
    yield rows.map(({ row }) => row.bandId)
    const last = rows.at(-1)
    if (last === undefined || rows.length < bandsPageMax) return
    from = `${last.key}~`
  }
}

/** The beginning of an account's id: enough to tell two apart, never all of it. */
export function shortened(account: AccountId): string {
  return `${account.slice(0, Math.min(shownLength, account.length - 1))}…`
}

const shownLength = 4
