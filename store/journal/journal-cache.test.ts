// A disk that fails, an engine that is started again, and then the power goes: what the page cache shows after a failed write or
// sync is not on the disk, and never gets there by itself. So what a journal reads at its opening does not count before it is written.

import { describe, expect, it } from 'vitest'
import { segmentBytesMin } from './journal-format.ts'
import type { SimulatedDisk } from './test-simulated-disk.ts'
import { appendOne, bodiesOf, fill, journalFolder, makeDisk, openOn, recordOf } from './test-disk.ts'

/** At a power cut: nothing of what failed or was not synced is on the platter, or what was renamed is not. */
const losing = { bytes: () => 0, names: () => 0.99 } as const

/** Records 1 to 3, of which the last one failed, and the engine that was started again after it. */
async function startedAgain(disk: SimulatedDisk, failing: 'write' | 'sync') {
  const journal = await openOn(disk)
  await fill(journal, 2)
  disk.failsAt = (operation, path) => operation === failing && path.endsWith('.segment')
  await expect(journal.durable(appendOne(journal, recordOf(3)))).rejects.toMatchObject({ code: 'journal-failed' })
  disk.failsAt = () => false
  await journal.close()
  return openOn(disk)
}

describe.for(['write', 'sync'] as const)('a record whose %s failed', (failing) => {
  it('and that a restart finds in the page cache is on disk before anything follows it', async () => {
    const disk = makeDisk({ chance: losing.bytes })
    const again = await startedAgain(disk, failing)
    expect(again.durableLsn).toBe(3)
    await again.durable(appendOne(again, recordOf(4)))
    disk.restart()
    const last = await openOn(disk)
    expect(bodiesOf(last)).toEqual([1, 2, 3, 4].map((n) => recordOf(n)))
  })

  it('is on disk when a restart calls it durable, if nothing follows it either', async () => {
    const disk = makeDisk({ chance: losing.bytes })
    const again = await startedAgain(disk, failing)
    const { durableLsn } = again
    disk.restart()
    expect((await openOn(disk)).durableLsn).toBe(durableLsn)
  })

  it('keeps the journal from starting when it cannot be written again, and the next start tries once more', async () => {
    const disk = makeDisk({ chance: losing.bytes })
    await (await startedAgain(disk, failing)).close()
    disk.failsAt = (operation, path) => operation === failing && path.endsWith('.segment')
    await expect(openOn(disk)).rejects.toMatchObject({ code: 'journal-failed' })
    disk.failsAt = () => false
    await fill(await openOn(disk), 1)
    disk.restart()
    expect(bodiesOf(await openOn(disk))).toEqual([1, 2, 3, 4].map((n) => recordOf(n)))
  })
})

describe('a new segment', () => {
  it('whose name did not get to the disk is not gone on in after a restart', async () => {
    const disk = makeDisk({ chance: losing.names })
    const journal = await openOn(disk)
    let taken = 0
    disk.failsAt = (operation, path) => operation === 'sync' && path === journalFolder && taken > 0
    const failed = (async () => {
      for (;;) {
        const lsn = journal.append(recordOf(taken + 1, 30_000), 'normal')
        if (lsn === 'full') await new Promise((resolve) => setImmediate(resolve))
        else if (lsn === 'failed') return
        else {
          taken = lsn
          await journal.durable(lsn)
        }
      }
    })()
    await expect(failed).rejects.toMatchObject({ code: 'journal-failed' })
    expect(taken * 30_000).toBeGreaterThan(segmentBytesMin - 60_000)
    disk.failsAt = () => false
    await journal.close()
    const again = await openOn(disk)
    const { durableLsn } = again
    await again.durable(appendOne(again, recordOf(durableLsn + 1)))
    disk.restart()
    expect((await openOn(disk)).durableLsn).toBe(durableLsn + 1)
  })
})

describe('a torn group', () => {
  it('that could not be erased does not stand behind what is written in its place later', async () => {
    const disk = makeDisk({ chance: losing.bytes })
    const journal = await openOn(disk)
    await fill(journal, 2)
    await journal.close()
    // Its last sectors were written when the power went, its first ones were not.
    const path = `${journalFolder}/00000000000001.segment`
    const bytes = Buffer.from(disk.bytesOf(path))
    const end = bytes.findLastIndex((byte) => byte !== 0) + 1
    bytes.fill(0x55, end + 512, end + 12 * 512)
    disk.put(path, bytes)
    disk.failsAt = (operation, failing) => operation === 'sync' && failing === path
    await expect(openOn(disk)).rejects.toMatchObject({ code: 'journal-failed' })
    disk.failsAt = () => false
    const again = await openOn(disk)
    await fill(again, 1)
    disk.restart()
    expect(bodiesOf(await openOn(disk))).toEqual([1, 2, 3].map((n) => recordOf(n)))
  })
})
