// The journal as the engine sees it: one ordered log, appended in groups, answered from only when durable (docs/architecture.md §7).

/** Position of a record in the journal: 1, 2, 3, … without gaps. 0 means "no record". */
export type Lsn = number

/** `normal` leaves the reserve untouched; `reserve` may use it: holds and everything else that only takes rights away. */
export type AppendUse = 'normal' | 'reserve'

export type JournalRecordBytes = { readonly lsn: Lsn; readonly body: Uint8Array }

export type Journal = {
  /** Grows by one each time the journal is opened for writing; stands in every group. */
  readonly epoch: number
  readonly appendedLsn: Lsn
  readonly durableLsn: Lsn
  /** `full`: only the reserve is left. `failed`: a write or sync failed; nothing is accepted until a restart. */
  readonly state: 'open' | 'full' | 'failed' | 'closed'
  /** Puts a record into the current group and copies `body`. Returns its lsn, or why it was not taken. */
  readonly append: (body: Uint8Array, use: AppendUse) => Lsn | 'full' | 'failed'
  /**
   * Puts records into one group, one behind the other, or none of them: after a crash all are there or none is. Returns the lsn
   * of the first. Throws a RangeError on more than a group takes.
   */
  readonly appendTogether: (bodies: readonly Uint8Array[], use: AppendUse) => Lsn | 'full' | 'failed'
  /** Resolves when every record up to `lsn` is on disk; rejects with a Fault when that can no longer be known. */
  readonly durable: (lsn: Lsn) => Promise<void>
  /** Records from `lsn` on, in order, as they are on disk. */
  readonly read: (lsn: Lsn) => Iterable<JournalRecordBytes>
  /**
   * The record at `lsn`, in steps that hold nothing up; undefined when it is not durable yet, or was recycled. Rejects with
   * a Fault on a journal that is damaged there.
   */
  readonly readOne: (lsn: Lsn) => Promise<Uint8Array | undefined>
  /** First lsn that is still in a segment here (older ones may have been recycled after a backup). */
  readonly firstLsn: Lsn
  readonly close: () => Promise<void>
}
