// The Security Delay (PROTOCOL §7): what raises authority waits, and any of the owner's surfaces may veto it meanwhile.

import type { Change } from '../protocol/messages/frames.ts'
import type { BandState } from '../protocol/states.ts'
import { type Surface, isOwners } from './holds.ts'

/** How long a raising change waits, ms, by what stood behind it. */
export type Delays = {
  readonly afterPhoneMs: number
  readonly foundMs: number
  readonly afterRecoveryMs: number
  /** Zero delay for a deactivation needs this long without any hold. */
  readonly holdFreeMs: number
}

const hourMs = 3_600_000

/** The delays of PROTOCOL §7; the configuration may change them. */
export const defaultDelays: Delays = {
  afterPhoneMs: hourMs,
  foundMs: 24 * hourMs,
  afterRecoveryMs: 72 * hourMs,
  holdFreeMs: 24 * hourMs,
}

/** How long a change begun from a surface waits, ms. No surface shortens `found` below its own delay. */
export function securityDelayMs(delays: Delays, change: Change, begunBy: Surface): number {
  const surfaceMs = begunBy === 'recovery' ? delays.afterRecoveryMs : delays.afterPhoneMs
  return change === 'found' ? Math.max(delays.foundMs, surfaceMs) : surfaceMs
}

/** May this surface veto a change begun from that one? Any of the owner's, but no phone what a web sign-in began. */
export function mayVeto(veto: { readonly begunBy: Surface; readonly by: Surface }): boolean {
  if (!isOwners(veto.by)) return false
  return !(veto.by.startsWith('phone:') && veto.begunBy === 'web')
}

/** May a deactivation go without delay: the band armed and tapped, no hold now or in the last 24 h. */
export function isDeactivationImmediate(
  delays: Delays,
  facts: {
    readonly state: BandState
    readonly tapped: boolean
    readonly holds: number
    readonly holdEndedAtMs: number
    readonly nowMs: number
  },
): boolean {
  const heldLately = facts.holdEndedAtMs !== 0 && !(facts.nowMs - facts.holdEndedAtMs >= delays.holdFreeMs)
  return facts.state === 'armed' && facts.tapped && facts.holds === 0 && !heldLately
}
