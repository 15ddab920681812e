// Journal first, then rows: every durable change passes here. Rows that the view has not written yet are kept in an
// overlay, so that the engine reads what it has appended; what leaves the engine waits for `durable`.

import { type Change, type RowReader, apply } from './ports/apply.ts'
import type { Clock } from './ports/clock.ts'
import { Fault } from './ports/fault.ts'
import type { AppendUse, Journal, Lsn } from './ports/journal.ts'
import { type JournalRecord, decodeRecord, encodeRecord } from './ports/records.ts'
import { type RowOf, decodeRow, encodeRow } from './ports/rows.ts'
import type { RowChange, RowRange, Table, View } from './ports/view.ts'
import { RowCache, isCached } from './row-cache.ts'

export type LedgerOptions = {
  readonly journal: Journal
  readonly view: View
  readonly clock: Clock
  readonly viewFlushMs: number
  readonly viewFlushRecords: number
  /** Decoded rows kept in memory; none unless told. */
  readonly cachedRowsMax?: number
  /** Told of every change as it is appended (before it is durable): alarms and counters live from it. */
  readonly changed: (change: Change) => void
  /** Told when the view could not be written; the ledger tries again. */
  readonly viewFailed: (error: unknown) => void
}

type Pending = { readonly lsn: Lsn; readonly changes: readonly Change[] }
type Kept = { readonly lsn: Lsn; readonly row: unknown }

export class Ledger implements RowReader {
  private readonly options: LedgerOptions
  private readonly overlay = new Map<Table, Map<string, Kept>>()
  private readonly cache: RowCache
  private pending: Pending[] = []
  private flushing: Promise<void> | undefined
  private cancelTimer: (() => void) | undefined
  private lastAtMs = 0
  private closed = false

  constructor(options: LedgerOptions) {
    this.options = options
    this.cache = new RowCache(options.cachedRowsMax ?? 0)
  }

  /** Applies what the journal has beyond the view. Returns the newest instant and epoch seen there. */
  async recover(): Promise<{ readonly lastAtMs: number; readonly recordCount: number }> {
    const { journal, view } = this.options
    let recordCount = 0
    for (const { lsn, body } of journal.read(view.appliedLsn + 1)) {
      this.take(decodeRecord(body), lsn)
      recordCount++
      if (this.pending.length >= this.options.viewFlushRecords) await this.flush()
    }
    await this.flush()
    if (recordCount === 0 && journal.appendedLsn > 0) this.lastAtMs = this.newestAtMs()
    return { lastAtMs: this.lastAtMs, recordCount }
  }

  get<Name extends Table>(table: Name, key: string): RowOf<Name> | undefined {
    const kept = this.overlay.get(table)?.get(key)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the overlay of a table holds rows of that table only (see take)
    if (kept !== undefined) return (kept.row as RowOf<Name> | null) ?? undefined
    if (!isCached(table)) return this.read(table, key)
    const known = this.cache.get(table, key)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- under a table's name the cache holds rows of that table only
    if (known !== undefined) return (known.row as RowOf<Name> | null) ?? undefined
    const row = this.read(table, key)
    this.cache.set(table, key, row ?? null)
    return row
  }

  private read<Name extends Table>(table: Name, key: string): RowOf<Name> | undefined {
    const bytes = this.options.view.get(table, key)
    return bytes === undefined ? undefined : decodeRow(table, bytes)
  }

  /** Rows of a range as of now: the view's, with what it has not written yet laid over them. For pages, not for the road. */
  range<Name extends Table>(
    table: Name,
    range: RowRange,
  ): readonly { readonly key: string; readonly row: RowOf<Name> }[] {
    const kept = [...(this.overlay.get(table) ?? [])].filter(([key]) => key >= range.from && key < range.to)
    const rows = new Map<string, RowOf<Name>>()
    const limit = range.limit + kept.length
    for (const { key, bytes } of this.options.view.range(table, { ...range, limit }))
      rows.set(key, decodeRow(table, bytes))
    for (const [key] of kept) {
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
    const stamped = this.inOrder(record)
    const lsn = this.options.journal.append(encodeRecord(stamped), use)
    if (typeof lsn !== 'number') return lsn
    this.take(stamped, lsn)
    if (this.pending.length >= this.options.viewFlushRecords) void this.flush()
    else this.schedule()
    return lsn
  }

  /** The output gate: resolves when everything up to `lsn` is on disk. */
  durable(lsn: Lsn): Promise<void> {
    return this.options.journal.durable(lsn)
  }

  get appendedLsn(): Lsn {
    return this.options.journal.appendedLsn
  }

  /** Whether the journal takes records now. */
  get writable(): Journal['state'] {
    return this.options.journal.state
  }

  /** Resolves when the view has every record appended before the call; rejects when it cannot be written. */
  async settle(): Promise<void> {
    const target = this.options.journal.appendedLsn
    await this.durable(target)
    while (this.options.view.appliedLsn < target) {
      const before = this.options.view.appliedLsn
      await this.flush()
      if (this.options.view.appliedLsn === before)
        throw new Fault('view-failed', `the view stays at ${before}, ${target} expected`)
    }
  }

  async close(): Promise<void> {
    this.cancelTimer?.()
    await this.settle().catch(this.options.viewFailed)
    this.closed = true
  }

  // Time never runs back in the journal (I26): who read the clock before another's record was appended is that much late.
  private inOrder<Kind extends JournalRecord>(record: Kind): Kind {
    return record.atMs < this.lastAtMs ? { ...record, atMs: this.lastAtMs } : record
  }

  private take(record: JournalRecord, lsn: Lsn): void {
    this.lastAtMs = Math.max(this.lastAtMs, record.atMs)
    const changes = apply(record, lsn, this)
    for (const change of changes) {
      let rows = this.overlay.get(change.table)
      if (rows === undefined) this.overlay.set(change.table, (rows = new Map<string, Kept>()))
      rows.set(change.key, { lsn, row: change.row })
      this.options.changed(change)
    }
    this.pending.push({ lsn, changes })
  }

  private schedule(): void {
    this.cancelTimer ??= this.options.clock.after(this.options.viewFlushMs, () => {
      this.cancelTimer = undefined
      void this.flush()
    })
  }

  private flush(): Promise<void> {
    this.flushing ??= this.writeDurable()
      .catch((error: unknown) => {
        this.options.viewFailed(error)
        this.schedule()
      })
      .finally(() => {
        this.flushing = undefined
        if (this.pending.length > 0 && !this.closed) this.schedule()
      })
    return this.flushing
  }

  // Only what is durable in the journal may reach the view: it must never know more than the truth.
  private async writeDurable(): Promise<void> {
    const { journal, view } = this.options
    const durableLsn = journal.durableLsn
    const count = this.pending.findIndex((entry) => entry.lsn > durableLsn)
    // A copy: more is appended while the view is being written.
    const ready = this.pending.slice(0, count < 0 ? undefined : count)
    const last = ready.at(-1)
    if (last === undefined) {
      const [first] = this.pending
      if (first === undefined) return
      await journal.durable(first.lsn)
      return this.writeDurable()
    }
    const newest = new Map<string, Change>()
    for (const entry of ready) for (const change of entry.changes) newest.set(`${change.table}|${change.key}`, change)
    await view.write([...newest.values()].map(rowChange), last.lsn)
    this.pending = this.pending.slice(ready.length)
    for (const change of newest.values()) {
      const rows = this.overlay.get(change.table)
      const kept = rows?.get(change.key)
      if (kept === undefined || kept.lsn > last.lsn) continue
      rows?.delete(change.key)
      if (isCached(change.table)) this.cache.set(change.table, change.key, kept.row)
    }
  }

  private newestAtMs(): number {
    const { journal } = this.options
    for (const { body } of journal.read(journal.appendedLsn)) return decodeRecord(body).atMs
    return 0
  }
}

function rowChange(change: Change): RowChange {
  const { table, key, row } = change
  return { table, key, bytes: row === null ? null : encodeRow(table, row) }
}
