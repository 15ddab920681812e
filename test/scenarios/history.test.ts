// The decisions of an account, read from any position: as a plain list of them would give them.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decisionsBefore } from '../../engine/ledger/history.ts'
import { apply } from '../../engine/ports/apply.ts'
import { type RowOf, historyMarkEvery } from '../../engine/ports/rows.ts'
import type { RowRange, Table } from '../../engine/ports/view.ts'
import { parseAccountId } from '../../protocol/ids.ts'
import { decisionAt } from '../../store/search/test-decisions.ts'

/** Rows in memory, of which every read is counted. */
class Rows {
  reads = 0
  readonly #rows = new Map<string, unknown>()

  append(lsn: number, account: string): void {
    for (const { table, key, row } of apply(decisionAt(lsn, { account: parseAccountId(account) }), lsn, this))
      this.#rows.set(`${table} ${key}`, row)
  }

  get<Name extends Table>(table: Name, key: string): RowOf<Name> | undefined {
    this.reads++
    return this.#rows.get(`${table} ${key}`) as RowOf<Name> | undefined
  }

  range<Name extends Table>(table: Name, { from, to, limit }: RowRange) {
    this.reads++
    return [...this.#rows.keys()]
      .filter((key) => key >= `${table} ${from}` && key < `${table} ${to}`)
      .toSorted()
      .slice(0, limit)
      .map((all) => ({ key: all.slice(table.length + 1), row: this.get(table, all.slice(table.length + 1)) }))
      .flatMap(({ key, row }) => (row === undefined ? [] : [{ key, row }]))
  }
}

describe('The decisions of an account before a position', () => {
  const names = ['a', 'a.', 'b', 'ab']
  const decided = fc.array(fc.constantFrom(...names), { minLength: 0, maxLength: 400 })

  it('are those of a plain list, whatever the position, the account and the others between', () => {
    fc.assert(
      fc.property(decided, fc.nat(450), fc.integer({ min: 1, max: 100 }), (accounts, belowLsn, limit) => {
        const rows = new Rows()
        accounts.forEach((account, at) => rows.append(at + 1, account))
        for (const name of names) {
          const expected = accounts
            .map((account, at) => ({ account, lsn: at + 1 }))
            .filter(({ account, lsn }) => account === name && lsn < belowLsn)
            .toReversed()
            .slice(0, limit)
          const page = decisionsBefore(rows, parseAccountId(name), { belowLsn, limit })
          expect(page.map(({ lsn }) => lsn)).toEqual(expected.map(({ lsn }) => lsn))
          for (const { lsn, row } of page) expect(row.atMs).toBe(decisionAt(lsn).atMs)
        }
      }),
      { numRuns: 100 },
    )
  })

  it('are found with few reads in a long history, also from a position that is not one of its own', () => {
    const rows = new Rows()
    const count = 100 * historyMarkEvery
    for (let lsn = 1; lsn <= count; lsn++) rows.append(lsn, lsn % 2 === 0 ? 'a' : 'b')
    for (const belowLsn of [1, 2, 3, count / 2, count / 2 + 1, count - 1, count, count + 1, Number.MAX_SAFE_INTEGER]) {
      rows.reads = 0
      const page = decisionsBefore(rows, parseAccountId('a'), { belowLsn, limit: 10 })
      expect(page.length).toBe(Math.min(10, Math.max(0, Math.ceil(Math.min(belowLsn, count + 1) / 2) - 1)))
      expect(rows.reads).toBeLessThan(historyMarkEvery + 20)
    }
  })
})
