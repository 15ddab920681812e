// Segment allocation. The files of a journal's folder: segments named by their first lsn, and spares, zeroed and waiting. Two spares are kept
// ahead of need: the next segment, and the reserve that only records which take rights away may use (threat D11).

import { join } from 'node:path'
import { Fault } from '../../engine/ports/fault.ts'
import { type Allocation, type FilePort, type OpenFile, fileErrorCode } from '../files/file-port.ts'
import {
  type SegmentHeader,
  decodeSegmentHeader,
  encodeSegmentHeader,
  lsnOfSegmentName,
  sectorBytes,
  segmentName,
} from './journal-format.ts'

const sparePattern = /^[0-9a-f]{14}\.spare$/
const unfinishedPattern = /^[0-9a-f]{14}\.unfinished$/

export type Segment = { readonly header: SegmentHeader; readonly path: string }

/** The segments of a folder in order of lsn, headers checked. Throws a Fault `journal-damaged` at the first bad one. */
export function listSegments(files: FilePort, folder: string): readonly Segment[] {
  const segments: Segment[] = []
  for (const name of files.list(folder)) {
    const firstLsn = lsnOfSegmentName(name)
    if (firstLsn === undefined) continue
    const path = join(folder, name)
    const header = readSegmentHeader(files, path)
    if (header.firstLsn !== firstLsn)
      throw damaged({ path, offset: 0, lsn: firstLsn, why: 'its name and header differ' })
    segments.push({ header, path })
  }
  return segments
}

function readSegmentHeader(files: FilePort, path: string): SegmentHeader {
  const file = files.open(path, 'read')
  try {
    const sector = Buffer.alloc(sectorBytes)
    const length = file.read(0, sector)
    const header = decodeSegmentHeader(sector.subarray(0, length))
    const lsn = lsnOfSegmentName(path.slice(path.lastIndexOf('/') + 1)) ?? 0
    if (typeof header === 'string') throw damaged({ path, offset: 0, lsn, why: header })
    const sizeBytes = file.sizeBytes()
    if (sizeBytes !== header.segmentBytes) {
      const why = `a file of ${header.segmentBytes} bytes expected, got ${sizeBytes}`
      throw damaged({ path, offset: Math.min(sizeBytes, header.segmentBytes), lsn, why })
    }
    return header
  } finally {
    file.close()
  }
}

/** A Fault that says where the journal is bad and what to do. */
export function damaged(place: {
  readonly path: string
  readonly offset: number
  readonly lsn: number
  readonly why: string
}): Fault {
  return new Fault(
    'journal-damaged',
    `journal segment ${place.path}, offset ${place.offset}, lsn ${place.lsn}: ${place.why}. ` +
      'Nothing was changed. Restore the data folder from a backup; `bandpass audit verify` shows what can still be read.',
  )
}

/** Spare segments: made ahead, taken when a segment is full. */
export class Spares {
  readonly #files: FilePort
  readonly #folder: string
  readonly segmentBytes: number
  readonly #paths: string[] = []
  readonly #stop = new AbortController()
  #made = 0

  /** Takes up the spares of an earlier run. Removes what is unfinished, of another size, or was never named a segment. */
  constructor(files: FilePort, folder: string, segmentBytes: number) {
    this.#files = files
    this.#folder = folder
    this.segmentBytes = segmentBytes
    for (const name of files.list(folder)) {
      const path = join(folder, name)
      if (unfinishedPattern.test(name)) files.remove(path)
      if (!sparePattern.test(name)) continue
      this.#made = Math.max(this.#made, Number.parseInt(name.slice(0, 14), 16))
      if (this.#isBlank(path)) this.#paths.push(path)
      else files.remove(path)
    }
  }

  get count(): number {
    return this.#paths.length
  }

  /** Gives up what is being made. */
  stop(): void {
    this.#stop.abort()
  }

  /** Takes one: it is the caller's from here on. */
  take(): string | undefined {
    return this.#paths.shift()
  }

  /** Makes one more, from the file `from` when there is one to recycle. Rejects with the file system's error. */
  async make(pace: Allocation['pace'], from?: string): Promise<void> {
    this.#made++
    const name = this.#made.toString(16).padStart(14, '0')
    const unfinished = join(this.#folder, `${name}.unfinished`)
    const path = join(this.#folder, `${name}.spare`)
    try {
      if (from !== undefined) {
        // Its old name must be gone for good before its content is: a power cut would bring back an emptied segment.
        this.#files.rename(from, unfinished)
        this.#files.syncFolder(this.#folder)
      }
      const file = this.#files.open(unfinished, 'create')
      try {
        await file.allocate(this.segmentBytes, { pace, signal: this.#stop.signal })
      } finally {
        file.close()
      }
      this.#files.rename(unfinished, path)
      this.#files.syncFolder(this.#folder)
    } catch (error) {
      this.#files.remove(unfinished)
      throw error
    }
    this.#paths.push(path)
  }

  /** A crash while a spare became a segment leaves a header in it; whatever is not blank is not spare. */
  #isBlank(path: string): boolean {
    const file = this.#files.open(path, 'read')
    try {
      if (file.sizeBytes() !== this.segmentBytes) return false
      const sector = Buffer.alloc(sectorBytes)
      file.read(0, sector)
      return sector.every((byte) => byte === 0)
    } finally {
      file.close()
    }
  }
}

/** Turns a spare into a segment. When this returns, its header and name are on disk. */
export function startSegment(
  files: FilePort,
  folder: string,
  spare: string,
  follows: Pick<SegmentHeader, 'firstLsn' | 'epoch' | 'chain'>,
): { readonly segment: Segment; readonly file: OpenFile } {
  const path = join(folder, segmentName(follows.firstLsn))
  const blank = files.open(spare, 'existing')
  let header: SegmentHeader
  try {
    header = { ...follows, segmentBytes: blank.sizeBytes() }
    blank.write(0, encodeSegmentHeader(header))
    blank.datasync()
  } finally {
    blank.close()
  }
  files.rename(spare, path)
  files.syncFolder(folder)
  return { segment: { header, path }, file: files.open(path, 'existing') }
}

/** Is this the disk having no room, which may pass? */
export function isDiskFull(error: unknown): boolean {
  const code = fileErrorCode(error)
  return code === 'ENOSPC' || code === 'EDQUOT'
}
