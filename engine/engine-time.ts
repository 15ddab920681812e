// The engine's one time: anchored to the wall at start, carried by the monotonic clock, never behind the journal.
// When the wall disagrees by more than two seconds, or is behind the journal, time is uncertain and nothing is approved
// (threat E5); refusals, freezes and everything else that takes rights away go on.

import type { Clock } from './ports/clock.ts'

const disagreementMaxMs = 2_000

export class EngineTime {
  readonly clock: Clock
  private readonly anchorWallMs: number
  private readonly anchorMonotonicMs: number
  private highWaterMs: number

  /** `highWaterMs` is the newest instant in the journal. */
  constructor(clock: Clock, highWaterMs: number) {
    this.clock = clock
    this.anchorWallMs = Math.max(clock.nowMs(), highWaterMs)
    this.anchorMonotonicMs = clock.monotonicMs()
    this.highWaterMs = highWaterMs
  }

  /** Engine time, whole ms since 1970; never decreases. */
  nowMs(): number {
    const carried = Math.floor(this.anchorWallMs + (this.clock.monotonicMs() - this.anchorMonotonicMs))
    if (carried > this.highWaterMs) this.highWaterMs = carried
    return this.highWaterMs
  }

  monotonicMs(): number {
    return this.clock.monotonicMs()
  }

  /** Whether wall and monotonic clock agree well enough to approve by. */
  certain(): boolean {
    return Math.abs(this.clock.nowMs() - this.nowMs()) <= disagreementMaxMs
  }
}
