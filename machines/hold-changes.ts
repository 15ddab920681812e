// How each event changes a band's holds: pure, beside band-changes.ts. Setting a hold disarms at once (PROTOCOL §7).

import { cloneRule, isOwners, mayLiftHold, maySetHold } from '../policy/holds.ts'
import type { AlertKind } from '../protocol/frames.ts'
import { type Hold, holdBits } from '../protocol/states.ts'
import { type BandChange, type Happened, alarm, disarmed, nothing, persist, refuse, stopArm } from './band-changes.ts'
import type { BandContext } from './band-context.ts'
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
export function setsHold({ context, event }: Happened<'hold.set' | 'clone.suspected'>): boolean {
  const { hold, by } = asSet(event)
  return (context.account !== null || hold === 'operator-freeze') && maySetHold(hold, by)
}

/** Sets a hold and disarms; the same hold from the same surface again changes nothing. */
export function setHold({ context, event }: Happened<'hold.set' | 'clone.suspected'>): BandChange {
  const { hold, by } = asSet(event)
  const holds = context.holds | holdBits[hold]
  const holdSurfaces = surfacesWith(context.holdSurfaces, hold, by)
  if (holds === context.holds && holdSurfaces === context.holdSurfaces) return nothing
  const isBound = context.account !== null && context.pairingUntilMs === 0
  return {
    holds,
    holdSurfaces,
    holdEndedAtMs: event.atMs,
    ...disarmed(context),
    effects: [
      persist(event),
      ...(context.armedUntilMs > 0 ? stopArm(context) : isBound ? [{ type: 'sendLock' } as const] : []),
      ...(holds === context.holds ? [] : [{ type: 'alert', kind: alertOf(hold, by) } as const]),
    ],
  }
}

export function refuseHold({ context }: Happened<'hold.set' | 'clone.suspected'>): BandChange {
  return refuse(context.account === null ? 'wrong-state' : 'wrong-surface')
}

/** Does this event lift the only hold there is? */
export function liftsLast({ context, event }: Happened<'hold.lift' | 'rekey.cleared' | 'found.due'>): boolean {
  return afterLift(context, event)?.holds === 0
}

/** Lifts a hold, or takes back one of several rules that froze; what is not set needs no lifting. */
export function liftHold({ context, event }: Happened<'hold.lift' | 'rekey.cleared' | 'found.due'>): BandChange {
  const after = afterLift(context, event)
  if (after !== undefined) return { ...after, holdEndedAtMs: event.atMs, effects: [persist(event)] }
  const isRefused = event.type === 'hold.lift' && (context.holds & holdBits[event.hold]) !== 0
  return isRefused ? refuse('wrong-surface') : nothing
}

/** `found` needs a lost band; begun twice, the first stands. */
export function beginFound({ context, event }: Happened<'found.begin'>): BandChange {
  if ((context.holds & holdBits.lost) === 0) return refuse('wrong-state')
  if (context.foundAtMs > 0) return nothing
  return {
    foundAtMs: event.dueAtMs,
    effects: [persist(event), alarm('found.due', event.dueAtMs), { type: 'alert', kind: 'found-began' }],
  }
}

export function vetoFound({ context, event }: Happened<'found.veto'>): BandChange {
  if (context.foundAtMs === 0) return refuse('nothing-to-veto')
  return { foundAtMs: 0, effects: [persist(event), { type: 'alert', kind: 'vetoed' }] }
}

function asSet(event: BandEventOf<'hold.set' | 'clone.suspected'>): Pick<BandEventOf<'hold.set'>, 'hold' | 'by'> {
  return event.type === 'hold.set' ? event : { hold: 'risk-freeze', by: cloneRule }
}

/** Two owner surfaces are as many as lifting ever asks about, so the list stays short whatever happens. */
function surfacesWith(surfaces: readonly string[], hold: Hold, by: string): readonly string[] {
  if (hold !== 'owner-freeze' && hold !== 'risk-freeze') return surfaces
  if (surfaces.includes(by)) return surfaces
  if (hold === 'owner-freeze' && surfaces.filter(isOwners).length >= 2) return surfaces
  return [...surfaces, by]
}

function alertOf(hold: Hold, by: string): AlertKind {
  if (by === cloneRule) return 'clone-suspected'
  return hold === 'lost' ? 'band-lost' : 'band-frozen'
}

type Lifted = Pick<BandContext, 'holds' | 'holdSurfaces' | 'foundAtMs'>

/** What this event lifts, or undefined when it may lift nothing. */
function afterLift(
  context: BandContext,
  event: BandEventOf<'hold.lift' | 'rekey.cleared' | 'found.due'>,
): Lifted | undefined {
  switch (event.type) {
    case 'found.due': {
      const isDue = context.foundAtMs > 0 && event.atMs >= context.foundAtMs
      return isDue ? { ...without(context, 'lost', []), foundAtMs: 0 } : undefined
    }
    case 'rekey.cleared':
      return context.holdSurfaces.includes(cloneRule) ? withoutRule(context, cloneRule) : undefined
    case 'hold.lift': {
      if ((context.holds & holdBits[event.hold]) === 0) return undefined
      if (!mayLiftHold({ ...event, setBy: context.holdSurfaces })) return undefined
      if (event.hold === 'risk-freeze') return withoutRule(context, event.by)
      return without(context, event.hold, event.hold === 'owner-freeze' ? context.holdSurfaces.filter(isOwners) : [])
    }
  }
}

/** A risk freeze ends with the last of the rules that set it. */
function withoutRule(context: BandContext, rule: string): Lifted {
  const left = context.holdSurfaces.filter((surface) => surface !== rule)
  if (left.some((surface) => surface.startsWith('rule:'))) {
    return { holds: context.holds, holdSurfaces: left, foundAtMs: context.foundAtMs }
  }
  return without(context, 'risk-freeze', [rule])
}

function without(context: BandContext, hold: Hold, surfaces: readonly string[]): Lifted {
  return {
    holds: context.holds & ~holdBits[hold],
    holdSurfaces: context.holdSurfaces.filter((surface) => !surfaces.includes(surface)),
    foundAtMs: context.foundAtMs,
  }
}
