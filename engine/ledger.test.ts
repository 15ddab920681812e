import { expect, it } from 'vitest'
import { parseAccountId } from '../protocol/ids.ts'
import { Ledger, type LedgerOptions } from './ledger.ts'
import type { Journal } from './ports/journal.ts'
import type { View } from './ports/view.ts'

/** A journal whose records become durable when the test says so, and a view that remembers how far it was written. */
function ports() {
  const lsns = { appended: 0, durable: 0, applied: 0 }
  const waiting: { readonly lsn: number; readonly resolve: () => void }[] = []
  const journal: Journal = {
    epoch: 1,
    state: 'open',
    firstLsn: 1,
    get appendedLsn() {
      return lsns.appended
    },
    get durableLsn() {
      return lsns.durable
    },
    append: () => ++lsns.appended,
    durable: (lsn) =>
      lsn <= lsns.durable ? Promise.resolve() : new Promise((resolve) => waiting.push({ lsn, resolve })),
    read: () => [],
    readOne: async () => undefined,
    close: async () => {},
  }
  const view: View = {
    get appliedLsn() {
      return lsns.applied
    },
    get: () => undefined,
    range: () => [],
    write: async (_changes, appliedLsn) => {
      await Promise.resolve()
      lsns.applied = appliedLsn
    },
    close: async () => {},
  }
  const sync = () => {
    lsns.durable = lsns.appended
    for (const waiter of waiting.splice(0)) waiter.resolve()
  }
  return { journal, view, sync }
}

function optionsOf(journal: Journal, view: View): LedgerOptions {
  return {
    journal,
    view,
    clock: { nowMs: () => 0, monotonicMs: () => 0, after: () => () => undefined },
    viewFlushMs: 100,
    viewFlushRecords: 1,
    cachedRowsMax: 10,
    changed: () => undefined,
    viewFailed: (error) => {
      throw error
    },
  }
}

it('Whoever waits for the disk is told in the order it came, once its record is there, and each only once', async () => {
  const { journal, view, sync } = ports()
  // One promise for all that waits, as the journal of a server has for a group.
  let group: Promise<void> | undefined
  const grouped: Journal = { ...journal, append: journal.append, durable: (lsn) => (group ??= journal.durable(lsn)) }
  const ledger = new Ledger({ ...optionsOf(grouped, view), viewFlushRecords: 1_000 })
  const told: string[] = []
  const wait = (who: string) => {
    const lsn = ledger.append({ type: 'engine.started', atMs: 1, epoch: 1, version: 'x' }, 'normal')
    if (typeof lsn === 'number') ledger.whenDurable(lsn, (failure) => told.push(`${who} ${String(failure)}`))
  }
  for (const who of ['first', 'second', 'third']) wait(who)
  await Promise.resolve()
  expect(told).toEqual([])
  sync()
  await group
  await Promise.resolve()
  expect(told).toEqual(['first undefined', 'second undefined', 'third undefined'])
  group = Promise.reject(new Error('no disk'))
  wait('fourth')
  wait('fifth')
  await group.catch(() => undefined)
  await Promise.resolve()
  expect(told.slice(3)).toEqual(['fourth Error: no disk', 'fifth Error: no disk'])
})

it('A ledger that settles while a flush waits for the disk writes everything and does not give up', async () => {
  const { journal, view, sync } = ports()
  const ledger = new Ledger(optionsOf(journal, view))
  const account = {
    account: parseAccountId('a'),
    ownerEpoch: 1,
    limits: [],
    risingLimits: [],
    limitsRiseAtMs: 0,
    limitsBegunBy: '',
  }
  // Begins a flush at once, with nothing durable yet.
  for (let record = 0; record < 3; record++)
    ledger.append({ type: 'account', atMs: 1, cause: 'x', by: 'y', ...account }, 'normal')
  const settled = ledger.settle()
  sync()
  await settled
  expect(view.appliedLsn).toBe(3)
})
