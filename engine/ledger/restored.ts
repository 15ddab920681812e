// After a restore: numbers that bands and partners keep begin above its instant, and offers that may have been decided are not decided
// again. Time is the one number that a restore does not throw back.

import { offerLifeMaxMs } from '../../protocol/limits.ts'
import type { RestoredRow } from '../ports/rows.ts'

/** From here the seconds of a restore are counted: they fit 32 bits until 2156. */
const secondsSinceMs = Date.UTC(2020, 0, 1)

/**
 * The least owner epoch of any account. Each restore raises all of them, so every arming from before is over and partners
 * never see an epoch go back: a freeze that was forgotten does not leave a band able to pay.
 */
export function ownerEpochMin(restored: RestoredRow | undefined): number {
  return restored?.atMs ?? 0
}

/** The least number of an arming or a generation from now on: bands and public RELEASEs know higher ones than the journal. */
export function bandEpochMin(restored: RestoredRow | undefined): number {
  return restored === undefined ? 0 : Math.max(0, Math.floor((restored.atMs - secondsSinceMs) / 1_000))
}

/**
 * May this offer have been decided by the engine that is replaced? An offer lives for fifteen minutes at most when it is
 * decided, so one that lives longer than that after the last decision was not.
 */
export function mayBeForgotten(restored: RestoredRow | undefined, offer: { readonly expiresAtMs: number }): boolean {
  return restored !== undefined && offer.expiresAtMs <= restored.decidedUntilMs + offerLifeMaxMs
}
