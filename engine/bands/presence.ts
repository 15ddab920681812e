// Presence: a lease that a band's heartbeats renew, counted from when the tick that it echoes was issued (PROTOCOL §5).

import { wears } from '../../protocol/ops.ts'
import { deciseconds, leaseDeciseconds } from './band-link.ts'
import type { Core } from '../core/core.ts'
import type { LinkIndex } from '../core/links.ts'

/**
 * Was this tick the latest or the one before, and is a lease counted from its issue still running? A band that has heard no STATE yet says 0,
 * which the link's own beginning issued: its `Ne` was as fresh as any tick.
 */
export function isTickFresh(core: Core, link: LinkIndex, tick: number): boolean {
  const latest = core.links.get(link, 'tick')
  if (tick !== latest && tick !== latest - 1) return false
  return deciseconds(core) - issuedAt(core, link, tick) < leaseDeciseconds(core)
}

export function issuedAt(core: Core, link: LinkIndex, tick: number): number {
  return core.links.get(link, tick === core.links.get(link, 'tick') ? 'tickAt' : 'tickBeforeAt')
}

/** Is the wearer present: worn, by a STATUS within the lease? */
export function isPresent(core: Core, link: LinkIndex): boolean {
  return core.links.get(link, 'wear') === wears.on && deciseconds(core) < core.links.get(link, 'leaseUntil')
}
