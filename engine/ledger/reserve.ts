// Shares of the reserve: on a full disk the records that only take rights away go on, but one band, account or operator puts no
// more of them into the reserve than its share, so that none uses up what all need.

import type { JournalRecord } from '../ports/records.ts'

/**
 * Records that one band may cause in the reserve, and one account for itself as a whole. Each needs far fewer: what it could
 * take back was given by a record that a full disk refuses.
 */
export const reserveRecordsMax = 32
/** Records of one operator: each may have to freeze many bands. */
export const reserveRecordsOfOperatorMax = 10_000

export class ReserveShares {
  /** Records in the reserve since the last other record, by who caused them. */
  readonly #taken = new Map<string, number>()

  /** Takes a place in the reserve for a record; false when its share is used up. */
  take(record: JournalRecord): boolean {
    const share = shareOf(record)
    if (share === undefined) return true
    const taken = this.#taken.get(share.key) ?? 0
    if (taken >= share.max) return false
    this.#taken.set(share.key, taken + 1)
    return true
  }

  /** There is room again: each has its whole share. */
  clear(): void {
    if (this.#taken.size > 0) this.#taken.clear()
  }
}

type Share = { readonly key: string; readonly max: number }

/** Whose share a record is of; undefined for what follows one other record or start each: reversals, alarms, the clone rule, a restore. */
function shareOf(record: JournalRecord): Share | undefined {
  if (!('by' in record) || record.type === 'engine.restored' || record.type === 'engine.rewound') return undefined
  const { by } = record
  if (by.startsWith('operator:')) return { key: by, max: reserveRecordsOfOperatorMax }
  if (by === 'engine' || by.startsWith('rule:')) return undefined
  switch (record.type) {
    case 'band':
    case 'imported':
      return { key: `band:${record.bandId}`, max: reserveRecordsMax }
    case 'account':
    case 'phone':
      return { key: `account:${record.account}`, max: reserveRecordsMax }
    case 'operator':
      return undefined
  }
}
