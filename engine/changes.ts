// Limits of one's own, vetoes, and what falls due: authority-raising changes wait, lowering ones act at once.

import { mayVeto, securityDelayMs } from '../policy/delays.ts'
import type { Surface } from '../policy/holds.ts'
import type { BandEvent } from '../machines/band-events.ts'
import { type PhoneFrameOf, changes } from '../protocol/frames.ts'
import { parseAccountId, parseBandId, parsePhoneId } from '../protocol/ids.ts'
import { amountMinorMax } from '../protocol/limits.ts'
import { type BandOutcome, tellBand } from './bands.ts'
import type { Core } from './core.ts'
import { accountHoldsOn, accountRow } from './account-rows.ts'
import { ownBand, ownerOf, verifiedOwner } from './holds.ts'
import { type AccountRow, type AlarmRow, phoneKey } from './ports/rows.ts'
import { type Session, alertAccount, answer, refuse } from './session.ts'

type OwnLimit = AccountRow['limits'][number]

/** Frame 15: lower limits hold at once; higher ones need verification and wait for the Security Delay. */
export async function setLimits(core: Core, session: Session, frame: PhoneFrameOf<'limits'>): Promise<void> {
  const { id, currency, perUseMinor, perDayMinor } = frame
  const owner = ownerOf(session, id)
  if (owner === undefined) return
  const table = core.config.limits.get(currency)
  const isInRange = perUseMinor <= amountMinorMax && perDayMinor <= amountMinorMax
  if (frame.bid !== null || table === undefined || !isInRange) return refuse(session, id, 'out-of-range')
  const row = accountRow(core, owner.account)
  const before = row.limits.find(([known]) => known === currency) ?? [currency, table.perUseMinor, table.perDayMinor]
  const wanted: OwnLimit = [currency, perUseMinor, perDayMinor]
  const isRaise = perUseMinor > before[1] || perDayMinor > before[2]
  if (isRaise && verifiedOwner(core, session, frame) === undefined) return
  const atMs = core.time.nowMs()
  const effectiveAtMs = isRaise ? atMs + securityDelayMs(core.config.delays, 'limits', owner.surface) : atMs
  if (
    !isRaise &&
    perUseMinor === before[1] &&
    perDayMinor === before[2] &&
    !row.risingLimits.some(([known]) => known === currency)
  ) {
    return answer(session, { type: 'limitsAnswer', id, effectiveAtMs: atMs })
  }
  const lowered: OwnLimit = [currency, Math.min(perUseMinor, before[1]), Math.min(perDayMinor, before[2])]
  const limits = replaced(row.limits, lowered)
  // A lowering also takes back what was still to rise in this currency.
  const rising = row.risingLimits.filter(([known]) => known !== currency)
  const risingLimits = isRaise ? [...rising, wanted] : rising
  const limitsRiseAtMs = isRaise ? effectiveAtMs : risingLimits.length > 0 ? row.limitsRiseAtMs : 0
  const limitsBegunBy = isRaise ? owner.surface : risingLimits.length > 0 ? row.limitsBegunBy : ''
  const changed: AccountRow = { ...row, limits, risingLimits, limitsRiseAtMs, limitsBegunBy }
  const cause = isRaise ? 'limits.raise' : 'limits.lower'
  // Lower limits of one's own are no emergency: on a full disk the reserve is for what stops everything.
  const lsn = core.ledger.append({ type: 'account', atMs, cause, by: owner.surface, ...changed }, 'normal')
  if (typeof lsn !== 'number') return refuse(session, id, lsn === 'full' ? 'storage-full' : 'unavailable')
  await core.ledger.durable(lsn)
  if (isRaise) alertAccount(core, owner.account, { kind: 'limits-rising', bid: null })
  answer(session, { type: 'limitsAnswer', id, effectiveAtMs })
}

function replaced(limits: readonly OwnLimit[], limit: OwnLimit): readonly OwnLimit[] {
  return [...limits.filter(([currency]) => currency !== limit[0]), limit]
}

/** Frame 14: any of the owner's surfaces stops a pending change; no phone what a web sign-in began. */
export async function veto(core: Core, session: Session, frame: PhoneFrameOf<'veto'>): Promise<void> {
  const owner = ownerOf(session, frame.id)
  if (owner === undefined) return
  const { id, target } = frame
  const by = owner.surface
  const atMs = core.time.nowMs()
  switch (frame.change) {
    case changes.found:
    case changes.deactivation: {
      if (target?.length !== 8) return refuse(session, id, 'out-of-range')
      const band = ownBand(core, session, id, target, owner)
      if (band === undefined) return
      const isFound = frame.change === changes.found
      if (!mayVeto({ begunBy: surfaceOf(band.changeBegunBy), by })) return refuse(session, id, 'wrong-surface')
      const event: BandEvent = { type: isFound ? 'found.veto' : 'deactivation.veto', atMs }
      return finishVeto(core, session, id, tellBand(core, band.bandId, event, { by, use: 'reserve' }))
    }
    case changes.limits:
      return vetoLimits(core, session, id, by)
    case changes.phone: {
      if (target?.length !== 16) return refuse(session, id, 'out-of-range')
      const key = phoneKey(owner.account, parsePhoneId(target))
      const row = core.ledger.get('phone', key)
      if (row === undefined || row.removed || row.pendingUntilMs <= atMs) return refuse(session, id, 'nothing-to-veto')
      const removed = { ...row, removed: true, pendingUntilMs: 0 }
      const lsn = core.ledger.append({ type: 'phone', atMs, cause: 'phone.vetoed', by, ...removed }, 'reserve')
      if (typeof lsn !== 'number') return refuse(session, id, 'unavailable')
      await core.ledger.durable(lsn)
      core.sessions.ofPhone.get(key)?.connection.close('auth-failed')
      return answer(session, { type: 'vetoAnswer', id })
    }
    default:
      return refuse(session, id, 'out-of-range')
  }
}

async function finishVeto(core: Core, session: Session, id: number, told: BandOutcome): Promise<void> {
  if (told.type === 'refused') return refuse(session, id, told.error)
  await core.ledger.durable(told.lsn)
  answer(session, { type: 'vetoAnswer', id })
}

async function vetoLimits(core: Core, session: Session, id: number, by: Surface): Promise<void> {
  const { speaker } = session
  if (speaker?.type !== 'phone') return
  const row = accountRow(core, speaker.account)
  if (row.limitsRiseAtMs === 0) return refuse(session, id, 'nothing-to-veto')
  if (!mayVeto({ begunBy: surfaceOf(row.limitsBegunBy), by })) return refuse(session, id, 'wrong-surface')
  const kept = { ...row, risingLimits: [], limitsRiseAtMs: 0, limitsBegunBy: '' }
  const lsn = core.ledger.append(
    { type: 'account', atMs: core.time.nowMs(), cause: 'limits.vetoed', by, ...kept },
    'reserve',
  )
  if (typeof lsn !== 'number') return refuse(session, id, 'unavailable')
  await core.ledger.durable(lsn)
  alertAccount(core, speaker.account, { kind: 'vetoed', bid: null })
  answer(session, { type: 'vetoAnswer', id })
}

/** Who began a change, as its row says; in doubt a web sign-in, which no phone may veto. */
function surfaceOf(begunBy: string): Surface {
  return begunBy.startsWith('phone:') ? `phone:${begunBy.slice('phone:'.length)}` : 'web'
}

/** An alarm whose time has come; false when what it does could not be journaled. */
export function fallDue(core: Core, alarm: AlarmRow): boolean {
  const atMs = Math.max(alarm.atMs, core.time.nowMs())
  switch (alarm.kind) {
    case 'deactivation.due': {
      const bandId = parseBandId(alarm.subject)
      const band = core.ledger.get('band', bandId)
      const holds = band === undefined ? 0 : accountHoldsOn(core, band)
      const event = { type: alarm.kind, atMs, accountHolds: holds } as const
      return isDone(tellBand(core, bandId, event, { by: 'engine', use: 'reserve' }))
    }
    case 'arm.expired':
    case 'found.due': {
      // What is found has its rights back: that waits for room.
      const use = alarm.kind === 'found.due' ? 'normal' : 'reserve'
      return isDone(tellBand(core, parseBandId(alarm.subject), { type: alarm.kind, atMs }, { by: 'engine', use }))
    }
    case 'pairing.expired': {
      const bandId = parseBandId(alarm.subject)
      const generation = core.ledger.get('band', bandId)?.generation ?? 0
      const event = { type: 'pairing.expired', generation, atMs } as const
      return isDone(tellBand(core, bandId, event, { by: 'engine', use: 'reserve' }))
    }
    case 'phone.due': {
      const row = core.ledger.get('phone', alarm.subject)
      if (row === undefined || row.removed || row.pendingUntilMs === 0) return true
      const admitted = { ...row, pendingUntilMs: 0 }
      const record = {
        type: 'phone',
        atMs: core.time.nowMs(),
        cause: 'phone.admitted',
        by: 'engine',
        ...admitted,
      } as const
      return typeof core.ledger.append(record, 'normal') === 'number'
    }
    case 'limits.due': {
      const row = accountRow(core, parseAccountId(alarm.subject))
      if (row.limitsRiseAtMs === 0 || row.limitsRiseAtMs > atMs) return true
      const limits = row.risingLimits.reduce(replaced, row.limits)
      const raised = { ...row, limits, risingLimits: [], limitsRiseAtMs: 0, limitsBegunBy: '' }
      const record = {
        type: 'account',
        atMs: core.time.nowMs(),
        cause: 'limits.raised',
        by: 'engine',
        ...raised,
      } as const
      return typeof core.ledger.append(record, 'normal') === 'number'
    }
  }
}

function isDone(told: BandOutcome): boolean {
  return told.type === 'done' || (told.error !== 'storage-full' && told.error !== 'unavailable')
}
