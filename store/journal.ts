// The journal on files: records appended in one turn of the event loop share a group, one write and one sync (group commit).
// Places are given out at append time, so that a record is only taken when its bytes are known to fit (threat D11).

import type { Clock } from '../engine/ports/clock.ts'
import { Fault } from '../engine/ports/fault.ts'
import type { AppendUse, Journal, JournalRecordBytes, Lsn } from '../engine/ports/journal.ts'
import { type FilePort, readWhole } from './file-port.ts'
import { GroupBuffer, makeWaiting } from './group-buffer.ts'
import { GroupCommit } from './group-commit.ts'
import {
  genesisChain,
  groupBytesMax,
  groupBytesOnDisk,
  recordBytesMax,
  recordHeaderBytes,
  sectorBytes,
  segmentBytesMin,
} from './journal-format.ts'
import { type Recovered, headBefore, recover } from './journal-recovery.ts'
import { type ChainHead, recordsOf, scanSegment } from './journal-scan.ts'
import { type Segment, Spares, damaged, isDiskFull } from './journal-segments.ts'
import { realFiles } from './real-files.ts'
import { readWitness, writeWitness } from './witness.ts'

export type JournalOptions = {
  /** Folder of the segments; made when it is not there. */
  readonly folder: string
  /** `disk`: durable means synced. `process`: written, survives the process but not the machine; for demos. */
  readonly durability: 'disk' | 'process'
  /** Wakes the next try to make room on a full disk. */
  readonly after: Clock['after']
  /** Size of new segments, a multiple of 512, at least 128 KiB; 64 MiB unless told. */
  readonly segmentBytes?: number
  /** What the view holds: the journal must reach it, and older segments are not walked again. 0 walks all of them. */
  readonly appliedLsn?: Lsn
  /** A file outside the data folder that remembers how far the journal was (threat T8). */
  readonly witnessPath?: string
  /** The operator says that an older journal than the witness or the view knows is meant. */
  readonly acceptRollback?: boolean
  readonly files?: FilePort
}

export type FileJournal = Journal & {
  /** The last durable record, with its epoch and chain hash. */
  readonly head: ChainHead
  /** Gives segments that end at or before `throughLsn` (backed up and applied) back as spares. */
  readonly recycle: (throughLsn: Lsn) => Promise<void>
}

const segmentBytesDefault = 64 * 1024 * 1024
/** The next segment and the reserve. */
const sparesWanted = 2
const retryAfterMs = 1000

/**
 * Opens the journal in `folder` for writing, alone. Rejects with a Fault: `data-in-use`, `journal-damaged` (says where and
 * what to do), `journal-failed` (`retry` when the disk has no room).
 */
export async function openJournal(options: JournalOptions): Promise<FileJournal> {
  const files = options.files ?? realFiles()
  const segmentBytes = options.segmentBytes ?? segmentBytesDefault
  if (segmentBytes < segmentBytesMin || segmentBytes % sectorBytes !== 0) {
    throw new RangeError(
      `segmentBytes: a multiple of ${sectorBytes} from ${segmentBytesMin} expected, got ${segmentBytes}`,
    )
  }
  let unlock = () => {}
  try {
    files.makeFolder(options.folder)
    unlock = files.lock(options.folder)
    const found = recoverAgainstWitness(files, options)
    const spares = new Spares(files, options.folder, segmentBytes)
    await stockUp(spares, found === undefined)
    const journal = new OpenedJournal({ ...options, files, spares, found, unlock })
    await journal.begin()
    return journal
  } catch (error) {
    unlock()
    await files.close()
    throw error instanceof Fault ? error : failed(`opening the journal in ${options.folder}`, error)
  }
}

/** A new journal needs a segment and the reserve; one that was there opens on a full disk too, for what is left of it. */
async function stockUp(spares: Spares, isNew: boolean): Promise<void> {
  try {
    while (spares.count < (isNew ? 2 : 1)) await spares.make('fast')
  } catch (error) {
    if (isNew || !isDiskFull(error)) throw error
  }
}

function recoverAgainstWitness(files: FilePort, options: JournalOptions): Recovered | undefined {
  const { folder, witnessPath, acceptRollback } = options
  if (acceptRollback) return recover(files, folder, { appliedLsn: 0, witness: undefined })
  const witness = witnessPath === undefined ? undefined : readWitness(files, witnessPath)
  const found = recover(files, folder, { appliedLsn: options.appliedLsn ?? 0, witness })
  // A crash may come between the first opening and its witness, but no record does.
  if (found !== undefined && found.head.lsn > 0 && witnessPath !== undefined && witness === undefined) {
    throw new Fault(
      'journal-damaged',
      `the journal in ${folder} was used before, but its witness ${witnessPath} is gone: nothing says whether this is the ` +
        'newest state. Bring the witness back, or start once with the rollback accepted, which writes a new one.',
    )
  }
  return found
}

type Opening = {
  readonly files: FilePort
  readonly folder: string
  readonly durability: 'disk' | 'process'
  readonly after: Clock['after']
  readonly witnessPath?: string
  readonly spares: Spares
  readonly found: Recovered | undefined
  readonly unlock: () => void
}

class OpenedJournal implements FileJournal {
  readonly epoch: number
  readonly #opening: Opening
  readonly #spares: Spares
  readonly #commit: GroupCommit
  #segments: readonly Segment[]

  /** Where the next record goes: given out, not yet written. */
  #nextLsn: Lsn
  #nextOffset: number
  #segmentBytes: number
  #collecting: GroupBuffer | undefined
  readonly #freeBuffers: GroupBuffer[] = []
  #isScheduled = false

  #failure: Fault | undefined
  #isClosed = false
  #hasRefused = false
  #makingSpare: Promise<void> | undefined
  #cancelRetry = () => {}

  constructor(opening: Opening) {
    const { found, files, folder } = opening
    const head = found?.head ?? { lsn: 0, epoch: 0, chain: genesisChain }
    const last = found?.segments.at(-1)
    this.#opening = opening
    this.#spares = opening.spares
    this.#segments = found?.segments ?? []
    this.epoch = head.epoch + 1
    this.#nextLsn = head.lsn + 1
    this.#nextOffset = found?.offset ?? 0
    this.#segmentBytes = last?.header.segmentBytes ?? 0
    this.#commit = new GroupCommit({
      files,
      folder,
      sync: opening.durability === 'disk',
      epoch: this.epoch,
      head,
      active: last === undefined ? undefined : { segment: last, file: files.open(last.path, 'existing') },
      onSegment: (segment) => this.#rolled(segment),
      onDurable: (group) => this.#settled(group),
      onFailed: (cause) => this.#fail(cause),
    })
  }

  /** Cuts a torn group off and puts the new epoch on disk, as a group without records. */
  async begin(): Promise<void> {
    const { found, folder } = this.#opening
    if (found !== undefined && found.tornBytes > 0) this.#commit.erase(found.offset, found.tornBytes)
    if (this.#place(0, 'reserve') === undefined) {
      throw new Fault('journal-failed', `the disk of ${folder} has no room for the journal; make some`, { retry: true })
    }
    await this.#commit.finish()
    if (this.#failure !== undefined) throw this.#failure
    this.#bearWitness()
    this.#keepSpares()
  }

  get appendedLsn(): Lsn {
    return this.#nextLsn - 1
  }

  get durableLsn(): Lsn {
    return this.#commit.head.lsn
  }

  get firstLsn(): Lsn {
    return this.#segments[0]?.header.firstLsn ?? 1
  }

  get head(): ChainHead {
    return this.#commit.head
  }

  get state(): Journal['state'] {
    if (this.#isClosed) return 'closed'
    if (this.#failure !== undefined) return 'failed'
    return this.#hasRefused || this.#spares.count === 0 ? 'full' : 'open'
  }

  append(body: Uint8Array, use: AppendUse): Lsn | 'full' | 'failed' {
    if (this.#failure !== undefined || this.#isClosed) return 'failed'
    if (body.length > recordBytesMax) {
      throw new RangeError(`a record of at most ${recordBytesMax} bytes expected, got ${body.length}`)
    }
    const group = this.#place(recordHeaderBytes + body.length, use)
    if (group === undefined) {
      this.#hasRefused = true
      return 'full'
    }
    group.add(body)
    this.#schedule()
    return this.#nextLsn++
  }

  durable(lsn: Lsn): Promise<void> {
    if (lsn <= this.durableLsn) return Promise.resolve()
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const group = this.#commit.groupOf(lsn)
    if (group === undefined) throw new RangeError(`an lsn up to ${this.appendedLsn} expected, got ${lsn}`)
    group.waiting ??= makeWaiting()
    return group.waiting.promise
  }

  *read(lsn: Lsn): Generator<JournalRecordBytes> {
    const through = this.durableLsn
    if (Math.max(lsn, 1) < this.firstLsn) throw recycled(this.#opening.folder, lsn, this.firstLsn)
    const start = this.#segments.findLastIndex((segment) => segment.header.firstLsn <= lsn)
    for (const segment of this.#segments.slice(Math.max(start, 0))) {
      if (segment.header.firstLsn > through) return
      yield* this.#readSegment(segment, lsn, through)
    }
  }

  async recycle(throughLsn: Lsn): Promise<void> {
    await this.#makingSpare
    const { files, folder } = this.#opening
    for (;;) {
      const [first, next] = this.#segments
      if (first === undefined || next === undefined || next.header.firstLsn - 1 > throughLsn) return
      this.#segments = this.#segments.slice(1)
      if (this.#spares.count < sparesWanted) await this.#spares.make('gently', first.path)
      else files.remove(first.path)
      files.syncFolder(folder)
      if (this.#spares.count >= sparesWanted) this.#hasRefused = false
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#cancelRetry()
    await this.#commit.finish()
    this.#spares.stop()
    await this.#makingSpare
    try {
      if (this.#failure === undefined) {
        this.#commit.sync()
        this.#bearWitness()
      }
    } finally {
      this.#commit.close()
      this.#opening.unlock()
      await this.#opening.files.close()
    }
  }

  /** The group that takes `bytes` more, its place given out; undefined when there is no room for this use. */
  #place(bytes: number, use: AppendUse): GroupBuffer | undefined {
    const group = this.#collecting
    if (group !== undefined && this.#commit.canGrow(group)) {
      const bodyBytes = group.bodyBytes + bytes
      const end = group.offset + groupBytesOnDisk(bodyBytes)
      if (bodyBytes <= groupBytesMax && end <= this.#segmentBytes) {
        if (!this.#hasRoom(use)) return undefined
        this.#nextOffset = end
        return group
      }
    }
    const needed = groupBytesOnDisk(bytes)
    if (this.#nextOffset + needed <= this.#segmentBytes) {
      return this.#hasRoom(use) ? this.#beginGroup(this.#nextOffset, needed, undefined) : undefined
    }
    if (this.#spares.count < (use === 'normal' ? 2 : 1)) return undefined
    this.#segmentBytes = this.#spares.segmentBytes
    const begun = this.#beginGroup(sectorBytes, needed, this.#spares.take())
    this.#keepSpares()
    return begun
  }

  /** The last spare is the reserve: without it even the open segment is kept for what takes rights away. */
  #hasRoom(use: AppendUse): boolean {
    return use === 'reserve' || this.#spares.count > 0
  }

  #beginGroup(offset: number, bytes: number, spare: string | undefined): GroupBuffer {
    const group = this.#freeBuffers.pop() ?? new GroupBuffer()
    group.begin({ firstLsn: this.#nextLsn, offset, spare })
    this.#nextOffset = offset + bytes
    this.#collecting = group
    this.#commit.add(group)
    return group
  }

  /** Everything that arrives in this turn of the event loop joins the group; the check phase ends the turn. */
  #schedule(): void {
    if (this.#isScheduled || this.#commit.isBusy) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#commit.start()
    })
  }

  #settled(group: GroupBuffer): void {
    const { waiting } = group
    group.waiting = undefined
    this.#freeBuffers.push(group)
    waiting?.resolve()
  }

  #rolled(segment: Segment): void {
    this.#segments = [...this.#segments, segment]
    try {
      this.#bearWitness()
    } catch {
      // The journal does not stop for its witness: an older one still stands, and the next roll tries again.
    }
  }

  #fail(cause: unknown): void {
    const fault = failed('writing the journal', cause)
    this.#failure = fault
    this.#cancelRetry()
    for (const group of this.#commit.pending) group.waiting?.reject(fault)
  }

  #bearWitness(): void {
    const { files, witnessPath } = this.#opening
    if (witnessPath !== undefined) writeWitness(files, witnessPath, this.head)
  }

  /** Makes spares until there are enough. A disk without room is asked again after a while. */
  #keepSpares(): void {
    if (this.#makingSpare !== undefined || this.#isClosed || this.#spares.count >= sparesWanted) return
    this.#makingSpare = this.#spares.make('gently').then(
      () => {
        this.#makingSpare = undefined
        if (this.#spares.count >= sparesWanted) this.#hasRefused = false
        this.#keepSpares()
      },
      () => {
        this.#makingSpare = undefined
        if (this.#isClosed || this.#failure !== undefined) return
        this.#cancelRetry = this.#opening.after(retryAfterMs, () => this.#keepSpares())
      },
    )
  }

  *#readSegment(segment: Segment, lsn: Lsn, through: Lsn): Generator<JournalRecordBytes> {
    const file = this.#opening.files.open(segment.path, 'read')
    const bytes = readWhole(file)
    file.close()
    const scan = scanSegment(bytes, segment.header, headBefore(segment))
    for (;;) {
      const step = scan.next()
      if (step.done) {
        if (step.value.type === 'damaged') throw damaged({ path: segment.path, ...step.value })
        return
      }
      // What stands behind `through` may be in the middle of being written.
      if (step.value.header.firstLsn > through) return
      for (const record of recordsOf(step.value)) if (record.lsn >= lsn) yield record
      if (step.value.head.lsn >= through) return
    }
  }
}

function recycled(folder: string, lsn: Lsn, firstLsn: Lsn): Fault {
  return new Fault(
    'journal-damaged',
    `records from lsn ${lsn} on expected in ${folder}, but the first there is ${firstLsn}: older segments were recycled after ` +
      'a backup. Restore that backup, whose view holds what they said.',
  )
}

function failed(doing: string, cause: unknown): Fault {
  const said = cause instanceof Error ? cause.message : String(cause)
  return new Fault(
    'journal-failed',
    `${doing} failed: ${said}. What was not acknowledged may or may not be on disk; a restart finds out.`,
    { cause, retry: isDiskFull(cause) },
  )
}
