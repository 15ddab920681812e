// In-flight approvals. Approvals on their way to the disk. What stops their band or account reverses them in the same group of the journal, so
// that after a crash both are there or neither is (deny beats allow; docs/decisions/0022).

import { reasonOfHolds } from '../../policy/rules.ts'
import type { AccountId, BandId, PartnerId, Rid } from '../../protocol/ids.ts'
import { type DenialReason, reasons } from '../../protocol/reasons.ts'
import type { Preceding } from './ledger.ts'
import type { Lsn } from '../ports/journal.ts'
import type { JournalRecord, JournalRecordOf } from '../ports/records.ts'
import { type AccountRow, type BandRow, holdsOnBand } from '../ports/rows.ts'

/** What an approval was decided under, and what became of it while it waits. */
export type Approval = {
  readonly lsn: Lsn
  readonly partner: PartnerId
  readonly rid: Rid
  readonly bandId: BandId
  readonly account: AccountId
  readonly generation: number
  readonly ownerEpoch: number
  /** The arming that it counts in; null = none. */
  readonly armEpoch: number | null
  /** The record that reversed it, and why. */
  reversed: { readonly lsn: Lsn; readonly reason: DenialReason } | undefined
}

type Facts = {
  readonly band: (bandId: BandId) => BandRow | undefined
  readonly account: (account: AccountId) => AccountRow | undefined
  readonly nowMs: () => number
  /** Told how many were reversed. */
  readonly reversed: (count: number) => void
}

export class ApprovalsUnderWay {
  readonly #waiting = new Set<Approval>()
  readonly #facts: Facts
  /** Approvals that were ever on their way. */
  count = 0

  constructor(facts: Facts) {
    this.#facts = facts
  }

  add(approval: Approval): void {
    this.#waiting.add(approval)
    this.count++
  }

  /** Its record is on disk, or will never be. */
  delete(approval: Approval): void {
    this.#waiting.delete(approval)
  }

  /** The reversals that must be in the journal before this record; undefined, mostly, for none. */
  before(record: JournalRecord): Preceding | undefined {
    if (record.type === 'band' || record.type === 'imported') {
      if (!stops(record) || this.#waiting.size === 0) return undefined
      const account = record.account === null ? undefined : this.#facts.account(record.account)
      return this.#reverse((one) => (one.bandId === record.bandId ? whyOvertaken(one, record, account) : undefined))
    }
    if (record.type !== 'account' || this.#waiting.size === 0) return undefined
    return this.#reverse((one) => {
      return one.account === record.account ? whyOvertaken(one, this.#facts.band(one.bandId), record) : undefined
    })
  }

  #reverse(why: (approval: Approval) => DenialReason | undefined): Preceding | undefined {
    const overtaken: { readonly approval: Approval; readonly reason: DenialReason }[] = []
    for (const approval of this.#waiting) {
      const reason = approval.reversed === undefined ? why(approval) : undefined
      if (reason !== undefined) overtaken.push({ approval, reason })
    }
    if (overtaken.length === 0) return undefined
    const atMs = this.#facts.nowMs()
    return {
      records: overtaken.map(({ approval, reason }) => reversalOf(approval, reason, atMs)),
      taken: (firstLsn) => {
        for (const [at, { approval, reason }] of overtaken.entries()) approval.reversed = { lsn: firstLsn + at, reason }
        this.#facts.reversed(overtaken.length)
      },
    }
  }
}

/** The record that takes an approval back: given back to the limits, and its reference denied for good. */
export function reversalOf(approval: Approval, reason: DenialReason, atMs: number): JournalRecordOf<'reversal'> {
  const { account, partner, rid, lsn, armEpoch } = approval
  return { type: 'reversal', atMs, account, partner, rid, reversedLsn: lsn, reason: reasons[reason], armEpoch }
}

/** Does a band in this row approve nothing? The holds of its account have a record of their own. */
function stops({ holds, state }: Pick<BandRow, 'holds' | 'state'>): boolean {
  return holds !== 0 || state === 'deactivating' || state === 'unbound' || state === 'pairing'
}

/** Why an approval that was decided under these rows as they were must not be answered as they are; undefined when it stands. */
export function whyOvertaken(
  { generation, ownerEpoch }: Pick<Approval, 'generation' | 'ownerEpoch'>,
  band: BandRow | undefined,
  account: AccountRow | undefined,
): DenialReason | undefined {
  if (band === undefined || band.generation !== generation || band.account === null) return 'band-not-bound'
  const holds = band.holds | (account === undefined ? 0 : holdsOnBand(account, band.bandId))
  if (holds !== 0) return reasonOfHolds(holds)
  if (band.state === 'deactivating') return 'band-deactivating'
  // An approval may have a higher epoch than the row: a restore raises those of all accounts without a record for each.
  return (account?.ownerEpoch ?? 0) > ownerEpoch ? 'epoch-raised' : undefined
}
