// How each event changes a band's binding: pure, one function an event, in the order of the states. The machine
// (band-machine.ts) only chooses when to call them. Each returns what changes, with fresh `effects`.

import { armedUntil, whyNotArm } from '../policy/arming.ts'
import { decide } from '../policy/decide.ts'
import { holdsAfterUnbinding } from '../policy/holds.ts'
import type { ErrorCode } from '../protocol/errors.ts'
import type { BandState } from '../protocol/states.ts'
import type { BandAlarm, BandContext, BandEffect, BandEventType } from './band-context.ts'
import type { BandEvent, BandEventOf } from './band-events.ts'

/** What a change function looks at. */
export type Happened<Type extends BandEventType> = {
  readonly context: BandContext
  readonly event: BandEventOf<Type>
}
export type BandChange = Partial<BandContext> & { readonly effects: readonly BandEffect[] }

/** The event came late, or twice: nothing changes. */
export const nothing: BandChange = { effects: [] }

/** The event asks for what this band may not do now. */
export function refuse(error: ErrorCode): BandChange {
  return { effects: [{ type: 'refused', error }] }
}

/** The event means nothing in this state. */
export function unexpectedIn(state: BandState): (happened: { readonly event: BandEvent }) => BandChange {
  return ({ event }) => ({ effects: [{ type: 'unexpected', event: event.type, state }] })
}

/** Decides a request with what the band itself knows. Every state asks policy/, only `armed` can be approved. */
export function decideIn(state: BandState): (happened: Happened<'band.authorize'>) => BandChange {
  return ({ context, event: { facts } }) => {
    const decision = decide({
      ...facts,
      armedOwnerEpoch: context.armedOwnerEpoch,
      band: {
        state,
        holds: context.holds,
        armEpoch: context.armEpoch,
        armedUntilMs: context.armedUntilMs,
        verifiedAtMs: context.verifiedAtMs,
        conformance: context.conformance,
        restricted: facts.restricted,
      },
    })
    return { effects: [{ type: 'decided', decision }] }
  }
}

/** May this pairing have the band? The compare of the compare-and-set; the state is the machine's part of it. */
export function isPairable({ context }: Happened<'pairing.commit'>): boolean {
  return context.holds === 0 && context.generation + 1 > context.tombstoned
}

/** The set of the compare-and-set. Wear begins anew with the binding; `armEpoch` never does. */
export function commitPairing({ context, event }: Happened<'pairing.commit'>): BandChange {
  const { account, pairingId, bid, untilMs, vendor, model, batch, conformance } = event
  return {
    generation: context.generation + 1,
    account,
    pairingId,
    bid,
    vendor,
    model,
    batch,
    conformance,
    pairingUntilMs: untilMs,
    wearEpoch: 0,
    verifiedAtMs: 0,
    armedOwnerEpoch: 0,
    effects: [persist(event), alarm('pairing.expired', untilMs)],
  }
}

/** A pairing of a band that is not free: refused the same way whatever the reason, and its owner learns of it. */
export function refusePairing({ context, event }: Happened<'pairing.commit'>): BandChange {
  const isOwn = context.account === null || context.pairingId === event.pairingId
  const refused: BandEffect = { type: 'refused', error: 'pair-refused' }
  return { effects: isOwn ? [refused] : [refused, { type: 'alert', kind: 'pairing-tried' }] }
}

/** The ack is of this generation and inside the window; after it, a late ack changes nothing. */
export function isAckInTime({ context, event }: Happened<'pairing.acked'>): boolean {
  return event.generation === context.generation && event.atMs < context.pairingUntilMs
}

export function bind({ event }: Happened<'pairing.acked'>): BandChange {
  return { pairingUntilMs: 0, effects: [persist(event)] }
}

export function isExpiryOfThisPairing({ context, event }: Happened<'pairing.expired'>): boolean {
  return context.pairingUntilMs > 0 && event.generation === context.generation
}

/** The pairing leaves nothing but its tombstone. */
export function rollBack({ context, event }: Happened<'pairing.expired'>): BandChange {
  return unbound(context, event, [])
}

/** Later than any wearing the engine knows of. A late frame of an ended wearing never resurrects it. */
export function isNewWearing({ context, event }: Happened<'band.worn'>): boolean {
  return event.wearEpoch > context.wearEpoch
}

export function putOn({ event }: Happened<'band.worn'>): BandChange {
  return { wearEpoch: event.wearEpoch, effects: [persist(event)] }
}

/** A new wearing began, so the old one ended unseen: what was armed under it is not armed now. */
export function changeWearing({ context, event }: Happened<'band.worn'>): BandChange {
  return { wearEpoch: event.wearEpoch, ...disarmed(context), effects: [persist(event), ...stopArm(context)] }
}

/** The end of the wearing the engine knows of, or of a later one it has not seen begin. */
export function isRemovalNow({ context, event }: Happened<'band.removed'>): boolean {
  return event.wearEpoch >= context.wearEpoch
}

export function takeOff({ context, event }: Happened<'band.removed'>): BandChange {
  return { wearEpoch: event.wearEpoch, ...disarmed(context), effects: [persist(event), ...stopArm(context)] }
}

export function isRemovalUnseen({ context, event }: Happened<'band.removed'>): boolean {
  return event.wearEpoch > context.wearEpoch
}

export function mayArm({ context, event }: Happened<'band.arm'>): boolean {
  return whyNotArm(armAsk(context, event)) === undefined
}

export function arm({ context, event }: Happened<'band.arm'>): BandChange {
  const armedUntilMs = armedUntil(event.atMs, event.untilMs)
  return {
    armEpoch: context.armEpoch + 1,
    armedUntilMs,
    armedOwnerEpoch: event.ownerEpoch,
    verifiedAtMs: event.atMs,
    effects: [persist(event), alarm('arm.expired', armedUntilMs)],
  }
}

export function refuseArm({ context, event }: Happened<'band.arm'>): BandChange {
  return refuse(whyNotArm(armAsk(context, event)) ?? 'wrong-state')
}

/** The alarm is of the latest arming; one of an earlier arming comes too soon. */
export function isArmOver({ context, event }: Happened<'arm.expired'>): boolean {
  return context.armedUntilMs > 0 && event.atMs >= context.armedUntilMs
}

export function isEpochNewer({ context, event }: Happened<'epoch.raised'>): boolean {
  return context.armedUntilMs > 0 && event.ownerEpoch > context.armedOwnerEpoch
}

export function disarm({ context, event }: Happened<'arm.expired' | 'epoch.raised'>): BandChange {
  return { ...disarmed(context), effects: [persist(event), ...stopArm(context)] }
}

export function beginDeactivation(
  before: 'offWrist' | 'disarmed' | 'armed',
): (happened: Happened<'deactivation.begin'>) => BandChange {
  return ({ event }) => ({
    deactivateAtMs: event.dueAtMs,
    before,
    effects: [persist(event), alarm('deactivation.due', event.dueAtMs), { type: 'alert', kind: 'deactivation-began' }],
  })
}

/** Removed while deactivating: a veto returns to off the wrist. */
export function takeOffDeactivating(happened: Happened<'band.removed'>): BandChange {
  return { ...takeOff(happened), before: 'offWrist' }
}

/** News while deactivating: the end of a wearing that a veto would have returned to, or of one not seen begin. */
export function isRemovalToNote(happened: Happened<'band.removed'>): boolean {
  return happened.context.before === 'offWrist' ? isRemovalUnseen(happened) : isRemovalNow(happened)
}

/** Put on again while deactivating: a veto returns to worn, but nothing is armed. */
export function putOnDeactivating(happened: Happened<'band.worn'>): BandChange {
  return { ...changeWearing(happened), before: 'disarmed' }
}

/** Still armed as before the deactivation began: not taken off, held, raised or run out meanwhile. */
export function isArmedBefore({ context, event }: Happened<'deactivation.veto'>): boolean {
  return context.before === 'armed' && event.atMs < context.armedUntilMs
}

export function isWornBefore({ context }: Happened<'deactivation.veto'>): boolean {
  return context.before === 'armed' || context.before === 'disarmed'
}

export function vetoDeactivation({ context, event }: Happened<'deactivation.veto'>): BandChange {
  const stays = isArmedBefore({ context, event })
  return {
    deactivateAtMs: 0,
    ...(stays ? {} : disarmed(context)),
    before: null,
    effects: [persist(event), ...(stays ? [] : stopArm(context)), { type: 'alert', kind: 'vetoed' }],
  }
}

export function isDeactivationDue({ context, event }: Happened<'deactivation.due'>): boolean {
  return context.deactivateAtMs > 0 && event.atMs >= context.deactivateAtMs
}

export function release({ context, event }: Happened<'deactivation.due'>): BandChange {
  return unbound(context, event, [{ type: 'alert', kind: 'band-released' }])
}

/** `persist`, with the event as its cause. */
export function persist(event: BandEvent): BandEffect {
  return { type: 'persist', cause: event.type }
}

export function alarm(name: BandAlarm, atMs: number): BandEffect {
  return { type: 'alarm', name, atMs }
}

/** What no longer being armed changes, also for a veto to return to. */
export function disarmed(context: BandContext): Partial<BandContext> {
  return { armedUntilMs: 0, before: context.before === 'armed' ? 'disarmed' : context.before }
}

/** Both ends forget the arm secret; nothing when there is none. */
export function stopArm(context: BandContext): readonly BandEffect[] {
  return context.armedUntilMs > 0 ? [{ type: 'eraseArmSecret' }, { type: 'sendLock' }] : []
}

function armAsk(context: BandContext, event: BandEventOf<'band.arm'>) {
  return {
    holds: context.holds,
    wornEpoch: context.wearEpoch,
    askedEpoch: event.wearEpoch,
    atMs: event.atMs,
    untilMs: event.untilMs,
  }
}

/** A binding ends: its generation is tombstoned before anything else can see the band free. */
function unbound(context: BandContext, event: BandEvent, alerts: readonly BandEffect[]): BandChange {
  const holds = holdsAfterUnbinding(context.holds)
  return {
    tombstoned: context.generation,
    account: null,
    bid: null,
    pairingId: null,
    pairingUntilMs: 0,
    holds,
    holdSurfaces: [],
    holdEndedAtMs: holds === context.holds ? context.holdEndedAtMs : event.atMs,
    armedUntilMs: 0,
    armedOwnerEpoch: 0,
    verifiedAtMs: 0,
    deactivateAtMs: 0,
    foundAtMs: 0,
    before: null,
    effects: [
      persist(event),
      { type: 'tombstoned', generation: context.generation },
      { type: 'destroyKeys' },
      ...alerts,
    ],
  }
}
