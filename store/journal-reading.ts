// Reads records back from the segments they are in.

import type { JournalRecordBytes, Lsn } from '../engine/ports/journal.ts'
import { type FilePort, readWhole } from './file-port.ts'
import { headBefore } from './journal-recovery.ts'
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
