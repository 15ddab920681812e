import { describe, expect, it } from 'vitest'
import { encodeRecord } from '../engine/ports/records.ts'
import { verifyJournal } from './audit.ts'
import { segmentName } from './journal/journal-format.ts'
import type { SimulatedDisk } from './journal/test-simulated-disk.ts'
import { appendOne, journalFolder, makeDisk, openOn, recordOf, seededChance } from './journal/test-disk.ts'

const record = (epoch: number) => encodeRecord({ type: 'engine.started', atMs: 1, epoch, version: 'x'.repeat(32) })

async function journalOf(count: number): Promise<{ readonly disk: SimulatedDisk; readonly headHash: string }> {
  const disk = makeDisk()
  const journal = await openOn(disk)
  for (let i = 1; i <= count; i++) await journal.durable(appendOne(journal, record(i)))
  const headHash = Buffer.from(journal.head.chain).toString('hex')
  await journal.close()
  return { disk, headHash }
}

const audit = (disk: SimulatedDisk) => verifyJournal(journalFolder, { files: disk.files })

describe('an audit of a journal', () => {
  it('counts its records and groups, and names the hash that everything hangs on', async () => {
    const { disk, headHash } = await journalOf(400)
    expect(disk.files.list(journalFolder).filter((name) => name.endsWith('.segment')).length).toBeGreaterThan(1)
    // One group per record, and one that marks the epoch.
    const whole = {
      type: 'whole',
      records: 400,
      groups: 401,
      firstLsn: 1,
      lastLsn: 400,
      epoch: 1,
      headHash,
      tornBytes: 0,
      rewinds: [],
    }
    expect(audit(disk)).toEqual(whole)
  })

  it('of one that was just made says that there is nothing in it', async () => {
    const { disk } = await journalOf(0)
    expect(audit(disk)).toMatchObject({ type: 'whole', records: 0, firstLsn: 1, lastLsn: 0 })
    expect(verifyJournal('/nowhere', { files: disk.files })).toMatchObject({ type: 'whole', records: 0, groups: 0 })
  })

  it('names the first bad place when any one record was altered', async () => {
    const { disk } = await journalOf(400)
    const path = `${journalFolder}/${segmentName(1)}`
    for (const lsn of [1, 2, 57, 200]) {
      const tampered = disk.copy(seededChance(1))
      const bytes = Buffer.from(tampered.bytesOf(path))
      // A header and an epoch stand before the first record; each record is a group of one sector.
      const offset = 512 * (1 + lsn)
      bytes[offset + 90] = (bytes[offset + 90] ?? 0) ^ 1
      tampered.put(path, bytes)
      expect(audit(tampered)).toMatchObject({ type: 'damaged', segment: path, offset, lsn })
    }
  })

  it('names the segment that is missing', async () => {
    const { disk } = await journalOf(700)
    const [, second = '', third = ''] = disk.files.list(journalFolder).filter((name) => name.endsWith('.segment'))
    disk.files.remove(`${journalFolder}/${second}`)
    expect(audit(disk)).toMatchObject({ type: 'damaged', segment: `${journalFolder}/${third}`, offset: 0 })
  })

  it('names a record that no version of the engine wrote', async () => {
    const disk = makeDisk()
    const journal = await openOn(disk)
    await journal.durable(appendOne(journal, record(1)))
    await journal.durable(appendOne(journal, recordOf(2)))
    await journal.close()
    const audited = audit(disk)
    expect(audited).toMatchObject({ type: 'damaged', lsn: 2, offset: 512 * 3 })
    if (audited.type === 'damaged') expect(audited.why).toMatch(/journal record of this version expected/)
  })

  it('says how much of a torn group stands at the end, and changes nothing', async () => {
    const { disk } = await journalOf(5)
    const path = `${journalFolder}/${segmentName(1)}`
    const bytes = Buffer.from(disk.bytesOf(path))
    bytes.copy(bytes, 512 * 7, 512 * 6, 512 * 6 + 60)
    disk.put(path, bytes)
    expect(audit(disk)).toMatchObject({ type: 'whole', records: 5, tornBytes: 512 })
    expect(disk.bytesOf(path).equals(bytes)).toBe(true)
  })
})
