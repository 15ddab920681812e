// Deterministic replay of a decision. Makes a decision again from its record (threat R1): the facts as the journal has them, judged by the
// code and the limit tables that are running. Pure, so that a test can do it for every record there is.

import { decide } from '../../policy/decide.ts'
import type { Decision, DecisionFacts } from '../../policy/facts.ts'
import type { AccountLimits } from '../../policy/limits.ts'
import { gradeProximity } from '../../policy/proximity.ts'
import { decodeEvidence } from '../../protocol/evidence.ts'
import { namesOf } from '../../base/names.ts'
import { decodeOfferTerms } from '../../protocol/offer.ts'
import type { ReplayAnswer, ReplayedDecision } from '../../protocol/operator-api.ts'
import { bandStates } from '../../protocol/states.ts'
import { armingOf, usageOf } from '../ports/apply.ts'
import { labelText, obligationWord, reasonWord } from '../ports/decision-words.ts'
import type { DecisionRecord } from '../ports/records.ts'

/** What a record does not have. */
export type RunningLimits = Pick<AccountLimits, 'tables'>

/** The facts of a decision, rebuilt. */
export function factsOf(record: DecisionRecord, running: RunningLimits): DecisionFacts {
  const { atMs, conformance, verdict, evidence, ownLimits } = record
  const own = ownLimits.map(([currency, perUseMinor, perDayMinor]) => ({ currency, perUseMinor, perDayMinor }))
  return {
    nowMs: atMs,
    clockCertain: record.clockCertain,
    band: {
      state: namesOf(bandStates).find((state) => state === record.bandState) ?? 'unbound',
      holds: record.holds,
      armEpoch: record.armEpoch,
      armedUntilMs: record.armedUntilMs,
      verifiedAtMs: record.verifiedAtMs,
      conformance,
      restricted: record.restricted,
    },
    proof: { valid: record.proofValid, verdict, wear: record.wear, armEpoch: record.proofArmEpoch },
    present: record.present,
    // By which key the partner made the offer is not kept; nothing is judged by it.
    terms: { ...decodeOfferTerms(record.canon), label: labelText(record.label), kid: 0 },
    level: gradeProximity({
      verdict,
      evidence: decodeEvidence(evidence),
      conformance,
      // As when it was decided: no reader speaks to the engine itself yet.
      readerNonceMatched: false,
    }),
    limits: { tables: running.tables, own },
    usage: usageOf({ day: record.usageDay, byCurrency: record.usage }),
    arming: armingOf({ armEpoch: record.armEpoch, byCurrency: record.arming }, record.armEpoch),
    ownerEpoch: record.ownerEpoch,
    armedOwnerEpoch: record.armedOwnerEpoch,
    phonePending: record.phonePending,
    userVerifiedNow: record.userVerifiedNow,
  }
}

/** Decides again and compares. */
export function decideAgain(record: DecisionRecord, running: RunningLimits): Omit<ReplayAnswer, 'lsn'> {
  const then: ReplayedDecision = {
    reason: reasonWord(record.reason),
    obligation: obligationWord(record.obligation),
    level: record.level,
    useLeftMinor: record.useLeftMinor,
    dayLeftMinor: record.dayLeftMinor,
  }
  const now = replayed(decide(factsOf(record, running)))
  const differences = namesOf(then)
    .filter((field) => then[field] !== now[field])
    .map((field) => ({ field, then: String(then[field] ?? 'none'), now: String(now[field] ?? 'none') }))
  return { same: differences.length === 0, then, now, differences, takenFromNow: takenFromNow(record) }
}

function replayed(decision: Decision): ReplayedDecision {
  const { level, useLeftMinor, dayLeftMinor } = decision
  return decision.approved
    ? { reason: 'approved', obligation: null, level, useLeftMinor, dayLeftMinor }
    : { reason: decision.reason, obligation: decision.obligation, level, useLeftMinor, dayLeftMinor }
}

/** In words, what the journal does not say. */
function takenFromNow({ canon }: DecisionRecord): readonly string[] {
  return [`the limit table of currency ${decodeOfferTerms(canon).currency}`]
}
