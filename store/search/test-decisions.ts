// For tests of searching: a journal of decisions, some taken back, other records in between.

import type { DecisionFilter } from '../../protocol/operator-api.ts'
import { type DecisionRecord, type JournalRecord, encodeRecord } from '../../engine/ports/records.ts'
import { actions } from '../../protocol/actions.ts'
import { parseAccountId, parseBandId, parsePartnerId, parseResourceId, parseRid } from '../../protocol/ids.ts'
import { canonBytes, encodeOfferTerms } from '../../protocol/offer.ts'
import { reasons } from '../../protocol/reasons.ts'
import type { Journal, Lsn } from '../../engine/ports/journal.ts'
import type { FilePort } from '../files/file-port.ts'
import { type FoundDecision, scanDecisions } from './decision-scan.ts'
import { journalFolder } from '../journal/test-disk.ts'

export const startMs = 1_700_000_000_000
export const partner = parsePartnerId('aa'.repeat(16))
export const bandOf = (number: number) => parseBandId(number.toString(16).padStart(32, '0'))

/** The decision of second `at`: of account `a0` to `a2`, band 0 to 4, amount `at`, every fourth denied. */
export function decisionAt(at: number, changed: Partial<DecisionRecord> = {}): DecisionRecord {
  const terms = {
    partner,
    resource: parseResourceId('0b'.repeat(16)),
    action: at % 5 === 0 ? actions.receive : actions.pay,
    amountMinor: at + 1,
    currency: at % 2 === 0 ? 978 : 840,
    partnerNonce: new Uint8Array(16),
    rid: parseRid(at.toString(16).padStart(16, '0')),
    expiresAtMs: startMs + at * 1_000 + 60_000,
    label: 'Coffee',
    kid: 1,
  }
  return {
    type: 'decision',
    atMs: startMs + at * 1_000,
    account: parseAccountId(`a${at % 3}`),
    bandId: bandOf(at % 5),
    generation: 1,
    canon: encodeOfferTerms(terms).subarray(0, canonBytes),
    label: new Uint8Array(24),
    rd: new Uint8Array(32),
    reason: at % 4 === 0 ? reasons['not-present'] : reasons.approved,
    obligation: null,
    level: 2,
    useLeftMinor: 1,
    dayLeftMinor: 2,
    bandState: 'armed',
    holds: 0,
    armEpoch: 1,
    armedUntilMs: startMs,
    verifiedAtMs: startMs,
    conformance: 0,
    restricted: false,
    verdict: 'tap',
    wear: 'on',
    proofValid: true,
    proofArmEpoch: 1,
    present: true,
    clockCertain: true,
    phonePending: false,
    userVerifiedNow: false,
    evidence: new Uint8Array(16),
    ownerEpoch: 0,
    armedOwnerEpoch: 0,
    usageDay: 0,
    usage: [],
    ownLimits: [],
    arming: [],
    ...changed,
  }
}

/** Takes the decision at `lsn` back, `afterMs` later. */
export function reversalOf(decision: DecisionRecord, reversedLsn: Lsn, afterMs: number): JournalRecord {
  const { account } = decision
  const rid = parseRid('00'.repeat(8))
  const atMs = decision.atMs + afterMs
  const reason = reasons['operator-freeze']
  return { type: 'reversal', atMs, account, partner, rid, reversedLsn, reason, armEpoch: null }
}

/** Something else that happened. */
export function startedAt(at: number): JournalRecord {
  return { type: 'engine.started', atMs: startMs + at * 1_000, epoch: at, version: 'x'.repeat(32) }
}

/** Appends, each durable before the next when `isAlone`, which makes it a group of its own. */
export async function write(
  journal: Journal,
  records: readonly JournalRecord[],
  isAlone = false,
): Promise<readonly Lsn[]> {
  const lsns: Lsn[] = []
  for (const record of records) {
    const body = encodeRecord(record)
    let lsn = journal.append(body, 'normal')
    // Segments of the smallest size fill faster than new ones are made.
    for (let turn = 0; lsn === 'full' && turn < 1_000_000; turn++) {
      await new Promise((resolve) => setImmediate(resolve))
      lsn = journal.append(body, 'normal')
    }
    if (typeof lsn !== 'number') throw new Error(`the journal did not take a record: ${lsn}`)
    lsns.push(lsn)
    if (isAlone) await journal.durable(lsn)
  }
  await journal.durable(journal.appendedLsn)
  return lsns
}

/** All that a scan finds. */
export function scanned(
  files: FilePort,
  throughLsn: Lsn,
  filter: DecisionFilter = {},
  limit = 1_000_000,
): readonly FoundDecision[] {
  return [...scanDecisions(files, { folder: journalFolder, filter, throughLsn, limit })].flatMap(
    ({ entries }) => entries,
  )
}
