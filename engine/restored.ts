// Restore from a backup: an older state goes on while bands, phones and partners are further. What they keep must not meet lower
// numbers, and what may be forgotten must not be allowed again (docs/decisions/0016-a-restore-keeps-the-fleet-alive.md).

import { type Delays, securityDelayMs } from '../policy/delays.ts'
import type { Surface } from '../policy/holds.ts'
import { parseAccountId, parseBandId } from '../protocol/ids.ts'
import { offerLifeMaxMs } from '../protocol/limits.ts'
import type { Ledger } from './ledger.ts'
import { Fault } from './ports/fault.ts'
import type { JournalRecord } from './ports/records.ts'
import type { AlarmRow, RestoredRow } from './ports/rows.ts'

/** From here the seconds of a restore are counted: they fit 32 bits until 2156. */
const secondsSinceMs = Date.UTC(2020, 0, 1)
/** Alarms read at once. */
const pageMax = 1_000

export type Restore = {
  /** When the older state was put in place, ms. Nothing that was decided before is known for sure. */
  readonly atMs: number
  /** By when the engine that is replaced had stopped deciding, ms; at most `atMs`. */
  readonly decidedUntilMs: number
  readonly delays: Delays
  /** Who did it, for the journal. */
  readonly by: string
}

/**
 * Tells the journal that an older state was put in place, and lets what raises authority wait anew: a veto may have been
 * forgotten. Resolves when all of it is durable. Rejects with a Fault `journal-failed` when the journal takes no more.
 */
export async function markRestored(ledger: Ledger, restore: Restore): Promise<void> {
  const { atMs, by } = restore
  const decidedUntilMs = Math.min(restore.decidedUntilMs, atMs)
  append(ledger, { type: 'engine.restored', atMs, by, decidedUntilMs })
  let from = ' '
  for (;;) {
    const page = ledger.range('alarm', { from, to: '~', limit: pageMax })
    for (const { row } of page) {
      const later = waitingAnew(ledger, row, restore)
      if (later !== undefined) append(ledger, later)
    }
    const last = page.at(-1)
    if (last === undefined || page.length < pageMax) break
    from = `${last.key}~`
    await ledger.settle()
  }
  await ledger.durable(ledger.appendedLsn)
}

/** The record that lets a pending change wait as long as one that begins now; undefined for what raises nothing, or waits long enough. */
function waitingAnew(ledger: Ledger, alarm: AlarmRow, { atMs, delays }: Restore): JournalRecord | undefined {
  const told = { atMs, cause: 'change.waits-anew', by: 'engine' }
  switch (alarm.kind) {
    case 'found.due': {
      const band = ledger.get('band', parseBandId(alarm.subject))
      const dueMs = atMs + securityDelayMs(delays, 'found', surfaceOf(band?.changeBegunBy))
      if (band === undefined || band.foundAtMs === 0 || band.foundAtMs >= dueMs) return undefined
      return { type: 'band', ...told, ...band, foundAtMs: dueMs }
    }
    case 'deactivation.due': {
      const band = ledger.get('band', parseBandId(alarm.subject))
      const dueMs = atMs + securityDelayMs(delays, 'deactivation', surfaceOf(band?.changeBegunBy))
      if (band === undefined || band.deactivateAtMs === 0 || band.deactivateAtMs >= dueMs) return undefined
      return { type: 'band', ...told, ...band, deactivateAtMs: dueMs }
    }
    case 'phone.due': {
      const phone = ledger.get('phone', alarm.subject)
      const dueMs = atMs + securityDelayMs(delays, 'phone', surfaceOf(undefined))
      if (phone === undefined || phone.pendingUntilMs === 0 || phone.pendingUntilMs >= dueMs) return undefined
      return { type: 'phone', ...told, ...phone, pendingUntilMs: dueMs }
    }
    case 'limits.due': {
      const account = ledger.get('account', parseAccountId(alarm.subject))
      const dueMs = atMs + securityDelayMs(delays, 'limits', surfaceOf(account?.limitsBegunBy))
      if (account === undefined || account.limitsRiseAtMs === 0 || account.limitsRiseAtMs >= dueMs) return undefined
      return { type: 'account', ...told, ...account, limitsRiseAtMs: dueMs }
    }
    case 'arm.expired':
    case 'pairing.expired':
      // These only take rights away.
      return undefined
  }
}

/** Only recovery waits longer than the others. */
function surfaceOf(begunBy: string | undefined): Surface {
  return begunBy === 'recovery' ? 'recovery' : 'web'
}

function append(ledger: Ledger, record: JournalRecord): void {
  if (typeof ledger.append(record, 'reserve') === 'number') return
  throw new Fault('journal-failed', 'the journal takes no record: make room on the disk, then try again')
}

/**
 * The least owner epoch of any account. Each restore raises all of them, so every arming from before is over and partners
 * never see an epoch go back: a freeze that was forgotten does not leave a band able to pay.
 */
export function ownerEpochMin(restored: RestoredRow | undefined): number {
  return restored?.atMs ?? 0
}

/** The least number of an arming or a generation from now on: bands and public RELEASEs know higher ones than the journal. */
export function bandEpochMin(restored: RestoredRow | undefined): number {
  return restored === undefined ? 0 : Math.max(0, Math.floor((restored.atMs - secondsSinceMs) / 1_000))
}

/**
 * May this offer have been decided by the engine that is replaced? An offer lives for fifteen minutes at most when it is
 * decided, so one that lives longer than that after the last decision was not.
 */
export function mayBeForgotten(restored: RestoredRow | undefined, offer: { readonly expiresAtMs: number }): boolean {
  return restored !== undefined && offer.expiresAtMs <= restored.decidedUntilMs + offerLifeMaxMs
}
