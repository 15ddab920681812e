// Whom the limits turned away: counted, and told once a minute, so that a flood does not become a flood of log lines.

import { type RefusedBy, refusingLimits } from '../transport/listener.ts'
import type { Log } from './log.ts'
import { realClock } from './real-clock.ts'

const tellEveryMs = 60_000

export class Refusals {
  readonly #log: Log
  readonly #counts = new Map<RefusedBy, number>()
  /** Since the start, for every limit, those that turned nobody away too. */
  readonly totals = new Map<RefusedBy, number>(refusingLimits.map((limit) => [limit, 0]))
  #cancel: () => void = () => {}

  constructor(log: Log) {
    this.#log = log
    this.#tellLater()
  }

  count(limit: RefusedBy): void {
    this.#counts.set(limit, (this.#counts.get(limit) ?? 0) + 1)
    this.totals.set(limit, (this.totals.get(limit) ?? 0) + 1)
  }

  stop(): void {
    this.#cancel()
    this.#tell()
  }

  #tellLater(): void {
    this.#cancel = realClock.after(tellEveryMs, () => {
      this.#tell()
      this.#tellLater()
    })
  }

  #tell(): void {
    if (this.#counts.size > 0) this.#log('warning', 'limits.refused', { counts: Object.fromEntries(this.#counts) })
    this.#counts.clear()
  }
}
