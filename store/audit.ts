// Journal verifier. Walks a journal without opening it for writing: checksums, chain, lsn, and whether every record still means something.

import type { Lsn } from '../engine/ports/journal.ts'
import { Fault } from '../engine/ports/fault.ts'
import { type JournalRecordOf, decodeRecord, recordTypeOf } from '../engine/ports/records.ts'
import { toHex } from '../base/bytes.ts'
import { type FilePort, readWhole } from './files/file-port.ts'
import { genesisChain } from './journal/journal-format.ts'
import { headBefore, requireFollows } from './journal/journal-recovery.ts'
import { type ChainHead, recordsOf, scanSegment } from './journal/journal-scan.ts'
import { type Segment, listSegments } from './journal/journal-segments.ts'
import { realFiles } from './files/real-files.ts'

/** Journal time runs back with the record `lsn`, from the instant `fromMs` to `atMs`. */
type Rewind = { readonly lsn: Lsn } & Pick<JournalRecordOf<'engine.rewound'>, 'fromMs' | 'atMs'>

export type JournalAudit =
  | {
      readonly type: 'whole'
      readonly records: number
      readonly groups: number
      /** First and last record; `lastLsn` is `firstLsn - 1` when there is none. */
      readonly firstLsn: Lsn
      readonly lastLsn: Lsn
      readonly epoch: number
      /** Chain hash of the last group, hex: what everything before it hangs on. */
      readonly headHash: string
      /** Bytes of a group that was being written when the power went; the next opening cuts them off. */
      readonly tornBytes: number
      /** Where journal time runs back, knowingly. */
      readonly rewinds: readonly Rewind[]
    }
  | {
      /** The first bad place. */
      readonly type: 'damaged'
      readonly segment: string
      readonly offset: number
      readonly lsn: Lsn
      readonly why: string
    }

export type AuditOptions = {
  readonly files?: FilePort
  /** Called for each record; throws when it means nothing. Decodes it as the engine would, unless told otherwise. */
  readonly readRecord?: (body: Uint8Array, lsn: Lsn) => void
}

/** Audits the journal in `folder`: all of it, or up to the first bad place. Safe beside a running engine. */
export function verifyJournal(folder: string, options: AuditOptions = {}): JournalAudit {
  const files = options.files ?? realFiles()
  const readRecord = options.readRecord ?? decodeRecord
  const place = { segment: folder, offset: 0, lsn: 1 }
  try {
    const segments = listSegments(files, folder)
    const first = segments[0]
    let head: ChainHead = first === undefined ? { lsn: 0, epoch: 0, chain: genesisChain } : headBefore(first)
    const counts = { records: 0, groups: 0, tornBytes: 0 }
    const rewinds: Rewind[] = []
    for (const segment of segments) {
      Object.assign(place, { segment: segment.path, offset: 0, lsn: segment.header.firstLsn })
      requireFollows(segment, head, segment !== first || segment.header.firstLsn === 1)
      const audited = auditSegment(files, segment, { isLast: segment === segments.at(-1), head, readRecord })
      if ('why' in audited) return { type: 'damaged', segment: segment.path, ...audited }
      head = audited.head
      counts.records += audited.records
      counts.groups += audited.groups
      counts.tornBytes = audited.tornBytes
      rewinds.push(...audited.rewinds)
    }
    const firstLsn = first?.header.firstLsn ?? 1
    return {
      type: 'whole',
      ...counts,
      rewinds,
      firstLsn,
      lastLsn: head.lsn,
      epoch: head.epoch,
      headHash: toHex(head.chain),
    }
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return { type: 'damaged', ...place, why: error.message }
  }
}

type SegmentAudit =
  | {
      readonly head: ChainHead
      readonly records: number
      readonly groups: number
      readonly tornBytes: number
      readonly rewinds: readonly Rewind[]
    }
  | { readonly offset: number; readonly lsn: Lsn; readonly why: string }

type SegmentPlace = {
  readonly isLast: boolean
  readonly head: ChainHead
  readonly readRecord: (body: Uint8Array, lsn: Lsn) => void
}

/** The end of the last segment may be in the middle of being written: what looks damaged there is read a second time. */
function auditSegment(files: FilePort, segment: Segment, place: SegmentPlace): SegmentAudit {
  const audited = auditBytes(readSegment(files, segment), segment, place)
  return 'why' in audited && place.isLast ? auditBytes(readSegment(files, segment), segment, place) : audited
}

function auditBytes(bytes: Buffer, segment: Segment, { isLast, head, readRecord }: SegmentPlace): SegmentAudit {
  const scan = scanSegment(bytes, segment.header, head)
  const rewinds: Rewind[] = []
  let records = 0
  for (let groups = 0; ; groups++) {
    const step = scan.next()
    if (step.done) {
      const end = step.value
      if (end.type === 'damaged') return end
      if (end.tornBytes > 0 && !isLast) {
        return { offset: end.offset, lsn: end.head.lsn + 1, why: 'a torn group, but segments follow' }
      }
      return { head: end.head, records, groups, tornBytes: end.tornBytes, rewinds }
    }
    for (const { lsn, body } of recordsOf(step.value)) {
      const why = reasonNotToRead(() => readRecord(body, lsn))
      if (why !== undefined) return { offset: step.value.offset, lsn, why }
      const rewind = rewindOf(body)
      if (rewind !== undefined) rewinds.push({ lsn, ...rewind })
      records++
    }
  }
}

function rewindOf(body: Uint8Array): Omit<Rewind, 'lsn'> | undefined {
  if (recordTypeOf(body) !== 'engine.rewound') return undefined
  const record = decodeRecord(body)
  return record.type === 'engine.rewound' && !record.done ? { fromMs: record.fromMs, atMs: record.atMs } : undefined
}

function reasonNotToRead(read: () => void): string | undefined {
  try {
    read()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function readSegment(files: FilePort, segment: Segment): Buffer {
  const file = files.open(segment.path, 'read')
  try {
    return readWhole(file)
  } finally {
    file.close()
  }
}
