// Counters of refusals by limit: counted, and told once a minute, so that a flood does not become a flood of log lines.

import type { Chores } from '../../engine/ports/chores.ts'
import { type RefusedBy, refusingLimits } from '../../transport/listener.ts'
import type { Log } from '../log/log.ts'

const tellEveryMs = 60_000

export class Refusals {
  readonly #log: Log
  readonly #counts = new Map<RefusedBy, number>()
  /** Since the start, for every limit, those that turned none away too. */
  readonly totals = new Map<RefusedBy, number>(refusingLimits.map((limit) => [limit, 0]))
  readonly #cancel: () => void

  constructor(log: Log, chores: Chores) {
    this.#log = log
    this.#cancel = chores.every('refusals', { everyMs: tellEveryMs, work: () => this.#tell() })
  }

  count(limit: RefusedBy): void {
    this.#counts.set(limit, (this.#counts.get(limit) ?? 0) + 1)
    this.totals.set(limit, (this.totals.get(limit) ?? 0) + 1)
  }

  stop(): void {
    this.#cancel()
    this.#tell()
  }

  #tell(): void {
    if (this.#counts.size > 0) this.#log('warning', 'limits.refused', { counts: Object.fromEntries(this.#counts) })
    this.#counts.clear()
  }
}
