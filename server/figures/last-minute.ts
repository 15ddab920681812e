// Ring buffer of figures by second. What happened lately, second by second, for who watches an engine: the last minute for terminals, five for
// the pictures of the operators' page. Each second is closed once, by the server, and then only read: so any number of viewers see the same,
// none takes anything away from another or from who measures an interval of the meters, and who comes has all of it at once.

import { PerformanceObserver } from 'node:perf_hooks'
import type { EngineStatus } from '../../engine/engine.ts'
import type { Chores } from '../../engine/ports/chores.ts'
import type { Clock } from '../../engine/ports/clock.ts'
import type { Meters } from '../../engine/ports/meters.ts'
import { historySeconds } from '../../protocol/operator-api.ts'
import { Histogram, percentilesOf, roundedMs } from '../../base/histogram.ts'
import { delaysMsOf, loopMonitor } from './loop-delay.ts'

/** Milliseconds; percentiles are null when nothing was measured. */
type Times = {
  readonly count: number
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  readonly p999Ms: number | null
  readonly maxMs: number
}

export type Second = {
  /** When it ended, ms since 1970. No two have the same. */
  readonly atMs: number
  /** How long it was: longer than a second when the event loop was held up. */
  readonly forMs: number
  /** Answered in it, by reason. */
  readonly decisions: Readonly<Record<string, number>>
  readonly reversals: number
  /** As in the meters: from a frame read to its answer written; from a record appended to it durable. */
  readonly answered: Times
  readonly gate: Times
  readonly loopDelay: { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number }
  readonly gc: { readonly count: number; readonly totalMs: number; readonly maxMs: number }
  readonly cpu: { readonly userMs: number; readonly systemMs: number }
}

type LastMinuteReport = {
  /** Since this process began to measure, ms. */
  readonly upMs: number
  /** Oldest first; those that ended after the instant asked for. */
  readonly seconds: readonly Second[]
  /** Over the last 50 to 60 seconds: percentiles of a second cannot be added up. */
  readonly minute: { readonly answered: Times; readonly gate: Times }
}

/** What the engine counted when a second ended; all of it, where the engine tells it. */
export type Counts = Pick<EngineStatus, 'decisions' | 'reversals'> & Partial<EngineStatus>

/** A second that has ended, with the engine's counts at its end and what was answered in the minute up to it. */
export type KeptSecond = { readonly second: Second; readonly counts: Counts; readonly minuteAnswered: Times }

export type LastMinute = Meters & {
  /** `afterMs`: the `atMs` of the newest second that the viewer has; 0 = none. */
  readonly report: (afterMs: number) => LastMinuteReport
  /** The last `historySeconds`, oldest first. */
  readonly history: () => readonly KeptSecond[]
  /** Begins to close seconds; `counts` are the engine's counters. */
  readonly follow: (counts: () => Counts) => void
  readonly stop: () => void
}

const secondMs = 1_000
const minuteSeconds = 60
/** The minute is kept in so many pieces of ten seconds. */
const piecesKept = 6

/** Starts to measure this process. */
export function startLastMinute(clock: Pick<Clock, 'nowMs' | 'monotonicMs'>, chores: Chores): LastMinute {
  const answered = new RecentTimes()
  const gated = new RecentTimes()
  const watch = new ProcessWatch()
  const beganAtMs = clock.monotonicMs()
  let seconds: readonly KeptSecond[] = []
  let closedAtMs = beganAtMs
  let cancel = (): void => undefined

  function follow(counts: () => Counts): void {
    let before = counts()
    let closedCount = 0
    const close = (): void => {
      const nowMs = clock.monotonicMs()
      const now = counts()
      const second: Second = {
        // The wall clock may stand or run back; viewers ask for what is newer than what they have.
        atMs: Math.max(clock.nowMs(), (seconds.at(-1)?.second.atMs ?? 0) + 1),
        forMs: roundedMs(nowMs - closedAtMs),
        decisions: risen(before.decisions, now.decisions),
        reversals: now.reversals - before.reversals,
        answered: answered.close(),
        gate: gated.close(),
        ...watch.close(),
      }
      before = now
      closedAtMs = nowMs
      seconds = [...seconds, { second, counts: now, minuteAnswered: answered.minute() }].slice(-historySeconds)
      if (++closedCount % (minuteSeconds / piecesKept) === 0) for (const one of [answered, gated]) one.turn()
    }
    cancel = chores.every('last-minute', { everyMs: secondMs, work: close })
  }

  return {
    answered: (tookMs) => answered.add(tookMs),
    gated: (tookMs) => gated.add(tookMs),
    follow,
    history: () => seconds,
    report: (afterMs) => ({
      upMs: roundedMs(clock.monotonicMs() - beganAtMs),
      seconds: seconds
        .slice(-minuteSeconds)
        .map(({ second }) => second)
        .filter(({ atMs }) => atMs > afterMs),
      minute: { answered: answered.minute(), gate: gated.minute() },
    }),
    stop() {
      cancel()
      watch.stop()
    },
  }
}

/** Durations of the present second, and of the last minute in pieces that are dropped one by one. */
class RecentTimes {
  readonly #second = new Histogram()
  readonly #pieces = Array.from({ length: piecesKept }, () => new Histogram())
  readonly #sum = new Histogram()
  #at = 0

  add(tookMs: number): void {
    this.#second.add(tookMs)
  }

  /** Ends the second. */
  close(): Times {
    const times = timesOf(this.#second)
    this.#pieces[this.#at]?.merge(this.#second)
    this.#second.reset()
    return times
  }

  /** Ends the piece: the oldest one makes room for the next. */
  turn(): void {
    this.#at = (this.#at + 1) % piecesKept
    this.#pieces[this.#at]?.reset()
  }

  minute(): Times {
    this.#sum.reset()
    for (const piece of this.#pieces) this.#sum.merge(piece)
    return timesOf(this.#sum)
  }
}

/** Event loop, collector and processor, from one `close` to the next. */
class ProcessWatch {
  readonly #loop = loopMonitor()
  readonly #collector: PerformanceObserver
  #gc = { count: 0, totalMs: 0, maxMs: 0 }
  #cpu = process.cpuUsage()

  constructor() {
    this.#collector = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) {
        this.#gc.count++
        this.#gc.totalMs += duration
        this.#gc.maxMs = Math.max(this.#gc.maxMs, duration)
      }
    })
    this.#loop.enable()
    this.#collector.observe({ entryTypes: ['gc'] })
  }

  close(): Pick<Second, 'loopDelay' | 'gc' | 'cpu'> {
    const loopDelay = delaysMsOf(this.#loop)
    const { count, totalMs, maxMs } = this.#gc
    const cpu = process.cpuUsage(this.#cpu)
    this.#loop.reset()
    this.#gc = { count: 0, totalMs: 0, maxMs: 0 }
    this.#cpu = process.cpuUsage()
    return {
      loopDelay,
      gc: { count, totalMs: roundedMs(totalMs), maxMs: roundedMs(maxMs) },
      cpu: { userMs: roundedMs(cpu.user / 1_000), systemMs: roundedMs(cpu.system / 1_000) },
    }
  }

  stop(): void {
    this.#loop.disable()
    this.#collector.disconnect()
  }
}

function timesOf(histogram: Histogram): Times {
  return { count: histogram.total, ...percentilesOf(histogram), maxMs: roundedMs(histogram.maxMs) }
}

/** Counters only rise; those that stood still are left out. */
function risen(before: Counts['decisions'], now: Counts['decisions']): Record<string, number> {
  const earlier = new Map<string, number>(Object.entries(before))
  const rises = Object.entries(now).map(([name, count]) => [name, count - (earlier.get(name) ?? 0)] as const)
  return Object.fromEntries(rises.filter(([, rise]) => rise > 0))
}
