// Restore from a backup, as the journal is told of it: an older state goes on while bands, phones and partners are further. What may be
// forgotten must not be allowed again (docs/decisions/0016-a-restore-keeps-the-fleet-alive.md).

import { type Delays, securityDelayMs } from '../../policy/delays.ts'
import type { Surface } from '../../policy/holds.ts'
import { type AccountId, parseAccountId, parseBandId } from '../../protocol/ids.ts'
import { holdBits } from '../../protocol/states.ts'
import { accountRow } from './account-rows.ts'
import type { Ledger } from './ledger.ts'
import { Fault } from '../ports/fault.ts'
import type { JournalRecord } from '../ports/records.ts'
import type { AccountRow, AlarmRow } from '../ports/rows.ts'

/** Alarms read at once. */
const pageMax = 1_000

type RisingLimit = AccountRow['risingLimits'][number]

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
  await letWaitAnew(ledger, (alarm) => waitingAnew(ledger, alarm, restore, 'at-least'))
  await ledger.durable(ledger.appendedLsn)
}

/** Appends what `anew` gives for each alarm. It may come twice for one, and gives nothing the second time. */
export async function letWaitAnew(ledger: Ledger, anew: (alarm: AlarmRow) => JournalRecord | undefined): Promise<void> {
  let from = ' '
  for (;;) {
    const page = ledger.range('alarm', { from, to: '~', limit: pageMax })
    for (const { row } of page) {
      const later = anew(row)
      if (later !== undefined) append(ledger, later)
    }
    const last = page.at(-1)
    if (last === undefined || page.length < pageMax) return
    from = `${last.key}~`
    await ledger.settle()
  }
}

/**
 * An operator freezes an account with the restore, whether it is known here or not: a freeze since the backup may be forgotten. False
 * when it is frozen by operators already. Throws a Fault when the journal takes no more.
 */
export function freezeRestored(
  ledger: Ledger,
  account: AccountId,
  { atMs, by }: { readonly atMs: number; readonly by: `operator:${string}` },
): boolean {
  const row = accountRow({ ledger }, account)
  if ((row.holds & holdBits['operator-freeze']) !== 0) return false
  const about = { account, bandId: null, also: null, subject: null }
  append(ledger, { type: 'operator', atMs, cause: 'freeze-account', by, reason: 'frozen with the restore', ...about })
  const held = {
    ...row,
    ownerEpoch: row.ownerEpoch + 1,
    holds: row.holds | holdBits['operator-freeze'],
    holdEndedAtMs: atMs,
  }
  append(ledger, { type: 'account', atMs, cause: 'account.held', by, ...held })
  return true
}

/**
 * The record that lets a pending change wait as long as one that begins now, or at least as long; undefined for what raises nothing, or waits
 * as it should.
 */
export function waitingAnew(
  ledger: Ledger,
  alarm: AlarmRow,
  { atMs, delays }: Pick<Restore, 'atMs' | 'delays'>,
  wait: 'exactly' | 'at-least',
): JournalRecord | undefined {
  const told = { atMs, cause: 'change.waits-anew', by: 'engine' }
  const fits = (instantMs: number, dueMs: number) => instantMs === dueMs || (wait === 'at-least' && instantMs > dueMs)
  switch (alarm.kind) {
    case 'found.due': {
      const band = ledger.get('band', parseBandId(alarm.subject))
      const dueMs = atMs + securityDelayMs(delays, 'found', surfaceOf(band?.foundBegunBy))
      if (band === undefined || band.foundAtMs === 0 || fits(band.foundAtMs, dueMs)) return undefined
      return { type: 'band', ...told, ...band, foundAtMs: dueMs }
    }
    case 'deactivation.due': {
      const band = ledger.get('band', parseBandId(alarm.subject))
      const dueMs = atMs + securityDelayMs(delays, 'deactivation', surfaceOf(band?.deactivationBegunBy))
      if (band === undefined || band.deactivateAtMs === 0 || fits(band.deactivateAtMs, dueMs)) return undefined
      return { type: 'band', ...told, ...band, deactivateAtMs: dueMs }
    }
    case 'phone.due': {
      const phone = ledger.get('phone', alarm.subject)
      const dueMs = atMs + securityDelayMs(delays, 'phone', surfaceOf(undefined))
      if (phone === undefined || phone.pendingUntilMs === 0 || fits(phone.pendingUntilMs, dueMs)) return undefined
      return { type: 'phone', ...told, ...phone, pendingUntilMs: dueMs }
    }
    case 'phone.removal': {
      const phone = ledger.get('phone', alarm.subject)
      const dueMs = atMs + securityDelayMs(delays, 'phoneRemoval', surfaceOf(phone?.removalBegunBy))
      if (phone === undefined || phone.removeAtMs === 0 || fits(phone.removeAtMs, dueMs)) return undefined
      return { type: 'phone', ...told, ...phone, removeAtMs: dueMs }
    }
    case 'limits.due': {
      const account = ledger.get('account', parseAccountId(alarm.subject))
      if (account === undefined) return undefined
      const risingLimits = account.risingLimits.map((one): RisingLimit => {
        const [currency, perUseMinor, perDayMinor, risesAtMs, by] = one
        const dueMs = atMs + securityDelayMs(delays, 'limits', surfaceOf(by))
        return fits(risesAtMs, dueMs) ? one : [currency, perUseMinor, perDayMinor, dueMs, by]
      })
      const isSame = risingLimits.every((one, at) => one === account.risingLimits[at])
      return isSame ? undefined : { type: 'account', ...told, ...account, risingLimits }
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

/** Appends, or throws a Fault `journal-failed`. */
export function append(ledger: Ledger, record: JournalRecord): void {
  if (typeof ledger.append(record, 'reserve') === 'number') return
  throw new Fault('journal-failed', 'the journal takes no record: make room on the disk, then try again')
}
