// The engine's one time: anchored to the wall at start, carried by the monotonic clock, never behind the journal.
// When the wall disagrees by more than two seconds, or is behind the journal, time is uncertain and nothing is approved
// (threat E5); refusals, freezes and everything else that takes rights away go on.

import type { Clock } from '../ports/clock.ts'
import { Fault } from '../ports/fault.ts'

/** Wall and engine time may differ by so much. */
export const disagreementMaxMs = 2_000

export class EngineTime {
  readonly clock: Clock
  readonly #anchorWallMs: number
  readonly #anchorMonotonicMs: number
  #highWaterMs: number
  /** How far the journal was ahead of the wall when this time began, ms. */
  readonly journalAheadMs: number
  readonly #rewoundAtMs: number

  /** `highWaterMs` is the newest instant in the journal, `rewoundAtMs` the one to which its time ran back the last time; 0 = it never did. */
  constructor(clock: Clock, highWaterMs: number, rewoundAtMs = 0) {
    this.#rewoundAtMs = rewoundAtMs
    this.clock = clock
    const wallMs = clock.nowMs()
    this.journalAheadMs = Math.max(0, highWaterMs - wallMs)
    this.#anchorWallMs = Math.max(wallMs, highWaterMs)
    this.#anchorMonotonicMs = clock.monotonicMs()
    this.#highWaterMs = highWaterMs
  }

  /** Engine time, whole ms since 1970; never decreases. */
  nowMs(): number {
    const carried = Math.floor(this.#anchorWallMs + (this.clock.monotonicMs() - this.#anchorMonotonicMs))
    if (carried > this.#highWaterMs) this.#highWaterMs = carried
    return this.#highWaterMs
  }

  /** An instant that has passed, as a row has it: one that is still to come was written under a wrong clock, and counts as when time ran back. */
  passedMs(instantMs: number): number {
    return instantMs > this.nowMs() ? this.#rewoundAtMs : instantMs
  }

  monotonicMs(): number {
    return this.clock.monotonicMs()
  }

  /** How far the wall is ahead of engine time, ms; below 0 = behind it. */
  wallAheadMs(): number {
    return this.clock.nowMs() - this.nowMs()
  }

  /** Whether wall and monotonic clock agree well enough to approve by. */
  certain(): boolean {
    return Math.abs(this.wallAheadMs()) <= disagreementMaxMs
  }
}

/**
 * Refuses a wall that is far ahead of the newest record: a record under a wrong clock could not be taken back, and would put the journal ahead
 * of the right one. Throws a Fault `clock-ahead`. An empty journal (`newestAtMs` 0) fits every clock.
 */
export function requireFittingWall(clock: Pick<Clock, 'nowMs'>, newestAtMs: number, aheadMaxMs: number): void {
  const wallMs = clock.nowMs()
  const aheadMs = wallMs - newestAtMs
  if (newestAtMs === 0 || aheadMs <= aheadMaxMs) return
  throw new Fault(
    'clock-ahead',
    `this machine's clock says ${instantText(wallMs)}, which is ${durationText(aheadMs)} after the newest record of the journal ` +
      `(${instantText(newestAtMs)}). Nothing was written. If the clock is wrong, put it right. If the engine was really stopped for so long, start ` +
      `once with --clock-ahead-max-ms ${roundedUpMs(aheadMs)}.`,
  )
}

/** To the next hour, so that it is still enough when it is typed. */
function roundedUpMs(ms: number): number {
  return (Math.ceil(ms / hourMs) + 1) * hourMs
}

export function instantText(ms: number): string {
  return new Date(ms).toISOString()
}

/** A distance in time for people: its two largest units. */
export function durationText(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1_000)
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const
  const from = parts.findIndex(([count]) => count > 0)
  if (from < 0) return '0 s'
  const shown = parts.slice(from, from + 2).filter(([count]) => count > 0)
  return shown.map(([count, unit]) => `${count} ${unit}`).join(' ')
}

const hourMs = 3_600_000
