// Opens the journal of a folder: locks it, finds where it ends, asks view and witness whether that can be, cuts off what is
// torn and refuses what is damaged.

import type { Chores } from '../../engine/ports/chores.ts'
import type { Clock } from '../../engine/ports/clock.ts'
import { Fault } from '../../engine/ports/fault.ts'
import type { Journal, Lsn } from '../../engine/ports/journal.ts'
import type { FilePort } from '../files/file-port.ts'
import { sectorBytes, segmentBytesMin } from './journal-format.ts'
import { type Recovered, putOnDisk, recover } from './journal-recovery.ts'
import type { ChainHead } from './journal-scan.ts'
import { Spares, isDiskFull } from './journal-segments.ts'
import { OpenedJournal, journalFailed } from './opened-journal.ts'
import { realFiles } from '../files/real-files.ts'
import { readWitness } from './witness.ts'

export type JournalOptions = {
  /** Folder of the segments; made when it is not there. */
  readonly folder: string
  /** `disk`: durable means synced. `process`: written, survives the process but not the machine; for demos. */
  readonly durability: 'disk' | 'process'
  /** Paces what is done ahead of time, and wakes the next try to make room on a full disk. */
  readonly after: Clock['after']
  /** Hears how its work aside goes: making spares, writing the witness. */
  readonly chores?: Chores
  /** Size of new segments, a multiple of 512, at least 128 KiB; 64 MiB unless told. */
  readonly segmentBytes?: number
  /** What the view holds: the journal must reach it, and older segments are not walked again. 0 walks all of them. */
  readonly appliedLsn?: Lsn
  /** A file outside the data folder that remembers how far the journal was (threat T8). */
  readonly witnessPath?: string
  /** Hears when the witness cannot be written (the error), and when it can again (undefined). It is tried again meanwhile. */
  readonly witnessTold?: (error: unknown) => void
  /** The operator says that an older journal than the witness knows is meant. The view must still be within it. */
  readonly acceptRollback?: boolean
  readonly files?: FilePort
}

export type FileJournal = Journal & {
  /** The last durable record, with its epoch and chain hash. */
  readonly head: ChainHead
  /** Is the witness written as it should be? Also when none is asked for. */
  readonly isWitnessed: boolean
  /** Does a group of this journal end with the record `lsn` and this chain hash, as far as it is still here? */
  readonly endsAt: (lsn: Lsn, chain: Uint8Array) => Promise<boolean>
  /** Gives segments that end at or before `throughLsn` (backed up and applied) back as spares. */
  readonly recycle: (throughLsn: Lsn) => Promise<void>
}

const segmentBytesDefault = 64 * 1024 * 1024

/**
 * Opens the journal in `folder` for writing, alone. Rejects with a Fault: `data-in-use`, `journal-damaged` (says where and
 * what to do), `journal-failed` (`retry` when the disk has no room).
 */
export async function openJournal(options: JournalOptions): Promise<FileJournal> {
  const files = options.files ?? realFiles(options.after)
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
    if (found !== undefined) putOnDisk(files, options.folder, found)
    const spares = new Spares(files, options.folder, segmentBytes)
    await stockUp(spares, found === undefined)
    const journal = new OpenedJournal({ ...options, files, spares, unlock }, found)
    await journal.begin()
    return journal
  } catch (error) {
    unlock()
    await files.close()
    throw error instanceof Fault ? error : journalFailed(`opening the journal in ${options.folder}`, error)
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
  const { folder, appliedLsn = 0, acceptRollback } = options
  const witnessPath = acceptRollback ? undefined : options.witnessPath
  const witness = witnessPath === undefined ? undefined : readWitness(files, witnessPath)
  const found = recover(files, folder, { appliedLsn, witness })
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
