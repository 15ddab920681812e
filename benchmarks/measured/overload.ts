// Overload benchmark (goodput, load shedding, recovery) at three times the capacity: what is still approved, what is refused and
// how, what memory it takes, and how soon all is well again once the rush is over.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { processFigures } from '../driver/child.ts'
import { wideLimits } from '../targets/contenders.ts'
import { type LoadResult, type Window, closedLoop, openLoopPhases } from '../driver/driver.ts'
import { startEngine } from '../targets/engine-target.ts'
import type { FleetShape } from '../driver/fixed-targets.ts'
import type { Row, Section } from '../figures/results.ts'

export type OverloadOptions = {
  readonly folder: string
  readonly fleet: FleetShape
  readonly inFlightPerLane: number
  readonly times: number
  /** Of the rush, and of the calm before and after it. */
  readonly seconds: number
  readonly rounds: number
  readonly say: (line: string) => void
}

/** So many tenths of a second without a refusal, in which no request waited longer than in the calm before, and all is well. */
const wellWindows = 5
/** Shorter waits are not worth telling apart, ms. */
const wellMsMin = 10
/** Share of the capacity that comes before and after the rush, and how many times longer than the rush it comes after. */
const calmShare = 0.5
const calmAfterTimes = 2

type Rush = {
  readonly capacity: number
  readonly goodput: number
  readonly recoveryMs: number
  readonly anonBeforeMb: number
  readonly anonPeakMb: number
  readonly result: LoadResult
}

export async function measureOverload(options: OverloadOptions): Promise<Section> {
  const { fleet, say } = options
  const folder = join(options.folder, 'overload')
  const rushes: Rush[] = []
  try {
    const engine = await startEngine({ folder, fleet, limits: wideLimits, listener: 'auto' })
    try {
      for (let round = 1; round <= options.rounds; round++) {
        const rush = await measureRush(engine.target, engine.server.pid, options)
        rushes.push(rush)
        say(
          `round ${round}: capacity ${Math.round(rush.capacity)}/s, goodput ${Math.round(rush.goodput)}/s, well again after ${Math.round(rush.recoveryMs)} ms, ${JSON.stringify(rush.result.others)}, ${rush.result.lost} lost`,
        )
      }
    } finally {
      await engine.stop()
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return sectionOf(rushes, options)
}

async function measureRush(
  target: Parameters<typeof closedLoop>[0],
  pid: number,
  { inFlightPerLane, times, seconds }: OverloadOptions,
): Promise<Rush> {
  const { perSecond: capacity } = await closedLoop(target, { inFlightPerLane, seconds })
  const anonBeforeMb = processFigures(pid).anonMb
  let anonPeakMb = anonBeforeMb
  const timer = setInterval(() => {
    anonPeakMb = Math.max(anonPeakMb, processFigures(pid).anonMb)
  }, 250)
  const calm = { perSecond: calmShare * capacity, seconds }
  const rush = { perSecond: times * capacity, seconds }
  const after = { ...calm, seconds: calmAfterTimes * seconds }
  const { result, windows } = await openLoopPhases(target, [calm, rush, after])
  clearInterval(timer)
  return {
    capacity,
    goodput: goodputOf(windows, { fromMs: seconds * 1_000, toMs: 2 * seconds * 1_000 }),
    recoveryMs: recoveryOf(windows, 2 * seconds * 1_000, wellMsOf(windows, seconds * 1_000)),
    anonBeforeMb,
    anonPeakMb,
    result,
  }
}

type Span = { readonly fromMs: number; readonly toMs: number }

/** Goodput: approvals that came in a span, a second. */
export function goodputOf(windows: readonly Window[], { fromMs, toMs }: Span): number {
  const within = windows.filter((one) => one.fromMs >= fromMs && one.fromMs < toMs)
  return (1_000 * within.reduce((sum, { came }) => sum + came, 0)) / (toMs - fromMs)
}

/** The longest wait of a request before the rush but for its first half second, ms; never less than `wellMsMin`. */
export function wellMsOf(windows: readonly Window[], rushMs: number): number {
  const before = windows.filter(({ fromMs }) => fromMs >= 500 && fromMs < rushMs)
  return Math.max(wellMsMin, ...before.map(({ worstMs }) => worstMs))
}

/** Recovery time, ms: from the end of the rush to the first of `wellWindows` tenths of a second that were well; infinite when none were. */
export function recoveryOf(windows: readonly Window[], endMs: number, wellMs: number): number {
  const after = windows.filter(({ fromMs, due }) => fromMs >= endMs && due > 0)
  const isWell = ({ due, approved, worstMs }: Window) => approved === due && worstMs <= wellMs
  const first = after.findIndex((_, at) => {
    const some = after.slice(at, at + wellWindows)
    return some.length === wellWindows && some.every(isWell)
  })
  return (after[first]?.fromMs ?? Number.POSITIVE_INFINITY) - endMs
}

function sectionOf(rushes: readonly Rush[], { times, seconds, fleet }: OverloadOptions): Section {
  const capacity = rushes.map((one) => one.capacity)
  const goodput = rushes.map((one) => one.goodput)
  const shares = rushes.map((one) => one.goodput / one.capacity)
  const row = (
    name: string,
    figure: string,
    unit: string,
    values: readonly number[],
    more: Partial<Row> = {},
  ): Row => ({
    name,
    figure,
    unit,
    values,
    ...more,
  })
  const others = new Map<string, number>()
  for (const { result } of rushes) {
    for (const [name, count] of Object.entries(result.others)) others.set(name, (others.get(name) ?? 0) + count)
  }
  const lost = rushes.reduce((sum, { result }) => sum + result.lost, 0)
  return {
    id: 'overload',
    title: 'Overload',
    how: `${seconds} s at half of the capacity, ${seconds} s at ${times} times of it, ${calmAfterTimes * seconds} s at half of it again; open loop, ${fleet.sockets} sockets, ${fleet.sockets * fleet.bandsPerSocket} bands.`,
    rows: [
      row('calm', 'capacity (closed loop)', '/s', capacity),
      row(`at ${times} × capacity`, 'approvals', '/s', goodput),
      row(`at ${times} × capacity`, 'approvals as a share of capacity', '', shares, {
        goal: { of: 'figure', sign: '≥', value: 0.9 },
      }),
      row(
        'after it',
        'until all is well again',
        'ms',
        rushes.map((one) => one.recoveryMs),
      ),
      row(
        'before',
        'memory of its own',
        'MB',
        rushes.map((one) => one.anonBeforeMb),
      ),
      row(
        `at ${times} × capacity`,
        'memory of its own, at most',
        'MB',
        rushes.map((one) => one.anonPeakMb),
      ),
    ],
    notes: [
      `All is well again when for ${wellWindows / 10} s everything is approved and no request waits longer than one did in the calm before (or ${wellMsMin} ms).`,
      ...(rushes.every(({ recoveryMs }) => Number.isFinite(recoveryMs))
        ? []
        : [`That had not come ${calmAfterTimes * seconds} s after the rush.`]),
      ...[...others].map(([name, count]) => `Over all rounds ${count.toLocaleString('en-US')} answers were ${name}.`),
      ...(lost === 0
        ? ['Every request was answered.']
        : [`${lost.toLocaleString('en-US')} requests were never answered.`]),
    ],
  }
}
