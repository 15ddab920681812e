// Crash recovery of the journal. Opening a journal that was there: walk its segments, find where it ends, refuse what is damaged, cut what is
// torn, and put what is believed on disk: what was read may stand in the page cache alone (docs/decisions/0015).

import { join } from 'node:path'
import { equalBytes, toHex } from '../../base/bytes.ts'
import { Fault } from '../../engine/ports/fault.ts'
import { type FilePort, readWhole } from '../files/file-port.ts'
import { genesisChain, groupBytesMax, groupBytesOnDisk, segmentName } from './journal-format.ts'
import { type ChainHead, type ScannedGroup, type SegmentEnd, scanSegment } from './journal-scan.ts'
import { type Segment, damaged, listSegments } from './journal-segments.ts'

export type Recovered = {
  readonly segments: readonly Segment[]
  readonly head: ChainHead
  /** Where the next group goes in the last segment. */
  readonly offset: number
  readonly tornBytes: number
  /** All of the last segment, as it was read. */
  readonly lastBytes: Buffer
}

/** What must be in the journal, from elsewhere: the view, the witness. */
export type Known = { readonly appliedLsn: number; readonly witness: ChainHead | undefined }

/**
 * Walks the segments that hold records after `known.appliedLsn` or that of the witness, and always the last; older ones are checked by name,
 * header and size, and when they are read. Throws a Fault `journal-damaged` that names the place.
 */
export function recover(files: FilePort, folder: string, known: Known): Recovered | undefined {
  const segments = listSegments(files, folder)
  if (segments.length === 0) {
    requireReached(folder, { lsn: 0, epoch: 0, chain: genesisChain }, known)
    return undefined
  }
  requireUnbroken(folder, segments, known)
  const { witness } = known
  const start = firstToWalk(segments, Math.min(known.appliedLsn, witness?.lsn ?? known.appliedLsn))
  let end: Walked = endBefore(segments, start)
  let isWitnessed = witness === undefined || isWitnessedBy(end.head, witness)
  for (const [index, segment] of segments.entries()) {
    if (index < start) continue
    const isLast = index === segments.length - 1
    requireFollows(segment, end.head, index > start || segment.header.firstLsn === 1)
    end = walk(files, segment, isLast, end.head, ({ head }) => {
      isWitnessed ||= witness !== undefined && head.epoch === witness.epoch && isWitnessedBy(head, witness)
    })
  }
  requireReached(folder, end.head, known)
  if (!isWitnessed) throw anotherHistory(folder, segments, witness)
  return { segments, head: end.head, offset: end.offset, tornBytes: end.tornBytes, lastBytes: end.bytes }
}

/** About so much is written at once. */
const writeStepBytes = 1024 * 1024

/**
 * Writes what was read of the last segment over itself, with zeros where the next group goes, and syncs everything. After a write or
 * sync that failed, the page cache shows what the disk does not have, and no later sync writes it. Older segments were last ones once:
 * they are synced only, for those that another hand brought here.
 */
export function putOnDisk(
  files: FilePort,
  folder: string,
  { segments, offset, tornBytes, lastBytes }: Recovered,
): void {
  const last = segments.at(-1)
  for (const segment of segments) {
    const file = files.open(segment.path, 'existing')
    try {
      if (segment === last) {
        const groupBytes = Math.max(groupBytesOnDisk(groupBytesMax), tornBytes)
        const end = Math.min(offset + groupBytes, lastBytes.length)
        lastBytes.fill(0, offset, end)
        for (let at = 0; at < end; at += writeStepBytes)
          file.write(at, lastBytes.subarray(at, Math.min(at + writeStepBytes, end)))
      }
      file.datasync()
    } finally {
      file.close()
    }
  }
  rewriteNames(files, folder)
}

/** A sync alone does not write names that a failed one has taken for written: a change among them does, and all beside it. */
function rewriteNames(files: FilePort, folder: string): void {
  const made = join(folder, segmentName(0).replace('segment', 'unfinished'))
  files.open(made, 'create').close()
  files.remove(made)
  files.syncFolder(folder)
}

type Walked = SegmentEnd & { readonly type: 'end'; readonly bytes: Buffer }

/** Walks one segment, calling `onGroup` for each group. Throws a Fault `journal-damaged`. */
function walk(
  files: FilePort,
  segment: Segment,
  isLast: boolean,
  before: ChainHead,
  onGroup: (group: ScannedGroup) => void,
): Walked {
  const file = files.open(segment.path, 'read')
  try {
    const bytes = readWhole(file)
    const scan = scanSegment(bytes, segment.header, before)
    for (;;) {
      const step = scan.next()
      if (!step.done) {
        onGroup(step.value)
        continue
      }
      const end = step.value
      if (end.type === 'damaged') throw damaged({ path: segment.path, ...end })
      if (end.tornBytes > 0 && !isLast) {
        throw damaged({
          path: segment.path,
          offset: end.offset,
          lsn: end.head.lsn + 1,
          why: 'a torn group, but segments follow',
        })
      }
      return { ...end, bytes }
    }
  } finally {
    file.close()
  }
}

/** The head that `segment` says it follows; its epoch is that of the segment, which no group before it is past. */
export function headBefore({ header }: Segment): ChainHead {
  return { lsn: header.firstLsn - 1, epoch: header.epoch, chain: header.chain }
}

function endBefore(segments: readonly Segment[], start: number): Walked {
  const first = segments[start]
  const head = first === undefined ? { lsn: 0, epoch: 0, chain: genesisChain } : headBefore(first)
  return { type: 'end', offset: 0, head, tornBytes: 0, bytes: Buffer.alloc(0) }
}

function firstToWalk(segments: readonly Segment[], appliedLsn: number): number {
  const wanted = segments.findLastIndex((segment) => segment.header.firstLsn <= appliedLsn + 1)
  return Math.min(Math.max(wanted, 0), segments.length - 1)
}

/** Records that were neither applied nor kept are gone. */
function requireUnbroken(folder: string, segments: readonly Segment[], { appliedLsn }: Known): void {
  const firstLsn = segments[0]?.header.firstLsn ?? 1
  if (appliedLsn === 0 || firstLsn <= appliedLsn + 1) return
  throw new Fault(
    'journal-damaged',
    `the view holds records up to lsn ${appliedLsn}, but the journal in ${folder} starts at ${firstLsn}: those in between ` +
      'are missing. Restore the newest backup, journal and view together.',
  )
}

/** Throws a Fault `journal-damaged` unless the segment goes on where `before` ends, when that is known. */
export function requireFollows(segment: Segment, before: ChainHead, isKnown: boolean): void {
  const { firstLsn, chain } = segment.header
  if (!isKnown) return
  const expected = firstLsn === 1 && before.lsn === 0 ? genesisChain : before.chain
  if (firstLsn !== before.lsn + 1) {
    const why = `the segment before ends at lsn ${before.lsn}: records in between are missing`
    throw damaged({ path: segment.path, offset: 0, lsn: firstLsn, why })
  }
  if (!equalBytes(chain, expected)) {
    const why = `it follows chain hash ${toHex(chain)}, the segment before ends with ${toHex(expected)}`
    throw damaged({ path: segment.path, offset: 0, lsn: firstLsn, why })
  }
}

function isWitnessedBy(head: ChainHead, witness: ChainHead): boolean {
  return head.lsn === witness.lsn && equalBytes(head.chain, witness.chain)
}

function anotherHistory(folder: string, segments: readonly Segment[], witness: ChainHead | undefined): Fault {
  return new Fault(
    'journal-damaged',
    `the journal in ${folder} begins at lsn ${segments[0]?.header.firstLsn ?? 1}, and no group of it has the chain hash ` +
      `${toHex(witness?.chain ?? new Uint8Array())} at lsn ${witness?.lsn ?? 0} that the witness file knows: this is another history. ` +
      'Bring back the right data folder; if this one is meant, start once with the rollback accepted.',
  )
}

function requireReached(folder: string, head: ChainHead, { appliedLsn, witness }: Known): void {
  if (witness !== undefined && (head.lsn < witness.lsn || head.epoch < witness.epoch)) {
    throw new Fault(
      'journal-damaged',
      `the journal in ${folder} ends at lsn ${head.lsn}, epoch ${head.epoch}, but the witness file knows lsn ${witness.lsn}, ` +
        `epoch ${witness.epoch}: an older copy was put back, or acknowledged records are missing. Restore the newest backup; ` +
        'if this older state is meant, start once with the rollback accepted.',
    )
  }
  if (head.lsn < appliedLsn) {
    throw new Fault(
      'journal-damaged',
      `the journal in ${folder} ends at lsn ${head.lsn}, but the view knows lsn ${appliedLsn}: an older copy was put back, or ` +
        'acknowledged records are missing. Restore the newest backup, journal and view together.',
    )
  }
}
