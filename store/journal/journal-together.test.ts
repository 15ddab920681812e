// Records that belong together are in one group of the journal: all on disk, or none.

import { describe, expect, it } from 'vitest'
import { groupBytesMax, recordHeaderBytes, segmentBytesMin } from './journal-format.ts'
import { bodiesOf, fill, makeDisk, openOn, recordOf, seededChance } from './test-disk.ts'

describe('Records appended together', () => {
  it('are numbered one behind the other, and durable with one group', async () => {
    const journal = await openOn(makeDisk())
    journal.append(recordOf(1), 'normal')
    expect(journal.appendTogether([recordOf(2), recordOf(3), recordOf(4)], 'normal')).toBe(2)
    expect(journal.append(recordOf(5), 'normal')).toBe(5)
    await journal.durable(5)
    expect(bodiesOf(journal)).toEqual([1, 2, 3, 4, 5].map((n) => recordOf(n)))
    await journal.close()
  })

  it('begin a new segment together where the old one has room for some of them only', async () => {
    const disk = makeDisk()
    const journal = await openOn(disk)
    const long = 20_000
    let number = 0
    // Less is left than three of them take.
    while ((number + 3) * long < segmentBytesMin) {
      journal.append(recordOf(++number, long), 'normal')
      await journal.durable(number)
    }
    const bodies = [1, 2, 3].map((step) => recordOf(number + step, long))
    expect(journal.appendTogether(bodies, 'normal')).toBe(number + 1)
    await journal.durable(number + 3)
    await journal.close()
    const again = await openOn(disk)
    expect(bodiesOf(again).slice(number)).toEqual(bodies)
    await again.close()
  })

  it('after a power cut has all of them or none', async () => {
    const seen = new Set<number>()
    for (let seed = 1; seed <= 200; seed++) {
      const disk = makeDisk({ chance: seededChance(seed), answersLater: seed % 2 === 0 })
      const journal = await openOn(disk)
      journal.append(recordOf(1), 'normal')
      await journal.durable(1)
      // The first write or sync from now on is the last.
      disk.cutAtOperation = disk.operationCount + 1 + (seed % 3)
      journal.appendTogether([recordOf(2, 900), recordOf(3, 900)], 'reserve')
      await journal.durable(3).catch(() => undefined)
      disk.restart()
      const again = await openOn(disk)
      seen.add(bodiesOf(again).length)
      await again.close()
    }
    expect(seen).toEqual(new Set([1, 3]))
  })

  it('are refused whole where there is no room for all of them, and one of them alone is taken', async () => {
    const disk = makeDisk({ capacityBytes: 3 * segmentBytesMin })
    const journal = await openOn(disk)
    await fill(journal, 3)
    const half = segmentBytesMin / 2
    const two = [recordOf(1, half / 4), recordOf(2, half / 4)]
    let refused: unknown
    while (refused === undefined) {
      const before = journal.appendedLsn
      const lsn = journal.appendTogether(two, 'reserve')
      if (typeof lsn === 'number') continue
      refused = lsn
      expect(journal.appendedLsn).toBe(before)
    }
    expect(refused).toBe('full')
    expect(journal.append(recordOf(3, 10), 'reserve')).toBeTypeOf('number')
    await journal.close()
  })

  it(`are at most ${groupBytesMax} bytes; one more is a bug of the caller`, async () => {
    const journal = await openOn(makeDisk(), { segmentBytes: 4 * groupBytesMax })
    const each = 65_536
    const count = Math.floor(groupBytesMax / (each + recordHeaderBytes))
    const rest = groupBytesMax - count * (each + recordHeaderBytes) - recordHeaderBytes
    const bodies = Array.from({ length: count }, (_none, at) => recordOf(at, each))
    expect(journal.appendTogether([...bodies, recordOf(99, rest)], 'normal')).toBe(1)
    expect(() => journal.appendTogether([...bodies, recordOf(99, rest + 1)], 'normal')).toThrow('at most 1048576 bytes')
    await journal.durable(count + 1)
    await journal.close()
  })
})
