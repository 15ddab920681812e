import { expect, it } from 'vitest'
import { parseAccountId } from '../../protocol/ids.ts'
import { Ledger, type LedgerOptions } from './ledger.ts'
import type { Journal } from '../ports/journal.ts'
import { encodeRecord } from '../ports/records.ts'
import { newAccount } from '../ports/rows.ts'
import type { View } from '../ports/view.ts'

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
    appendTogether: (bodies) => {
      const firstLsn = lsns.appended + 1
      lsns.appended += bodies.length
      return firstLsn
    },
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
    isProven: true,
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

/** That view, but for what it does when it is written. */
function writtenBy(view: View, write: View['write']): View {
  return {
    get appliedLsn() {
      return view.appliedLsn
    },
    isProven: view.isProven,
    get: view.get,
    range: view.range,
    close: view.close,
    write,
  }
}

/** A clock whose timers run out when the test says so. */
function heldTimers() {
  const timers: (() => void)[] = []
  const clock: LedgerOptions['clock'] = {
    nowMs: () => 0,
    monotonicMs: () => 0,
    after: (_ms, task) => {
      timers.push(task)
      return () => undefined
    },
  }
  const runOut = () => {
    for (const task of timers.splice(0)) task()
  }
  return { clock, timers, runOut }
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

/** A ledger whose view may fail, with batches of two records: what it told of failures, and its timers. */
function ledgerOn(journal: Journal, view: View) {
  const failures: unknown[] = []
  const { clock, runOut } = heldTimers()
  const ledger = new Ledger({
    ...optionsOf(journal, view),
    viewFlushRecords: 2,
    cachedRowsMax: 0,
    clock,
    viewFailed: (error) => failures.push(error),
  })
  return { ledger, failures, runOut }
}

const limitsOf = (name: string) =>
  ({
    type: 'account',
    atMs: 1,
    cause: 'x',
    by: 'y',
    ...newAccount(parseAccountId(name)),
    ownerEpoch: 1,
  }) as const

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
  // Begins a flush at once, with nothing durable yet.
  for (let record = 0; record < 3; record++) ledger.append(limitsOf('a'), 'normal')
  const settled = ledger.settle()
  sync()
  await settled
  expect(view.appliedLsn).toBe(3)
})

it('Batches for a slow view do not grow beyond a flush, leave in order, and are read until they are written', async () => {
  const { journal, view, sync } = ports()
  const written: { readonly keys: readonly string[]; readonly lsn: number }[] = []
  const release: (() => void)[] = []
  const slow = writtenBy(view, async (changes, lsn) => {
    written.push({ keys: [...changes].map(({ key }) => key), lsn })
    await new Promise<void>((resolve) => release.push(resolve))
    await view.write([], lsn)
  })
  const ledger = new Ledger({ ...optionsOf(journal, slow), viewFlushRecords: 2, cachedRowsMax: 0 })
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
  for (const [at, name] of names.entries()) {
    ledger.append({ ...limitsOf(name), ownerEpoch: at }, 'normal')
    // Six are three flushes of two: one more is too much.
    expect(ledger.isViewBehind).toBe(at === 6)
  }
  sync()
  for (let turn = 0; turn < 4; turn++) {
    await new Promise((resolve) => setImmediate(resolve))
    for (const [at, name] of names.entries())
      if (at + 1 > view.appliedLsn) expect(ledger.get('account', name)?.ownerEpoch).toBe(at)
    release.shift()?.()
  }
  await new Promise((resolve) => setImmediate(resolve))
  expect(written).toEqual([
    { keys: ['a', 'b'], lsn: 2 },
    { keys: ['c', 'd'], lsn: 4 },
    { keys: ['e', 'f'], lsn: 6 },
  ])
  expect(ledger.isViewBehind).toBe(false)
})

it('A batch that the view did not take is written again, before what came since', async () => {
  const { journal, view, sync } = ports()
  const tried: (readonly string[])[] = []
  const failing = writtenBy(view, async (changes, lsn) => {
    tried.push([...changes].map(({ key }) => key))
    if (tried.length === 1) throw new Error('no room')
    await view.write([], lsn)
  })
  const { ledger, failures, runOut } = ledgerOn(journal, failing)
  for (const name of ['a', 'b', 'c']) ledger.append(limitsOf(name), 'normal')
  sync()
  await new Promise((resolve) => setImmediate(resolve))
  expect(failures).toEqual([new Error('no room')])
  expect(tried).toEqual([['a', 'b']])
  expect(ledger.get('account', 'a')).toBeDefined()
  runOut()
  await new Promise((resolve) => setImmediate(resolve))
  expect(tried).toEqual([
    ['a', 'b'],
    ['a', 'b'],
  ])
  await ledger.settle()
  expect(tried).toEqual([['a', 'b'], ['a', 'b'], ['c']])
  expect(view.appliedLsn).toBe(3)
})

it('The view makes the next batch ready while it writes one; when that fails both are tried again, in order, and it is told once', async () => {
  const { journal, view, sync } = ports()
  const tried: string[] = []
  let isBroken = true
  let before: Promise<void> = Promise.resolve()
  // As a view does: in order, and nothing behind a write that failed.
  const failing = writtenBy(view, (changes, lsn) => {
    tried.push([...changes].map(({ key }) => key).join(''))
    const last = before
    before = new Promise<void>((resolve) => setImmediate(resolve))
      .then(() => last)
      .then(() => {
        if (isBroken) throw new Error('no room')
        return view.write([], lsn)
      })
    return before
  })
  const { ledger, failures, runOut } = ledgerOn(journal, failing)
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) ledger.append(limitsOf(name), 'normal')
  sync()
  const turns = async () => {
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  await turns()
  expect(tried).toEqual(['ab', 'cd'])
  expect(failures).toEqual([new Error('no room')])
  isBroken = false
  before = Promise.resolve()
  runOut()
  await turns()
  expect(tried).toEqual(['ab', 'cd', 'ab', 'cd', 'ef'])
  expect(view.appliedLsn).toBe(6)
  expect(failures.length).toBe(1)
})

it('A batch that waited for the disk while the one before it failed does not overtake it', async () => {
  const { journal, view, sync } = ports()
  const written: string[] = []
  let fail: (() => void) | undefined
  const failing = writtenBy(view, async (changes, lsn) => {
    const keys = [...changes].map(({ key }) => key).join('')
    if (fail === undefined) await new Promise<void>((_resolve, reject) => (fail = () => reject(new Error('no room'))))
    written.push(keys)
    await view.write([], lsn)
  })
  const { ledger, failures, runOut } = ledgerOn(journal, failing)
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  for (const name of ['a', 'b']) ledger.append(limitsOf(name), 'normal')
  sync()
  await turn()
  // The first is with the view; the second is not on disk yet.
  for (const name of ['c', 'd']) ledger.append(limitsOf(name), 'normal')
  await turn()
  fail?.()
  await turn()
  sync()
  await turn()
  expect([written, failures, view.appliedLsn]).toEqual([[], [new Error('no room')], 0])
  for (const name of ['a', 'b', 'c', 'd']) expect(ledger.get('account', name)).toBeDefined()
  runOut()
  await turn()
  await ledger.settle()
  expect([written, failures.length, view.appliedLsn]).toEqual([['ab', 'cd'], 1, 4])
})

it('What a journal has beyond the view is written whole at the start, also when the view fails once', async () => {
  const { journal, view } = ports()
  const records = ['a', 'b', 'c', 'd', 'e'].map((name, at) => ({ lsn: at + 1, body: encodeRecord(limitsOf(name)) }))
  const failures: unknown[] = []
  let tries = 0
  const failing = writtenBy(view, async (changes, lsn) => {
    if (++tries === 1) throw new Error('no room')
    await view.write(changes, lsn)
  })
  const whole: Journal = { ...journal, durable: () => Promise.resolve(), read: () => records }
  const ledger = new Ledger({
    ...optionsOf(whole, failing),
    viewFlushRecords: 2,
    viewFailed: (error) => failures.push(error),
  })
  expect(await ledger.recover()).toMatchObject({ recordCount: 5 })
  expect(failures).toEqual([new Error('no room')])
  expect(view.appliedLsn).toBe(5)
})

it('Who settles waits for what was there, not for what goes on coming', async () => {
  const { journal, view, sync } = ports()
  const release: (() => void)[] = []
  const slow = writtenBy(view, async (changes, lsn) => {
    await new Promise<void>((resolve) => release.push(resolve))
    await view.write(changes, lsn)
  })
  const ledger = new Ledger({ ...optionsOf(journal, slow), viewFlushRecords: 2 })
  const more = () => {
    for (const name of ['a', 'b']) ledger.append(limitsOf(name), 'normal')
    sync()
  }
  more()
  let settledAt = 0
  void ledger.settle().then(() => (settledAt = view.appliedLsn))
  for (let turn = 0; turn < 5; turn++) {
    more()
    await new Promise((resolve) => setImmediate(resolve))
    release.shift()?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(settledAt).toBe(2)
})

it('A ledger that is closed begins nothing more, also when the view fails meanwhile', async () => {
  const { journal, view, sync } = ports()
  const { clock, timers, runOut } = heldTimers()
  const failures: unknown[] = []
  const failing = writtenBy(view, () => Promise.reject(new Error('no room')))
  const ledger = new Ledger({
    ...optionsOf(journal, failing),
    viewFlushRecords: 10,
    clock,
    viewFailed: (error) => failures.push(error),
  })
  ledger.append(limitsOf('a'), 'normal')
  sync()
  // The timer has just run out: its flush is under way when the ledger is closed.
  runOut()
  await ledger.close()
  await new Promise((resolve) => setImmediate(resolve))
  expect(failures.length).toBeGreaterThan(0)
  expect(timers).toEqual([])
})
