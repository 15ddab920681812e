// In-memory fakes of journal and view, for scenarios that crash and restart an engine hundreds of times: nothing else. What is
// appended becomes durable a turn later; `crash` keeps what was durable and forgets the rest.

import type { AppendUse, Journal, JournalRecordBytes, Lsn } from '../../engine/ports/journal.ts'
import type { RowChange, RowRange, Table, View } from '../../engine/ports/view.ts'
import { Fault } from '../../engine/ports/fault.ts'

/** In-memory disk that outlives an engine. */
export class MemoryDisk {
  records: Uint8Array[] = []
  rows = new Map<string, { readonly table: Table; readonly key: string; readonly bytes: Uint8Array }>()
  appliedLsn = 0
  /** Was the view found whole after the last start? */
  isViewProven = true
  epoch = 0
  /** What the next append meets. */
  trouble: 'none' | 'full' | 'failed' = 'none'
  /** How long a sync of the journal takes; a test makes it long. */
  syncing: () => Promise<void> = () => Promise.resolve().then(() => undefined)
  /** How long a write of the view takes; a test makes it long, or fail. */
  writing: () => Promise<void> = () => Promise.resolve()
  /** What the journal beside this view holds; a test with another journal says so. */
  durableLsn: () => Lsn = () => this.records.length
  /** Called with what has just become durable, before any caller is told. */
  becameDurable: (lsn: Lsn) => void = () => undefined

  /** A copy of what is durable now; what it returns puts that copy back, as a restore does. */
  backup(): () => void {
    const copy = {
      records: [...this.records],
      rows: new Map(this.rows),
      appliedLsn: this.appliedLsn,
      epoch: this.epoch,
    }
    return () => {
      this.records = [...copy.records]
      this.rows = new Map(copy.rows)
      this.appliedLsn = copy.appliedLsn
      this.epoch = copy.epoch
    }
  }
}

export class MemoryJournal implements Journal {
  readonly epoch: number
  readonly firstLsn = 1
  readonly #disk: MemoryDisk
  readonly #pending: Uint8Array[] = []
  readonly #waiters: { lsn: Lsn; resolve: () => void; reject: (fault: Fault) => void }[] = []
  #scheduled = false
  #crashed = false
  /** A dead engine's timers still run in a test; they must not take its successor's records for their own. */
  #durableAtCrash: Lsn | undefined

  constructor(disk: MemoryDisk) {
    this.#disk = disk
    this.epoch = ++disk.epoch
  }

  get state(): Journal['state'] {
    if (this.#crashed) return 'closed'
    return this.#disk.trouble === 'none' ? 'open' : this.#disk.trouble
  }

  get durableLsn(): Lsn {
    return this.#durableAtCrash ?? this.#disk.records.length
  }

  get appendedLsn(): Lsn {
    return this.#disk.records.length + this.#pending.length
  }

  append(body: Uint8Array, use: AppendUse): Lsn | 'full' | 'failed' {
    if (this.#crashed || this.#disk.trouble === 'failed') return 'failed'
    if (this.#disk.trouble === 'full' && use === 'normal') return 'full'
    this.#pending.push(body.slice())
    if (!this.#scheduled) {
      this.#scheduled = true
      // Microtasks later at the soonest: an answer that does not wait for its record would be seen to leave too early.
      void this.#disk.syncing().then(() => this.#sync())
    }
    return this.appendedLsn
  }

  appendTogether(bodies: readonly Uint8Array[], use: AppendUse): Lsn | 'full' | 'failed' {
    const firstLsn = this.appendedLsn + 1
    for (const body of bodies) {
      // The memory has room for all or for none.
      const lsn = this.append(body, use)
      if (typeof lsn !== 'number') return lsn
    }
    return firstLsn
  }

  durable(lsn: Lsn): Promise<void> {
    if (lsn <= this.durableLsn) return Promise.resolve()
    return new Promise((resolve, reject) => this.#waiters.push({ lsn, resolve, reject }))
  }

  *read(lsn: Lsn): Iterable<JournalRecordBytes> {
    for (let at = Math.max(1, lsn); at <= this.#disk.records.length; at++) {
      const body = this.#disk.records[at - 1]
      if (body !== undefined) yield { lsn: at, body }
    }
  }

  async readOne(lsn: Lsn): Promise<Uint8Array | undefined> {
    return lsn > this.durableLsn ? undefined : this.#disk.records[lsn - 1]
  }

  async close(): Promise<void> {
    this.#crashed = true
  }

  /** Power cut: nothing that is not durable will ever be, and no caller hears of it. */
  crash(): void {
    this.#durableAtCrash = this.#disk.records.length
    this.#crashed = true
    this.#pending.length = 0
    this.#waiters.length = 0
  }

  #sync(): void {
    this.#scheduled = false
    if (this.#crashed) return
    this.#disk.records.push(...this.#pending.splice(0))
    this.#disk.becameDurable(this.durableLsn)
    for (const waiter of this.#waiters.splice(0)) {
      if (waiter.lsn <= this.durableLsn) waiter.resolve()
      else this.#waiters.push(waiter)
    }
  }
}

export class MemoryView implements View {
  readonly #disk: MemoryDisk
  #crashed = false
  #last = Promise.resolve()

  constructor(disk: MemoryDisk) {
    this.#disk = disk
  }

  get isProven(): boolean {
    return this.#disk.isViewProven
  }

  get appliedLsn(): Lsn {
    return this.#disk.appliedLsn
  }

  get(table: Table, key: string): Uint8Array | undefined {
    return this.#disk.rows.get(`${table}/${key}`)?.bytes.slice()
  }

  range(table: Table, range: RowRange): readonly { readonly key: string; readonly bytes: Uint8Array }[] {
    const rows = [...this.#disk.rows.values()]
      .filter((row) => row.table === table && row.key >= range.from && row.key < range.to)
      .toSorted((left, right) => (left.key < right.key ? -1 : 1))
    if (range.reverse === true) rows.reverse()
    return rows.slice(0, range.limit).map(({ key, bytes }) => ({ key, bytes: bytes.slice() }))
  }

  /** In order, and nothing behind a write that failed. */
  write(changes: Iterable<RowChange>, appliedLsn: Lsn): Promise<void> {
    const writing = this.#last.then(() => this.#writeNow(changes, appliedLsn))
    this.#last = writing
    writing.catch(() => {
      if (this.#last === writing) this.#last = Promise.resolve()
    })
    return writing
  }

  async #writeNow(changes: Iterable<RowChange>, appliedLsn: Lsn): Promise<void> {
    await this.#disk.writing()
    if (this.#crashed) return new Promise(() => undefined)
    if (appliedLsn > this.#disk.durableLsn()) throw new Fault('view-failed', 'the view is ahead of the journal')
    for (const { table, key, bytes } of changes) {
      if (bytes === null) this.#disk.rows.delete(`${table}/${key}`)
      else this.#disk.rows.set(`${table}/${key}`, { table, key, bytes })
    }
    this.#disk.appliedLsn = appliedLsn
  }

  async close(): Promise<void> {}

  /** Power cut: what this view still wanted to write never arrives. */
  crash(): void {
    this.#crashed = true
  }
}
