import { describe, expect, it } from 'vitest'
import { segmentBytesMin } from './journal-format.ts'
import {
  appendOne,
  bodiesOf,
  fill,
  handTimers,
  journalFolder,
  makeDisk,
  openOn,
  recordOf,
  seededChance,
} from './test-disk.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('a journal on a full disk', () => {
  /** Room for what a new journal makes (a segment, the next, the reserve) and nothing more. */
  const fullDisk = () => makeDisk({ capacityBytes: 3 * segmentBytesMin + 1000 })

  it('takes normal records to the end of the next segment, then says full and loses none of them', async () => {
    const disk = fullDisk()
    const journal = await openOn(disk)
    let taken = 0
    while (taken < 1000 && typeof journal.append(recordOf(taken + 1, 5000), 'normal') === 'number') taken++
    expect(taken * 5000).toBeGreaterThan(1.8 * segmentBytesMin)
    expect(journal.state).toBe('full')
    await journal.durable(taken)
    expect(bodiesOf(journal)).toEqual(Array.from({ length: taken }, (_, i) => recordOf(i + 1, 5000)))
  })

  it('still takes from the reserve what only takes rights away, until that is used up too', async () => {
    const disk = fullDisk()
    const journal = await openOn(disk)
    while (typeof journal.append(recordOf(1, 5000), 'normal') === 'number');
    const normal = journal.appendedLsn
    let holds = 0
    while (typeof journal.append(recordOf(2), 'reserve') === 'number') holds++
    expect(holds).toBeGreaterThan(200)
    expect(journal.append(recordOf(1), 'normal')).toBe('full')
    await journal.durable(journal.appendedLsn)
    expect(bodiesOf(journal, normal + 1)).toHaveLength(holds)
    await journal.close()
    const again = await openOn(disk).catch((error: unknown) => error)
    expect(again).toMatchObject({ code: 'journal-failed', retry: true })
  })

  it('is opened after a restart, and still takes from the reserve', async () => {
    const disk = fullDisk()
    const journal = await openOn(disk)
    while (typeof journal.append(recordOf(1, 5000), 'normal') === 'number');
    expect(journal.append(recordOf(2), 'reserve')).toBeTypeOf('number')
    await journal.close()
    const again = await openOn(disk)
    expect([again.state, again.append(recordOf(1), 'normal')]).toEqual(['full', 'full'])
    expect(again.append(recordOf(2), 'reserve')).toBeTypeOf('number')
    await again.durable(again.appendedLsn)
  })

  it('takes normal records again by itself when there is room', async () => {
    const disk = fullDisk()
    const timers = handTimers()
    const journal = await openOn(disk, { after: timers.after })
    while (typeof journal.append(recordOf(1, 5000), 'normal') === 'number');
    expect(journal.append(recordOf(9), 'reserve')).toBeTypeOf('number')
    await journal.durable(journal.appendedLsn)
    await turn()
    timers.fire()
    await turn()
    expect(journal.state).toBe('full')

    disk.capacityBytes = Number.POSITIVE_INFINITY
    timers.fire()
    await turn()
    expect(journal.state).toBe('open')
    await fill(journal, 30, 5000)
    const count = bodiesOf(journal).length
    await journal.close()
    const again = await openOn(disk)
    expect(bodiesOf(again)).toHaveLength(count)
  })

  it('says that there is no room when it is opened for the first time, and that trying again may help', async () => {
    const disk = makeDisk({ capacityBytes: segmentBytesMin })
    await expect(openOn(disk)).rejects.toMatchObject({ code: 'journal-failed', retry: true })
    disk.capacityBytes = Number.POSITIVE_INFINITY
    await fill(await openOn(disk), 1)
  })

  it('is given room by recycling', async () => {
    const disk = fullDisk()
    const journal = await openOn(disk)
    while (typeof journal.append(recordOf(1, 5000), 'normal') === 'number');
    await journal.durable(journal.appendedLsn)
    await journal.recycle(journal.durableLsn)
    expect(journal.state).toBe('open')
    await fill(journal, 5)
  })
})

describe.for(['write', 'sync'] as const)('a %s that fails', (failing) => {
  it.for([false, true])(
    'rejects everyone who waits and ends the journal until a restart (answers later: %s)',
    async (later) => {
      const disk = makeDisk({ answersLater: later })
      const journal = await openOn(disk)
      await fill(journal, 3)
      const lsn = appendOne(journal, recordOf(4))
      const waiting = [journal.durable(lsn), journal.durable(lsn)]
      disk.failsAt = (operation) => operation === failing
      for (const one of waiting) await expect(one).rejects.toMatchObject({ code: 'journal-failed' })
      await expect(journal.durable(lsn)).rejects.toMatchObject({ code: 'journal-failed' })
      await journal.durable(3)
      // Also when the disk is well again: what the kernel dropped cannot be told.
      disk.failsAt = () => false
      expect(journal.state).toBe('failed')
      expect([journal.append(recordOf(5), 'normal'), journal.append(recordOf(5), 'reserve')]).toEqual([
        'failed',
        'failed',
      ])
      await journal.close()
      const again = await openOn(disk)
      expect(bodiesOf(again).slice(0, 3)).toEqual([1, 2, 3].map((n) => recordOf(n)))
      await fill(again, 2)
    },
  )

  it('is no unhandled rejection when nobody waits', async () => {
    const disk = makeDisk()
    const journal = await openOn(disk)
    disk.failsAt = (operation) => operation === failing
    appendOne(journal, recordOf(1))
    await turn()
    expect(journal.state).toBe('failed')
    await journal.close()
  })
})

describe('the witness', () => {
  const witnessPath = '/elsewhere/witness'

  it('lets the journal it saw, and any that goes on from there, open', async () => {
    const disk = makeDisk()
    for (let i = 0; i < 3; i++) {
      const journal = await openOn(disk, { witnessPath })
      await fill(journal, 10, 20_000)
      await journal.close()
    }
    // A crash: the witness is older than the journal.
    const journal = await openOn(disk, { witnessPath })
    await fill(journal, 3)
    await (await openOn(disk.copy(seededChance(1)), { witnessPath })).close()
  })

  it('refuses yesterday’s journal; without a witness it opens and has forgotten a day', async () => {
    const disk = makeDisk()
    const first = await openOn(disk, { witnessPath })
    await fill(first, 5)
    await first.close()
    const yesterday = disk.copy(seededChance(1))
    const second = await openOn(disk, { witnessPath })
    await fill(second, 5)
    await second.close()
    yesterday.put(witnessPath, disk.bytesOf(witnessPath))

    const attack = await openOn(yesterday.copy(seededChance(1)))
    expect(attack.durableLsn).toBe(5)

    const refused = openOn(yesterday, { witnessPath })
    await expect(refused).rejects.toMatchObject({ code: 'journal-damaged' })
    await expect(refused).rejects.toThrow(/ends at lsn 5.*knows lsn 10.*rollback accepted/)
    const ceremony = await openOn(yesterday, { witnessPath, acceptRollback: true })
    expect(ceremony.durableLsn).toBe(5)
    await ceremony.close()
    await (await openOn(yesterday, { witnessPath })).close()
  })

  it('refuses another journal of the same length', async () => {
    const [mine, other] = [makeDisk(), makeDisk()]
    for (const [disk, shift] of [
      [mine, 0],
      [other, 100],
    ] as const) {
      const journal = await openOn(disk, { witnessPath })
      for (let i = 0; i < 5; i++) await journal.durable(appendOne(journal, recordOf(i + shift)))
      await journal.close()
    }
    other.put(witnessPath, mine.bytesOf(witnessPath))
    await expect(openOn(other, { witnessPath })).rejects.toThrow(/another history/)
  })

  it('refuses another journal that is longer, whose records end elsewhere, or whose view is further', async () => {
    const [mine, other] = [makeDisk(), makeDisk()]
    const journal = await openOn(mine, { witnessPath })
    await fill(journal, 5)
    await journal.close()
    const longer = await openOn(other, { witnessPath })
    // Records 5 and 6 share a group, so nothing ends at 5.
    await fill(longer, 4)
    appendOne(longer, recordOf(50))
    await longer.durable(appendOne(longer, recordOf(60)))
    await fill(longer, 30, 20_000)
    const { durableLsn } = longer
    await longer.close()
    expect(other.files.list(journalFolder).filter((name) => name.endsWith('.segment')).length).toBeGreaterThan(3)
    other.put(witnessPath, mine.bytesOf(witnessPath))
    // A view that has everything leaves only the last segment to be walked.
    for (const appliedLsn of [0, durableLsn])
      await expect(openOn(other, { witnessPath, appliedLsn })).rejects.toThrow(/another history/)
    const recycled = await openOn(other, { witnessPath, acceptRollback: true })
    await recycled.recycle(durableLsn)
    await recycled.close()
    other.put(witnessPath, mine.bytesOf(witnessPath))
    await expect(openOn(other, { witnessPath, appliedLsn: durableLsn })).rejects.toThrow(
      /begins at lsn .*another history/,
    )
  })

  it('that cannot be written does not keep the journal from starting, rolling or closing: it is told, and tried again', async () => {
    const disk = makeDisk()
    const timers = handTimers()
    const told: unknown[] = []
    const isWitness = (path: string) => path.startsWith('/elsewhere')
    disk.failsAt = (_, path) => isWitness(path)
    const options = { witnessPath, after: timers.after, witnessTold: (error: unknown) => told.push(error) }
    const journal = await openOn(disk, options)
    await fill(journal, 20, 20_000)
    timers.fire()
    await turn()
    expect([told.length, journal.isWitnessed]).toEqual([1, false])
    expect(told[0]).toMatchObject({ code: 'EIO' })
    // What no witness knows of is not recycled: it could not be told from another history afterwards.
    await journal.recycle(20)
    expect(journal.firstLsn).toBe(1)

    disk.failsAt = () => false
    timers.fire()
    await turn()
    expect([told.length, told[1], journal.isWitnessed]).toEqual([2, undefined, true])
    await journal.recycle(20)
    expect(journal.firstLsn).toBeGreaterThan(1)

    disk.failsAt = (_, path) => isWitness(path)
    await journal.close()
    disk.failsAt = () => false
    await (await openOn(disk, { witnessPath })).close()
  })

  it('that is asked for and cannot be read refuses the start: nothing says whether this is the newest state', async () => {
    const disk = makeDisk()
    const journal = await openOn(disk, { witnessPath })
    await fill(journal, 5)
    await journal.close()
    const files = {
      ...disk.files,
      open: (path: string, how: 'create' | 'existing' | 'read') => {
        if (path === witnessPath) throw Object.assign(new Error('EIO'), { code: 'EIO' })
        return disk.files.open(path, how)
      },
    }
    await expect(openOn(disk, { witnessPath, files })).rejects.toMatchObject({ code: 'journal-failed' })
  })

  it('that is gone or not whole refuses until an operator accepts that', async () => {
    const disk = makeDisk()
    const journal = await openOn(disk, { witnessPath })
    await fill(journal, 5)
    await journal.close()
    const without = disk.copy(seededChance(1))
    without.files.remove(witnessPath)
    await expect(openOn(without, { witnessPath })).rejects.toThrow(/witness .* is gone/)
    await (await openOn(without, { witnessPath, acceptRollback: true })).close()
    const bytes = Buffer.from(disk.bytesOf(witnessPath))
    for (let at = 0; at < bytes.length; at++) {
      const flipped = disk.copy(seededChance(1))
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      flipped.put(witnessPath, changed)
      await expect(openOn(flipped, { witnessPath }), `byte ${at}`).rejects.toMatchObject({ code: 'journal-damaged' })
    }
  })
})

describe('the view', () => {
  it('that knows more than the journal has shows that acknowledged records are missing', async () => {
    const disk = makeDisk()
    const journal = await openOn(disk)
    await fill(journal, 5)
    await journal.close()
    await (await openOn(disk, { appliedLsn: 5 })).close()
    await expect(openOn(disk, { appliedLsn: 6 })).rejects.toThrow(/ends at lsn 5.*the view knows lsn 6/)
    // Accepting an older journal than the witness knows does not make the view forget: its lsns would be given out again.
    await expect(openOn(disk, { appliedLsn: 6, acceptRollback: true })).rejects.toThrow(/journal and view together/)
    disk.files.remove(`${journalFolder}/00000000000001.segment`)
    await expect(openOn(disk, { appliedLsn: 5 })).rejects.toMatchObject({ code: 'journal-damaged' })
  })

  it('that has all before a segment which holds nothing yet does not make the engine count its epochs anew', async () => {
    const disk = makeDisk({ chance: () => 0 })
    for (let start = 0; start < 3; start++) await (await openOn(disk)).close()
    const journal = await openOn(disk)
    disk.failsAt = (operation, path) =>
      operation === 'write' && path.endsWith('.segment') && path !== `${journalFolder}/00000000000001.segment`
    await expect(fill(journal, 20, 20_000)).rejects.toMatchObject({ code: 'journal-failed' })
    disk.failsAt = () => false
    disk.restart()
    const { durableLsn, epoch } = journal
    const again = await openOn(disk, { appliedLsn: durableLsn })
    expect([again.durableLsn, again.epoch]).toEqual([durableLsn, epoch + 1])
    await again.close()
    expect((await openOn(disk)).epoch).toBe(epoch + 2)
  })

  it('that knows less than the recycled segments held is refused', async () => {
    const disk = makeDisk()
    const journal = await openOn(disk)
    await fill(journal, 20, 20_000)
    await journal.recycle(20)
    const { firstLsn } = journal
    await journal.close()
    await (await openOn(disk, { appliedLsn: firstLsn - 1 })).close()
    await expect(openOn(disk, { appliedLsn: firstLsn - 2 })).rejects.toThrow(/in between are missing/)
  })
})
