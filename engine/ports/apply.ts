// Reducer: journal record → row changes. What a journal record does to the rows. One function for the living engine, for replay at start and
// for audit: replaying the journal gives exactly the rows the engine answered from.

import { type OfferTerms, moneyOf, referenceOf } from '../../protocol/offer.ts'
import type { AccountId } from '../../protocol/ids.ts'
import { namesOf } from '../../base/names.ts'
import { type BandState, type Hold, accountHoldNames, holdBits } from '../../protocol/states.ts'
import { type ArmingUsage, armingAfter, armingReversed, countsInArming } from '../../policy/arming-room.ts'
import { type Usage, type Use, noUsage, usageAfter, usageReversed, utcDayOf } from '../../policy/limits.ts'
import type { ProximityLevel } from '../../policy/proximity.ts'
import { labelText } from './decision-words.ts'
import type { Lsn } from './journal.ts'
import type { DecisionRecord, JournalRecord, JournalRecordOf } from './records.ts'
import { keepAnswer } from './references.ts'
import {
  type Change,
  type RowReader,
  type AccountRow,
  type AlarmRow,
  type ArmingRow,
  type BandRow,
  type HistoryRow,
  type PhoneRow,
  type RatchetRow,
  type RewoundRow,
  type UsageRow,
  type AccountTally,
  accountBandKey,
  accountTally,
  actKey,
  alarmKey,
  heldTally,
  historyKey,
  historyMarkEvery,
  historyMarkKey,
  holdsOnBand,
  moveKey,
  newAccount,
  phoneAccountKey,
  phoneKey,
  referenceKey,
  restoredKey,
  rewoundKey,
} from './rows.ts'

/** The changes of one record. Pure: reads rows as they were before it. */
export function apply(record: JournalRecord, lsn: Lsn, rows: RowReader): readonly Change[] {
  switch (record.type) {
    case 'engine.started':
      return []
    case 'operator':
      return applyAct(record, lsn)
    case 'band':
      return [...applyBand(bandRowOf(record), rows), moved(record, lsn, rows)]
    case 'imported':
      return applyImported(record, lsn, rows)
    case 'ratchet':
      return [{ table: 'ratchet', key: record.bandId, row: ratchetRowOf(record) }]
    case 'account': {
      const { type: _type, atMs: _atMs, cause: _cause, by: _by, ...row } = record
      const before = rows.get('account', row.account)
      return [
        { table: 'account', key: row.account, row },
        ...accountTallies(before?.holds ?? 0, row.holds, rows),
        ...ownersAct(record, lsn),
        ...alarmChanges(before === undefined ? [] : limitAlarms(before), limitAlarms(row)),
      ]
    }
    case 'phone': {
      const { type: _type, atMs: _atMs, cause: _cause, by: _by, ...row } = record
      const key = phoneKey(row.account, row.phoneId)
      const before = rows.get('phone', key)
      return [
        // A phone that was vetoed or removed leaves; the journal remembers it.
        { table: 'phone', key, row: row.removed ? null : row },
        {
          table: 'phoneAccount',
          key: phoneAccountKey(row.phoneId, row.account),
          row: row.removed ? null : { account: row.account },
        },
        ...accountKeeps(
          row.account,
          (row.removed ? 0 : waitingOf(row)) - (before === undefined ? 0 : waitingOf(before)),
          rows,
          true,
        ),
        ...alarmChanges(before === undefined ? [] : phoneAlarms(key, before), row.removed ? [] : phoneAlarms(key, row)),
      ]
    }
    case 'decision':
      return applyDecision(record, lsn, rows)
    case 'reversal':
      return applyReversal(record, lsn, rows)
    case 'engine.restored': {
      // Numbers that others keep begin above it: they go on as if time had never run back.
      const atMs = record.atMs + (rows.get('rewound', rewoundKey)?.totalMs ?? 0)
      return [{ table: 'restored', key: restoredKey, row: { atMs, decidedUntilMs: record.decidedUntilMs } }]
    }
    case 'engine.rewound':
      return applyRewound(record, lsn, rows)
    case 'document': {
      const { name, number, digest } = record
      return [{ table: 'document', key: name, row: { number, digest } }]
    }
  }
}

function applyRewound(record: JournalRecordOf<'engine.rewound'>, lsn: Lsn, rows: RowReader): readonly Change[] {
  const before = rows.get('rewound', rewoundKey)
  if (record.done) {
    return before === undefined ? [] : [{ table: 'rewound', key: rewoundKey, row: { ...before, done: true } }]
  }
  const { atMs, fromMs } = record
  const totalMs = (before?.totalMs ?? 0) + Math.max(0, fromMs - atMs)
  const restored = rows.get('restored', restoredKey)
  return [
    { table: 'rewound', key: rewoundKey, row: { lsn, atMs, fromMs, totalMs, done: false } },
    // What an engine decided before its restore was decided before now.
    ...(restored === undefined || restored.decidedUntilMs <= atMs
      ? []
      : [{ table: 'restored', key: restoredKey, row: { ...restored, decidedUntilMs: atMs } } as const]),
  ]
}

function applyImported(record: JournalRecordOf<'imported'>, lsn: Lsn, rows: RowReader): readonly Change[] {
  const ratchet = ratchetRowOf(record)
  return [
    ...applyBand(bandRowOf(record), rows),
    { table: 'ratchet', key: record.bandId, row: ratchet },
    moved(record, lsn, rows),
  ]
}

// Field by field: what is left of a pattern is copied by the runtime, name by name, at 7 µs for a band.

function bandRowOf(record: BandRow): BandRow {
  return {
    bandId: record.bandId,
    state: record.state,
    generation: record.generation,
    tombstoned: record.tombstoned,
    account: record.account,
    bid: record.bid,
    pairingId: record.pairingId,
    pairingUntilMs: record.pairingUntilMs,
    vendor: record.vendor,
    model: record.model,
    batch: record.batch,
    conformance: record.conformance,
    holds: record.holds,
    holdSurfaces: record.holdSurfaces,
    holdEndedAtMs: record.holdEndedAtMs,
    wearEpoch: record.wearEpoch,
    armEpoch: record.armEpoch,
    armedUntilMs: record.armedUntilMs,
    armedOwnerEpoch: record.armedOwnerEpoch,
    verifiedAtMs: record.verifiedAtMs,
    deactivateAtMs: record.deactivateAtMs,
    foundAtMs: record.foundAtMs,
    before: record.before,
    bandKey: record.bandKey,
    acctTag: record.acctTag,
    sealedArmSecret: record.sealedArmSecret,
    name: record.name,
    deactivationBegunBy: record.deactivationBegunBy,
    foundBegunBy: record.foundBegunBy,
  }
}

function ratchetRowOf(record: RatchetRow): RatchetRow {
  return {
    k: record.k,
    sealedRoot: record.sealedRoot,
    sealedPrevious: record.sealedPrevious,
    sealedOldMacKeys: record.sealedOldMacKeys,
    oldMacKeysK: record.oldMacKeysK,
    resumes: record.resumes,
    rekeyedAtMs: record.rekeyedAtMs,
    restoredAtMs: record.restoredAtMs,
  }
}

/** What a band's timeline keeps of a record about it. */
function moved(record: JournalRecordOf<'band' | 'imported'>, lsn: Lsn, rows: RowReader): Change {
  const { bandId, account, atMs, cause, by, state, generation } = record
  const owner = account === null ? undefined : rows.get('account', account)
  const holds = record.holds | (owner === undefined ? 0 : holdsOnBand(owner, bandId))
  return { table: 'move', key: moveKey(bandId, lsn), row: { atMs, cause, by, state, holds, generation } }
}

/** What was neither about a band nor about an account is in the journal alone. */
function applyAct({ atMs, cause, by, also, reason, account, bandId }: JournalRecordOf<'operator'>, lsn: Lsn) {
  const about = bandId !== null ? { bandId } : account !== null ? { account } : undefined
  if (about === undefined) return []
  return [{ table: 'act', key: actKey(about, lsn), row: { atMs, act: cause, by, also, reason } } as const]
}

function applyBand(row: BandRow, rows: RowReader): readonly Change[] {
  const before = rows.get('band', row.bandId)
  const changes: Change[] = [{ table: 'band', key: row.bandId, row }]
  if (row.bid !== null && row.account !== null && row.bid !== before?.bid) {
    const { bandId, bid, account, generation } = row
    changes.push({ table: 'bid', key: bid, row: { bandId, account, generation, tombstoned: false } })
    changes.push({ table: 'accountBand', key: accountBandKey(account, bandId), row: { bandId } })
  }
  if (before !== undefined && before.bid !== null && before.account !== null && before.bid !== row.bid) {
    const { bandId, bid, account, generation } = before
    changes.push({ table: 'bid', key: bid, row: { bandId, account, generation, tombstoned: true } })
    if (row.account !== account) {
      changes.push({ table: 'accountBand', key: accountBandKey(account, bandId), row: null })
      changes.push({ table: 'arming', key: accountBandKey(account, bandId), row: null })
    }
    changes.push({ table: 'ratchet', key: bandId, row: null })
  }
  changes.push(...alarmChanges(before === undefined ? [] : bandAlarms(before), bandAlarms(row)))
  const owner = row.account ?? before?.account ?? null
  if (owner !== null)
    changes.push(...accountKeeps(owner, waitingOf(row) - (before === undefined ? 0 : waitingOf(before)), rows))
  if (before?.state !== row.state) {
    if (before !== undefined) changes.push(tally(before.state, -1, rows))
    changes.push(tally(row.state, 1, rows))
  }
  if ((before?.holds ?? 0) !== row.holds) changes.push(...holdTallies(before?.holds ?? 0, row.holds, rows))
  return changes
}

/** How many accounts are held as a whole. */
function accountTallies(before: number, after: number, rows: RowReader): readonly Change[] {
  return accountHoldNames
    .filter((hold) => ((before ^ after) & holdBits[hold]) !== 0)
    .map((hold) => tally(accountTally(hold), (after & holdBits[hold]) === 0 ? -1 : 1, rows))
}

/** What an owner does to everything at once stands on the timeline of each of the bands, as what an operator does, does. */
function ownersAct(record: JournalRecordOf<'account'>, lsn: Lsn): readonly Change[] {
  const { account, atMs, cause, by } = record
  const isOwners = cause === 'account.held' || cause === 'account.lifted' || cause === 'account.freed'
  if (!isOwners || by.startsWith('operator:')) return []
  return [{ table: 'act', key: actKey({ account }, lsn), row: { atMs, act: cause, by, also: null, reason: '' } }]
}

function tally(counted: BandState | Hold | typeof heldTally | AccountTally, step: 1 | -1, rows: RowReader): Change {
  const count = Math.max(0, (rows.get('tally', counted)?.count ?? 0) + step)
  return { table: 'tally', key: counted, row: { count } }
}

function holdTallies(before: number, after: number, rows: RowReader): readonly Change[] {
  const changes = namesOf(holdBits)
    .filter((hold) => ((before ^ after) & holdBits[hold]) !== 0)
    .map((hold) => tally(hold, (after & holdBits[hold]) === 0 ? -1 : 1, rows))
  if ((before === 0) !== (after === 0)) changes.push(tally(heldTally, after === 0 ? -1 : 1, rows))
  return changes
}

function applyDecision(record: DecisionRecord, lsn: Lsn, rows: RowReader): readonly Change[] {
  const { account, bandId, reason, obligation, level, useLeftMinor, dayLeftMinor, rd, ownerEpoch } = record
  const before = rows.get('usage', account)
  const decisions = (before?.decisions ?? 0) + 1
  const spent = usageCounted(before, rows.get('rewound', rewoundKey))
  const usage = reason === 0 ? usageAfter(spent, useOf(moneyOf(record.canon), record.atMs, level)) : spent
  const changes: Change[] = [
    ...keepAnswer(rows, referenceOf(record.canon), {
      rd,
      account,
      bandId,
      final: obligation === null,
      reason,
      obligation,
      level,
      useLeftMinor,
      dayLeftMinor,
      lsn,
      decidedAtMs: record.atMs,
      ownerEpoch,
    }),
    {
      table: 'history',
      key: historyKey(lsn),
      row: {
        atMs: record.atMs,
        bandId,
        canon: record.canon,
        label: labelText(record.label),
        reason,
        obligation,
        reversedBy: null,
        level,
        account,
        before: before?.newestLsn ?? null,
      },
    },
    { table: 'usage', key: account, row: usageRow(usage, { newestLsn: lsn, decisions }) },
    ...(reason === 0 ? paidInArming(record, rows) : []),
  ]
  if (decisions % historyMarkEvery === 0)
    changes.push({ table: 'historyMark', key: historyMarkKey(account, lsn), row: { lsn } })
  return changes
}

/** What the arming has paid after this approval. */
function paidInArming(record: DecisionRecord, rows: RowReader): readonly Change[] {
  const { account, bandId, armEpoch, canon, level, userVerifiedNow } = record
  const terms = moneyOf(canon)
  if (!countsInArming(terms.action, userVerifiedNow)) return []
  const key = accountBandKey(account, bandId)
  const spent = armingAfter(armingOf(rows.get('arming', key), armEpoch), { ...terms, level: parseLevel(level) })
  return [{ table: 'arming', key, row: armingRow(armEpoch, spent) }]
}

/** The same without an approval of that arming that was reversed; nothing when the band was armed anew since. */
function givenBack(
  { account, armEpoch }: JournalRecordOf<'reversal'>,
  { bandId, canon }: Pick<HistoryRow, 'bandId' | 'canon'>,
  level: number,
  rows: RowReader,
): readonly Change[] {
  const key = accountBandKey(account, bandId)
  const row = rows.get('arming', key)
  if (armEpoch === null || row?.armEpoch !== armEpoch) return []
  const spent = armingReversed(armingOf(row, armEpoch), { ...moneyOf(canon), level: parseLevel(level) })
  return [{ table: 'arming', key, row: armingRow(armEpoch, spent) }]
}

function applyReversal(record: JournalRecordOf<'reversal'>, lsn: Lsn, rows: RowReader): readonly Change[] {
  const key = referenceKey(record)
  // The approval stands in the first place, and its denial stays there until another account is approved.
  const kept = rows.get('reference', key)
  const reference = kept?.account === record.account ? kept : undefined
  const reversedKey = historyKey(record.reversedLsn)
  const history = rows.get('history', reversedKey)
  const usage = rows.get('usage', record.account)
  const changes: Change[] = []
  if (reference !== undefined) {
    changes.push({
      table: 'reference',
      key,
      // As it was answered: what stopped it leaves nothing to use.
      row: {
        ...reference,
        reason: record.reason,
        obligation: null,
        final: true,
        useLeftMinor: 0,
        dayLeftMinor: 0,
        lsn,
      },
    })
  }
  if (history !== undefined) {
    changes.push({ table: 'history', key: reversedKey, row: { ...history, reason: record.reason, reversedBy: lsn } })
    if (usage !== undefined && reference !== undefined) {
      const use = useOf(moneyOf(history.canon), history.atMs, reference.level)
      const spent = usageCounted(usage, rows.get('rewound', rewoundKey))
      changes.push({ table: 'usage', key: record.account, row: usageRow(usageReversed(spent, use), usage) })
    }
    if (reference !== undefined) changes.push(...givenBack(record, history, reference.level, rows))
  }
  return changes
}

/** The arithmetic of policy/ on a stored row. */
export function usageOf(row: Pick<UsageRow, 'day' | 'byCurrency'> | undefined): Usage {
  if (row === undefined) return noUsage
  return {
    day: row.day,
    byCurrency: row.byCurrency.map((sums) => {
      // Not by a pattern: that asks an iterator for each.
      return { currency: sums[0], payMinor: sums[1], receiveMinor: sums[2], byLevelMinor: sums[3] }
    }),
  }
}

/**
 * What an account used, as it counts: on a day that had not come when time ran back, it was used on the day when it did. So no limit is free again,
 * and none is used up until that day comes.
 */
export function usageCounted(row: UsageRow | undefined, rewound: RewoundRow | undefined): Usage {
  const usage = usageOf(row)
  if (row === undefined || rewound === undefined || (row.newestLsn ?? 0) > rewound.lsn) return usage
  const day = utcDayOf(rewound.atMs)
  return usage.day > day ? { ...usage, day } : usage
}

/** What the present arming has paid; what an earlier one paid does not count. */
export function armingOf(row: ArmingRow | undefined, armEpoch: number | undefined): ArmingUsage {
  if (row === undefined || row.armEpoch !== armEpoch) return nothingPaid
  return row.byCurrency.map((sums) => ({ currency: sums[0], byLevelMinor: sums[1] }))
}

const nothingPaid: ArmingUsage = []

function armingRow(armEpoch: number, spent: ArmingUsage): ArmingRow {
  return { armEpoch, byCurrency: spent.map((sums) => [sums.currency, sums.byLevelMinor]) }
}

function usageRow(usage: Usage, { newestLsn, decisions }: Pick<UsageRow, 'newestLsn' | 'decisions'>): UsageRow {
  return {
    newestLsn,
    decisions,
    day: usage.day,
    byCurrency: usage.byCurrency.map((sums) => [sums.currency, sums.payMinor, sums.receiveMinor, sums.byLevelMinor]),
  }
}

function useOf(terms: Pick<OfferTerms, 'currency' | 'action' | 'amountMinor'>, atMs: number, level: number): Use {
  const { currency, action, amountMinor } = terms
  return { day: utcDayOf(atMs), currency, action, amountMinor, level: parseLevel(level) }
}

/** A stored level; what is none counts as no evidence. */
export function parseLevel(level: number): ProximityLevel {
  return level === 4 || level === 3 || level === 2 || level === 1 ? level : 0
}

function bandAlarms(row: BandRow): readonly AlarmRow[] {
  const alarms: AlarmRow[] = []
  const subject = row.bandId
  if (row.state === 'armed' && row.armedUntilMs > 0)
    alarms.push({ atMs: row.armedUntilMs, kind: 'arm.expired', subject })
  if (row.state === 'pairing') alarms.push({ atMs: row.pairingUntilMs, kind: 'pairing.expired', subject })
  if (row.deactivateAtMs > 0) alarms.push({ atMs: row.deactivateAtMs, kind: 'deactivation.due', subject })
  if (row.foundAtMs > 0) alarms.push({ atMs: row.foundAtMs, kind: 'found.due', subject })
  return alarms
}

function phoneAlarms(subject: string, row: Pick<PhoneRow, 'pendingUntilMs' | 'removeAtMs'>): readonly AlarmRow[] {
  const alarms: AlarmRow[] = []
  if (row.pendingUntilMs > 0) alarms.push({ atMs: row.pendingUntilMs, kind: 'phone.due', subject })
  if (row.removeAtMs > 0) alarms.push({ atMs: row.removeAtMs, kind: 'phone.removal', subject })
  return alarms
}

/**
 * What the account's row keeps of its bands and phones: how many changes of theirs wait, and ◆ that it ever had a phone: then it never
 * has a first one again.
 */
function accountKeeps(account: AccountId, step: number, rows: RowReader, phone?: true): readonly Change[] {
  const row = rows.get('account', account) ?? newAccount(account)
  const hadPhone = row.hadPhone || phone === true
  if (step === 0 && hadPhone === row.hadPhone) return []
  return [{ table: 'account', key: account, row: { ...row, waiting: Math.max(0, row.waiting + step), hadPhone } }]
}

function waitingOf(
  row: Partial<Pick<BandRow, 'deactivateAtMs' | 'foundAtMs'> & Pick<PhoneRow, 'pendingUntilMs' | 'removeAtMs'>>,
) {
  const instants = [row.deactivateAtMs, row.foundAtMs, row.pendingUntilMs, row.removeAtMs]
  return instants.filter((atMs) => atMs !== undefined && atMs > 0).length
}

/** One for each instant at which limits rise. */
function limitAlarms({ account, risingLimits }: Pick<AccountRow, 'account' | 'risingLimits'>): readonly AlarmRow[] {
  const instants = new Set(risingLimits.map(([, , , risesAtMs]) => risesAtMs))
  return [...instants].map((atMs) => ({ atMs, kind: 'limits.due', subject: account }))
}

function alarmChanges(before: readonly AlarmRow[], after: readonly AlarmRow[]): readonly Change[] {
  const kept = new Set(after.map(alarmKey))
  const known = new Set(before.map(alarmKey))
  const removed = before.filter((alarm) => !kept.has(alarmKey(alarm)))
  const added = after.filter((alarm) => !known.has(alarmKey(alarm)))
  return [
    ...removed.map((alarm): Change => ({ table: 'alarm', key: alarmKey(alarm), row: null })),
    ...added.map((alarm): Change => ({ table: 'alarm', key: alarmKey(alarm), row: alarm })),
  ]
}
