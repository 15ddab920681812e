// How long the event loop was held up, lately. A percentile since the start would hardly move after a day, and one that every
// reading begins anew would tell each of two scrapers half; so readings close a window only when it is old enough, and all
// who ask meanwhile hear of the window before. Nothing is sampled before somebody asked.

import { monitorEventLoopDelay } from 'node:perf_hooks'

/** How much later than due a timer was called, seconds. */
export type LoopDelay = { readonly p50S: number; readonly p99S: number; readonly maxS: number }

/** How often the delay is sampled, ms: the sample itself is part of what is measured, and taken off again. */
const resolutionMs = 10
/** The youngest window that a reading closes, ms. Scrapers ask every 15 s or so. */
const windowMs = 10_000
const none: LoopDelay = { p50S: 0, p99S: 0, maxS: 0 }

export class DelayWindow {
  readonly #monitor = monitorEventLoopDelay({ resolution: resolutionMs })
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
    if (this.#monitor.count === 0) return none
    return {
      p50S: secondsOf(this.#monitor.percentile(50)),
      p99S: secondsOf(this.#monitor.percentile(99)),
      maxS: secondsOf(this.#monitor.max),
    }
  }
}

function secondsOf(ns: number): number {
  return Math.max(0, Math.round(ns - resolutionMs * 1_000_000)) / 1_000_000_000
}
