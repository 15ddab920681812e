// An owner's own limits (frame 15): lower ones hold at once, higher ones need verification and wait for the Security Delay. Each
// currency rises by itself, at an instant of its own, and belongs to the surface that asked.

import { mayVeto, securityDelayMs } from '../../policy/delays.ts'
import type { Surface } from '../../policy/holds.ts'
import type { PhoneFrameOf } from '../../protocol/messages/frames.ts'
import { amountMinorMax } from '../../protocol/limits.ts'
import { accountRow } from '../ledger/account-rows.ts'
import type { Core } from '../core/core.ts'
import type { AccountRow } from '../ports/rows.ts'
import { type Session, answer, refuse } from '../core/session.ts'
import { alertAccount } from '../core/alerts.ts'
import { ownerOf, verifiedOwner } from '../phones/owner.ts'

type OwnLimit = AccountRow['limits'][number]

/** Frame 15. */
export async function setLimits(core: Core, session: Session, frame: PhoneFrameOf<'limits'>): Promise<void> {
  const { id, currency, perUseMinor, perDayMinor } = frame
  const owner = ownerOf(session, id)
  if (owner === undefined) return
  const by = owner.surface
  const table = core.config.limits.get(currency)
  const isInRange = perUseMinor <= amountMinorMax && perDayMinor <= amountMinorMax
  if (frame.bid !== null || table === undefined || !isInRange) return refuse(session, id, 'out-of-range')
  const row = accountRow(core, owner.account)
  const before = row.limits.find(([known]) => known === currency) ?? [currency, table.perUseMinor, table.perDayMinor]
  const isRaise = perUseMinor > before[1] || perDayMinor > before[2]
  const rising = row.risingLimits.find(([known]) => known === currency)
  // What this surface may not veto it does not take back or replace either.
  const mayReplace = rising === undefined || mayVeto({ begunBy: surfaceOf(rising[4]), by })
  if (isRaise && verifiedOwner(core, session, frame) === undefined) return
  if (isRaise && !mayReplace) return refuse(session, id, 'wrong-surface')
  const atMs = core.time.nowMs()
  const effectiveAtMs = isRaise ? atMs + securityDelayMs(core.config.delays, 'limits', by) : atMs
  const isSame = perUseMinor === before[1] && perDayMinor === before[2]
  if (isSame && (rising === undefined || !mayReplace))
    return answer(session, { type: 'limitsAnswer', id, effectiveAtMs: atMs })
  const lowered: OwnLimit = [currency, Math.min(perUseMinor, before[1]), Math.min(perDayMinor, before[2])]
  const kept = mayReplace ? row.risingLimits.filter((one) => one !== rising) : row.risingLimits
  const wanted = [currency, perUseMinor, perDayMinor, effectiveAtMs, by] as const
  const changed = { ...row, limits: replaced(row.limits, lowered), risingLimits: isRaise ? [...kept, wanted] : kept }
  const cause = isRaise ? 'limits.raise' : 'limits.lower'
  // No emergency: the reserve of a full disk is for what stops everything.
  const lsn = core.ledger.append({ type: 'account', atMs, cause, by, ...changed }, 'normal')
  if (typeof lsn !== 'number') return refuse(session, id, lsn === 'full' ? 'storage-full' : 'unavailable')
  await core.ledger.durable(lsn)
  if (isRaise) alertAccount(core, owner.account, { kind: 'limits-rising', bid: null })
  answer(session, { type: 'limitsAnswer', id, effectiveAtMs })
}

/** The limits that have risen by now, in the account's row; undefined when none has. */
export function risen(row: AccountRow, nowMs: number): AccountRow | undefined {
  const due = row.risingLimits.filter(([, , , risesAtMs]) => risesAtMs <= nowMs)
  if (due.length === 0) return undefined
  const limits = due.reduce<AccountRow['limits']>(
    (all, [currency, perUseMinor, perDayMinor]) => replaced(all, [currency, perUseMinor, perDayMinor]),
    row.limits,
  )
  return { ...row, limits, risingLimits: row.risingLimits.filter((one) => !due.includes(one)) }
}

function replaced(limits: readonly OwnLimit[], limit: OwnLimit): readonly OwnLimit[] {
  return [...limits.filter(([currency]) => currency !== limit[0]), limit]
}

/** Who began a change, as its row says; in doubt a web sign-in, which no phone may veto. */
export function surfaceOf(begunBy: string): Surface {
  if (begunBy.startsWith('operator:')) return `operator:${begunBy.slice('operator:'.length)}`
  return begunBy.startsWith('phone:') ? `phone:${begunBy.slice('phone:'.length)}` : 'web'
}
