// Reach of a freeze. How far a freeze reached: the sessions that were told, the approvals it overtook, the last one before it.

import type { ActOutcome } from '../../protocol/operator-api.ts'
import type { AccountId, BandId } from '../../protocol/ids.ts'
import { isOnDisk } from './act-record.ts'
import type { Core } from '../core/core.ts'
import { decisionPages } from '../ledger/history.ts'
import type { Session } from '../core/session.ts'

/** The sessions that hear of a change: the account's phones, and the hubs that carry a band of it. */
export type Reach = { readonly sessions: ReadonlySet<Session> }

export function reachOf(
  core: Core,
  { account, bandIds }: { readonly account: AccountId | null; readonly bandIds: readonly BandId[] },
): Reach {
  const sessions = new Set<Session>(account === null ? [] : core.sessions.ofAccount.get(account))
  for (const bandId of bandIds) {
    const bid = core.ledger.get('band', bandId)?.bid
    const slot = bid === undefined || bid === null ? undefined : core.slots.get(bid)
    if (slot !== undefined) sessions.add(slot.session)
  }
  for (const session of sessions) if (!session.connection.isOpen) sessions.delete(session)
  return { sessions }
}

/**
 * Everything of the freeze is on disk. What is told leaves in the same turn, and what was overtaken is reversed in it: both
 * waited for the disk before this did.
 */
export async function fanOutOf(
  core: Core,
  frozen: { readonly account: AccountId | null; readonly bandId?: BandId },
  {
    reach,
    done,
    startedAtMs,
    durableMs,
  }: {
    readonly reach: Reach
    readonly done: { readonly lsn: number }
    readonly startedAtMs: number
    readonly durableMs: number
  },
): Promise<NonNullable<ActOutcome['fanOut']>> {
  const toldMs = core.time.monotonicMs() - startedAtMs
  // A reversal that is not on disk may not have been.
  await isOnDisk(core, core.ledger.appendedLsn)
  const before = await approvalsBefore(core, frozen, done.lsn)
  return { ...before, durableMs, toldMs, sessionsTold: reach.sessions.size }
}

async function approvalsBefore(
  core: Core,
  { account, bandId }: { readonly account: AccountId | null; readonly bandId?: BandId },
  lsn: number,
) {
  let reversed = 0
  if (account === null) return { reversed, lastApproval: null }
  const pause = () => new Promise<void>((resolve) => core.time.clock.after(0, resolve))
  for await (const { decided } of decisionPages(core.ledger, account, { belowLsn: lsn, pause })) {
    for (const one of decided) {
      const { row } = one
      if (bandId !== undefined && row.bandId !== bandId) continue
      if (row.reversedBy !== null && row.reversedBy > lsn) reversed++
      if (row.reason === 0) return { reversed, lastApproval: { lsn: one.lsn, atMs: row.atMs } }
    }
  }
  return { reversed, lastApproval: null }
}
