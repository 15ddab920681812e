// What a decision is made from and what it says. Facts only: no bytes, no keys, no clock; the engine gathers them,
// `decide` (decide.ts) judges them.

import type { OfferTerms } from '../protocol/offer.ts'
import type { Verdict, Wear } from '../protocol/ops.ts'
import type { DenialReason, Obligation } from '../protocol/reasons.ts'
import type { BandState } from '../protocol/states.ts'
import type { ArmingUsage } from './arming-room.ts'
import type { AccountLimits, Usage } from './limits.ts'
import type { ProximityLevel } from './proximity.ts'

/** The band as its durable row tells it. Instants are engine time, ms; 0 means never. */
export type BandFacts = {
  readonly state: BandState
  /** Bits of `holdBits`. */
  readonly holds: number
  readonly armEpoch: number
  readonly armedUntilMs: number
  /** When the wearer last proved to be the owner, by arming. */
  readonly verifiedAtMs: number
  /** Bits of `conformanceBits`, from the BandCert. */
  readonly conformance: number
  /** Its vendor, model or batch is revoked: the lowest limits apply. */
  readonly restricted: boolean
}

/** What the band's AUTH_PROOF said, after it was opened. */
export type ProofFacts = {
  /** `p` verified under the arm secret, and the tick was one of the last two. */
  readonly valid: boolean
  readonly verdict: Verdict
  readonly wear: Wear
  readonly armEpoch: number
}

/** Everything `decide` looks at (docs/architecture.md §6). */
export type DecisionFacts = {
  readonly nowMs: number
  /** False after a jump of the clock: approvals stop until it is resolved. */
  readonly clockCertain: boolean
  readonly band: BandFacts
  readonly proof: ProofFacts
  /** The presence lease has not lapsed. */
  readonly present: boolean
  /** The terms of an offer whose MAC was checked. */
  readonly terms: OfferTerms
  /** From `gradeProximity`. */
  readonly level: ProximityLevel
  readonly limits: AccountLimits
  readonly usage: Usage
  /** What the band's present arming has paid. */
  readonly arming: ArmingUsage
  readonly ownerEpoch: number
  /** The owner epoch under which the band was armed. */
  readonly armedOwnerEpoch: number
  /** The phone that asks is still inside its Security Delay. */
  readonly phonePending: boolean
  /** User verification came with this very request. */
  readonly userVerifiedNow: boolean
}

/** The answer to a request. A denial is final for its reference iff `obligation` is null. Amounts are minor units. */
export type Decision =
  | {
      readonly approved: true
      readonly level: ProximityLevel
      /** The most the next use may be with the same evidence. */
      readonly useLeftMinor: number
      /** What is left of today's limits for this action. */
      readonly dayLeftMinor: number
    }
  | {
      readonly approved: false
      readonly reason: DenialReason
      readonly obligation: Obligation | null
      readonly level: ProximityLevel
      readonly useLeftMinor: number
      readonly dayLeftMinor: number
    }
