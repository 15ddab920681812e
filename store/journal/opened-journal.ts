// Journal writer. An open journal: gives each record its place when it is appended, so that one is only taken when its room is certain (threat
// D11); what shares a turn of the event loop shares a group, one write and one sync (group commit).

import type { Chores } from '../../engine/ports/chores.ts'
import type { Clock } from '../../engine/ports/clock.ts'
import { Fault } from '../../engine/ports/fault.ts'
import type { AppendUse, Journal, JournalRecordBytes, Lsn } from '../../engine/ports/journal.ts'
import { equalBytes } from '../../base/bytes.ts'
import type { FilePort } from '../files/file-port.ts'
import { GroupBuffer, makeWaiting } from './group-buffer.ts'
import { GroupCommit } from './group-commit.ts'
import {
  genesisChain,
  groupBytesMax,
  groupBytesOnDisk,
  recordBytesMax,
  recordHeaderBytes,
  sectorBytes,
} from './journal-format.ts'
import { isFollowed, readRecordAt, readSegment } from './journal-reading.ts'
import type { Recovered } from './journal-recovery.ts'
import type { ChainHead } from './journal-scan.ts'
import { type Segment, type Spares, isDiskFull } from './journal-segments.ts'
import { writeWitness } from './witness.ts'

/** What openJournal found and locked. */
export type Opening = {
  readonly files: FilePort
  readonly folder: string
  readonly durability: 'disk' | 'process'
  readonly after: Clock['after']
  readonly chores?: Chores
  readonly witnessPath?: string
  readonly witnessTold?: (error: unknown) => void
  readonly spares: Spares
  readonly unlock: () => void
}

/** The next segment and the reserve. */
const sparesWanted = 2
const retryAfterMs = 1000

export class OpenedJournal implements Journal {
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
  /** How far a witness knows the journal, in this life. */
  #witnessedLsn: Lsn = 0
  #isWitnessed = true
  #cancelWitness = () => {}

  constructor(opening: Opening, found: Pick<Recovered, 'head' | 'segments' | 'offset'> | undefined) {
    const { files, folder } = opening
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

  /** Puts the new epoch on disk, as a group without records. */
  async begin(): Promise<void> {
    try {
      await this.#beginEpoch()
    } catch (error) {
      this.#commit.close()
      throw error
    }
    this.#bearWitness()
    this.#keepSpares()
  }

  get isWitnessed(): boolean {
    return this.#isWitnessed
  }

  async #beginEpoch(): Promise<void> {
    const { folder } = this.#opening
    if (this.#place(0, 'reserve') === undefined) {
      throw new Fault('journal-failed', `the disk of ${folder} has no room for the journal; make some`, { retry: true })
    }
    await this.#commit.finish()
    if (this.#failure !== undefined) throw this.#failure
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

  /** The last durable record, with its epoch and chain hash. */
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
    const group = this.#room(bytesOf(body), use)
    if (group === undefined) return 'full'
    group.add(body)
    this.#schedule()
    return this.#nextLsn++
  }

  appendTogether(bodies: readonly Uint8Array[], use: AppendUse): Lsn | 'full' | 'failed' {
    if (this.#failure !== undefined || this.#isClosed) return 'failed'
    const bytes = bodies.reduce((sum, body) => sum + bytesOf(body), 0)
    if (bytes > groupBytesMax)
      throw new RangeError(`at most ${groupBytesMax} bytes in one group expected, got ${bytes}`)
    const group = this.#room(bytes, use)
    if (group === undefined) return 'full'
    for (const body of bodies) group.add(body)
    this.#schedule()
    const firstLsn = this.#nextLsn
    this.#nextLsn += bodies.length
    return firstLsn
  }

  #room(bytes: number, use: AppendUse): GroupBuffer | undefined {
    const group = this.#place(bytes, use)
    if (group === undefined) this.#hasRefused = true
    return group
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
      yield* readSegment(this.#opening.files, segment, { lsn, through })
    }
  }

  async readOne(lsn: Lsn): Promise<Uint8Array | undefined> {
    if (!Number.isSafeInteger(lsn) || lsn < this.firstLsn || lsn > this.durableLsn) return undefined
    const segment = this.#segments.findLast(({ header }) => header.firstLsn <= lsn)
    return segment === undefined ? undefined : readRecordAt(this.#opening.files, segment, lsn)
  }

  async endsAt(lsn: Lsn, chain: Uint8Array): Promise<boolean> {
    if (lsn > this.durableLsn) return false
    if (lsn === this.head.lsn && equalBytes(this.head.chain, chain)) return true
    // The group behind it names it, in its segment or in the next one.
    const isNamed = ({ header }: Segment) => header.firstLsn === lsn + 1 && equalBytes(header.chain, chain)
    if (this.#segments.some(isNamed)) return true
    const segment = this.#segments.findLast(({ header }) => header.firstLsn <= lsn + 1)
    return segment !== undefined && isFollowed(this.#opening.files, segment, lsn, chain)
  }

  /**
   * Gives segments that end at or before `throughLsn` back as spares, or to the disk. What the witness does not know yet stays: a
   * journal that begins behind its witness could not be told from another one.
   */
  async recycle(throughLsn: Lsn): Promise<void> {
    await this.#makingSpare
    const { files, folder, witnessPath } = this.#opening
    const through = witnessPath === undefined ? throughLsn : Math.min(throughLsn, this.#witnessedLsn)
    for (;;) {
      const [first, next] = this.#segments
      if (first === undefined || next === undefined || next.header.firstLsn - 1 > through) return
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
    this.#cancelWitness()
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
    this.#bearWitness()
  }

  #fail(cause: unknown): void {
    const fault = journalFailed('writing the journal', cause)
    this.#failure = fault
    this.#cancelRetry()
    for (const group of this.#commit.pending) group.waiting?.reject(fault)
  }

  /** The journal does not stop for its witness: an older one still stands, and it is tried again until it is written. */
  #bearWitness(): void {
    const { files, witnessPath, witnessTold = () => {}, after, chores } = this.#opening
    if (witnessPath === undefined) return
    const { head } = this
    this.#cancelWitness()
    const wasWitnessed = this.#isWitnessed
    try {
      writeWitness(files, witnessPath, head)
      this.#isWitnessed = true
      this.#witnessedLsn = head.lsn
      chores?.worked('journal-witness', { isTold: true })
      if (!wasWitnessed) witnessTold(undefined)
    } catch (error) {
      this.#isWitnessed = false
      chores?.failed('journal-witness', error, { isTold: true })
      if (!this.#isClosed) this.#cancelWitness = after(retryAfterMs, () => this.#bearWitness())
      if (wasWitnessed) witnessTold(error)
    }
  }

  /** Makes spares until there are enough. A disk without room is asked again after a while. */
  #keepSpares(): void {
    if (this.#makingSpare !== undefined || this.#isClosed || this.#spares.count >= sparesWanted) return
    this.#makingSpare = this.#spares.make('gently').then(
      () => {
        this.#makingSpare = undefined
        if (this.#spares.count >= sparesWanted) this.#hasRefused = false
        this.#opening.chores?.worked('journal-spares')
        this.#keepSpares()
      },
      (error: unknown) => {
        this.#makingSpare = undefined
        if (this.#isClosed || this.#failure !== undefined) return
        this.#opening.chores?.failed('journal-spares', error)
        this.#cancelRetry = this.#opening.after(retryAfterMs, () => this.#keepSpares())
      },
    )
  }
}

/** What a record takes in its group. */
function bytesOf(body: Uint8Array): number {
  if (body.length > recordBytesMax)
    throw new RangeError(`a record of at most ${recordBytesMax} bytes expected, got ${body.length}`)
  return recordHeaderBytes + body.length
}

function recycled(folder: string, lsn: Lsn, firstLsn: Lsn): Fault {
  return new Fault(
    'journal-damaged',
    `records from lsn ${lsn} on expected in ${folder}, but the first there is ${firstLsn}: older segments were recycled after ` +
      'a backup. Restore that backup, whose view holds what they said.',
  )
}

/** A failure of the disk under the journal; `retry` when it only had no room. */
export function journalFailed(doing: string, cause: unknown): Fault {
  const said = cause instanceof Error ? cause.message : String(cause)
  return new Fault(
    'journal-failed',
    `${doing} failed: ${said}. What was not acknowledged may or may not be on disk; a restart finds out.`,
    { cause, retry: isDiskFull(cause) },
  )
}
