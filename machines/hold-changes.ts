// Transition functions of holds. How each event changes a band's holds: pure, beside band-changes.ts. Setting a hold disarms at once (PROTOCOL
// §7).

import { cloneRule, isOwners, mayLiftHold, maySetHold, surfacesWith } from '../policy/holds.ts'
import { type Hold, holdBits } from '../protocol/states.ts'
import { type BandChange, type Happened, disarmed, nothing, persist, refuse, stopArm } from './band-changes.ts'
import type { BandEffect, BandMemory } from './band-context.ts'
import type { BandEvent, BandEventOf } from './band-events.ts'

/** The events the holds region answers; the binding leaves them to it. */
export type HoldEvent = BandEventOf<
  'hold.set' | 'hold.lift' | 'clone.suspected' | 'rekey.cleared' | 'found.begin' | 'found.veto' | 'found.due'
>

export function isHoldEvent(event: BandEvent): event is HoldEvent {
  switch (event.type) {
    case 'hold.set':
    case 'hold.lift':
    case 'clone.suspected':
    case 'rekey.cleared':
    case 'found.begin':
    case 'found.veto':
    case 'found.due':
      return true
    default:
      return false
  }
}

/** Does this event put a hold on the band? A band without an owner bears only an operator's. */
export function setsHold({ context: { band }, event }: Happened<'hold.set' | 'clone.suspected'>): boolean {
  const { hold, by } = asSet(event)
  return (band.account !== null || hold === 'operator-freeze') && maySetHold(hold, by)
}

/** Sets a hold and disarms; the same hold from the same surface again changes nothing. */
export function setHold({ context: { band }, event }: Happened<'hold.set' | 'clone.suspected'>): BandChange {
  const { hold, by } = asSet(event)
  const holds = band.holds | holdBits[hold]
  const holdSurfaces = surfacesWith(band.holdSurfaces, hold, by)
  if (holds === band.holds && holdSurfaces === band.holdSurfaces) return nothing
  return {
    band: { ...disarmed(band), holds, holdSurfaces, holdEndedAtMs: event.atMs },
    effects: [persist(event), ...lock(band), ...(holds === band.holds ? [] : [alertOf(hold, by)])],
  }
}

export function refuseHold({ context: { band } }: Happened<'hold.set' | 'clone.suspected'>): BandChange {
  return refuse(band.account === null ? 'wrong-state' : 'wrong-surface')
}

/** Does this event lift the only hold there is? */
export function liftsLast({
  context: { band },
  event,
}: Happened<'hold.lift' | 'rekey.cleared' | 'found.due'>): boolean {
  return afterLift(band, event)?.holds === 0
}

/** Lifts a hold, or takes back one of several rules that froze; what is not set needs no lifting. */
export function liftHold({
  context: { band },
  event,
}: Happened<'hold.lift' | 'rekey.cleared' | 'found.due'>): BandChange {
  const after = afterLift(band, event)
  if (after !== undefined) return { band: { ...after, holdEndedAtMs: event.atMs }, effects: [persist(event)] }
  const isRefused = event.type === 'hold.lift' && (band.holds & holdBits[event.hold]) !== 0
  return isRefused ? refuse('wrong-surface') : nothing
}

/** `found` needs a lost band; begun twice, the first stands. */
export function beginFound({ context: { band }, event }: Happened<'found.begin'>): BandChange {
  if ((band.holds & holdBits.lost) === 0) return refuse('wrong-state')
  if (band.foundAtMs > 0) return nothing
  return {
    band: { ...band, foundAtMs: event.dueAtMs },
    effects: [persist(event), { type: 'alert', kind: 'found-began' }],
  }
}

export function vetoFound({ context: { band }, event }: Happened<'found.veto'>): BandChange {
  if (band.foundAtMs === 0) return refuse('nothing-to-veto')
  return { band: { ...band, foundAtMs: 0 }, effects: [persist(event), { type: 'alert', kind: 'vetoed' }] }
}

/** A bound band hears LOCK at every hold; the arm secret is erased where there is one. */
function lock(band: BandMemory): readonly BandEffect[] {
  if (band.armedUntilMs > 0) return stopArm(band)
  return band.account !== null && band.pairingUntilMs === 0 ? [{ type: 'sendLock' }] : []
}

function asSet(event: BandEventOf<'hold.set' | 'clone.suspected'>): Pick<BandEventOf<'hold.set'>, 'hold' | 'by'> {
  return event.type === 'hold.set' ? event : { hold: 'risk-freeze', by: cloneRule }
}

function alertOf(hold: Hold, by: string): BandEffect {
  if (by === cloneRule) return { type: 'alert', kind: 'clone-suspected' }
  return { type: 'alert', kind: hold === 'lost' ? 'band-lost' : 'band-frozen' }
}

/** The band after what this event lifts, or undefined when it may lift nothing. */
function afterLift(
  band: BandMemory,
  event: BandEventOf<'hold.lift' | 'rekey.cleared' | 'found.due'>,
): BandMemory | undefined {
  switch (event.type) {
    case 'found.due': {
      const isDue = band.foundAtMs > 0 && event.atMs >= band.foundAtMs
      return isDue ? { ...without(band, 'lost', []), foundAtMs: 0 } : undefined
    }
    case 'rekey.cleared':
      return band.holdSurfaces.includes(cloneRule) ? withoutRule(band, cloneRule) : undefined
    case 'hold.lift': {
      if ((band.holds & holdBits[event.hold]) === 0) return undefined
      if (!mayLiftHold({ ...event, setBy: band.holdSurfaces })) return undefined
      if (event.hold === 'risk-freeze') return withoutRule(band, event.by)
      return without(band, event.hold, event.hold === 'owner-freeze' ? band.holdSurfaces.filter(isOwners) : [])
    }
  }
}

/** A risk freeze ends with the last of the rules that set it. */
function withoutRule(band: BandMemory, rule: string): BandMemory {
  const holdSurfaces = band.holdSurfaces.filter((surface) => surface !== rule)
  if (holdSurfaces.some((surface) => surface.startsWith('rule:'))) return { ...band, holdSurfaces }
  return without(band, 'risk-freeze', [rule])
}

function without(band: BandMemory, hold: Hold, surfaces: readonly string[]): BandMemory {
  return {
    ...band,
    holds: band.holds & ~holdBits[hold],
    holdSurfaces: band.holdSurfaces.filter((surface) => !surfaces.includes(surface)),
  }
}
