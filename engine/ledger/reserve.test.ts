import { expect, it } from 'vitest'
import { parseAccountId } from '../../protocol/ids.ts'
import { accountRow } from './account-rows.ts'
import type { JournalRecordOf } from '../ports/records.ts'
import { ReserveShares, reserveRecordsMax, reserveRecordsOfOperatorMax } from './reserve.ts'

function record(account: string, by: string): JournalRecordOf<'account'> {
  const row = accountRow(
    { ledger: { get: () => undefined, range: () => [], restored: undefined } },
    parseAccountId(account),
  )
  return { type: 'account', atMs: 1, cause: 'account.held', by, ...row }
}

function takenBy(shares: ReserveShares, account: string, by: string): number {
  for (let taken = 0; ; taken++) if (taken > 20_000 || !shares.take(record(account, by))) return taken
}

it('In the reserve an account has its share, and no record more', () => {
  const shares = new ReserveShares()
  expect(takenBy(shares, 'mallory', 'web')).toBe(reserveRecordsMax)
  expect(takenBy(shares, 'mallory', 'phone:aa')).toBe(0)
  expect(takenBy(shares, 'alice', 'web')).toBe(reserveRecordsMax)
})

it('In the reserve an operator has a share too, which is none of the account’s', () => {
  const shares = new ReserveShares()
  expect(takenBy(shares, 'mallory', 'web')).toBe(reserveRecordsMax)
  expect(takenBy(shares, 'mallory', 'operator:ann')).toBe(reserveRecordsOfOperatorMax)
  expect(shares.take(record('mallory', 'operator:bob'))).toBe(true)
})

it('What the engine itself and its rules end is never refused a place in the reserve for a share', () => {
  const shares = new ReserveShares()
  expect(takenBy(shares, 'mallory', 'web')).toBe(reserveRecordsMax)
  expect(shares.take(record('mallory', 'engine'))).toBe(true)
  expect(shares.take(record('mallory', 'rule:clone'))).toBe(true)
})

it('When there was room again every share of the reserve is whole', () => {
  const shares = new ReserveShares()
  takenBy(shares, 'mallory', 'web')
  shares.clear()
  expect(takenBy(shares, 'mallory', 'web')).toBe(reserveRecordsMax)
})
