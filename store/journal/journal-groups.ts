// Random access to groups. Finds single groups of a segment without walking the chain: from header to header, and then only the group that is
// wanted. For readers beside the road, who must neither hold up a thread nor hold a whole segment in memory. That the chain is unbroken is for
// the opening and the audit to say; here a group vouches for itself, by its checksum and its hash.

import type { Lsn } from '../../engine/ports/journal.ts'
import type { OpenFile } from '../files/file-port.ts'
import { type GroupHeader, decodeGroupHeader, groupBytesOnDisk, sectorBytes } from './journal-format.ts'
import { type ScannedGroup, readGroupAlone } from './journal-scan.ts'
import type { Segment } from './journal-segments.ts'

/** Where a group with records stands. */
export type GroupPlace = { readonly offset: number; readonly firstLsn: Lsn; readonly recordCount: number }

/** Read at once while looking for headers; a multiple of the sector, so that no header lies across its end. */
const windowBytes = 131_072

/**
 * The groups of a segment up to the one that holds `through`, in order, a few at a time. Ends early at what is no group of this
 * segment: it was recycled meanwhile, or is damaged.
 */
export function* placesOf(file: OpenFile, segment: Segment, through: Lsn): Generator<readonly GroupPlace[], undefined> {
  for (const found of headersOf(file, segment, through))
    yield found
      .filter(({ header }) => header.recordCount > 0)
      .map(({ offset, header }) => ({ offset, firstLsn: header.firstLsn, recordCount: header.recordCount }))
  return undefined
}

type FoundHeader = { readonly offset: number; readonly header: GroupHeader }

/** The same, as headers (borrowed), also of groups without records. */
export function* headersOf(
  file: OpenFile,
  segment: Segment,
  through: Lsn,
): Generator<readonly FoundHeader[], undefined> {
  const window = Buffer.alloc(Math.min(windowBytes, segment.header.segmentBytes))
  let nextLsn = segment.header.firstLsn
  for (let offset = sectorBytes; offset < segment.header.segmentBytes && nextLsn <= through;) {
    const bytes = window.subarray(0, file.read(offset, window))
    if (bytes.length === 0) return undefined
    const start = offset
    const found: FoundHeader[] = []
    while (offset - start < bytes.length && nextLsn <= through) {
      const header = decodeGroupHeader(bytes, offset - start)
      if (header === undefined || !isNext(header, segment, nextLsn)) {
        yield found
        return undefined
      }
      found.push({ offset, header })
      nextLsn += header.recordCount
      offset += groupBytesOnDisk(header.bodyBytes)
    }
    yield found
  }
  return undefined
}

function isNext(header: GroupHeader, segment: Segment, nextLsn: Lsn): boolean {
  return header.segmentLsn === segment.header.firstLsn && header.firstLsn === nextLsn
}

/** The group at a place, whole by itself, or what is wrong with it. */
export function groupAt(file: OpenFile, segment: Segment, { offset, firstLsn }: GroupPlace): ScannedGroup | string {
  const sector = Buffer.alloc(sectorBytes)
  file.read(offset, sector)
  const header = decodeGroupHeader(sector, 0)
  if (header === undefined || !isNext(header, segment, firstLsn)) return 'a group expected, got other bytes'
  const bytes = Buffer.alloc(groupBytesOnDisk(header.bodyBytes))
  const length = file.read(offset, bytes)
  return readGroupAlone(bytes.subarray(0, length), offset)
}
