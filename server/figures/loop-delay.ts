// How much later than due the event loop calls its timers, sampled by Node: each who watches it over another stretch of time has
// a monitor of his own, and all read it alike.

import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'

/** How often the delay is sampled, ms: the sample itself is part of what is measured, and taken off again. */
const resolutionMs = 10
const nanoseconds = 1_000_000

/** Nanoseconds; all 0 when nothing was sampled. */
type LoopDelays = { readonly p50Ns: number; readonly p99Ns: number; readonly maxNs: number }

/** A monitor that samples once it is enabled. */
export function loopMonitor(): IntervalHistogram {
  return monitorEventLoopDelay({ resolution: resolutionMs })
}

/** What a monitor of `loopMonitor` has sampled since its last reset. */
export function delaysOf(monitor: IntervalHistogram): LoopDelays {
  const delay = (ns: number): number => (monitor.count > 0 ? Math.max(0, ns - resolutionMs * nanoseconds) : 0)
  return { p50Ns: delay(monitor.percentile(50)), p99Ns: delay(monitor.percentile(99)), maxNs: delay(monitor.max) }
}

/** The same in milliseconds, to the microsecond. */
export function delaysMsOf(monitor: IntervalHistogram): {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
} {
  const { p50Ns, p99Ns, maxNs } = delaysOf(monitor)
  const ms = (ns: number): number => Math.round(ns / 1_000) / 1_000
  return { p50Ms: ms(p50Ns), p99Ms: ms(p99Ns), maxMs: ms(maxNs) }
}
