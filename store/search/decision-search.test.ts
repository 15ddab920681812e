import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import type { FoundDecision } from './decision-scan.ts'
import { type DecisionSearch, decisionsPerBatch, searchDecisions } from './decision-search.ts'
import { segmentBytesMin, segmentName } from '../journal/journal-format.ts'
import { type FileJournal, openJournal } from '../journal/journal.ts'
import { decisionAt, write } from './test-decisions.ts'
import { handTimers } from '../journal/test-disk.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

async function journalOf(decisions: number): Promise<{ readonly folder: string; readonly journal: FileJournal }> {
  const folder = mkdtempSync(join(tmpdir(), 'bandpass-search-'))
  folders.push(folder)
  const journal = await openJournal({
    folder,
    durability: 'process',
    after: handTimers().after,
    segmentBytes: segmentBytesMin,
  })
  onTestFinished(() => journal.close())
  for (let at = 0; at < decisions; at += 50) {
    await write(
      journal,
      Array.from({ length: Math.min(50, decisions - at) }, (_, index) => decisionAt(at + index)),
    )
  }
  return { folder, journal }
}

async function search(folder: string, options: Pick<DecisionSearch, 'throughLsn'> & Partial<DecisionSearch>) {
  const found: FoundDecision[] = []
  const batches: number[] = []
  const answer = await searchDecisions(
    folder,
    {},
    {
      limit: 1_000_000,
      onBatch: (entries) => {
        found.push(...entries)
        batches.push(entries.length)
      },
      ...options,
    },
  )
  return { ...answer, found, batches }
}

describe('a search in a thread beside the engine', () => {
  it('finds what the journal has, in batches, and says how much it looked at', async () => {
    const { folder, journal } = await journalOf(2 * decisionsPerBatch + 1)
    const throughLsn = journal.durableLsn
    const { found, batches, nextBeforeLsn, searched } = await search(folder, { throughLsn })
    expect(found.map(({ lsn }) => lsn)).toEqual(Array.from({ length: throughLsn }, (_, at) => throughLsn - at))
    expect(Math.max(...batches)).toBe(decisionsPerBatch)
    expect(nextBeforeLsn).toBeNull()
    expect(searched).toEqual({ records: throughLsn, fromLsn: 1, toLsn: throughLsn })
  })

  it('ends at its limit and says where to go on; one less than that goes to the end', async () => {
    const { folder, journal } = await journalOf(30)
    const throughLsn = journal.durableLsn
    expect(await search(folder, { throughLsn, limit: 10 })).toMatchObject({
      nextBeforeLsn: 21,
      searched: { fromLsn: 21 },
    })
    expect(await search(folder, { throughLsn, limit: 31 })).toMatchObject({ nextBeforeLsn: null })
    await expect(search(folder, { throughLsn, limit: 0 })).rejects.toThrow(/a limit of 1 or more/)
  })

  it('waits for who takes a batch before it looks for the next', async () => {
    const { folder, journal } = await journalOf(3 * decisionsPerBatch)
    let under = 0
    let most = 0
    const onBatch = async () => {
      most = Math.max(most, ++under)
      await new Promise((resolve) => setImmediate(resolve))
      under--
    }
    await search(folder, { throughLsn: journal.durableLsn, onBatch })
    expect(most).toBe(1)
  })

  it('stops when nobody wants it any more, before, while and between', async () => {
    const { folder, journal } = await journalOf(3 * decisionsPerBatch)
    const throughLsn = journal.durableLsn
    const gone = new Error('the page was closed')
    await expect(search(folder, { throughLsn, signal: AbortSignal.abort(gone) })).rejects.toBe(gone)
    const while_ = new AbortController()
    const searching = search(folder, { throughLsn, signal: while_.signal })
    while_.abort(gone)
    await expect(searching).rejects.toBe(gone)
    const between = new AbortController()
    let batches = 0
    const onBatch = () => {
      batches++
      between.abort(gone)
    }
    await expect(search(folder, { throughLsn, signal: between.signal, onBatch })).rejects.toBe(gone)
    expect(batches).toBe(1)
  })

  it('ends with the failure of who takes the batches', async () => {
    const { folder, journal } = await journalOf(10)
    const onBatch = () => Promise.reject(new Error('the disk of the export is full'))
    await expect(search(folder, { throughLsn: journal.durableLsn, onBatch })).rejects.toThrow(/disk of the export/)
  })

  it('says where a journal is damaged', async () => {
    const { folder, journal } = await journalOf(100)
    const path = join(folder, segmentName(1))
    const bytes = readFileSync(path)
    bytes[1_024 + 100] = (bytes[1_024 + 100] ?? 0) ^ 1
    writeFileSync(path, bytes)
    await expect(search(folder, { throughLsn: journal.durableLsn })).rejects.toMatchObject({
      name: 'Fault',
      code: 'journal-damaged',
      message: expect.stringContaining(segmentName(1)),
    })
  })
})
