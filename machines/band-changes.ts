// Transition functions of the band machine. How each event changes a band's binding: pure, one function an event, in the order of the states.
// The machine (band-machine.ts) only chooses when to call them. Each returns what changes, with fresh `effects`.

import { armedUntil, whyNotArm } from '../policy/arming.ts'
import { decide } from '../policy/decide.ts'
import { holdsAfterUnbinding } from '../policy/holds.ts'
import type { ErrorCode } from '../protocol/errors.ts'
import type { BandState } from '../protocol/states.ts'
import type { BandContext, BandEffect, BandEventType, BandMemory } from './band-context.ts'
import type { BandEvent, BandEventOf } from './band-events.ts'

/** What a change function looks at. */
export type Happened<Type extends BandEventType> = {
  readonly context: BandContext
  readonly event: BandEventOf<Type>
}
export type BandChange = { readonly band?: BandMemory; readonly effects: readonly BandEffect[] }

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
  return ({ context: { band }, event: { facts } }) => {
    // Field by field: spread and then added to, it would be copied twice.
    const decision = decide({
      nowMs: facts.nowMs,
      clockCertain: facts.clockCertain,
      proof: facts.proof,
      present: facts.present,
      terms: facts.terms,
      level: facts.level,
      limits: facts.limits,
      usage: facts.usage,
      arming: facts.arming,
      ownerEpoch: facts.ownerEpoch,
      phonePending: facts.phonePending,
      userVerifiedNow: facts.userVerifiedNow,
      armedOwnerEpoch: band.armedOwnerEpoch,
      band: {
        state,
        holds: band.holds | facts.accountHolds,
        armEpoch: band.armEpoch,
        armedUntilMs: band.armedUntilMs,
        verifiedAtMs: band.verifiedAtMs,
        conformance: band.conformance,
        restricted: facts.restricted,
      },
    })
    return { effects: [{ type: 'decided', decision }] }
  }
}

/** The next of numbers that only rise, and that a restore lets begin higher. */
export function numberAfter(last: number, min: number): number {
  return Math.max(last + 1, min)
}

/** May this pairing have the band? The compare of the compare-and-set; the state is the machine's part of it. */
export function isPairable({ context: { band }, event }: Happened<'pairing.commit'>): boolean {
  const generation = numberAfter(band.generation, event.generationMin)
  return band.holds === 0 && event.accountHolds === 0 && generation > band.tombstoned
}

/** The set of the compare-and-set. Wear begins anew with the binding; `armEpoch` never does. */
export function commitPairing({ context: { band }, event }: Happened<'pairing.commit'>): BandChange {
  const { account, pairingId, bid, untilMs, vendor, model, batch, conformance } = event
  return {
    band: {
      ...band,
      generation: numberAfter(band.generation, event.generationMin),
      account,
      pairingId,
      bid,
      pairingUntilMs: untilMs,
      vendor,
      model,
      batch,
      conformance,
      wearEpoch: 0,
      verifiedAtMs: 0,
      armedOwnerEpoch: 0,
    },
    effects: [persist(event)],
  }
}

/** A pairing of a band that is not free: refused the same way whatever the reason, and its owner learns of it. */
export function refusePairing({ context: { band }, event }: Happened<'pairing.commit'>): BandChange {
  const refused: BandEffect = { type: 'refused', error: 'pair-refused' }
  const isOthers = band.account !== null && band.pairingId !== event.pairingId
  return { effects: isOthers ? [refused, { type: 'alert', kind: 'pairing-tried' }] : [refused] }
}

/** The ack is of this generation and inside the window; after it, a late ack changes nothing. */
export function isAckInTime({ context: { band }, event }: Happened<'pairing.acked'>): boolean {
  return event.generation === band.generation && event.atMs < band.pairingUntilMs
}

export function bind({ context: { band }, event }: Happened<'pairing.acked'>): BandChange {
  return { band: { ...band, pairingUntilMs: 0 }, effects: [persist(event)] }
}

export function isExpiryOfThisPairing({ context: { band }, event }: Happened<'pairing.expired'>): boolean {
  return band.pairingUntilMs > 0 && event.generation === band.generation
}

/** The pairing leaves nothing but its tombstone. */
export function rollBack({ context: { band }, event }: Happened<'pairing.expired'>): BandChange {
  return unbind(band, event, band.holds, [])
}

/** Later than any wearing the engine knows of. A late frame of an ended wearing never resurrects it. */
export function isNewWearing({ context: { band }, event }: Happened<'band.worn'>): boolean {
  return event.wearEpoch > band.wearEpoch
}

/** A new wearing: one that went before ended unseen, so what was armed under it is not armed now. */
export function putOn({ context: { band }, event }: Happened<'band.worn'>): BandChange {
  return {
    band: { ...disarmed(band), wearEpoch: event.wearEpoch },
    effects: [persist(event), ...stopArm(band)],
  }
}

/** The end of the wearing the engine knows of, or of a later one it has not seen begin. */
export function isRemovalNow({ context: { band }, event }: Happened<'band.removed'>): boolean {
  return event.wearEpoch >= band.wearEpoch
}

export function isRemovalUnseen({ context: { band }, event }: Happened<'band.removed'>): boolean {
  return event.wearEpoch > band.wearEpoch
}

export function takeOff({ context: { band }, event }: Happened<'band.removed'>): BandChange {
  return {
    band: { ...disarmed(band), wearEpoch: event.wearEpoch },
    effects: [persist(event), ...stopArm(band)],
  }
}

export function mayArm({ context: { band }, event }: Happened<'band.arm'>): boolean {
  return whyNotArm(armAsk(band, event)) === undefined
}

export function arm({ context: { band }, event }: Happened<'band.arm'>): BandChange {
  const armedUntilMs = armedUntil(event.atMs, event.untilMs)
  return {
    band: {
      ...band,
      armEpoch: numberAfter(band.armEpoch, event.armEpochMin),
      armedUntilMs,
      armedOwnerEpoch: event.ownerEpoch,
      verifiedAtMs: event.atMs,
    },
    effects: [persist(event)],
  }
}

export function refuseArm({ context: { band }, event }: Happened<'band.arm'>): BandChange {
  return refuse(whyNotArm(armAsk(band, event)) ?? 'wrong-state')
}

/** The alarm is of the latest arming; one of an earlier arming comes too soon. */
export function isArmOver({ context: { band }, event }: Happened<'arm.expired'>): boolean {
  return band.armedUntilMs > 0 && event.atMs >= band.armedUntilMs
}

export function isEpochNewer({ context: { band }, event }: Happened<'epoch.raised'>): boolean {
  return band.armedUntilMs > 0 && event.ownerEpoch > band.armedOwnerEpoch
}

export function disarm({ context: { band }, event }: Happened<'arm.expired' | 'epoch.raised'>): BandChange {
  return { band: disarmed(band), effects: [persist(event), ...stopArm(band)] }
}

export function beginDeactivation(
  before: 'offWrist' | 'disarmed' | 'armed',
): (happened: Happened<'deactivation.begin'>) => BandChange {
  return ({ context: { band }, event }) => ({
    band: { ...band, deactivateAtMs: event.dueAtMs, before },
    effects: [persist(event), { type: 'alert', kind: 'deactivation-began' }],
  })
}

/** News while deactivating: the end of a wearing that a veto would have returned to, or of one not seen begin. */
export function isRemovalToNote(happened: Happened<'band.removed'>): boolean {
  return happened.context.band.before === 'offWrist' ? isRemovalUnseen(happened) : isRemovalNow(happened)
}

/** Removed while deactivating: a veto returns to off the wrist. */
export function takeOffDeactivating({ context: { band }, event }: Happened<'band.removed'>): BandChange {
  return {
    band: { ...disarmed(band), wearEpoch: event.wearEpoch, before: 'offWrist' },
    effects: [persist(event), ...stopArm(band)],
  }
}

/** Put on again while deactivating: a veto returns to worn, but nothing is armed. */
export function putOnDeactivating({ context: { band }, event }: Happened<'band.worn'>): BandChange {
  return {
    band: { ...disarmed(band), wearEpoch: event.wearEpoch, before: 'disarmed' },
    effects: [persist(event), ...stopArm(band)],
  }
}

/** Still armed as before the deactivation began: not taken off, held, raised or run out meanwhile. */
export function isArmedBefore({ context: { band }, event }: Happened<'deactivation.veto'>): boolean {
  return band.before === 'armed' && event.atMs < band.armedUntilMs
}

export function isWornBefore({ context: { band } }: Happened<'deactivation.veto'>): boolean {
  return band.before === 'armed' || band.before === 'disarmed'
}

export function vetoDeactivation(happened: Happened<'deactivation.veto'>): BandChange {
  const { band } = happened.context
  const staysArmed = isArmedBefore(happened)
  return {
    band: { ...(staysArmed ? band : disarmed(band)), deactivateAtMs: 0, before: null },
    effects: [persist(happened.event), ...(staysArmed ? [] : stopArm(band)), { type: 'alert', kind: 'vetoed' }],
  }
}

export function isDeactivationDue({ context: { band }, event }: Happened<'deactivation.due'>): boolean {
  return band.deactivateAtMs > 0 && event.atMs >= band.deactivateAtMs
}

export function release({ context: { band }, event }: Happened<'deactivation.due'>): BandChange {
  return unbind(band, event, band.holds | event.accountHolds, [{ type: 'alert', kind: 'band-released' }])
}

/** `persist`, with the event as its cause. */
export function persist(event: BandEvent): BandEffect {
  return { type: 'persist', cause: event.type }
}

/** The band with no arm secret outstanding, also for a veto to return to. */
export function disarmed(band: BandMemory): BandMemory {
  return { ...band, armedUntilMs: 0, before: band.before === 'armed' ? 'disarmed' : band.before }
}

/** Both ends forget the arm secret; nothing when there is none. */
export function stopArm(band: BandMemory): readonly BandEffect[] {
  return band.armedUntilMs > 0 ? [{ type: 'eraseArmSecret' }, { type: 'sendLock' }] : []
}

function armAsk(band: BandMemory, event: BandEventOf<'band.arm'>) {
  return {
    holds: band.holds | event.accountHolds,
    wornEpoch: band.wearEpoch,
    askedEpoch: event.wearEpoch,
    atMs: event.atMs,
    untilMs: event.untilMs,
  }
}

/**
 * A binding ends: its generation is tombstoned before anything else can see the band free. Of the holds in force the operators'
 * stays with the band: who is frozen with a whole account does not get away by leaving it.
 */
function unbind(band: BandMemory, event: BandEvent, inForce: number, alerts: readonly BandEffect[]): BandChange {
  const holds = holdsAfterUnbinding(inForce)
  return {
    band: {
      ...band,
      tombstoned: band.generation,
      account: null,
      bid: null,
      pairingId: null,
      pairingUntilMs: 0,
      holds,
      holdSurfaces: [],
      holdEndedAtMs: holds === band.holds ? band.holdEndedAtMs : event.atMs,
      armedUntilMs: 0,
      armedOwnerEpoch: 0,
      verifiedAtMs: 0,
      deactivateAtMs: 0,
      foundAtMs: 0,
      before: null,
    },
    effects: [persist(event), { type: 'destroyKeys' }, ...alerts],
  }
}
