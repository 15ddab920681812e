// The rules of the policy (docs/architecture.md §6): every condition of an approval, in the order in which they are looked at. `decide` takes
// the first that does not hold, `explainFacts` shows all of them. Each states what must be true, so a fact that is missing or not a number
// denies.

import { actions, parseAction } from '../protocol/actions.ts'
import { conformanceBits } from '../protocol/band-cert.ts'
import { amountMinorMax, offerLifeMaxMs } from '../protocol/limits.ts'
import type { DenialReason, Obligation } from '../protocol/reasons.ts'
import { holdBits, holdsOf } from '../protocol/states.ts'
import type { DecisionFacts } from './facts.ts'
import type { ProximityLevel } from './proximity.ts'
import type { Room } from './room.ts'

/** What a rule denies for, the rule in words, and what would help the wearer past it. */
export type Denial = {
  readonly reason: DenialReason
  readonly says: string
  /** A denial without help is final for its reference. */
  readonly helps: Obligation | null
}

/** A rule that needs the limits is not looked at in a currency without any: the rule before it has denied. */
export type Rule = {
  /** What it looks at, in a few words. */
  readonly fact: string
  /** All that `denies` may give. */
  readonly denials: readonly [Denial, ...Denial[]]
} & (
  | {
      readonly of: 'facts'
      readonly holds: (facts: DecisionFacts) => boolean
      readonly denies: (facts: DecisionFacts) => Denial
      /** What was found, for people. */
      readonly value: (facts: DecisionFacts) => string
    }
  | {
      readonly of: 'room'
      readonly holds: (facts: DecisionFacts, room: Room) => boolean
      readonly denies: (facts: DecisionFacts, room: Room) => Denial
      readonly value: (facts: DecisionFacts, room: Room) => string
    }
)

type OfFacts = Extract<Rule, { readonly of: 'facts' }>
type OfRoom = Extract<Rule, { readonly of: 'room' }>

function denial(reason: DenialReason, says: string, helps: Obligation | null = null): Denial {
  return { reason, says, helps }
}

/** A rule about the facts alone that denies for one reason. */
function rule(fact: string, one: Denial, { holds, value }: Pick<OfFacts, 'holds' | 'value'>): Rule {
  return { of: 'facts', fact, denials: [one], denies: () => one, holds, value }
}

/** A rule about what the limits leave that denies for one reason. */
function limit(fact: string, one: Denial, { holds, value }: Pick<OfRoom, 'holds' | 'value'>): Rule {
  return { of: 'room', fact, denials: [one], denies: () => one, holds, value }
}

const byHold = {
  lost: denial('band-lost', 'Nothing is approved under a hold: the band is reported lost.'),
  operator: denial('operator-freeze', 'Nothing is approved under a hold: an operator froze the band.'),
  owner: denial('owner-freeze', 'Nothing is approved under a hold: the owner froze the band.'),
  risk: denial('risk-freeze', 'Nothing is approved under a hold: a rule froze the band.'),
}

function holdDenial(bits: number): Denial {
  if ((bits & holdBits.lost) !== 0) return byHold.lost
  if ((bits & holdBits['operator-freeze']) !== 0) return byHold.operator
  if ((bits & holdBits['owner-freeze']) !== 0) return byHold.owner
  return byHold.risk
}

/** What holds deny for: of several the gravest. */
export function reasonOfHolds(bits: number): DenialReason {
  return holdDenial(bits).reason
}

const tooFar = denial('proximity-too-low', 'An amount like this needs a tap.', 'tap')
const overEvidence = denial('over-evidence-limit', 'The amount must be within what the evidence of proximity supports.')
const overArming = denial(
  'over-arming-limit',
  'Since the band was armed, the shares of the day limits that payments of all currencies took must sum up to 1 at most.',
  'verify-user',
)

/** Could a tap of this band's wearer be better evidence than there is? */
function canTap(level: ProximityLevel, conformance: number): boolean {
  return level < 2 && (conformance & conformanceBits.tap) !== 0
}

/** Would a tap be better evidence, and enough for this amount? */
function tapHelps({ level, band, terms }: DecisionFacts, room: Room): boolean {
  return canTap(level, band.conformance) && terms.amountMinor <= room.atLevel(2)
}

const aboutBand: readonly Rule[] = [
  rule('action', denial('unsupported-action', 'Only pay and receive are decided.'), {
    holds: ({ terms }) => terms.action === actions.pay || terms.action === actions.receive,
    value: ({ terms }) => parseAction(terms.action) ?? `number ${terms.action}`,
  }),
  rule('binding', denial('band-not-bound', 'The band must be bound to an account.'), {
    holds: ({ band }) => band.state !== 'unbound' && band.state !== 'pairing',
    value: ({ band }) => (band.state !== 'unbound' && band.state !== 'pairing' ? 'bound' : band.state),
  }),
  // Before the state it left the band in: a frozen band is disarmed, and "frozen" is what helps.
  {
    of: 'facts',
    fact: 'holds',
    denials: [byHold.lost, byHold.operator, byHold.owner, byHold.risk],
    denies: ({ band }) => holdDenial(band.holds),
    holds: ({ band }) => band.holds === 0,
    value: ({ band }) => holdsOf(band.holds).join(', ') || 'none',
  },
  rule('deactivation', denial('band-deactivating', 'Nothing is approved while a deactivation is under way.'), {
    holds: ({ band }) => band.state !== 'deactivating',
    value: ({ band }) => (band.state === 'deactivating' ? 'under way' : 'none'),
  }),
  rule('worn', denial('band-off-wrist', 'The band must be on the wrist, by what it last said.'), {
    holds: ({ band }) => band.state !== 'offWrist',
    value: ({ band }) => (band.state === 'offWrist' ? 'off the wrist' : 'on the wrist'),
  }),
  // Arming is what a verification does; after it the same offer may be asked again.
  rule('armed', denial('band-not-armed', 'The band must be armed.', 'verify-user'), {
    holds: ({ band }) => band.state === 'armed',
    value: ({ band }) => band.state,
  }),
  rule('armed until', denial('arm-expired', 'The arming must not have run out.', 'verify-user'), {
    holds: ({ band, nowMs }) => nowMs < band.armedUntilMs,
    value: ({ band }) => instant(band.armedUntilMs),
  }),
  rule('owner epoch', denial('epoch-raised', "The arming must be of the owner's present epoch."), {
    holds: ({ ownerEpoch, armedOwnerEpoch }) => ownerEpoch === armedOwnerEpoch,
    value: ({ ownerEpoch, armedOwnerEpoch }) => `${ownerEpoch}, armed under ${armedOwnerEpoch}`,
  }),
]

const aboutAsking: readonly Rule[] = [
  rule('phone', denial('phone-pending', 'The phone must be past its Security Delay.'), {
    holds: ({ phonePending }) => !phonePending,
    value: ({ phonePending }) => (phonePending ? 'inside its Security Delay' : 'has full rights'),
  }),
  rule('clock', denial('clock-uncertain', 'Nothing is approved while the clock is in doubt.'), {
    holds: ({ clockCertain }) => clockCertain,
    value: ({ clockCertain }) => (clockCertain ? 'certain' : 'in doubt'),
  }),
  rule('offer expires', denial('offer-expired', 'The offer must not have expired.'), {
    holds: ({ terms, nowMs }) => nowMs < terms.expiresAtMs,
    value: ({ terms }) => instant(terms.expiresAtMs),
  }),
  rule('offer lives on', denial('offer-too-long-lived', 'The offer must not be valid for longer than offers may be.'), {
    holds: ({ terms, nowMs }) => terms.expiresAtMs - nowMs <= offerLifeMaxMs,
    value: ({ terms, nowMs }) => `${terms.expiresAtMs - nowMs} ms of at most ${offerLifeMaxMs}`,
  }),
]

const aboutProof: readonly Rule[] = [
  // The band lost its secret, or has not heard of the new one yet: arming helps, so this must not be final.
  rule('arming of the proof', denial('band-not-armed', 'Its proof must be made with that arming.', 'verify-user'), {
    holds: ({ proof, band }) => proof.armEpoch >= band.armEpoch,
    value: ({ proof, band }) => `of arming ${proof.armEpoch}, the band's is ${band.armEpoch}`,
  }),
  rule('proof', denial('proof-invalid', "The proof must be good under the band's present arming."), {
    holds: isProofGood,
    value: (facts) => (isProofGood(facts) ? 'good' : 'not good'),
  }),
  rule('wear in the proof', denial('band-off-wrist', 'The proof must say that the band is on the wrist.'), {
    holds: ({ proof }) => proof.wear === 'on',
    value: ({ proof }) => proof.wear,
  }),
  rule('the wearer', denial('refused-by-wearer', 'The wearer must not refuse.'), {
    holds: ({ proof }) => proof.verdict !== 'refused',
    value: ({ proof }) => proof.verdict,
  }),
  rule('presence', denial('not-present', 'The presence lease must not have lapsed.'), {
    holds: ({ present }) => present,
    value: ({ present }) => (present ? 'within its lease' : 'lapsed'),
  }),
]

const isAmount = (amountMinor: number): boolean =>
  Number.isSafeInteger(amountMinor) && amountMinor > 0 && amountMinor <= amountMinorMax

const aboutAmount: readonly Rule[] = [
  rule(
    'amount',
    denial('amount-invalid', 'The amount must be a whole number of minor units above 0 that a partner may ask for.'),
    { holds: ({ terms }) => isAmount(terms.amountMinor), value: ({ terms }) => minor(terms.amountMinor) },
  ),
  rule('currency', denial('currency-not-allowed', 'The currency must have a limit table.'), {
    holds: ({ terms, limits }) => limits.tables.has(terms.currency),
    value: ({ terms, limits }) => `${terms.currency}, ${limits.tables.has(terms.currency) ? 'a' : 'no'} limit table`,
  }),
  limit('limit of one use', denial('over-use-limit', 'One use must be within its limit.'), {
    holds: ({ terms }, room) => terms.amountMinor <= room.useMinor,
    value: ({ band }, room) => `${minor(room.useMinor)}${band.restricted ? ', restricted' : ''}`,
  }),
  limit('left of the day', denial('over-day-limit', "The day's payments must be within their limit."), {
    holds: ({ terms }, room) => terms.amountMinor <= room.dayMinor,
    value: (_, room) => minor(room.dayMinor),
  }),
  limit('left of the class', denial('over-class-limit', "The day's uses of this class must be within their limit."), {
    holds: ({ terms }, room) => terms.amountMinor <= room.classMinor,
    value: (_, room) => minor(room.classMinor),
  }),
]

const aboutEvidence: readonly Rule[] = [
  limit(
    'verification',
    denial(
      'verification-stale',
      'An amount like this needs a verification of the wearer that is younger.',
      'verify-user',
    ),
    { holds: ({ terms }, room) => terms.amountMinor <= room.verifiedMinor, value: verification },
  ),
  {
    of: 'room',
    fact: 'proximity',
    denials: [tooFar, overEvidence],
    denies: (facts, room) => (tapHelps(facts, room) ? tooFar : overEvidence),
    holds: ({ terms, level }, room) => terms.amountMinor <= room.atLevel(level),
    value: ({ level }, room) => `level ${level}, ${minor(room.atLevel(level))} at most`,
  },
  {
    of: 'room',
    fact: 'left of the arming',
    denials: [tooFar, overArming],
    denies: (facts, room) =>
      tapHelps(facts, room) && facts.terms.amountMinor <= room.inArming(2) ? tooFar : overArming,
    holds: ({ terms, level }, room) => terms.amountMinor <= room.inArming(level),
    value: ({ level }, room) => minor(room.inArming(level)),
  },
]

/** All rules, in order. */
export const rules: readonly Rule[] = [...aboutBand, ...aboutAsking, ...aboutProof, ...aboutAmount, ...aboutEvidence]

function isProofGood({ proof, band }: DecisionFacts): boolean {
  return proof.valid && proof.armEpoch === band.armEpoch
}

function verification({ nowMs, band, userVerifiedNow }: DecisionFacts, { withinMs }: Room): string {
  if (userVerifiedNow) return 'with this request'
  const within = withinMs === Number.POSITIVE_INFINITY ? 'any age' : `under ${withinMs} ms`
  return `${nowMs - band.verifiedAtMs} ms ago, ${within} is enough`
}

function instant(atMs: number): string {
  return atMs === 0 ? 'never' : new Date(atMs).toISOString()
}

function minor(amountMinor: number): string {
  return amountMinor === Number.MAX_SAFE_INTEGER ? 'no limit' : `${amountMinor} minor units`
}
