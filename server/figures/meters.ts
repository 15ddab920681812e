// Meters of the server. The server's own figures: how long answers and the disk took, how long the event loop was held up, what the collector
// and the processor did. Twice: as a report since the start or the last reset, and as totals that only grow, for one who takes differences
// himself. Recording costs a fraction of a microsecond.

import { type RecordableHistogram, PerformanceObserver, constants, createHistogram } from 'node:perf_hooks'
import type { Meters } from '../../engine/ports/meters.ts'
import { DelayWindow, type LoopDelay } from './delay-window.ts'
import { DurationBuckets } from './duration-buckets.ts'
import { roundedMs } from '../../base/histogram.ts'
import { delaysMsOf, loopMonitor } from './loop-delay.ts'
import { type ProcessMemory, processMemory } from './process-memory.ts'

/** Milliseconds, exact to three figures; null when nothing was recorded. */
type Durations = {
  readonly count: number
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  readonly p999Ms: number | null
  readonly maxMs: number | null
}
type Pauses = { readonly count: number; readonly totalMs: number; readonly maxMs: number }
/** What the collector was at in a pause, as Node tells it. */
type PauseKind = (typeof pauseKinds)[number]

type MetersReport = {
  /** How long ago this interval began, ms. */
  readonly sinceMs: number
  /** From a frame read off the socket to its answer written. */
  readonly answered: Durations
  /** From a record appended to it durable. */
  readonly gate: Durations
  /** How much later than due a timer was called, sampled every 10 ms. */
  readonly loopDelay: { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number }
  readonly gc: Pauses & { readonly byKind: Readonly<Partial<Record<PauseKind, Pauses>>> }
  readonly memory: ProcessMemory
  /** Of the whole process, all its threads. */
  readonly cpu: { readonly userMs: number; readonly systemMs: number }
}

/** Since the start of the process; no reset touches them. */
export type MeterTotals = {
  readonly answered: DurationBuckets
  readonly gated: DurationBuckets
  readonly pauses: Readonly<Record<PauseKind, DurationBuckets>>
}

export type ServerMeters = Meters & {
  readonly report: () => MetersReport
  /** Borrowed: they go on growing. */
  readonly totals: MeterTotals
  /** Lately; the first call begins to sample. */
  readonly loopDelay: () => LoopDelay
  /** Begins a new interval. */
  readonly reset: () => void
  readonly stop: () => void
}

const pauseKinds = ['minor', 'major', 'incremental', 'weakCallbacks', 'other'] as const
/** The longest duration told apart from longer ones: a minute, in µs. */
const longestUs = 60_000_000
/** Bounds in µs: close together around the budgets of an answer, 1 ms and 3 ms, and a second at the end. */
const answerBoundsUs = [
  100, 250, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 7_500, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
  1_000_000,
]
const pauseBoundsUs = [500, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000]

/** Starts to measure this process. */
export function startMeters(): ServerMeters {
  const answered = createHistogram({ highest: longestUs })
  const gated = createHistogram({ highest: longestUs })
  const loop = loopMonitor()
  const totals: MeterTotals = {
    answered: new DurationBuckets(answerBoundsUs),
    gated: new DurationBuckets(answerBoundsUs),
    pauses: {
      minor: new DurationBuckets(pauseBoundsUs),
      major: new DurationBuckets(pauseBoundsUs),
      incremental: new DurationBuckets(pauseBoundsUs),
      weakCallbacks: new DurationBuckets(pauseBoundsUs),
      other: new DurationBuckets(pauseBoundsUs),
    },
  }
  const delays = new DelayWindow()
  const pauses = new Map<PauseKind, { count: number; totalMs: number; maxMs: number }>()
  const collector = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const kind = kindOf('detail' in entry ? entry.detail : undefined)
      totals.pauses[kind].record(entry.duration)
      const sum = pauses.get(kind) ?? { count: 0, totalMs: 0, maxMs: 0 }
      sum.count++
      sum.totalMs += entry.duration
      sum.maxMs = Math.max(sum.maxMs, entry.duration)
      pauses.set(kind, sum)
    }
  })
  loop.enable()
  collector.observe({ entryTypes: ['gc'] })
  let beganAtMs = performance.now()
  let cpuBefore = process.cpuUsage()
  return {
    answered(tookMs) {
      record(answered, tookMs)
      totals.answered.record(tookMs)
    },
    gated(tookMs) {
      record(gated, tookMs)
      totals.gated.record(tookMs)
    },
    totals,
    loopDelay: () => delays.read(performance.now()),
    report() {
      const cpu = process.cpuUsage(cpuBefore)
      return {
        sinceMs: roundedMs(performance.now() - beganAtMs),
        answered: durationsOf(answered),
        gate: durationsOf(gated),
        loopDelay: delaysMsOf(loop),
        gc: { ...sumOf([...pauses.values()]), byKind: byKind(pauses) },
        memory: processMemory(),
        cpu: { userMs: roundedMs(cpu.user / 1_000), systemMs: roundedMs(cpu.system / 1_000) },
      }
    },
    reset() {
      answered.reset()
      gated.reset()
      loop.reset()
      pauses.clear()
      beganAtMs = performance.now()
      cpuBefore = process.cpuUsage()
    },
    stop() {
      loop.disable()
      delays.stop()
      collector.disconnect()
    },
  }
}

/** A histogram takes whole numbers above 0, and throws on others. */
function record(histogram: RecordableHistogram, tookMs: number): void {
  const us = Math.round(tookMs * 1_000)
  histogram.record(us >= 1 ? Math.min(us, longestUs) : 1)
}

function durationsOf(histogram: RecordableHistogram): Durations {
  const { count } = histogram
  const ms = (us: number): number | null => (count === 0 ? null : us / 1_000)
  return {
    count,
    p50Ms: ms(histogram.percentile(50)),
    p99Ms: ms(histogram.percentile(99)),
    p999Ms: ms(histogram.percentile(99.9)),
    maxMs: ms(histogram.max),
  }
}

function kindOf(detail: unknown): PauseKind {
  const kind = typeof detail === 'object' && detail !== null && 'kind' in detail ? detail.kind : undefined
  switch (kind) {
    case constants.NODE_PERFORMANCE_GC_MINOR:
      return 'minor'
    case constants.NODE_PERFORMANCE_GC_MAJOR:
      return 'major'
    case constants.NODE_PERFORMANCE_GC_INCREMENTAL:
      return 'incremental'
    case constants.NODE_PERFORMANCE_GC_WEAKCB:
      return 'weakCallbacks'
    default:
      return 'other'
  }
}

function byKind(pauses: ReadonlyMap<PauseKind, Pauses>): Partial<Record<PauseKind, Pauses>> {
  const kinds: Partial<Record<PauseKind, Pauses>> = {}
  for (const [kind, sum] of pauses) kinds[kind] = sumOf([sum])
  return kinds
}

function sumOf(pauses: readonly Pauses[]): Pauses {
  return {
    count: pauses.reduce((sum, one) => sum + one.count, 0),
    totalMs: roundedMs(pauses.reduce((sum, one) => sum + one.totalMs, 0)),
    maxMs: roundedMs(Math.max(0, ...pauses.map((one) => one.maxMs))),
  }
}
