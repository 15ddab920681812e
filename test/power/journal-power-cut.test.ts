// The journal on a disk that loses power at any operation: unsynced sectors and names survive or not, each for itself.
//   POWER_CUTS=100000   cuts the power that often, POWER_CUTS=10m for so long
//   POWER_SEED=1        starts from this seed (default 1); a failure names the seed of its run
import { describe, expect, it } from 'vitest'
import { Fault } from '../../engine/ports/fault.ts'
import { verifyJournal } from '../../store/audit.ts'
import { type FilePort, fileErrorCode } from '../../store/files/file-port.ts'
import { segmentBytesMin } from '../../store/journal/journal-format.ts'
import type { FileJournal, JournalOptions } from '../../store/journal/journal.ts'
import { SimulatedDisk } from '../../store/journal/test-simulated-disk.ts'
import { journalFolder, openOn, recordOf, seededChance } from '../../store/journal/test-disk.ts'
import { Budget } from '../support/budget.ts'
import { seedOf } from '../support/budgets.ts'

const cuts = new Budget('POWER_CUTS')
const firstSeed = seedOf('POWER_SEED') ?? 1
const livesMax = 4

/** What the outside world knows. */
type Known = { appended: Uint8Array[]; ackedLsn: number; backedUpLsn: number; epoch: number }
type Variant = {
  readonly breaks?: (files: FilePort) => FilePort
  readonly options?: Partial<JournalOptions>
  /** Writes and syncs fail, and the engine is started again so often before the power goes. */
  readonly restarts?: number
}

describe('a power cut', () => {
  it(
    `at any of ${cuts.text} moments loses no record that was called durable, and leaves a whole chain`,
    async () => {
      const goesOn = cuts.start()
      let done = 0
      let seed = firstSeed
      for (; goesOn(done); seed++) done += await runLives(seed, {})
      console.log(`power cuts: ${done}, seeds ${firstSeed} to ${seed - 1}`)
    },
    cuts.timeoutMs,
  )

  it(
    `at any of ${cuts.text} moments loses nothing of a disk that failed before, whose page cache an engine was started from again`,
    async () => {
      const goesOn = cuts.start()
      let seed = firstSeed
      for (let done = 0; goesOn(done); seed++) done += await runLives(seed, { restarts: 3 })
      console.log(`power cuts after failures: seeds ${firstSeed} to ${seed - 1}`)
    },
    cuts.timeoutMs,
  )

  it.for([
    ['a journal that does not sync', { options: { durability: 'process' } }],
    ['a disk that says it synced and did not', { breaks: (files) => withoutSync(files) }],
    ['names that are not put on disk', { breaks: (files) => ({ ...files, syncFolder: () => {} }) }],
    ['segments that are not zeroed before use', { breaks: (files) => withoutZeros(files) }],
  ] as const satisfies readonly (readonly [string, Variant])[])('shows the harm of %s', async ([, variant]) => {
    const runs = Array.from({ length: 200 }, (_, i) => firstSeed + i)
    let harm: unknown
    for (const seed of runs) {
      harm = await runLives(seed, variant).then(
        () => undefined,
        (error: unknown) => error,
      )
      if (harm !== undefined) break
    }
    expect(harm).toBeInstanceOf(Error)
  })
})

/** Several lives of one journal, each ended by a cut; returns how many. */
async function runLives(seed: number, variant: Variant): Promise<number> {
  const chance = seededChance(seed)
  // A small disk is full most of the time, so that recycled segments are what a journal goes on in.
  const capacityBytes = chance() < 0.5 ? 4.5 * segmentBytesMin : Number.POSITIVE_INFINITY
  const disk = new SimulatedDisk({ chance, answersLater: chance() < 0.5, capacityBytes })
  const options = { ...(chance() < 0.5 ? { witnessPath: '/elsewhere/witness' } : {}), ...variant.options }
  const known: Known = { appended: [], ackedLsn: 0, backedUpLsn: 0, epoch: 0 }
  for (let life = 0; life < livesMax; life++) {
    disk.cutAtOperation = disk.operationCount + 1 + Math.floor(chance() * 120)
    for (let start = 0; start <= (variant.restarts ?? 0); start++) {
      const files = variant.breaks?.(disk.files) ?? disk.files
      if (variant.restarts !== undefined) failsOnce(disk, Math.floor(chance() * 100))
      try {
        await live(await openOn(disk, { files, ...options }), known, chance)
      } catch (error) {
        if (!isPowerCut(error) && !isNoRoom(error) && !isFailure(error))
          throw new Error(`seed ${seed}, life ${life}: ${String(error)}`, { cause: error })
      }
      if (disk.isOff) break
      disk.endProcess()
    }
    disk.failsAt = () => false
    disk.restart()
  }
  disk.capacityBytes = Number.POSITIVE_INFINITY
  const journal = await openOn(disk, options).catch((error: unknown) => {
    throw new Error(`seed ${seed}, after the last cut: ${String(error)}`, { cause: error })
  })
  compare(journal, known, seed)
  await journal.close()
  const audit = verifyJournal(journalFolder, { files: disk.files, readRecord: () => {} })
  expect(audit, `seed ${seed}`).toMatchObject({ type: 'whole', lastLsn: known.appended.length, tornBytes: 0 })
  return livesMax
}

/** The disk fails once, after so many writes and syncs that do not. */
function failsOnce(disk: SimulatedDisk, afterCount: number): void {
  let left = afterCount
  disk.failsAt = () => left-- === 0
}

/** One life: checks what is there, then appends, waits, recycles, until the power goes. */
async function live(journal: FileJournal, known: Known, chance: () => number): Promise<void> {
  compare(journal, known, undefined)
  for (let step = 0; step < 40; step++) {
    const count = 1 + Math.floor(chance() * 3)
    for (let i = 0; i < count; i++) {
      const length = chance() < 0.15 ? 30_000 : 4 + Math.floor(chance() * 900)
      const body = recordOf(journal.appendedLsn + 1, length)
      if (journal.append(body, 'normal') === journal.appendedLsn && known.appended.length < journal.appendedLsn) {
        known.appended.push(body)
      }
    }
    const draw = chance()
    if (draw < 0.5) {
      await journal.durable(journal.appendedLsn)
      known.ackedLsn = Math.max(known.ackedLsn, journal.appendedLsn)
    } else if (draw < 0.8) await new Promise((resolve) => setImmediate(resolve))
    else if (draw < 0.95) {
      known.backedUpLsn = Math.max(known.backedUpLsn, Math.floor(chance() * known.ackedLsn))
      await journal.recycle(known.backedUpLsn)
    }
  }
  if (chance() < 0.5) await journal.close()
}

/** Everything acknowledged is there, and nothing that was never appended. */
function compare(journal: FileJournal, known: Known, seed: number | undefined): void {
  const where = seed === undefined ? '' : `seed ${seed}: `
  expect(journal.durableLsn, `${where}durable`).toBeGreaterThanOrEqual(known.ackedLsn)
  expect(journal.durableLsn, `${where}appended`).toBeLessThanOrEqual(known.appended.length)
  expect(journal.firstLsn, `${where}first`).toBeLessThanOrEqual(known.backedUpLsn + 1)
  expect(journal.epoch, `${where}epoch`).toBeGreaterThan(known.epoch)
  known.epoch = journal.epoch
  known.appended.length = journal.durableLsn
  for (const { lsn, body } of journal.read(journal.firstLsn)) {
    expect(Buffer.compare(body, known.appended[lsn - 1] ?? new Uint8Array()), `${where}record ${lsn}`).toBe(0)
  }
}

function isPowerCut(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return error.name === 'PowerCut' || (error.name === 'Fault' && isPowerCut(error.cause))
}

function isNoRoom(error: unknown): boolean {
  return error instanceof Fault && error.code === 'journal-failed' && error.retry
}

function isFailure(error: unknown): boolean {
  return error instanceof Error && (fileErrorCode(error) === 'EIO' || isFailure(error.cause))
}

function withoutSync(files: FilePort): FilePort {
  return {
    ...files,
    open: (path, how) => {
      const file = files.open(path, how)
      return {
        ...file,
        datasync: () => {},
        append: (write, done) => file.append({ ...write, sync: false }, done),
      }
    },
  }
}

/** Spares that keep what they held. */
function withoutZeros(files: FilePort): FilePort {
  return {
    ...files,
    open: (path, how) => {
      const file = files.open(path, how)
      const allocate: typeof file.allocate = async (bytes, how) => {
        if (file.sizeBytes() === bytes) file.write(0, new Uint8Array(512))
        else await file.allocate(bytes, how)
      }
      return { ...file, allocate }
    },
  }
}
