// Preconditions of arming. When a band may be armed (docs/architecture.md §5, PROTOCOL §5 "Wrist latch"). That the user was verified, the
// engine has checked.

import type { ErrorCode } from '../protocol/errors.ts'
import { armedMaxMs } from '../protocol/limits.ts'

/** Why a worn band may not be armed, or undefined. Both wear epochs are of the band: its last known, and the ask's. */
export function whyNotArm(ask: {
  readonly holds: number
  readonly wornEpoch: number
  readonly askedEpoch: number
  readonly atMs: number
  readonly untilMs: number
}): ErrorCode | undefined {
  if (ask.holds !== 0) return 'band-held'
  if (ask.askedEpoch !== ask.wornEpoch) return 'not-worn'
  if (!(ask.untilMs > ask.atMs)) return 'out-of-range'
  return undefined
}

/** When an arming asked for until `untilMs` ends: never more than 24 h away. */
export function armedUntil(atMs: number, untilMs: number): number {
  return Math.min(untilMs, atMs + armedMaxMs)
}
