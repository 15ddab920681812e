// What a band's actor remembers, and what it asks the engine to do. Keys never come here; instants are engine time, ms.

import type { ErrorCode } from '../protocol/errors.ts'
import type { AlertKind } from '../protocol/messages/frames.ts'
import type { AccountId, BandId, Bid, PairingId } from '../protocol/ids.ts'
import type { BandState } from '../protocol/states.ts'
import type { Decision } from '../policy/facts.ts'

/** What the engine executes after an event, in this order. */
export type BandEffect =
  /** The durable context changed: journal the row, whose deadlines wake the band when they are due. `cause` is the event's type. */
  | { readonly type: 'persist'; readonly cause: BandEventType }
  | { readonly type: 'decided'; readonly decision: Decision }
  | { readonly type: 'refused'; readonly error: ErrorCode }
  /** Erase the engine's copy of the arm secret. */
  | { readonly type: 'eraseArmSecret' }
  /** Tell the band to erase its own. */
  | { readonly type: 'sendLock' }
  | { readonly type: 'alert'; readonly kind: AlertKind }
  /** Destroy the binding's keys and end its link. */
  | { readonly type: 'destroyKeys' }
  /** The event means nothing in this state. */
  | { readonly type: 'unexpected'; readonly event: BandEventType; readonly state: BandState }

/** The events a band answers, named `noun.verb`. */
export type BandEventType =
  | 'pairing.commit'
  | 'pairing.acked'
  | 'pairing.expired'
  | 'band.worn'
  | 'band.removed'
  | 'band.arm'
  | 'band.authorize'
  | 'arm.expired'
  | 'epoch.raised'
  | 'hold.set'
  | 'hold.lift'
  | 'clone.suspected'
  | 'rekey.cleared'
  | 'found.begin'
  | 'found.veto'
  | 'found.due'
  | 'deactivation.begin'
  | 'deactivation.veto'
  | 'deactivation.due'

/** The durable facts of a band: what its row keeps. */
export type BandMemory = {
  readonly bandId: BandId
  /** Grows by one at each new binding; 0 before the first. */
  readonly generation: number
  /** The highest tombstoned generation. */
  readonly tombstoned: number
  readonly account: AccountId | null
  readonly bid: Bid | null
  readonly pairingId: PairingId | null
  /** End of the pairing window; 0 outside of `pairing`. */
  readonly pairingUntilMs: number
  readonly vendor: number
  readonly model: number
  readonly batch: number
  /** Bits of `conformanceBits`. */
  readonly conformance: number
  /** Bits of `holdBits`. */
  readonly holds: number
  /** Who set the owner freeze and the risk freeze (`Surface`s). */
  readonly holdSurfaces: readonly string[]
  /** When a hold was last set or lifted; 0 = never. */
  readonly holdEndedAtMs: number
  /** The latest wearing: it rises each time the band is put on. Its edges say when it begins and ends. */
  readonly wearEpoch: number
  /** Rises at each arming, never falls, not even across bindings. */
  readonly armEpoch: number
  /** 0 when no arm secret is outstanding. */
  readonly armedUntilMs: number
  /** The owner epoch under which it was armed. */
  readonly armedOwnerEpoch: number
  readonly verifiedAtMs: number
  /** When a deactivation is due; 0 = none. */
  readonly deactivateAtMs: number
  /** When `found` is due; 0 = none. */
  readonly foundAtMs: number
  /** What a veto of the deactivation returns to. */
  readonly before: 'offWrist' | 'disarmed' | 'armed' | null
}

/**
 * The machine's context. The facts lie one level down because XState copies the context's own fields at every event: a
 * decision, which changes no fact, then copies two (past 19 fields one such copy costs 3.5 µs more).
 */
export type BandContext = {
  readonly band: BandMemory
  /** Replaced at every event. */
  readonly effects: readonly BandEffect[]
}

/** A band that was never paired. */
export function initialBandMemory(bandId: BandId): BandMemory {
  return {
    bandId,
    generation: 0,
    tombstoned: 0,
    account: null,
    bid: null,
    pairingId: null,
    pairingUntilMs: 0,
    vendor: 0,
    model: 0,
    batch: 0,
    conformance: 0,
    holds: 0,
    holdSurfaces: [],
    holdEndedAtMs: 0,
    wearEpoch: 0,
    armEpoch: 0,
    armedUntilMs: 0,
    armedOwnerEpoch: 0,
    verifiedAtMs: 0,
    deactivateAtMs: 0,
    foundAtMs: 0,
    before: null,
  }
}
