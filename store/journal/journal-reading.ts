// Reads records back from the segments they are in.

import { equalBytes } from '../../base/bytes.ts'
import type { JournalRecordBytes, Lsn } from '../../engine/ports/journal.ts'
import { basename, dirname } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type FilePort, type OpenFile, fileErrorCode, readWhole } from '../files/file-port.ts'
import { headBefore } from './journal-recovery.ts'
import { groupAt, headersOf, placesOf } from './journal-groups.ts'
import { recordsOf, scanSegment } from './journal-scan.ts'
import { type Segment, damaged } from './journal-segments.ts'

/** Records of a segment from `lsn` to `through`, both inclusive (borrowed). Throws a Fault `journal-damaged`. */
export function* readSegment(
  files: FilePort,
  segment: Segment,
  { lsn, through }: { readonly lsn: Lsn; readonly through: Lsn },
): Generator<JournalRecordBytes> {
  const file = files.open(segment.path, 'read')
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

/**
 * The record at `lsn` in its segment, a copy, found a few headers at a time with whatever else there is to do in between.
 * Undefined when the segment was recycled meanwhile. Rejects with a Fault `journal-damaged`.
 */
export async function readRecordAt(files: FilePort, segment: Segment, lsn: Lsn): Promise<Uint8Array | undefined> {
  const file = openIfThere(files, segment)
  if (file === undefined) return undefined
  try {
    for (const places of placesOf(file, segment, lsn)) {
      const place = places.find(({ firstLsn, recordCount }) => lsn < firstLsn + recordCount)
      if (place === undefined) {
        await nextTurn()
        continue
      }
      const group = groupAt(file, segment, place)
      if (typeof group === 'string') throw damaged({ path: segment.path, offset: place.offset, lsn, why: group })
      for (const record of recordsOf(group)) if (record.lsn === lsn) return Uint8Array.from(record.body)
    }
    throw damaged({ path: segment.path, offset: 0, lsn, why: 'no group of this segment holds it' })
  } catch (error) {
    if (isGone(files, segment)) return undefined
    throw error
  } finally {
    file.close()
  }
}

/** Is there a group in this segment that follows the record `lsn` and this chain hash? Looked for a few headers at a time. */
export async function isFollowed(files: FilePort, segment: Segment, lsn: Lsn, chain: Uint8Array): Promise<boolean> {
  const file = openIfThere(files, segment)
  if (file === undefined) return false
  try {
    for (const found of headersOf(file, segment, lsn + 1)) {
      if (found.some(({ header }) => header.firstLsn === lsn + 1 && equalBytes(header.previous, chain))) return true
      await nextTurn()
    }
    return false
  } finally {
    file.close()
  }
}

/** Undefined when it was recycled. */
export function openIfThere(files: FilePort, { path }: Segment): OpenFile | undefined {
  try {
    return files.open(path, 'read')
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Was the segment recycled? Then its name went first. */
export function isGone(files: FilePort, { path }: Segment): boolean {
  return !files.list(dirname(path)).includes(basename(path))
}
