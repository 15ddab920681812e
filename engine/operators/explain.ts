// Explanation and replay of a past decision. Why an old decision came out as it did, and whether it would again: from its record, wherever
// that stands in the journal.

import type { ExplanationAnswer, ReplayAnswer } from '../../protocol/operator-api.ts'
import { decodeOfferTerms } from '../../protocol/offer.ts'
import { parseReason } from '../../protocol/reasons.ts'
import { explainFacts, ruleOf } from '../../policy/explain.ts'
import { shortened } from '../ledger/account-rows.ts'
import type { Core } from '../core/core.ts'
import { decideAgain, factsOf } from '../decisions/decision-again.ts'
import { askedFor, labelText, obligationWord, reasonWord } from '../ports/decision-words.ts'
import type { Lsn } from '../ports/journal.ts'
import type { DecisionRecord } from '../ports/records.ts'
import { historyKey } from '../ports/rows.ts'
import { receiptClaims } from '../decisions/receipts.ts'

export async function explainDecision(core: Core, lsn: Lsn): Promise<ExplanationAnswer | undefined> {
  const record = await decisionAt(core, lsn)
  if (record === undefined) return undefined
  const facts = factsOf(record, { tables: core.config.limits })
  const history = core.ledger.get('history', historyKey(lsn))
  const { obligation, level, useLeftMinor, dayLeftMinor } = record
  const reversedByLsn = history?.reversedBy ?? null
  const reason = reversedByLsn === null ? record.reason : (history?.reason ?? record.reason)
  const asked = askedFor(record.canon)
  const decided = parseReason(record.reason)
  return {
    decision: {
      lsn,
      atMs: record.atMs,
      bandId: record.bandId,
      account: shortened(record.account),
      ...asked,
      partnerName: core.partners.find(asked.partner)?.name ?? null,
      label: labelText(record.label),
      reason: reasonWord(reason),
      obligation: obligationWord(obligation),
      level,
      reversedByLsn,
    },
    facts: explainFacts(facts).map(({ fact, value, holds }) => ({ fact, value, holds })),
    rule: decided === undefined ? `A rule of another version, number ${record.reason}.` : ruleOf(decided),
    obligation: obligationWord(obligation),
    receipt: decided === 'approved' && reversedByLsn === null ? claimsOf(core, lsn, record) : null,
    useLeftMinor,
    dayLeftMinor,
  }
}

export async function replayDecision(core: Core, lsn: Lsn): Promise<ReplayAnswer | undefined> {
  const record = await decisionAt(core, lsn)
  return record === undefined ? undefined : { lsn, ...decideAgain(record, { tables: core.config.limits }) }
}

async function decisionAt(core: Core, lsn: Lsn): Promise<DecisionRecord | undefined> {
  const record = await core.ledger.read(lsn)
  return record?.type === 'decision' ? record : undefined
}

function claimsOf(core: Core, lsn: Lsn, record: DecisionRecord) {
  const { rd, account, atMs, level, ownerEpoch } = record
  return receiptClaims(core, {
    offer: { terms: decodeOfferTerms(record.canon) },
    rd,
    account,
    lsn,
    atMs,
    level,
    ownerEpoch,
  })
}
