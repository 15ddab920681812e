// Events of the band machine. What may happen to a band. Every event carries the engine's time; reports are past (`band.removed`), asks are
// plain.

import type { AccountId, Bid, PairingId } from '../protocol/ids.ts'
import type { Hold } from '../protocol/states.ts'
import type { DecisionFacts } from '../policy/facts.ts'
import type { Surface } from '../policy/holds.ts'
import type { BandEventType } from './band-context.ts'

type At<Type extends BandEventType, Fields = unknown> = { readonly type: Type; readonly atMs: number } & Fields

/** What the engine gathers for a request; the band machine adds what it knows itself. */
export type RequestFacts = Omit<DecisionFacts, 'band' | 'armedOwnerEpoch'> & {
  /** The band's vendor, model or batch is revoked. */
  readonly restricted: boolean
  /** Bits of the holds that the account is under as a whole. */
  readonly accountHolds: number
}

export type BandEvent =
  /** Compare-and-set `unbound → pairing`; anything else is refused the same way. */
  | At<
      'pairing.commit',
      {
        readonly account: AccountId
        readonly pairingId: PairingId
        readonly bid: Bid
        readonly untilMs: number
        readonly vendor: number
        readonly model: number
        readonly batch: number
        readonly conformance: number
        /** Bits of the holds of the account that would have it. */
        readonly accountHolds: number
        /** The least number that the new generation may have: a restore raises it. */
        readonly generationMin: number
      }
    >
  | At<'pairing.acked', { readonly generation: number }>
  /** The window ended, or was cancelled. */
  | At<'pairing.expired', { readonly generation: number }>
  | At<'band.worn', { readonly wearEpoch: number }>
  /** Taken off, or put on the charger. */
  | At<'band.removed', { readonly wearEpoch: number }>
  /** The engine has checked the user verification. `untilMs` is cut to 24 h. */
  | At<
      'band.arm',
      {
        readonly wearEpoch: number
        readonly untilMs: number
        readonly ownerEpoch: number
        readonly accountHolds: number
        /** The least number that this arming may have: a restore raises it. */
        readonly armEpochMin: number
      }
    >
  | At<'band.authorize', { readonly facts: RequestFacts }>
  | At<'arm.expired'>
  | At<'epoch.raised', { readonly ownerEpoch: number }>
  | At<'hold.set', { readonly hold: Hold; readonly by: Surface }>
  /** `also` is the second operator; without one no operator freeze is lifted. */
  | At<'hold.lift', { readonly hold: Hold; readonly by: Surface; readonly also?: Surface }>
  | At<'clone.suspected'>
  /** The owner verified with a tap on the rekeyed band: the clone alarm is over. */
  | At<'rekey.cleared'>
  | At<'found.begin', { readonly dueAtMs: number }>
  | At<'found.veto'>
  | At<'found.due'>
  | At<'deactivation.begin', { readonly dueAtMs: number }>
  | At<'deactivation.veto'>
  /** `accountHolds` are those that the band is under as one of its account, until now. */
  | At<'deactivation.due', { readonly accountHolds: number }>

export type BandEventOf<Type extends BandEventType> = Extract<BandEvent, { readonly type: Type }>
