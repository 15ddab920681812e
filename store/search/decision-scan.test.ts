import { describe, expect, it } from 'vitest'
import type { DecisionFilter } from '../../protocol/operator-api.ts'
import { reversedWithinMs, scanDecisions } from './decision-scan.ts'
import type { FileJournal } from '../journal/journal.ts'
import { segmentBytesMin } from '../journal/journal-format.ts'
import type { SimulatedDisk } from '../journal/test-simulated-disk.ts'
import { bandOf, decisionAt, partner, reversalOf, scanned, startMs, startedAt, write } from './test-decisions.ts'
import { journalFolder, makeDisk, openOn } from '../journal/test-disk.ts'

const count = 1_200

/** A journal of several segments: a decision each second, groups of one and of many, other records in between. */
async function journalOf(decisions = count): Promise<{ readonly disk: SimulatedDisk; readonly journal: FileJournal }> {
  const disk = makeDisk()
  const journal = await openOn(disk)
  for (let at = 0; at < decisions; at += 20) {
    const some = Array.from({ length: Math.min(20, decisions - at) }, (_, index) => decisionAt(at + index))
    await write(journal, [...some, startedAt(at + 20)], at % 60 === 0)
  }
  return { disk, journal }
}

/** The seconds of what was found: each decision's amount says which it was. */
function seconds(found: readonly { readonly amountMinor: number }[]): readonly number[] {
  return found.map(({ amountMinor }) => amountMinor - 1)
}

const all = Array.from({ length: count }, (_, at) => count - 1 - at)

describe('a search of the journal', () => {
  it('finds every decision once, newest first, across segments', async () => {
    const { disk, journal } = await journalOf()
    expect(disk.files.list(journalFolder).filter((name) => name.endsWith('.segment')).length).toBeGreaterThan(3)
    const found = scanned(disk.files, journal.durableLsn)
    expect(seconds(found)).toEqual(all)
    expect(found[0]).toEqual({
      lsn: journal.durableLsn - 1,
      atMs: startMs + (count - 1) * 1_000,
      bandId: bandOf((count - 1) % 5),
      account: 'a2',
      partner,
      resource: '0b'.repeat(16),
      reference: (count - 1).toString(16).padStart(16, '0'),
      action: 'pay',
      amountMinor: count,
      currency: 840,
      label: '',
      reason: 'approved',
      obligation: null,
      level: 2,
      reversedByLsn: null,
    })
  })

  const filters: readonly [string, DecisionFilter, (at: number) => boolean][] = [
    ['an account', { account: 'a1' }, (at) => at % 3 === 1],
    ['a band', { bandId: bandOf(2) }, (at) => at % 5 === 2],
    ['a partner', { partner }, () => true],
    ['a partner nobody knows', { partner: 'bb'.repeat(16) }, () => false],
    ['a reason', { reason: 'not-present' }, (at) => at % 4 === 0],
    ['approvals', { reason: 'approved' }, (at) => at % 4 !== 0],
    ['all denials', { reason: 'denied' }, (at) => at % 4 === 0],
    ['amounts, both ends included', { minMinor: 101, maxMinor: 200 }, (at) => at >= 100 && at <= 199],
    ['a currency', { currency: 840 }, (at) => at % 2 === 1],
    ['an action', { action: 'receive' }, (at) => at % 5 === 0],
    [
      'a time, both ends included',
      { fromMs: startMs + 300_000, toMs: startMs + 700_000 },
      (at) => at >= 300 && at <= 700,
    ],
    ['a time before everything', { toMs: startMs - 1 }, () => false],
    ['a time after everything', { fromMs: startMs + count * 1_000 }, () => false],
    [
      'all at once',
      { account: 'a0', reason: 'denied', currency: 978, toMs: startMs + 600_000 },
      (at) => at % 12 === 0 && at <= 600,
    ],
  ]

  it.each(filters)('for %s finds exactly those', async (_, filter, isMeant) => {
    const { disk, journal } = await journalOf()
    expect(seconds(scanned(disk.files, journal.durableLsn, filter))).toEqual(all.filter(isMeant))
  })

  it('that knows from when on stops there, and does not read what is older', async () => {
    const { disk, journal } = await journalOf()
    const looked = (filter: DecisionFilter) =>
      [...scanDecisions(disk.files, { folder: journalFolder, filter, throughLsn: journal.durableLsn, limit: 1e6 })]
        .map(({ records }) => records)
        .reduce((sum, records) => sum + records, 0)
    expect(looked({})).toBe(journal.durableLsn)
    expect(looked({ fromMs: startMs + (count - 10) * 1_000 })).toBeLessThan(60)
    expect(looked({ toMs: startMs + 9_000 })).toBeLessThan(60)
  })

  it('ends at its limit, and goes on from there page by page without a gap', async () => {
    const { disk, journal } = await journalOf()
    expect(seconds(scanned(disk.files, journal.durableLsn, {}, count)).length).toBe(count)
    expect(seconds(scanned(disk.files, journal.durableLsn, {}, count - 1))).toEqual(all.slice(0, -1))
    const paged: number[] = []
    for (let beforeLsn = journal.durableLsn + 1; ;) {
      const page = scanned(disk.files, journal.durableLsn, { beforeLsn }, 97)
      const last = page.at(-1)
      if (last === undefined) break
      paged.push(...seconds(page))
      beforeLsn = last.lsn
    }
    expect(paged).toEqual(all)
  })

  it('by time finds what it should on both sides of where journal time ran back', async () => {
    const { disk, journal } = await journalOf(60)
    // The second thirty come from before the first in time.
    const early = Array.from({ length: 30 }, (_, at) => ({
      ...decisionAt(100 + at),
      atMs: startMs - 1_000_000 + at * 1_000,
    }))
    await write(journal, early, true)
    const found = (filter: DecisionFilter) => {
      const wish = { folder: journalFolder, filter, throughLsn: journal.durableLsn, limit: 1e6, rewoundLsn: 64 }
      return seconds([...scanDecisions(disk.files, wish)].flatMap(({ entries }) => entries))
    }
    expect(found({ fromMs: startMs + 10_000 })).toEqual(Array.from({ length: 50 }, (_, at) => 59 - at))
    expect(found({ toMs: startMs - 1 })).toEqual(Array.from({ length: 30 }, (_, at) => 129 - at))
    expect(found({ fromMs: startMs - 990_000, toMs: startMs + 1_000 })).toEqual([
      ...Array.from({ length: 20 }, (_, at) => 129 - at),
      1,
      0,
    ])
  })

  it('of an empty journal finds nothing', async () => {
    const disk = makeDisk()
    const journal = await openOn(disk)
    expect(scanned(disk.files, journal.durableLsn)).toEqual([])
    expect(scanned(makeDisk().files, 0)).toEqual([])
  })
})

describe('an approval that was taken back', () => {
  it('is told with what reversed it, wherever the search begins', async () => {
    const disk = makeDisk()
    const journal = await openOn(disk)
    const [before] = await write(journal, [decisionAt(1), decisionAt(2)], true)
    const taken = decisionAt(3)
    const [lsn = 0] = await write(journal, [taken], true)
    await write(journal, [decisionAt(5), decisionAt(6)])
    const [reversedByLsn = 0] = await write(journal, [reversalOf(taken, lsn, 3_500)], true)
    await write(journal, [decisionAt(7), decisionAt(9)])
    const meant = { lsn, reason: 'operator-freeze', reversedByLsn }
    const through = journal.durableLsn
    for (const filter of [{}, { beforeLsn: lsn + 1 }, { toMs: taken.atMs }, { account: 'a0', toMs: taken.atMs }]) {
      expect(scanned(disk.files, through, filter).find((one) => one.lsn === lsn)).toMatchObject(meant)
    }
    expect(scanned(disk.files, through, { reason: 'operator-freeze' })).toMatchObject([meant])
    expect(scanned(disk.files, through, { reason: 'denied' })).toMatchObject([meant])
    expect(scanned(disk.files, through, { reason: 'approved' }).map((one) => one.lsn)).not.toContain(lsn)
    expect(scanned(disk.files, through, { beforeLsn: lsn }).at(-1)).toMatchObject({ lsn: before, reversedByLsn: null })
  })

  it('is found also when its reversal is in a later segment', async () => {
    const disk = makeDisk()
    const journal = await openOn(disk)
    const taken = decisionAt(1, { atMs: startMs })
    const [lsn = 0] = await write(journal, [taken], true)
    const noise = Array.from({ length: 3 * Math.ceil(segmentBytesMin / 512) }, () => startedAt(1))
    await write(journal, noise, true)
    await write(journal, [reversalOf(taken, lsn, 2_000)])
    expect(scanned(disk.files, journal.durableLsn, { toMs: startMs })).toMatchObject([
      { lsn, reason: 'operator-freeze' },
    ])
  })
})

describe('a search that begins below the newest record', () => {
  it.each([
    [reversedWithinMs, 'operator-freeze'],
    [reversedWithinMs + 1, 'approved'],
  ])('knows of a reversal %s ms after its approval: %s', async (afterMs, reason) => {
    const disk = makeDisk()
    const journal = await openOn(disk)
    const taken = decisionAt(1)
    const [lsn = 0] = await write(journal, [taken], true)
    await write(journal, [reversalOf(taken, lsn, afterMs)], true)
    expect(scanned(disk.files, journal.durableLsn, { beforeLsn: lsn + 1 })).toMatchObject([{ lsn, reason }])
    expect(scanned(disk.files, journal.durableLsn)).toMatchObject([{ lsn, reason: 'operator-freeze' }])
  })
})

describe('beside an engine that writes', () => {
  it('a search tells only what was durable when it was asked, whatever comes meanwhile', async () => {
    const { disk, journal } = await journalOf(200)
    const throughLsn = journal.durableLsn
    const search = scanDecisions(disk.files, { folder: journalFolder, filter: {}, throughLsn, limit: 1e6 })
    const first = search.next()
    await write(
      journal,
      Array.from({ length: 900 }, (_, at) => decisionAt(300 + at)),
    )
    const found = [...(first.done ? [] : first.value.entries), ...[...search].flatMap(({ entries }) => entries)]
    expect(seconds(found)).toEqual(all.slice(-200))
  })

  it('a group that is still being written, or was torn by a power cut, is not looked at', async () => {
    const { disk, journal } = await journalOf(100)
    const throughLsn = journal.durableLsn
    disk.cutAtOperation = disk.operationCount + 1
    await write(journal, [decisionAt(500)]).catch(() => undefined)
    disk.restart()
    expect(seconds(scanned(disk.files, throughLsn))).toEqual(all.slice(-100))
    const again = await openOn(disk)
    await write(again, [decisionAt(600)])
    expect(seconds(scanned(disk.files, again.durableLsn)).filter((at) => at !== 500)).toEqual([600, ...all.slice(-100)])
  })

  it('segments that were recycled end it where the journal begins now', async () => {
    const { disk, journal } = await journalOf()
    await journal.recycle(600)
    const found = scanned(disk.files, journal.durableLsn)
    expect(found.at(-1)?.lsn).toBeGreaterThanOrEqual(journal.firstLsn)
    expect(seconds(found)).toEqual(all.slice(0, found.length))
    expect(found.length).toBeGreaterThan(count / 3)
  })

  it('segments that are recycled under it end it where it stands, without a wrong word', async () => {
    const { disk, journal } = await journalOf(4_000)
    const wish = { folder: journalFolder, filter: {}, throughLsn: journal.durableLsn, limit: 1e6 }
    const search = scanDecisions(disk.files, wish)
    const first = search.next()
    await journal.recycle(journal.durableLsn)
    const entries = [...(first.done ? [] : first.value.entries), ...[...search].flatMap((step) => step.entries)]
    const newest = Array.from({ length: 4_000 }, (_, at) => 3_999 - at)
    expect(seconds(entries)).toEqual(newest.slice(0, entries.length))
    expect(entries.length).toBeGreaterThanOrEqual(1_000)
    expect(entries.length).toBeLessThan(4_000)
  })

  it('a damaged group is said to be damaged, not passed over', async () => {
    const { disk, journal } = await journalOf()
    const name = disk.files.list(journalFolder).find((one) => one.endsWith('.segment')) ?? ''
    const file = disk.files.open(`${journalFolder}/${name}`, 'existing')
    const sector = Buffer.alloc(512)
    file.read(512 * 20, sector)
    sector[200] = (sector[200] ?? 0) ^ 1
    file.write(512 * 20, sector)
    file.close()
    expect(() => scanned(disk.files, journal.durableLsn)).toThrow(/journal segment/)
    expect(seconds(scanned(disk.files, journal.durableLsn, {}, 100))).toEqual(all.slice(0, 100))
  })
})

describe('one record', () => {
  it('is read by its position, each as it was written', async () => {
    const { disk, journal } = await journalOf(300)
    const bodies = new Map([...journal.read(1)].map(({ lsn, body }) => [lsn, Buffer.from(body).toString('hex')]))
    for (const lsn of [1, 2, 20, 21, 22, 150, 299, journal.durableLsn]) {
      expect(Buffer.from((await journal.readOne(lsn)) ?? []).toString('hex')).toBe(bodies.get(lsn))
    }
    for (const none of [0, -1, 1.5, Number.NaN, journal.durableLsn + 1])
      expect(await journal.readOne(none)).toBeUndefined()
    expect(disk.files.list(journalFolder).length).toBeGreaterThan(1)
  })

  it('that was recycled is not there any more', async () => {
    const { journal } = await journalOf()
    await journal.recycle(600)
    expect(journal.firstLsn).toBeGreaterThan(1)
    expect(await journal.readOne(journal.firstLsn - 1)).toBeUndefined()
    expect(await journal.readOne(journal.firstLsn)).toBeDefined()
  })
})
