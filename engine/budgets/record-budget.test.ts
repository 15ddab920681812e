import { describe, expect, it } from 'vitest'
import { parseAccountId } from '../../protocol/ids.ts'
import { RecordBudget } from './record-budget.ts'

const alice = parseAccountId('alice')
const bob = parseAccountId('bob')

function budget() {
  const time = { nowMs: 0 }
  return { time, records: new RecordBudget({ perSecond: 1, burst: 10 }, () => time.nowMs) }
}

describe('The budget of an account', () => {
  it('bears its burst and not one more, then a record a second, whatever another account does', () => {
    const { time, records } = budget()
    for (let record = 0; record < 10; record++) {
      expect(records.waitMs(alice)).toBe(0)
      records.charge(alice, 1)
    }
    expect(records.waitMs(alice)).toBe(1_000)
    expect(records.waitMs(bob)).toBe(0)
    time.nowMs = 500
    expect(records.waitMs(alice)).toBe(500)
    time.nowMs = 1_000
    expect(records.waitMs(alice)).toBe(0)
  })

  it('is overdrawn by what never waits, at most as far as it was full', () => {
    const { time, records } = budget()
    records.charge(alice, 1_000)
    expect(records.waitMs(alice)).toBe(11_000)
    time.nowMs = 11_000
    expect(records.waitMs(alice)).toBe(0)
  })

  it('keeps nobody from stopping and reading', () => {
    const { records } = budget()
    records.charge(alice, 1_000)
    for (const type of ['freeze', 'lost', 'veto', 'bands', 'history', 'changes', 'record'] as const)
      expect(records.waitOfMs(alice, type)).toBe(0)
    for (const type of ['limits', 'arm', 'authorize', 'unfreeze'] as const)
      expect(records.waitOfMs(alice, type)).toBeGreaterThan(0)
  })
})
