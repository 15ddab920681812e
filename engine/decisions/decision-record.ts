// The journal's record of one decision: what was decided and every fact it was made from, so that it can be made again.

import type { Decision } from '../../policy/facts.ts'
import { obligations, reasons } from '../../protocol/reasons.ts'
import type { Core } from '../core/core.ts'
import type { DecisionRecord } from '../ports/records.ts'
import type { BandRow } from '../ports/rows.ts'
import type { Proved, RequestFactsGathered } from './request-facts.ts'
import type { Slot } from '../core/slots.ts'

export function decisionRecord(
  core: Core,
  made: {
    readonly slot: Slot
    readonly proved: Proved
    readonly facts: RequestFactsGathered
    readonly decision: Decision
    readonly row: BandRow
  },
): DecisionRecord {
  const { slot, proved, facts, decision, row } = made
  const { offer, rd, proof } = proved
  return {
    type: 'decision',
    atMs: facts.nowMs,
    account: slot.account,
    bandId: slot.bandId,
    generation: slot.generation,
    canon: offer.canon,
    label: offer.labelBytes,
    rd,
    reason: decision.approved ? reasons.approved : reasons[decision.reason],
    obligation: decision.approved || decision.obligation === null ? null : obligations[decision.obligation],
    level: decision.level,
    useLeftMinor: decision.useLeftMinor,
    dayLeftMinor: decision.dayLeftMinor,
    bandState: row.state,
    holds: row.holds | facts.accountHolds,
    armEpoch: row.armEpoch,
    armedUntilMs: row.armedUntilMs,
    verifiedAtMs: row.verifiedAtMs,
    conformance: row.conformance,
    restricted: facts.restricted,
    verdict: proof.verdict,
    wear: proof.wear,
    proofValid: facts.proof.valid,
    proofArmEpoch: proof.armEpoch,
    present: facts.present,
    clockCertain: facts.clockCertain,
    phonePending: facts.phonePending,
    userVerifiedNow: facts.userVerifiedNow,
    evidence: proof.evidence,
    ownerEpoch: facts.ownerEpoch,
    armedOwnerEpoch: row.armedOwnerEpoch,
    usageDay: facts.usage.day,
    usage: (core.ledger.get('usage', slot.account) ?? { byCurrency: [] }).byCurrency,
    ownLimits: core.ledger.get('account', slot.account)?.limits ?? [],
    arming: facts.arming.map(({ currency, byLevelMinor }) => [currency, byLevelMinor]),
  }
}
