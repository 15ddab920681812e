// Virtual clock and timers for deterministic simulation of bands, radios and wearers: time is always given, never taken. `VirtualTime`
// makes a day pass in a moment and lets a whole run be repeated exactly.

/** A monotonic clock in ms, and timers; `after` returns the function that cancels one. */
export type Scheduler = {
  readonly nowMs: () => number
  readonly after: (afterMs: number, work: () => void) => () => void
}

type Entry = { readonly atMs: number; readonly order: number; readonly work: () => void }

/** Promise callbacks that may hang on one another between two timers; more than any chain in sdk/ is long. */
const turnsBetweenTimers = 64

/** Virtual clock, in whole ms, that moves only by `advance`. Timers of one instant run in the order they were set. */
export class VirtualTime implements Scheduler {
  #nowMs: number
  #order = 0
  #entries: Entry[] = []

  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs
  }

  readonly nowMs = (): number => this.#nowMs

  /** Timers that are set and have not run. */
  get waitingCount(): number {
    return this.#entries.length
  }

  readonly after = (afterMs: number, work: () => void): (() => void) => {
    const entry = { atMs: this.#nowMs + Math.max(0, Math.round(afterMs)), order: this.#order++, work }
    this.#entries.push(entry)
    return () => {
      this.#entries = this.#entries.filter((other) => other !== entry)
    }
  }

  /** Lets `ms` pass; between timers, promises already settled run their callbacks. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    await this.settle()
    for (let entry = this.#next(untilMs); entry !== undefined; entry = this.#next(untilMs)) {
      this.#nowMs = Math.max(this.#nowMs, entry.atMs)
      entry.work()
      await this.settle()
    }
    this.#nowMs = untilMs
  }

  /** Lets callbacks of settled promises run without time passing. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < turnsBetweenTimers; turn++) await Promise.resolve()
  }

  #next(untilMs: number): Entry | undefined {
    let first: Entry | undefined
    for (const entry of this.#entries) {
      if (entry.atMs > untilMs) continue
      if (first === undefined || entry.atMs < first.atMs || (entry.atMs === first.atMs && entry.order < first.order)) {
        first = entry
      }
    }
    if (first !== undefined) this.#entries = this.#entries.filter((entry) => entry !== first)
    return first
  }
}

/** Timers by name, so that setting one again replaces it and a reboot can stop them all. */
export class NamedTimers<Name extends string> {
  readonly #scheduler: Scheduler
  readonly #cancels = new Map<Name, () => void>()

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
  }

  set(name: Name, afterMs: number, work: () => void): void {
    this.cancel(name)
    const cancel = this.#scheduler.after(afterMs, () => {
      this.#cancels.delete(name)
      work()
    })
    this.#cancels.set(name, cancel)
  }

  isSet(name: Name): boolean {
    return this.#cancels.has(name)
  }

  cancel(name: Name): void {
    this.#cancels.get(name)?.()
    this.#cancels.delete(name)
  }

  cancelAll(): void {
    for (const cancel of this.#cancels.values()) cancel()
    this.#cancels.clear()
  }
}
