// Segment scanner. Reads a segment and says how far it is good. What ends it is one of three: nothing (zeros to the end), a torn group (cut
// off: it was never told as durable), or damage (refused: something that was acknowledged may be missing).
//
// What can be told apart, given that a sector is written whole or not at all, that segments are zeroed before use, and that
// one group at a time is under way:
// - A torn write leaves sectors of zeros where data should be. A flipped byte leaves none. So a bad last group with a sector
//   missing, and nothing valid after it, is torn; one that is all there is damaged.
// - Valid groups after a bad one, a break in lsn, chain or epoch, bytes that are no group: damaged.
// - Not detectable from the journal alone: a disk that turned a whole sector of the very last group, or all groups from
//   some point on, back into zeros after it said they were durable. The view (`appliedLsn`) and the witness file know
//   better, and openJournal asks both.

import { equalBytes, toHex } from '../../base/bytes.ts'
import { crc32c } from '../files/crc32c.ts'
import {
  type GroupHeader,
  type SegmentHeader,
  chainBytes,
  chainHash,
  decodeGroupHeader,
  groupBytesMax,
  groupBytesOnDisk,
  groupHeaderBytes,
  isZero,
  recordBytesMax,
  recordHeaderBytes,
  sectorBytes,
  zeroSectorsIn,
} from './journal-format.ts'

/** Where a chain stands: the last record, the epoch it was written in, and the chain hash of its group. */
export type ChainHead = { readonly lsn: number; readonly epoch: number; readonly chain: Uint8Array }

export type ScannedGroup = {
  readonly offset: number
  readonly header: GroupHeader
  readonly head: ChainHead
  /** The records, with their length fields (borrowed). */
  readonly body: Buffer
}

export type SegmentEnd =
  | {
      readonly type: 'end'
      /** Where the next group goes. */
      readonly offset: number
      readonly head: ChainHead
      /** Bytes of a torn group that stand at `offset`: to be zeroed before anything is written there. */
      readonly tornBytes: number
    }
  | { readonly type: 'damaged'; readonly offset: number; readonly lsn: number; readonly why: string }

/** Walks the groups of a segment that follows `before`; returns how it ends. `isLast`: may a torn group end it? */
export function* scanSegment(
  bytes: Buffer,
  segment: SegmentHeader,
  before: ChainHead,
): Generator<ScannedGroup, SegmentEnd> {
  let head = before
  let offset = sectorBytes
  while (offset < bytes.length) {
    const header = decodeGroupHeader(bytes, offset)
    const group = header === undefined ? undefined : readGroup(bytes, offset, header, segment, head)
    if (group === undefined || typeof group === 'string') {
      const tail = judgeTail(bytes, offset, header, segment, head)
      return typeof tail === 'number'
        ? { type: 'end', offset, head, tornBytes: tail }
        : { type: 'damaged', offset, lsn: head.lsn + 1, why: group ?? tail.why }
    }
    yield group
    head = group.head
    offset += groupBytesOnDisk(group.header.bodyBytes)
  }
  return { type: 'end', offset, head, tornBytes: 0 }
}

/** The records of a scanned group. */
export function* recordsOf(group: ScannedGroup): Generator<{ readonly lsn: number; readonly body: Buffer }> {
  let at = 0
  for (let i = 0; i < group.header.recordCount; i++) {
    const length = group.body.readUInt32BE(at)
    at += recordHeaderBytes
    yield { lsn: group.header.firstLsn + i, body: group.body.subarray(at, at + length) }
    at += length
  }
}

/** The group at `offset` when it is whole and the next in the chain, else what is wrong with it. */
function readGroup(
  bytes: Buffer,
  offset: number,
  header: GroupHeader,
  segment: SegmentHeader,
  before: ChainHead,
): ScannedGroup | string {
  if (header.segmentLsn !== segment.firstLsn) {
    return `a group of segment ${segment.firstLsn} expected, got one of segment ${header.segmentLsn}`
  }
  if (header.firstLsn !== before.lsn + 1) return `lsn ${before.lsn + 1} expected, got ${header.firstLsn}`
  if (header.epoch < before.epoch) return `epoch ${before.epoch} or later expected, got ${header.epoch}`
  if (!equalBytes(header.previous, before.chain)) {
    return `a group that follows chain hash ${toHex(before.chain)} expected, got one that follows ${toHex(header.previous)}`
  }
  return wholeGroup(bytes, offset, header)
}

/** The group that begins with `bytes`, which stood at `offset`, when it is whole; what it follows is not looked at. */
export function readGroupAlone(bytes: Buffer, offset: number): ScannedGroup | string {
  const header = decodeGroupHeader(bytes, 0)
  if (header === undefined) return 'a group header expected, got other bytes'
  const group = wholeGroup(bytes, 0, header)
  return typeof group === 'string' ? group : { ...group, offset }
}

/** The group at `offset` when its records, its hash and its count of records agree. */
function wholeGroup(bytes: Buffer, offset: number, header: GroupHeader): ScannedGroup | string {
  const end = offset + groupBytesOnDisk(header.bodyBytes)
  if (end > bytes.length) return `a group within the segment expected, got one of ${end - offset} bytes`
  const body = bytes.subarray(offset + groupHeaderBytes, offset + groupHeaderBytes + header.bodyBytes)
  if (crc32c(body) !== header.bodyCrc) return 'the records do not match their checksum'
  const chain = bytes.subarray(end - chainBytes, end)
  if (!equalBytes(chainHash(header.previous, bytes.subarray(offset, end - chainBytes)), chain)) {
    return 'the group does not match its chain hash'
  }
  if (!hasRecords(body, header.recordCount)) return `${header.recordCount} records expected in ${body.length} bytes`
  const lsn = header.firstLsn - 1 + header.recordCount
  return { offset, header, head: { lsn, epoch: header.epoch, chain: Uint8Array.from(chain) }, body }
}

function hasRecords(body: Buffer, recordCount: number): boolean {
  let at = 0
  for (let i = 0; i < recordCount; i++) {
    if (at + recordHeaderBytes > body.length) return false
    const length = body.readUInt32BE(at)
    if (length > recordBytesMax) return false
    at += recordHeaderBytes + length
  }
  return at === body.length
}

/** How many bytes of a torn group stand at `offset` (0: none), or why what stands there is damage. */
function judgeTail(
  bytes: Buffer,
  offset: number,
  header: GroupHeader | undefined,
  segment: SegmentHeader,
  head: ChainHead,
): number | { readonly why: string } {
  if (isZero(bytes, offset, bytes.length)) return 0
  if (header !== undefined) {
    const expected = header.segmentLsn === segment.firstLsn && header.firstLsn === head.lsn + 1
    const end = offset + groupBytesOnDisk(header.bodyBytes)
    const isTorn = expected && end <= bytes.length && isTornGroup(bytes, offset, end, header)
    return isTorn && isZero(bytes, end, bytes.length) ? end - offset : { why: 'the group is damaged' }
  }
  // No header. Torn when its sector was not written, or only its first bytes; then at most one group's bytes may follow.
  const headerIsMissing = isZero(bytes, offset, offset + sectorBytes)
  const onlyBegun = isZero(bytes, offset + groupHeaderBytes - 4, bytes.length)
  if (onlyBegun) return sectorBytes
  const end = Math.min(offset + groupBytesOnDisk(groupBytesMax), bytes.length)
  if (!headerIsMissing || !isZero(bytes, end, bytes.length)) return { why: 'bytes that are no group' }
  for (let at = offset + sectorBytes; at < end; at += sectorBytes) {
    if (decodeGroupHeader(bytes, at)?.segmentLsn === segment.firstLsn) {
      return { why: `zeros where a group was; the next is at ${at}` }
    }
  }
  return end - offset
}

/** Is something missing that the header says was written? Then the write was cut short: it was never acknowledged. */
function isTornGroup(bytes: Buffer, offset: number, end: number, header: GroupHeader): boolean {
  if (isZero(bytes, end - chainBytes, end)) return true
  return zeroSectorsIn(bytes, offset + sectorBytes, end) > header.zeroSectors
}
