import { describe, expect, it } from 'vitest'
import { equalBytes } from '../../base/bytes.ts'
import { groupBytesOnDisk, sectorBytes, segmentBytesMin, segmentName } from './journal-format.ts'
import type { FileJournal } from './journal.ts'
import type { SimulatedDisk } from './test-simulated-disk.ts'
import { appendOne, bodiesOf, fill, journalFolder, makeDisk, openOn, recordOf, seededChance } from './test-disk.ts'

/** What opening a damaged journal comes to. */
type Outcome =
  | { readonly type: 'opened'; readonly bodies: readonly Uint8Array[] }
  | { readonly type: 'refused'; readonly message: string }

async function reopen(disk: SimulatedDisk): Promise<Outcome> {
  let journal: FileJournal
  try {
    journal = await openOn(disk)
  } catch (error) {
    expect(error).toMatchObject({ name: 'Fault', code: 'journal-damaged' })
    return { type: 'refused', message: (error as Error).message }
  }
  const bodies = bodiesOf(journal)
  // Whatever was cut off, the journal works on from here.
  await fill(journal, 2)
  await journal.close()
  return { type: 'opened', bodies }
}

function expectHelp(message: string): void {
  expect(message).toMatch(/segment .*\.segment, offset \d+, lsn \d+/)
  expect(message).toMatch(/Restore .* backup.*bandpass audit verify/)
}

/** A journal whose last group, three records of a turn over several sectors, was acknowledged. */
async function withLastGroup(bodies: readonly Uint8Array[]): Promise<{
  readonly disk: SimulatedDisk
  readonly path: string
  readonly before: number
  readonly start: number
  readonly end: number
}> {
  const disk = makeDisk()
  const journal = await openOn(disk)
  await fill(journal, 4)
  const start = sectorBytes + groupBytesOnDisk(0) + 4 * groupBytesOnDisk(104)
  for (const body of bodies) appendOne(journal, body)
  await journal.durable(journal.appendedLsn)
  const end = start + groupBytesOnDisk(bodies.reduce((sum, body) => sum + body.length + 4, 0))
  const path = `${journalFolder}/${segmentName(1)}`
  expect(
    disk
      .bytesOf(path)
      .subarray(start, start + 4)
      .toString(),
  ).toBe('BPGR')
  expect(
    disk
      .bytesOf(path)
      .subarray(end - sectorBytes, end)
      .some((byte) => byte !== 0),
  ).toBe(true)
  expect(
    disk
      .bytesOf(path)
      .subarray(end)
      .every((byte) => byte === 0),
  ).toBe(true)
  return { disk, path, before: 4, start, end }
}

function damagedCopy(
  disk: SimulatedDisk,
  path: string,
  damage: (bytes: Buffer<ArrayBuffer>) => Buffer<ArrayBuffer> | void,
): SimulatedDisk {
  const copy = disk.copy(seededChance(1))
  const bytes = Buffer.from(copy.bytesOf(path))
  copy.put(path, damage(bytes) ?? bytes)
  return copy
}

const threeRecords = [recordOf(5, 300), recordOf(6, 500), recordOf(7, 40)]

describe('the last group of a journal', () => {
  it('with any one byte of it changed is refused: it was acknowledged, so it is never dropped in silence', async () => {
    const { disk, path, start, end } = await withLastGroup(threeRecords)
    for (let at = start; at < end; at++) {
      for (const change of [0x01, 0x80, 0xff]) {
        const copy = damagedCopy(disk, path, (bytes) => void (bytes[at] = (bytes[at] ?? 0) ^ change))
        const outcome = await reopen(copy)
        expect(outcome.type, `byte ${at} ^ ${change}`).toBe('refused')
        if (outcome.type === 'refused') expectHelp(outcome.message)
      }
    }
  })

  it('in a file that was cut short at any byte of it is refused: segments never change their size', async () => {
    const { disk, path, start, end } = await withLastGroup(threeRecords)
    for (let at = start; at <= end; at++) {
      const outcome = await reopen(damagedCopy(disk, path, (bytes) => bytes.subarray(0, at)))
      expect(outcome.type, `cut at ${at}`).toBe('refused')
      if (outcome.type === 'refused') {
        expectHelp(outcome.message)
        expect(outcome.message).toContain(`a file of ${segmentBytesMin} bytes expected, got ${at}`)
      }
    }
  })

  it('of which any set of sectors was not written is cut off, and all before it is kept', async () => {
    const { disk, path, start, end } = await withLastGroup(threeRecords)
    const sectors = (end - start) / sectorBytes
    expect(sectors).toBeGreaterThan(1)
    for (let missing = 1; missing < 1 << sectors; missing++) {
      const copy = damagedCopy(disk, path, (bytes) => {
        for (let sector = 0; sector < sectors; sector++) {
          const at = start + sector * sectorBytes
          if ((missing & (1 << sector)) !== 0) bytes.fill(0, at, at + sectorBytes)
        }
      })
      const outcome = await reopen(copy)
      expect(outcome, `missing ${missing.toString(2)}`).toMatchObject({ type: 'opened' })
      if (outcome.type === 'opened') expect(outcome.bodies).toHaveLength(4)
    }
  })

  it('that was written only up to any byte is cut off, kept when that byte is its last, or refused within one sector', async () => {
    const { disk, path, start, end } = await withLastGroup(threeRecords)
    for (let at = start; at <= end; at++) {
      const outcome = await reopen(damagedCopy(disk, path, (bytes) => void bytes.fill(0, at, end)))
      if (outcome.type === 'refused') {
        // A disk that tears a sector: what stands in it is then no part of a torn group but bytes nobody wrote.
        expect((at - start) % sectorBytes, `written up to ${at}`).not.toBe(0)
        expectHelp(outcome.message)
      } else expect(outcome.bodies).toHaveLength(at === end ? 7 : 4)
    }
  })

  it('that holds sectors of zeros is still told from a torn one', async () => {
    const bodies = [recordOf(5, 100), new Uint8Array(3000), recordOf(7, 40)]
    const { disk, path, start, end } = await withLastGroup(bodies)
    for (let at = start; at < end; at += 97) {
      const outcome = await reopen(damagedCopy(disk, path, (bytes) => void (bytes[at] = (bytes[at] ?? 0) ^ 0x10)))
      expect(outcome.type, `byte ${at}`).toBe('refused')
    }
    const torn = await reopen(damagedCopy(disk, path, (bytes) => void bytes.fill(0, start + sectorBytes, end)))
    expect(torn).toMatchObject({ type: 'opened' })
  })
})

describe('damage before the last group', () => {
  it('is refused wherever one byte of a segment in use is changed', async () => {
    const { disk, path, start } = await withLastGroup(threeRecords)
    for (let at = 0; at < start; at += 3) {
      const outcome = await reopen(damagedCopy(disk, path, (bytes) => void (bytes[at] = (bytes[at] ?? 0) ^ 0x40)))
      expect(outcome.type, `byte ${at}`).toBe('refused')
      if (outcome.type === 'refused') expectHelp(outcome.message)
    }
  })

  it('is refused when a group in the middle was wiped', async () => {
    const { disk, path } = await withLastGroup(threeRecords)
    const at = sectorBytes + groupBytesOnDisk(0) + groupBytesOnDisk(104)
    const outcome = await reopen(damagedCopy(disk, path, (bytes) => void bytes.fill(0, at, at + groupBytesOnDisk(104))))
    expect(outcome.type).toBe('refused')
  })

  it('is refused when two groups changed places', async () => {
    const { disk, path } = await withLastGroup(threeRecords)
    const size = groupBytesOnDisk(104)
    const at = sectorBytes + groupBytesOnDisk(0)
    const outcome = await reopen(
      damagedCopy(disk, path, (bytes) => {
        const first = Buffer.from(bytes.subarray(at, at + size))
        bytes.copy(bytes, at, at + size, at + 2 * size)
        first.copy(bytes, at + size)
      }),
    )
    expect(outcome.type).toBe('refused')
  })

  it('is refused in an older segment, and when a whole segment is missing or is another journal’s', async () => {
    const [mine, other] = [makeDisk(), makeDisk()]
    for (const [disk, shift] of [
      [mine, 0],
      [other, 1],
    ] as const) {
      const journal = await openOn(disk)
      for (let i = 0; i < 20; i++) await journal.durable(appendOne(journal, recordOf(i + shift, 20_000)))
      await journal.close()
    }
    const segments = mine.files.list(journalFolder).filter((name) => name.endsWith('.segment'))
    expect(segments.length).toBeGreaterThan(2)
    const [, second = ''] = segments
    const path = `${journalFolder}/${second}`

    const flipped = damagedCopy(mine, path, (bytes) => void (bytes[5000] = (bytes[5000] ?? 0) ^ 1))
    expect((await reopen(flipped)).type).toBe('refused')
    const missing = mine.copy(seededChance(1))
    missing.files.remove(path)
    expect((await reopen(missing)).type).toBe('refused')
    const swapped = mine.copy(seededChance(1))
    swapped.put(path, other.bytesOf(path))
    expect((await reopen(swapped)).type).toBe('refused')
  })

  it('is found when it is read, even if the walk at opening started behind it', async () => {
    const disk = makeDisk()
    const journal = await openOn(disk)
    await fill(journal, 20, 20_000)
    await journal.close()
    const path = `${journalFolder}/${segmentName(1)}`
    const copy = damagedCopy(disk, path, (bytes) => void (bytes[5000] = (bytes[5000] ?? 0) ^ 1))
    const opened = await openOn(copy, { appliedLsn: 20 })
    expect(() => [...opened.read(1)]).toThrow(expect.objectContaining({ code: 'journal-damaged' }))
    await opened.close()
  })

  it('leaves the files as they are', async () => {
    const { disk, path, start } = await withLastGroup(threeRecords)
    const copy = damagedCopy(disk, path, (bytes) => void (bytes[start - 700] = 1))
    const before = Buffer.from(copy.bytesOf(path))
    expect((await reopen(copy)).type).toBe('refused')
    expect(equalBytes(copy.bytesOf(path), before)).toBe(true)
  })
})
