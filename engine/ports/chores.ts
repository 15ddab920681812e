// Chores: background work beside the requests (timers, reloads, keepers, meters), owned in one place. A chore that fails ends nothing but
// itself: what it throws or rejects is caught, counted and told once, what it had before stays, and it is tried again with backoff
// until it works, which is told too.

import type { Clock } from './clock.ts'

/** What there is to do, and what it means for those who ask `/readyz` that it fails; null where it can wait. None of them stops new work. */
export const chores = {
  alarms: 'a deadline could not be carried out and is tried again: an expiry, or the end of a delay, comes late',
  'idle-bands': null,
  'view-check': 'the process that looks whether the view is whole could not be started yet',
  'view-write':
    'the view cannot be written: the engine goes on from memory, and new decisions are busy when too much waits',
  'journal-spares': null,
  'journal-recycle': 'segments that a backup holds are not used again: the disk fills up',
  'journal-witness': 'the witness cannot be written: an older copy of the data may not be noticed',
  'data-folder': 'it cannot be seen whether the data folder is still the one that this engine holds',
  'file-reload': 'a list, a key or a token cannot be read again: what was added or taken away since is not known here',
  'read-note': null,
  'operator-sessions': null,
  'operators-feed': null,
  'operators-listener': null,
  'listener-sweep': null,
  'last-minute': null,
  refusals: null,
  watchdog: 'no watchdog runs: an event loop that hangs would not end the process',
  'open-files': 'nearly no open files are left: new connections are refused until some are free again',
  'status-lines': null,
  timer: null,
} as const satisfies Readonly<Record<string, string | null>>

export type ChoreName = keyof typeof chores

/** A chore that failed is tried again after so long, ms: each time twice as long, up to the longest. */
export const choreRetryMs = 1_000
export const choreRetryMaxMs = 60_000

/** Hears of the first failure in a row and, with undefined, of the first success after it. `item` tells several of one name apart. */
export type ChoreTold = (name: ChoreName, error: unknown, item: string) => void

export type Repeated = {
  readonly everyMs: number
  readonly work: () => void | Promise<void>
  /** Which of several of this name, such as the path of a file. */
  readonly item?: string
  /** Its maker tells of its failures itself. */
  readonly isTold?: boolean
}

export class Chores {
  readonly #after: Clock['after']
  readonly #told: ChoreTold
  /** Since the start. */
  readonly #failures = new Map<ChoreName, number>()
  /** Items that fail now, with how often in a row. */
  readonly #failing = new Map<ChoreName, Map<string, number>>()

  constructor({ clock, told }: { readonly clock: Pick<Clock, 'after'>; readonly told: ChoreTold }) {
    this.#after = (afterMs, work) => clock.after(afterMs, work)
    this.#told = told
  }

  /** Does the work again and again, first after `everyMs`; the next time begins when this one is over. Returns what ends it. */
  every(name: ChoreName, { everyMs, work, item = '', isTold = false }: Repeated): () => void {
    let isOver = false
    let cancel = (): void => undefined
    const later = (afterMs: number): void => {
      if (!isOver) cancel = this.#after(afterMs, () => void done())
    }
    const done = async (): Promise<void> => {
      try {
        // A work that needs no wait has none, so that what follows in the same turn sees it done.
        const working = work()
        if (working !== undefined) await working
        this.worked(name, { item, isTold })
        later(everyMs)
      } catch (error) {
        later(choreWaitMs(this.failed(name, error, { item, isTold })))
      }
    }
    later(everyMs)
    return () => {
      isOver = true
      cancel()
      this.worked(name, { item, isTold: true })
    }
  }

  /**
   * Does the work now and, as long as it fails with what `mayPass`, again with backoff. Rejects with what does not pass, or with the last
   * failure when the signal ends it.
   */
  async untilDone<Result>(
    name: ChoreName,
    work: () => Promise<Result>,
    { mayPass, signal }: { readonly mayPass: (error: unknown) => boolean; readonly signal: AbortSignal },
  ): Promise<Result> {
    for (;;) {
      try {
        const result = await work()
        this.worked(name)
        return result
      } catch (error) {
        if (!mayPass(error) || signal.aborted) throw error
        await this.#pause(choreWaitMs(this.failed(name, error)), signal)
        if (signal.aborted) throw error
      }
    }
  }

  #pause(pauseMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const over = (): void => {
        cancel()
        signal.removeEventListener('abort', over)
        resolve()
      }
      const cancel = this.#after(pauseMs, over)
      signal.addEventListener('abort', over)
    })
  }

  /** A clock whose one-time timers end nothing but themselves: what such a timer throws is a failure of the chore `timer`. */
  clock(clock: Clock): Clock {
    return {
      nowMs: () => clock.nowMs(),
      monotonicMs: () => clock.monotonicMs(),
      after: (afterMs: number, work: () => void) =>
        clock.after(afterMs, () => {
          try {
            work()
          } catch (error) {
            this.failed('timer', error)
            this.worked('timer', { isTold: true })
          }
        }),
    }
  }

  /** Counts a failure of what repeats itself; returns how many there were in a row, with this one. */
  failed(name: ChoreName, error: unknown, { item = '', isTold = false }: ChoreItem = {}): number {
    this.#failures.set(name, this.failures(name) + 1)
    const failing = this.#failing.get(name) ?? new Map<string, number>()
    const count = (failing.get(item) ?? 0) + 1
    this.#failing.set(name, failing.set(item, count))
    if (count === 1 && !isTold) this.#tell(name, error ?? new Error('it failed without an error'), item)
    return count
  }

  /** It works, again or still. */
  worked(name: ChoreName, { item = '', isTold = false }: ChoreItem = {}): void {
    const wasFailing = this.#failing.get(name)?.delete(item) ?? false
    if (wasFailing && !isTold) this.#tell(name, undefined, item)
  }

  /** Failures of this chore since the start. */
  failures(name: ChoreName): number {
    return this.#failures.get(name) ?? 0
  }

  /** How many of this name fail now. */
  failing(name: ChoreName): number {
    return this.#failing.get(name)?.size ?? 0
  }

  /** What the chores that fail now mean, for `/readyz`. */
  notes(): readonly string[] {
    return choreNames.flatMap((name) => {
      const note = chores[name]
      return note === null || this.failing(name) === 0 ? [] : [note]
    })
  }

  // The listener may fail as well: a failure of the log must not be one of the chore.
  #tell(name: ChoreName, error: unknown, item: string): void {
    try {
      this.#told(name, error, item)
    } catch {
      // Counted above.
    }
  }
}

type ChoreItem = { readonly item?: string; readonly isTold?: boolean }

export const choreNames = Object.keys(chores).filter((name): name is ChoreName => name in chores)

/** How long the next attempt waits after so many failures in a row, ms. */
export function choreWaitMs(failuresInARow: number): number {
  return Math.min(choreRetryMs * 2 ** Math.min(failuresInARow - 1, 16), choreRetryMaxMs)
}
