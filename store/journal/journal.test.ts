import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { recordBytesMax, segmentBytesMin } from './journal-format.ts'
import { type FileJournal, openJournal } from './journal.ts'
import { appendOne, bodiesOf, fill, handTimers, makeDisk, openOn, recordOf } from './test-disk.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function realJournal(): () => Promise<FileJournal> {
  const folder = mkdtempSync(join(tmpdir(), 'bandpass-journal-'))
  folders.push(folder)
  return () => openJournal({ folder, durability: 'disk', after: handTimers().after, segmentBytes: segmentBytesMin })
}

function simulatedJournal(answersLater: boolean): () => Promise<FileJournal> {
  const disk = makeDisk({ answersLater })
  return () => openOn(disk)
}

const kinds = {
  'on real files': realJournal,
  'on a simulated disk that answers at once': () => simulatedJournal(false),
  'on a simulated disk that answers later': () => simulatedJournal(true),
} as const

describe.for(Object.entries(kinds))('a journal %s', ([, make]) => {
  it('numbers records 1, 2, 3 and gives them back in order, also after it was closed and opened', async () => {
    const open = make()
    const journal = await open()
    expect([1, 2, 3].map((n) => journal.append(recordOf(n), 'normal'))).toEqual([1, 2, 3])
    await journal.durable(3)
    expect([journal.appendedLsn, journal.durableLsn, journal.firstLsn]).toEqual([3, 3, 1])
    expect(bodiesOf(journal)).toEqual([1, 2, 3].map((n) => recordOf(n)))
    await journal.close()
    const again = await open()
    expect(again.append(recordOf(4), 'normal')).toBe(4)
    await again.durable(4)
    expect(bodiesOf(again)).toEqual([1, 2, 3, 4].map((n) => recordOf(n)))
    expect(Array.from(again.read(3), ({ lsn }) => lsn)).toEqual([3, 4])
    await again.close()
  })

  it('does not call a record durable before it is on disk, and tells everyone who waits', async () => {
    const journal = await make()()
    const lsn = appendOne(journal, recordOf(1))
    const [first, second] = [journal.durable(lsn), journal.durable(lsn)]
    expect(journal.durableLsn).toBe(0)
    expect(bodiesOf(journal)).toEqual([])
    await Promise.all([first, second])
    expect(journal.durableLsn).toBe(1)
    await journal.close()
  })

  it('copies what it is given', async () => {
    const journal = await make()()
    const body = recordOf(1)
    appendOne(journal, body)
    body.fill(0)
    await journal.durable(1)
    expect(bodiesOf(journal)).toEqual([recordOf(1)])
    await journal.close()
  })

  it('has a higher epoch each time it is opened, even if nothing was written', async () => {
    const open = make()
    const epochs: number[] = []
    for (let i = 0; i < 3; i++) {
      const journal = await open()
      epochs.push(journal.epoch)
      await journal.close()
    }
    expect(epochs).toEqual([1, 2, 3])
  })

  it('goes on in further segments when one is full', async () => {
    const open = make()
    const journal = await open()
    await fill(journal, 12, 20_000)
    expect(bodiesOf(journal)).toEqual(Array.from({ length: 12 }, (_, i) => recordOf(i + 1, 20_000)))
    await journal.close()
    const again = await open()
    expect(bodiesOf(again)).toHaveLength(12)
    await again.close()
  })

  it('takes records while a group is under way, and makes all of them durable', async () => {
    const journal = await make()()
    for (let turn = 0; turn < 20; turn++) {
      for (let i = 0; i < 3; i++) appendOne(journal, recordOf(journal.appendedLsn + 1))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await journal.durable(60)
    expect(bodiesOf(journal)).toEqual(Array.from({ length: 60 }, (_, i) => recordOf(i + 1)))
    await journal.close()
  })

  it('puts what was appended on disk when it is closed, and takes nothing more', async () => {
    const open = make()
    const journal = await open()
    appendOne(journal, recordOf(1))
    await journal.close()
    expect([journal.state, journal.append(recordOf(2), 'normal')]).toEqual(['closed', 'failed'])
    const again = await open()
    expect(bodiesOf(again)).toEqual([recordOf(1)])
    await again.close()
  })

  it(`takes a record of ${recordBytesMax} bytes and none longer`, async () => {
    const journal = await make()()
    appendOne(journal, recordOf(1, recordBytesMax))
    expect(() => journal.append(recordOf(2, recordBytesMax + 1), 'normal')).toThrow(RangeError)
    await journal.durable(1)
    expect(bodiesOf(journal)).toEqual([recordOf(1, recordBytesMax)])
    await journal.close()
  })

  it('gives segments back once they are backed up, and refuses to read what they held', async () => {
    const open = make()
    const journal = await open()
    await fill(journal, 20, 20_000)
    await journal.recycle(11)
    expect(journal.firstLsn).toBeGreaterThan(1)
    expect(journal.firstLsn).toBeLessThanOrEqual(12)
    expect(() => [...journal.read(1)]).toThrow(expect.objectContaining({ code: 'journal-damaged' }))
    expect(bodiesOf(journal)).toHaveLength(21 - journal.firstLsn)
    await fill(journal, 20, 20_000)
    await journal.close()
    const again = await open()
    expect(bodiesOf(again)).toHaveLength(41 - again.firstLsn)
    await again.close()
  })
})

describe('group commit', () => {
  it('syncs once for all records of a turn', async () => {
    const disk = makeDisk()
    const journal = await openOn(disk)
    let syncs = 0
    disk.failsAt = (operation) => {
      if (operation === 'sync') syncs++
      return false
    }
    for (let i = 0; i < 50; i++) appendOne(journal, recordOf(i))
    await journal.durable(50)
    expect(syncs).toBe(1)
  })

  it('splits a turn that is larger than a segment over several groups', async () => {
    const disk = makeDisk()
    const journal = await openOn(disk)
    await fill(journal, 1)
    let taken = 0
    while (typeof journal.append(recordOf(taken + 2, 60_000), 'normal') === 'number') taken++
    await journal.durable(journal.appendedLsn)
    expect(taken).toBeGreaterThan(2)
    expect(bodiesOf(journal, 2)).toEqual(Array.from({ length: taken }, (_, i) => recordOf(i + 2, 60_000)))
  })

  it('without sync puts records in the file, and does not ask the disk to keep them', async () => {
    const disk = makeDisk()
    const journal = await openOn(disk, { durability: 'process' })
    disk.failsAt = (operation) => operation === 'sync'
    await fill(journal, 3)
    expect([journal.state, journal.durableLsn]).toEqual(['open', 3])
  })
})

describe('two engines', () => {
  it('never open one folder', async () => {
    const open = realJournal()
    const journal = await open()
    await expect(open()).rejects.toMatchObject({ code: 'data-in-use' })
    await journal.close()
    await (await open()).close()
  })
})
