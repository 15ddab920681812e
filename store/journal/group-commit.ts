// Group commit. Writes groups to their places, one at a time and in order: seal, write, sync, tell. While one is under way the next one
// collects. After a failed write or sync nothing can be known of what is on disk, so nothing more is written (fsync reports an error once and
// forgets it).

import type { Lsn } from '../../engine/ports/journal.ts'
import type { FilePort, OpenFile } from '../files/file-port.ts'
import type { GroupBuffer } from './group-buffer.ts'
import { type SegmentHeader, groupBytesOnDisk, sealGroup } from './journal-format.ts'
import type { ChainHead } from './journal-scan.ts'
import { type Segment, startSegment } from './journal-segments.ts'

export type GroupCommitOptions = {
  readonly files: FilePort
  readonly folder: string
  readonly sync: boolean
  readonly epoch: number
  readonly head: ChainHead
  /** The segment that is open for writing, when there is one. */
  readonly active: { readonly segment: Segment; readonly file: OpenFile } | undefined
  /** A spare became a segment: it is on disk, its first group is not. */
  readonly onSegment: (segment: Segment) => void
  /** A group is durable; its buffer is free again. */
  readonly onDurable: (group: GroupBuffer) => void
  readonly onFailed: (cause: unknown) => void
}

export class GroupCommit {
  readonly #options: GroupCommitOptions
  readonly #queue: GroupBuffer[] = []
  #file: OpenFile | undefined
  #segment: SegmentHeader | undefined
  #head: ChainHead
  #underWay: GroupBuffer | undefined
  #hasFailed = false
  #whenIdle: (() => void)[] = []

  constructor(options: GroupCommitOptions) {
    this.#options = options
    this.#head = options.head
    this.#file = options.active?.file
    this.#segment = options.active?.segment.header
  }

  /** What is durable. */
  get head(): ChainHead {
    return this.#head
  }

  get isBusy(): boolean {
    return this.#underWay !== undefined
  }

  /** The groups not yet durable, oldest first. */
  get pending(): readonly GroupBuffer[] {
    return this.#underWay === undefined ? this.#queue : [this.#underWay, ...this.#queue]
  }

  /** The group that holds a record which is not yet durable. Mostly it is the one that is collecting. */
  groupOf(lsn: Lsn): GroupBuffer | undefined {
    const last = this.#queue.at(-1)
    if (last !== undefined && lsn >= last.firstLsn && lsn <= last.lastLsn) return last
    return this.pending.find((group) => lsn <= group.lastLsn)
  }

  /** Queues a group behind the others. The last one queued may still grow until `start` takes it. */
  add(group: GroupBuffer): void {
    this.#queue.push(group)
  }

  /** Is this group still growing, or has its writing begun? */
  canGrow(group: GroupBuffer): boolean {
    return this.#queue.at(-1) === group
  }

  /** Writes what is queued, unless a group is under way: then its end starts the next. */
  start(): void {
    if (this.#underWay !== undefined || this.#hasFailed) return
    const group = this.#queue.shift()
    if (group === undefined) {
      for (const tell of this.#whenIdle.splice(0)) tell()
      return
    }
    this.#underWay = group
    try {
      this.#write(group)
    } catch (error) {
      this.#end(group, error)
    }
  }

  /** Resolves when nothing is queued or under way. */
  async finish(): Promise<void> {
    if (this.#hasFailed) return
    const idle = new Promise<void>((resolve) => this.#whenIdle.push(resolve))
    this.start()
    await idle
  }

  /** Puts on disk what was written without a sync. */
  sync(): void {
    this.#file?.datasync()
  }

  close(): void {
    this.#file?.close()
    this.#file = undefined
  }

  #write(group: GroupBuffer): void {
    if (group.spare !== undefined) this.#startSegment(group, group.spare)
    const file = this.#file
    const segment = this.#segment
    if (file === undefined || segment === undefined) throw new Error('a group without a segment to write it to')
    const { epoch, sync } = this.#options
    const { firstLsn, recordCount, bodyBytes, offset } = group
    const place = { epoch, segmentLsn: segment.firstLsn, firstLsn, recordCount, bodyBytes, previous: this.#head.chain }
    const chain = sealGroup(group.bytes, place)
    const bytes = group.bytes.subarray(0, groupBytesOnDisk(bodyBytes))
    file.append({ position: offset, bytes, sync }, (error) => {
      if (error === undefined) this.#head = { lsn: group.lastLsn, epoch, chain }
      this.#end(group, error)
    })
  }

  #startSegment(group: GroupBuffer, spare: string): void {
    const { files, folder, sync, epoch, onSegment } = this.#options
    // Without syncs of its own a group must still not be on disk before the segment it follows.
    if (!sync) this.sync()
    this.close()
    const { segment, file } = startSegment(files, folder, spare, {
      firstLsn: group.firstLsn,
      epoch,
      chain: this.#head.chain,
    })
    this.#file = file
    this.#segment = segment.header
    onSegment(segment)
  }

  #end(group: GroupBuffer, error: unknown): void {
    this.#underWay = undefined
    if (error === undefined) {
      this.#options.onDurable(group)
      this.start()
      return
    }
    this.#hasFailed = true
    this.#queue.unshift(group)
    this.#options.onFailed(error)
    for (const tell of this.#whenIdle.splice(0)) tell()
  }
}
