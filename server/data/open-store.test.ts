// A view that a build with another form of rows wrote, over the same journal.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { decisionsBefore } from '../../engine/ledger/history.ts'
import { Ledger } from '../../engine/ledger/ledger.ts'
import type { JournalRecord } from '../../engine/ports/records.ts'
import { decodeRow, historyMarkEvery } from '../../engine/ports/rows.ts'
import type { Table } from '../../engine/ports/view.ts'
import { initialBandMemory } from '../../machines/band-context.ts'
import { parseAccountId, parseBandId } from '../../protocol/ids.ts'
import { holdBits } from '../../protocol/states.ts'
import { viewFolderOf } from '../../store/files/data-folder.ts'
import { segmentBytesMin } from '../../store/journal/journal-format.ts'
import { decisionAt, startMs } from '../../store/search/test-decisions.ts'
import { openLmdb } from '../../store/view/lmdb.ts'
import { macBytes } from '../../store/view/view-digest.ts'
import { sealName } from '../../store/view/view-seal.ts'
import { metaTable, stateKey, storedTables, viewFileName, withMac } from '../../store/view/view-state.ts'
import { type FileView, mapBytesDefault } from '../../store/view/view.ts'
import { auditData } from './audit.ts'
import { type DataFolder, openDataFolder } from '../documents/data-folder.ts'
import { type Store, openStore } from './open-store.ts'
import { realClock } from '../machine/real-clock.ts'
import { readConfig } from '../settings/config.ts'
import { testFolder } from '../log/test-folder.ts'

const bandIds = [1, 2, 3].map((number) => parseBandId(number.toString(16).padStart(32, '0')))

function setUp() {
  const config = readConfig({
    file: { path: 'test.json', text: JSON.stringify({ journal: { segmentBytes: segmentBytesMin } }) },
    flags: { data: testFolder(onTestFinished) },
  })
  const events: string[] = []
  const log = (_level: string, event: string) => void events.push(event)
  return { config, folder: openDataFolder(config, {}, true), events, log }
}

async function ledgerOf({ journal, view }: Store): Promise<Ledger> {
  const failed = (error: unknown) => {
    throw error
  }
  const ledger = new Ledger({
    journal,
    view,
    clock: realClock,
    viewFlushMs: 1,
    viewFlushRecords: 100,
    changed: () => undefined,
    viewFailed: failed,
  })
  await ledger.recover()
  return ledger
}

const ratchet = {
  k: 1,
  sealedRoot: new Uint8Array(64).fill(1),
  sealedPrevious: null,
  sealedOldMacKeys: null,
  oldMacKeysK: 0,
  resumes: 1,
  rekeyedAtMs: 1,
  restoredAtMs: null,
}

/** Of accounts `a0` to `a2` in turns. */
const decisionsCount = 3 * historyMarkEvery + 30

/**
 * Three bands appear, two are frozen by operators, one of them by its owner, too; things are decided for other bands; then much else
 * happens.
 */
async function live(store: Store, noise: number): Promise<void> {
  const ledger = await ledgerOf(store)
  const keys = {
    bandKey: new Uint8Array(0),
    acctTag: new Uint8Array(0),
    sealedArmSecret: null,
    name: '',
    deactivationBegunBy: '',
    foundBegunBy: '',
  }
  const holds = [0, holdBits['operator-freeze'], holdBits['operator-freeze'] | holdBits['owner-freeze']]
  const atMs = 1_800_000_000_000
  const moves = bandIds.map((bandId, at): JournalRecord => {
    const row = { ...initialBandMemory(bandId), state: 'unbound', ...keys, holds: holds[at] ?? 0 } as const
    return { type: 'band', atMs, cause: 'hold.set', by: 'operator:ann', ...row }
  })
  const ratchets = bandIds.map((bandId): JournalRecord => ({ type: 'ratchet', atMs, bandId, ...ratchet }))
  const rest = Array.from({ length: noise }, (): JournalRecord => ({
    type: 'engine.started',
    atMs,
    epoch: 1,
    version: 'x',
  }))
  const decided = Array.from({ length: decisionsCount }, (_, at): JournalRecord => decisionAt(at))
  for (const record of [...decided, ...moves, ...ratchets, ...rest]) {
    let lsn = ledger.append(record, 'normal')
    for (let turn = 0; lsn === 'full' && turn < 1_000_000; turn++) {
      await new Promise((resolve) => setImmediate(resolve))
      lsn = ledger.append(record, 'normal')
    }
    if (typeof lsn !== 'number') throw new Error(`the journal took nothing: ${lsn}`)
    await ledger.durable(lsn)
  }
  await ledger.settle()
}

async function close({ journal, view }: Store): Promise<void> {
  await journal.close()
  await view.close()
}

function rowsOf(view: FileView, table: Table) {
  return view.range(table, { from: ' ', to: '~', limit: 100 })
}

function tallies(view: FileView) {
  return Object.fromEntries(rowsOf(view, 'tally').map(({ key, bytes }) => [key, decodeRow('tally', bytes).count]))
}

/** Every decision of each account, newest first, read in pages of `limit`. */
function histories(ledger: Ledger, limit: number) {
  return ['a0', 'a1', 'a2'].map((name) => {
    const account = parseAccountId(name)
    const all: number[] = []
    for (let belowLsn = Number.MAX_SAFE_INTEGER; ;) {
      const page = decisionsBefore(ledger, account, { belowLsn, limit })
      all.push(...page.map(({ row }) => (row.atMs - startMs) / 1_000))
      const last = page.at(-1)
      if (last === undefined || page.length < limit) return all
      belowLsn = last.lsn
    }
  })
}
const decidedOf = (number: number) =>
  Array.from({ length: decisionsCount }, (_, at) => decisionsCount - 1 - at).filter((at) => at % 3 === number)

const counted = { unbound: 3, held: 2, 'operator-freeze': 2, 'owner-freeze': 1 }

/** As a build whose rows have another form leaves a view. */
async function otherForm(folder: DataFolder): Promise<void> {
  const path = viewFolderOf(folder.path)
  rmSync(join(path, sealName), { force: true })
  const file = openLmdb({
    path: join(path, viewFileName),
    tables: storedTables,
    mapBytes: mapBytesDefault,
    isReadOnly: false,
  })
  const state = file.get(metaTable, stateKey) ?? new Uint8Array(0)
  const bytes = Uint8Array.of((state[0] ?? 0) - 1, ...state.subarray(1, -macBytes))
  file.commit([{ table: metaTable, key: stateKey, bytes: withMac(folder.keyring, metaTable, stateKey, bytes) }])
  await file.close()
}

describe('a view whose rows have another form', () => {
  it('is built anew from its journal, with timelines and counts', async () => {
    const { config, folder, events, log } = setUp()
    const first = await openStore(config, folder, log)
    await live(first, 5)
    expect(tallies(first.view)).toMatchObject(counted)
    await close(first)
    await otherForm(folder)
    expect((await auditData(config, folder)).view).toMatchObject({
      type: 'different',
      differences: [expect.stringContaining('a state row of version')],
    })
    const second = await openStore(config, folder, log)
    expect(events).toEqual(['view.damaged'])
    expect(second.view).toMatchObject({ appliedLsn: 0 })
    const rebuilt = await ledgerOf(second)
    expect(histories(rebuilt, 10)).toEqual([decidedOf(0), decidedOf(1), decidedOf(2)])
    await rebuilt.settle()
    await live(second, 0)
    expect(tallies(second.view)).toMatchObject(counted)
    expect(rowsOf(second.view, 'move').length).toBe(6)
    await close(second)
    expect((await auditData(config, folder)).view).toMatchObject({ type: 'equal' })
    await close(await openStore(config, folder, log))
    expect(events).toEqual(['view.damaged'])
  })

  it('whose journal begins later stays as it is, and is not opened: the start says what to bring back', async () => {
    const { config, folder, log } = setUp()
    const first = await openStore(config, folder, log)
    await live(first, 700)
    await first.journal.recycle(first.view.appliedLsn)
    const { firstLsn } = first.journal
    expect(firstLsn).toBeGreaterThan(10)
    await close(first)
    await otherForm(folder)
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(openStore(config, folder, log)).rejects.toMatchObject({
        code: 'view-damaged',
        message: expect.stringContaining(`the journal there begins at record ${firstLsn}`),
      })
    }
  })
})
