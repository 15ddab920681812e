// Write-ahead log. Journal first, then rows: every durable change passes here. Rows that the view has not got yet are kept in memory, so that
// the engine reads what it has appended; what leaves the engine waits for `durable`.

import { apply } from '../ports/apply.ts'
import type { Change, RowReader } from '../ports/rows.ts'
import type { Clock } from '../ports/clock.ts'
import { Fault } from '../ports/fault.ts'
import type { AppendUse, Journal, Lsn } from '../ports/journal.ts'
import { type JournalRecord, decodeRecord, encodeRecord, encodeRecordBorrowed } from '../ports/records.ts'
import { PendingRows } from './pending-rows.ts'
import { ReserveShares } from './reserve.ts'
import { type RestoredRow, type RewoundRow, type RowOf, decodeRow, restoredKey, rewoundKey } from '../ports/rows.ts'
import { type RowRange, type Table, type View, viewWritesMax } from '../ports/view.ts'
import { RowCache, isCached } from './row-cache.ts'

export type LedgerOptions = {
  readonly journal: Journal
  readonly view: View
  readonly clock: Clock
  readonly viewFlushMs: number
  /** Records that make a batch for the view; twice as many rows with a page of their own do, too. */
  readonly viewFlushRecords: number
  /** Decoded rows kept in memory; none unless told. */
  readonly cachedRowsMax?: number
  /**
   * Asked before every record: what must stand before it in the same group, such as the reversals of approvals that it
   * overtakes; undefined, mostly, for nothing.
   */
  readonly before?: (record: JournalRecord) => Preceding | undefined
  /** Told of every change as it is appended (before it is durable): alarms and counters live from it. */
  readonly changed: (change: Change) => void
  /** Told when the view could not be written; the ledger tries again. */
  readonly viewFailed: (error: unknown) => void
  /** Told when it was written, again or still. */
  readonly viewWritten?: () => void
}

/** Records that go before another one, all in one group of the journal, or none. */
export type Preceding = {
  readonly records: readonly JournalRecord[]
  /** They were appended, the first of them at this position. */
  readonly taken: (firstLsn: Lsn) => void
}

/** Flushes (`viewFlushRecords` records each) that may wait in memory before the view counts as behind. */
export const behindFlushes = 3

export class Ledger implements RowReader {
  readonly #options: LedgerOptions
  readonly #cache: RowCache
  /** What the next batch for the view collects, and the batches that are full, oldest first: the first of them are being written. */
  #pending = new PendingRows()
  readonly #leaving: PendingRows[] = []
  readonly #writing: Promise<boolean>[] = []
  /** A write failed, and the one behind it has not come back yet. */
  #isFailing = false
  #cancelTimer: (() => void) | undefined
  #lastAtMs = 0
  /** The group that is being waited for (`whenDurable`), and who waits. */
  #waitedFor: Promise<void> | undefined
  #waiting: ((failure: unknown) => void)[] = []
  #closed = false
  #restoredRow: RestoredRow | undefined
  #rewoundRow: RewoundRow | undefined
  readonly #shares = new ReserveShares()

  constructor(options: LedgerOptions) {
    this.#options = options
    this.#cache = new RowCache(options.cachedRowsMax ?? 0)
  }

  /** Applies what the journal has beyond the view. Returns the newest instant and epoch seen there. */
  async recover(): Promise<{ readonly lastAtMs: number; readonly recordCount: number }> {
    const { journal, view } = this.#options
    this.#restoredRow = this.#stored('restored', restoredKey)
    this.#rewoundRow = this.#stored('rewound', rewoundKey)
    let recordCount = 0
    for (const { lsn, body } of journal.read(view.appliedLsn + 1)) {
      this.#take(decodeRecord(body), lsn)
      recordCount++
      if (this.#pending.weight < this.#options.viewFlushRecords) continue
      this.#endBatch()
      await this.#flush()
    }
    this.#endBatch()
    while (this.#leaving.length > 0 && (await this.#flush()));
    if (recordCount === 0 && journal.appendedLsn > 0) this.#lastAtMs = this.#lastRecordAtMs()
    return { lastAtMs: this.#lastAtMs, recordCount }
  }

  get<Name extends Table>(table: Name, key: string): RowOf<Name> | undefined {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the one row of that table
    if (table === 'rewound') return this.#rewoundRow as RowOf<Name> | undefined
    const known = isCached(table) ? this.#cache.get(table, key) : undefined
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- under a table's name the cache holds rows of that table only
    if (known !== undefined) return (known.row as RowOf<Name> | null) ?? undefined
    const waiting = this.#waitingRow(table, key)
    const row = waiting === undefined ? this.#stored(table, key) : (waiting ?? undefined)
    if (isCached(table)) this.#cache.set(table, key, row ?? null)
    return row
  }

  /** The newest of what waits for the view: null when the row goes, undefined when nothing waits for it. */
  #waitingRow<Name extends Table>(table: Name, key: string): RowOf<Name> | null | undefined {
    let row = this.#pending.get(table, key)
    for (let at = this.#leaving.length - 1; row === undefined && at >= 0; at--) row = this.#leaving[at]?.get(table, key)
    return row
  }

  #stored<Name extends Table>(table: Name, key: string): RowOf<Name> | undefined {
    const bytes = this.#options.view.get(table, key)
    return bytes === undefined ? undefined : decodeRow(table, bytes)
  }

  /** Rows of a range as of now: the view's, with what it has not written yet laid over them. For pages, not for the road. */
  range<Name extends Table>(
    table: Name,
    range: RowRange,
  ): readonly { readonly key: string; readonly row: RowOf<Name> }[] {
    const changed = new Set([...this.#leaving, this.#pending].flatMap((rows) => [...rows.within(table, range)]))
    const rows = new Map<string, RowOf<Name>>()
    const limit = range.limit + changed.size
    for (const { key, bytes } of this.#options.view.range(table, { ...range, limit }))
      rows.set(key, decodeRow(table, bytes))
    for (const key of changed) {
      const row = this.get(table, key)
      if (row === undefined) rows.delete(key)
      else rows.set(key, row)
    }
    const ordered = [...rows]
      .map(([key, row]) => ({ key, row }))
      .toSorted((left, right) => (left.key < right.key ? -1 : 1))
    if (range.reverse === true) ordered.reverse()
    return ordered.slice(0, range.limit)
  }

  /** Appends one record and applies it. Returns its lsn, or why nothing happened. */
  append(record: JournalRecord, use: AppendUse): Lsn | 'full' | 'failed' {
    if (use === 'reserve' && !this.#hasShare(record)) return 'full'
    const preceding = this.#options.before?.(record)
    const lsn = preceding === undefined ? this.#appendOne(record, use) : this.#appendBehind(preceding, record, use)
    if (typeof lsn !== 'number') return lsn
    if (this.#pending.weight >= this.#options.viewFlushRecords) {
      this.#endBatch()
      void this.#flush()
    } else this.#schedule()
    return lsn
  }

  /** Has who causes this record a place left in the reserve? Only a full disk counts. */
  #hasShare(record: JournalRecord): boolean {
    if (this.#options.journal.state === 'full') return this.#shares.take(record)
    this.#shares.clear()
    return true
  }

  #appendOne(record: JournalRecord, use: AppendUse): Lsn | 'full' | 'failed' {
    const stamped = this.#inOrder(record)
    const lsn = this.#options.journal.append(encodeRecordBorrowed(stamped), use)
    if (typeof lsn === 'number') this.#take(stamped, lsn)
    return lsn
  }

  #appendBehind({ records, taken }: Preceding, record: JournalRecord, use: AppendUse): Lsn | 'full' | 'failed' {
    const all = [...records, record].map((one) => this.#inOrder(one))
    const firstLsn = this.#options.journal.appendTogether(all.map(encodeRecord), use)
    if (typeof firstLsn !== 'number') return firstLsn
    for (const [at, one] of all.entries()) this.#take(one, firstLsn + at)
    taken(firstLsn)
    return firstLsn + records.length
  }

  /** The newest instant of the journal; 0 in an empty one. */
  get newestAtMs(): number {
    return this.#lastAtMs
  }

  /** The latest restore from an older state; undefined when there was none. Asked on the road, so it is at hand. */
  get restored(): RestoredRow | undefined {
    return this.#restoredRow
  }

  /** Where journal time ran back the last time; undefined when it never did. Asked on the road, so it is at hand. */
  get rewound(): RewoundRow | undefined {
    return this.#rewoundRow
  }

  /** The output gate: resolves when everything up to `lsn` is on disk. */
  durable(lsn: Lsn): Promise<void> {
    return this.#options.journal.durable(lsn)
  }

  /**
   * The output gate for the road, without a promise for each request: tells `told` once everything up to `lsn` is on disk, or why
   * it will not be. What waits for one group of the journal is told in one go, in the order it came. `told` must not throw.
   */
  whenDurable(lsn: Lsn, told: (failure: unknown) => void): void {
    const group = this.#options.journal.durable(lsn)
    if (group === this.#waitedFor) {
      this.#waiting.push(told)
      return
    }
    const waiting: ((failure: unknown) => void)[] = [told]
    this.#waitedFor = group
    this.#waiting = waiting
    const tell = (failure: unknown) => {
      if (this.#waitedFor === group) {
        this.#waitedFor = undefined
        this.#waiting = []
      }
      for (const one of waiting) one(failure)
    }
    group.then(() => tell(undefined), tell)
  }

  get appendedLsn(): Lsn {
    return this.#options.journal.appendedLsn
  }

  get durableLsn(): Lsn {
    return this.#options.journal.durableLsn
  }

  /** One record that is on disk, read aside from the road; undefined when it is not there, or not any more. */
  async read(lsn: Lsn): Promise<JournalRecord | undefined> {
    const body = await this.#options.journal.readOne(lsn)
    return body === undefined ? undefined : decodeRecord(body)
  }

  /** Does so much wait for the view that nothing should be added that can wait? */
  get isViewProven(): boolean {
    return this.#options.view.isProven
  }

  get isViewBehind(): boolean {
    let recordCount = this.#pending.recordCount
    for (const batch of this.#leaving) recordCount += batch.recordCount
    return recordCount > behindFlushes * this.#options.viewFlushRecords
  }

  /** Resolves when the view has every record appended before the call; rejects when it cannot be written. */
  async settle(): Promise<void> {
    const target = this.#options.journal.appendedLsn
    await this.durable(target)
    while (this.#options.view.appliedLsn < target) {
      const isWritten = await this.#flush()
      if (!isWritten && this.#options.view.appliedLsn < target)
        throw new Fault('view-failed', `the view stays at ${this.#options.view.appliedLsn}, ${target} expected`)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancelTimer?.()
    await this.settle().catch(this.#options.viewFailed)
  }

  // Time never runs back in the journal but knowingly (I26): who read the clock before another's record was appended is that much late.
  #inOrder<Kind extends JournalRecord>(record: Kind): Kind {
    if (runsBack(record)) return record
    return record.atMs < this.#lastAtMs ? { ...record, atMs: this.#lastAtMs } : record
  }

  #take(record: JournalRecord, lsn: Lsn): void {
    this.#lastAtMs = runsBack(record) ? record.atMs : Math.max(this.#lastAtMs, record.atMs)
    for (const change of apply(record, lsn, this)) {
      this.#pending.add(change)
      if (isCached(change.table)) this.#cache.set(change.table, change.key, change.row)
      if (change.table === 'restored') this.#restoredRow = change.row ?? undefined
      if (change.table === 'rewound') this.#rewoundRow = change.row ?? undefined
      this.#options.changed(change)
    }
    this.#pending.lastLsn = lsn
    this.#pending.recordCount++
  }

  #schedule(): void {
    if (this.#closed) return
    this.#cancelTimer ??= this.#options.clock.after(this.#options.viewFlushMs, () => {
      this.#cancelTimer = undefined
      void this.#flush()
    })
  }

  /** Writes the oldest batch, and gets the next one ready. False when the view could not be written: it is tried again. */
  #flush(): Promise<boolean> {
    if (this.#leaving.length === 0) this.#endBatch()
    // What was to follow a batch that failed fails too: both are tried again when both are back.
    while (!this.#isFailing && this.#writing.length < viewWritesMax) {
      const batch = this.#leaving[this.#writing.length]
      if (batch === undefined) break
      this.#writing.push(this.#write(batch))
    }
    return this.#writing[0] ?? Promise.resolve(true)
  }

  // Only what is durable in the journal may reach the view: it must never know more than the truth. A batch that cannot be written
  // stays the first.
  async #write(batch: PendingRows): Promise<boolean> {
    const { journal, view } = this.#options
    try {
      await journal.durable(batch.lastLsn)
      // While this one waited for the disk the view may have failed the one before, whose rows it must not overtake.
      if (this.#isFailing) throw new Error('the batch before was not written')
      await view.write(batch.encoded(), batch.lastLsn)
      this.#leaving.shift()
      this.#options.viewWritten?.()
    } catch (error) {
      if (!this.#isFailing) this.#options.viewFailed(error)
      this.#isFailing = true
    }
    void this.#writing.shift()
    const isWritten = !this.#isFailing
    if (this.#writing.length === 0) this.#isFailing = false
    // What is full does not wait for the timer.
    if (isWritten && this.#leaving.length > 0 && !this.#closed) void this.#flush()
    else if (this.#pending.recordCount + this.#leaving.length > 0) this.#schedule()
    return isWritten
  }

  /** No more comes into the batch: LMDB keeps a page for each of its rows while it is written, so none may grow beyond a flush. */
  #endBatch(): void {
    if (this.#pending.recordCount === 0) return
    this.#leaving.push(this.#pending)
    this.#pending = new PendingRows()
  }

  #lastRecordAtMs(): number {
    const { journal } = this.#options
    for (const { body } of journal.read(journal.appendedLsn)) return decodeRecord(body).atMs
    return 0
  }
}

/** Is it the record at which journal time runs back? */
function runsBack(record: JournalRecord): boolean {
  return record.type === 'engine.rewound' && !record.done
}
