// Durable timers: deadlines that survive restarts, rows of the view, of which the near ones wait in a heap here.
// A row removed before its time has passed silently cancels its alarm: what fires is checked against the row.

import { type Chores, choreRetryMs, choreWaitMs } from '../ports/chores.ts'
import type { Clock } from '../ports/clock.ts'
import { type AlarmRow, alarmKey, orderedKey } from '../ports/rows.ts'
import type { Ledger } from './ledger.ts'

/** Alarms further off than this stay in the view only, ms. */
const horizonMs = 3_600_000
/** Alarms read from the view at once, and fired in one turn. */
const batchMax = 1_000

export type AlarmsOptions = {
  readonly clock: Clock
  readonly nowMs: () => number
  readonly ledger: Ledger
  /** Does what is due; false = it could not be done now and is tried again. */
  readonly fire: (alarm: AlarmRow) => boolean
  /** Own each alarm, or stretch of time, whose rows cannot be read or whose work throws: it is told once and tried again. */
  readonly chores: Chores
}

export class Alarms {
  readonly #options: AlarmsOptions
  readonly #heap: AlarmRow[] = []
  #loadedUntilMs = 0
  #cancelTimer: (() => void) | undefined
  #cancelRenewal: (() => void) | undefined
  #timerAtMs = Infinity
  #stopped = false

  constructor(options: AlarmsOptions) {
    this.#options = options
  }

  /** Loads what is due within the horizon; call once after recovery, it then renews itself. */
  start(): void {
    const untilMs = this.#options.nowMs() + horizonMs
    const fromMs = this.#loadedUntilMs
    this.#loadedUntilMs = untilMs
    this.#load(fromMs, untilMs)
    if (this.#stopped) return
    this.#cancelRenewal = this.#options.clock.after(horizonMs / 2, () => this.start())
    this.#arm()
  }

  /** A new alarm row; far ones are found again when the horizon reaches them. */
  add(alarm: AlarmRow): void {
    if (alarm.atMs >= this.#loadedUntilMs) return
    this.#push(alarm)
    this.#arm()
  }

  stop(): void {
    this.#stopped = true
    this.#cancelTimer?.()
    this.#cancelRenewal?.()
  }

  get waiting(): number {
    return this.#heap.length
  }

  /** Reads the alarms of a stretch of time. A row that cannot be read keeps none of the others: what fails is halved down to its ms. */
  #load(fromMs: number, untilMs: number): void {
    const item = `the alarms of ${fromMs} ms`
    let rows: readonly AlarmRow[]
    try {
      rows = this.#read(fromMs, untilMs)
    } catch (error) {
      if (untilMs - fromMs > 1) {
        const middleMs = Math.floor((fromMs + untilMs) / 2)
        this.#load(fromMs, middleMs)
        this.#load(middleMs, untilMs)
        return
      }
      this.#options.clock.after(choreWaitMs(this.#options.chores.failed('alarms', error, { item })), () => {
        if (!this.#stopped) this.#load(fromMs, untilMs)
      })
      return
    }
    this.#options.chores.worked('alarms', { item })
    for (const row of rows) this.#push(row)
    this.#arm()
  }

  #read(fromMs: number, untilMs: number): readonly AlarmRow[] {
    const read: AlarmRow[] = []
    let from = orderedKey(fromMs)
    for (;;) {
      const rows = this.#options.ledger.range('alarm', { from, to: orderedKey(untilMs), limit: batchMax })
      for (const { row } of rows) read.push(row)
      const last = rows.at(-1)
      if (last === undefined || rows.length < batchMax) return read
      from = `${last.key}~`
    }
  }

  // A full disk, say, or a row that cannot be read: what is due stays due.
  #later(alarm: AlarmRow, waitMs = choreRetryMs): void {
    this.#options.clock.after(waitMs, () => {
      if (this.#stopped) return
      this.#push(alarm)
      this.#arm()
    })
  }

  /** Fires one alarm; its failure is its own, and told once. */
  #fireOne(alarm: AlarmRow): void {
    const key = alarmKey(alarm)
    try {
      const isDone = this.#options.ledger.get('alarm', key) === undefined || this.#options.fire(alarm)
      this.#options.chores.worked('alarms', { item: key })
      if (!isDone) this.#later(alarm)
    } catch (error) {
      this.#later(alarm, choreWaitMs(this.#options.chores.failed('alarms', error, { item: key })))
    }
  }

  #arm(): void {
    const next = this.#heap[0]
    if (next === undefined || this.#stopped || next.atMs >= this.#timerAtMs) return
    this.#cancelTimer?.()
    this.#timerAtMs = next.atMs
    this.#cancelTimer = this.#options.clock.after(Math.max(0, next.atMs - this.#options.nowMs()), () => {
      this.#timerAtMs = Infinity
      this.#fireDue()
    })
  }

  #fireDue(): void {
    const nowMs = this.#options.nowMs()
    for (let fired = 0; fired < batchMax && (this.#heap[0]?.atMs ?? Infinity) <= nowMs; fired++) {
      const alarm = this.#pop()
      if (alarm !== undefined) this.#fireOne(alarm)
    }
    this.#arm()
  }

  #push(alarm: AlarmRow): void {
    const heap = this.#heap
    let index = heap.push(alarm) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (this.#atMs(parent) <= alarm.atMs) break
      this.#swap(index, parent)
      index = parent
    }
  }

  #pop(): AlarmRow | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (top === undefined || last === undefined || heap.length === 0) return top
    heap[0] = last
    for (let index = 0; ;) {
      const left = 2 * index + 1
      const least = this.#atMs(left + 1) < this.#atMs(left) ? left + 1 : left
      if (this.#atMs(least) >= this.#atMs(index)) return top
      this.#swap(index, least)
      index = least
    }
  }

  #atMs(index: number): number {
    return this.#heap[index]?.atMs ?? Infinity
  }

  #swap(left: number, right: number): void {
    const kept = this.#heap[left]
    const other = this.#heap[right]
    if (kept === undefined || other === undefined) return
    this.#heap[left] = other
    this.#heap[right] = kept
  }
}
