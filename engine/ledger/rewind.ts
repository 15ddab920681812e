// Journal time runs back, once, when an operator says so: the journal is ahead of a clock that is right, because the engine once ran
// under a wrong one (docs/decisions/0006-engine-time.md). Instants that were written under it must neither give a right nor hold for years.

import type { Delays } from '../../policy/delays.ts'
import { parseBandId } from '../../protocol/ids.ts'
import { disagreementMaxMs, durationText, instantText } from './engine-time.ts'
import type { Ledger } from './ledger.ts'
import type { Clock } from '../ports/clock.ts'
import { Fault } from '../ports/fault.ts'
import type { JournalRecord } from '../ports/records.ts'
import type { AlarmRow } from '../ports/rows.ts'
import { append, letWaitAnew, waitingAnew } from './restore.ts'

const by = 'operator:accepted-behind'

export type AcceptBehind = {
  readonly clock: Pick<Clock, 'nowMs'>
  /** The lsn of a record that is ahead of the clock, as the operator named it; 0 = none. */
  readonly acceptedLsn: number
  readonly delays: Delays
}

/**
 * Lets journal time run back to the clock if the operator has named a record that is ahead of it, and ends what was begun. Call it before engine
 * time begins. Rejects with a Fault: `clock-behind` when what is named does not fit, `journal-failed` when the journal takes no more.
 */
export async function acceptBehind(ledger: Ledger, { clock, acceptedLsn, delays }: AcceptBehind): Promise<void> {
  const { rewound, newestAtMs: fromMs } = ledger
  const isNamed = acceptedLsn > 0 && (await isToTake(ledger, clock.nowMs(), acceptedLsn))
  if (isNamed) {
    append(ledger, { type: 'engine.rewound', atMs: clock.nowMs(), by, fromMs, acceptedLsn, done: false })
  } else if (rewound === undefined || rewound.done) return
  const atMs = ledger.newestAtMs
  await letWaitAnew(ledger, (alarm) => anew(ledger, alarm, atMs, delays))
  append(ledger, { type: 'engine.rewound', atMs, by, fromMs, acceptedLsn, done: true })
  await ledger.settle()
}

/** Which record to name for a journal that is ahead of the clock: no start that is refused changes it. */
export function acceptBehindText(lsn: number): string {
  return `start once with --clock-accept-behind ${lsn} (clock.acceptBehind)`
}

/** False when time ran back since the named record: the setting was left on. Throws a Fault when it does not fit. */
async function isToTake(ledger: Ledger, wallMs: number, acceptedLsn: number): Promise<boolean> {
  const { newestAtMs, appendedLsn, rewound } = ledger
  const isBehind = newestAtMs - wallMs > disagreementMaxMs
  const isUsed = rewound !== undefined && acceptedLsn <= rewound.lsn
  if (!isBehind && isUsed) return false
  if (!isBehind) {
    throw unfit(
      `the clock is not behind the journal, so there is nothing to accept with record ${acceptedLsn}: take clock.acceptBehind away`,
    )
  }
  const what =
    `the newest record (lsn ${appendedLsn}) is of ${instantText(newestAtMs)}, which is ${durationText(newestAtMs - wallMs)} later than this ` +
    `machine's clock (${instantText(wallMs)})`
  const toDo = `Nothing was written. If the clock is right, ${acceptBehindText(appendedLsn)}; else put it right.`
  if (isUsed)
    throw unfit(
      `${what}, and clock.acceptBehind names record ${acceptedLsn}, from before time ran back at ${rewound.lsn}. ${toDo}`,
    )
  const record = acceptedLsn > appendedLsn ? undefined : await ledger.read(acceptedLsn)
  if (record !== undefined && record.atMs - wallMs > disagreementMaxMs) return true
  const why =
    record === undefined
      ? 'which is not in the journal'
      : `of ${instantText(record.atMs)}, which is not ahead of the clock`
  throw unfit(`${what}, and clock.acceptBehind names record ${acceptedLsn}, ${why}. ${toDo}`)
}

/** What raises authority waits as if it began now; an arming and a pairing under way are over. */
function anew(ledger: Ledger, alarm: AlarmRow, atMs: number, delays: Delays): JournalRecord | undefined {
  const record = waitingAnew(ledger, alarm, { atMs, delays }, 'exactly')
  if (record !== undefined) return record.type === 'band' ? over(record, atMs) : record
  if (alarm.kind !== 'arm.expired' && alarm.kind !== 'pairing.expired') return undefined
  const band = ledger.get('band', parseBandId(alarm.subject))
  if (band === undefined || (band.armedUntilMs <= atMs && band.pairingUntilMs <= atMs)) return undefined
  return over({ type: 'band', atMs, cause: 'change.waits-anew', by: 'engine', ...band }, atMs)
}

/** Its alarm is due at once. A verification that is still to come is none. */
function over(record: Extract<JournalRecord, { readonly type: 'band' }>, atMs: number): JournalRecord {
  return {
    ...record,
    armedUntilMs: Math.min(record.armedUntilMs, atMs),
    pairingUntilMs: Math.min(record.pairingUntilMs, atMs),
    verifiedAtMs: record.verifiedAtMs > atMs ? 0 : record.verifiedAtMs,
  }
}

function unfit(message: string): Fault {
  return new Fault('clock-behind', message)
}
