// Sliding window of event-loop delay. How long the event loop was held up, lately. A percentile since the start would hardly move after a day,
// and one that every reading begins anew would tell each of two scrapers half; so readings close a window only when it is old enough, and all
// who ask meanwhile hear of the window before. Nothing is sampled before the first question.

import { delaysOf, loopMonitor } from './loop-delay.ts'

/** How much later than due a timer was called, seconds. */
export type LoopDelay = { readonly p50S: number; readonly p99S: number; readonly maxS: number }

/** The youngest window that a reading closes, ms. Scrapers ask every 15 s or so. */
const windowMs = 10_000

export class DelayWindow {
  readonly #monitor = loopMonitor()
  #isSampling = false
  #beganAtMs = 0
  #closed: LoopDelay | undefined

  /** The window before; while the first one is open, what it has so far. */
  read(nowMs: number): LoopDelay {
    if (!this.#isSampling) {
      this.#isSampling = true
      this.#beganAtMs = nowMs
      this.#monitor.enable()
    }
    if (nowMs - this.#beganAtMs < windowMs) return this.#closed ?? this.#sampled()
    this.#closed = this.#sampled()
    this.#monitor.reset()
    this.#beganAtMs = nowMs
    return this.#closed
  }

  stop(): void {
    this.#monitor.disable()
  }

  #sampled(): LoopDelay {
    const { p50Ns, p99Ns, maxNs } = delaysOf(this.#monitor)
    return { p50S: secondsOf(p50Ns), p99S: secondsOf(p99Ns), maxS: secondsOf(maxNs) }
  }
}

function secondsOf(ns: number): number {
  return Math.round(ns) / 1_000_000_000
}
