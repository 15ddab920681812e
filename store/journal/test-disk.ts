// What the tests of the store share: seeded chance, a journal on a simulated disk, records to put into it.

import type { Journal, Lsn } from '../../engine/ports/journal.ts'
import { segmentBytesMin } from './journal-format.ts'
import { type FileJournal, type JournalOptions, openJournal } from './journal.ts'
import { type Chance, SimulatedDisk, type SimulatedDiskOptions } from './test-simulated-disk.ts'

export const journalFolder = '/data/journal'

/** Mulberry32: a small generator with a printable seed. */
export function seededChance(seed: number): Chance {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

export function makeDisk(options: Partial<SimulatedDiskOptions> = {}): SimulatedDisk {
  return new SimulatedDisk({ chance: seededChance(1), ...options })
}

/** Timers that a test fires by hand. */
export function handTimers(): { readonly after: JournalOptions['after']; readonly fire: () => void } {
  const waiting = new Set<() => void>()
  return {
    after: (_, work) => {
      waiting.add(work)
      return () => void waiting.delete(work)
    },
    fire: () => {
      const due = Array.from(waiting)
      waiting.clear()
      for (const work of due) work()
    },
  }
}

export function openOn(disk: SimulatedDisk, options: Partial<JournalOptions> = {}): Promise<FileJournal> {
  return openJournal({
    folder: journalFolder,
    durability: 'disk',
    after: handTimers().after,
    segmentBytes: segmentBytesMin,
    files: disk.files,
    ...options,
  })
}

/** A record whose bytes say which it is. */
export function recordOf(number: number, length = 100): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = (number + i * 7) & 0xff
  new DataView(bytes.buffer).setUint32(0, number)
  return bytes
}

export function appendOne(journal: Journal, body: Uint8Array): Lsn {
  const lsn = journal.append(body, 'normal')
  if (typeof lsn !== 'number') throw new Error(`the journal did not take a record: ${lsn}`)
  return lsn
}

/**
 * Appends `count` records, each durable before the next. Segments of the smallest size fill faster than new ones are made,
 * so a journal that is full for a moment is asked again.
 */
export async function fill(journal: Journal, count: number, length = 100): Promise<void> {
  for (let i = 0; i < count; i++) {
    const body = recordOf(journal.appendedLsn + 1, length)
    let lsn = journal.append(body, 'normal')
    for (let turn = 0; lsn === 'full' && turn < 1_000_000; turn++) {
      await new Promise((resolve) => setImmediate(resolve))
      lsn = journal.append(body, 'normal')
    }
    if (typeof lsn !== 'number') throw new Error(`the journal did not take a record: ${lsn}`)
    await journal.durable(lsn)
  }
}

export function bodiesOf(journal: Journal, from: Lsn = journal.firstLsn): readonly Uint8Array[] {
  return Array.from(journal.read(from), ({ body }) => Uint8Array.from(body))
}
