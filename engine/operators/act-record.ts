// Audit record of an operator's act: who, why, with which second operator, about what. On disk before the act is told as done.

import type { Core } from '../core/core.ts'
import type { AppendUse, Lsn } from '../ports/journal.ts'
import type { JournalRecordOf } from '../ports/records.ts'

export type Noted = Omit<JournalRecordOf<'operator'>, 'type' | 'atMs'>
export type NotNoted = 'storage-full' | 'unavailable'

/** Puts the act into the journal; not on disk yet. Throws a RangeError on a reason that is empty or does not fit: a bug. */
export function appendAct(core: Core, act: Noted, use: AppendUse): Lsn | NotNoted {
  if (act.reason.trim() === '') throw new RangeError('an act of an operator needs a reason')
  const lsn = core.ledger.append({ type: 'operator', atMs: core.time.nowMs(), ...act }, use)
  if (typeof lsn === 'number') return lsn
  return lsn === 'full' ? 'storage-full' : 'unavailable'
}

/** The same, on disk when it resolves to a position. */
export async function noteAct(core: Core, act: Noted, use: AppendUse): Promise<Lsn | NotNoted> {
  const lsn = appendAct(core, act, use)
  if (typeof lsn !== 'number') return lsn
  return (await isOnDisk(core, lsn)) ? lsn : 'unavailable'
}

/** False when the journal failed meanwhile: then it is not known what is on disk. */
export async function isOnDisk(core: Core, lsn: Lsn): Promise<boolean> {
  try {
    await core.ledger.durable(lsn)
    return true
  } catch (error) {
    core.failed(error)
    return false
  }
}
