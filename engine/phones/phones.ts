// The phones of an account: listing them (frame 30), and removing one (frame 31). Removing takes a veto of the owner's away, so it is
// no mere stopping: the web decides at once, but of two phones neither can silence the other (docs/decisions/0020).

import { securityDelayMs } from '../../policy/delays.ts'
import type { Surface } from '../../policy/holds.ts'
import type { PhoneFrame, PhoneFrameOf } from '../../protocol/messages/frames.ts'
import { type AccountId, type PhoneId, idBytes, parsePhoneId } from '../../protocol/ids.ts'
import { phonesPerAccountMax } from '../../protocol/limits.ts'
import type { Core } from '../core/core.ts'
import type { Lsn } from '../ports/journal.ts'
import { type PhoneRow, phoneKey } from '../ports/rows.ts'
import { type Session, type Speaker, answer, refuse } from '../core/session.ts'
import { verifyUser } from './user-verification.ts'
import { alertAccount } from '../core/alerts.ts'
import { isSignInFresh, ownerOf } from './owner.ts'
import { closeSlot } from '../bands/band-link.ts'

type PhoneSpeaker = Extract<Speaker, { readonly type: 'phone' }>

/** What a phone may do while it has not all rights: stop, and read (PROTOCOL §8 "Enrolment"). Of frame 31 only its own removal. */
const limited: ReadonlySet<PhoneFrame['type']> = new Set([
  'freeze',
  'lost',
  'history',
  'bands',
  'grants',
  'challenge',
  'changes',
  'phones',
  'removePhone',
])

/** Why this phone may not have this frame served; undefined when it may. */
export function whyNotServed(core: Core, speaker: PhoneSpeaker, { type }: PhoneFrame) {
  if (speaker.isGone) return 'phone-unknown'
  if (isPending(core, speaker) && !limited.has(type)) return 'phone-pending'
  // A suspended phone may still stop the enrolment of another one: the veto looks at that.
  if (speaker.isSuspended && !limited.has(type) && type !== 'veto') return 'phone-suspended'
  return undefined
}

function isPending(core: Core, speaker: PhoneSpeaker): boolean {
  return core.time.nowMs() < speaker.pendingUntilMs
}

/** The account's phones that are enrolled now. */
export function phonesOf(core: Core, account: AccountId): readonly PhoneRow[] {
  const range = { from: `${account}|`, to: `${account}}`, limit: phonesPerAccountMax + 1 }
  return core.ledger.range('phone', range).map(({ row }) => row)
}

/** Has a session that is open now. */
export function isLive(core: Core, { account, phoneId }: Pick<PhoneRow, 'account' | 'phoneId'>): boolean {
  return core.sessions.ofPhone.has(phoneKey(account, phoneId))
}

/** When its Security Delay ends; 0 = it has ended, or there was none. */
export function pendingUntilMs(core: Core, row: Pick<PhoneRow, 'pendingUntilMs'>): number {
  return row.pendingUntilMs > core.time.nowMs() ? row.pendingUntilMs : 0
}

/** Frame 30: the account's phones, the one that asks first. */
export function listPhones(core: Core, session: Session, frame: PhoneFrameOf<'phones'>): void {
  const owner = ownerOf(session, frame.id)
  if (owner === undefined) return
  const isOwn = ({ phoneId }: PhoneRow) => owner.surface === `phone:${phoneId}`
  const rows = phonesOf(core, owner.account)
  const entries = [...rows.filter(isOwn), ...rows.filter((row) => !isOwn(row))].map((row) => {
    const { phoneId, enrolledAtMs, seenAtMs, suspendedAtMs, removeAtMs } = row
    const stands = [isLive(core, row), pendingUntilMs(core, row), suspendedAtMs, removeAtMs] as const
    // Names and kinds of keys other than those signed as they are do not exist in this version.
    return [idBytes(phoneId), '', enrolledAtMs, seenAtMs, ...stands, 0] as const
  })
  answer(session, { type: 'phonesPage', id: frame.id, entries })
}

/**
 * Frame 31. Itself, from the web, or while it is still pending: at once. Another phone that asks, verified, suspends it at once and
 * removes it after the Security Delay, which any surface but the target's own may veto.
 */
export async function removePhone(core: Core, session: Session, frame: PhoneFrameOf<'removePhone'>): Promise<void> {
  const { id } = frame
  const owner = ownerOf(session, id)
  if (owner === undefined) return
  const row = core.ledger.get('phone', phoneKey(owner.account, parsePhoneId(frame.phoneId)))
  if (row === undefined) return refuse(session, id, 'phone-unknown')
  const by = owner.surface
  const isSelf = by === `phone:${row.phoneId}`
  if (!isSelf && isPending(core, owner)) return refuse(session, id, 'phone-pending')
  if (!isSelf && owner.isSuspended) return refuse(session, id, 'phone-suspended')
  if (by === 'web' && !isSignInFresh(core, owner.signedInAtMs)) return refuse(session, id, 'verification-invalid')
  const atMs = core.time.nowMs()
  if (isSelf || by === 'web' || row.pendingUntilMs > atMs) return removeNow(core, session, id, row)
  if (frame.uv === null || verifyUser(core, session, frame, frame.uv) === undefined)
    return refuse(session, id, 'verification-invalid')
  return suspend(core, session, id, row, by)
}

async function removeNow(
  core: Core,
  session: Session,
  id: number,
  phone: Pick<PhoneRow, 'account' | 'phoneId'>,
): Promise<void> {
  const effectiveAtMs = core.time.nowMs()
  const by = session.speaker?.type === 'phone' ? session.speaker.surface : 'web'
  // Told before its own session closes.
  const told = (lsn: Lsn) => answer(session, { type: 'removePhoneAnswer', id, effectiveAtMs, lsn })
  const lsn = await dropPhone(core, phone, { cause: 'phone.removed', by, told })
  if (typeof lsn !== 'number') refuse(session, id, lsn === 'full' ? 'storage-full' : 'unavailable')
}

async function suspend(core: Core, session: Session, id: number, row: PhoneRow, by: Surface): Promise<void> {
  const { account, phoneId } = row
  // Asked for twice, the first stands.
  if (row.removeAtMs > 0) return tellSuspended(core, session, { id, account, phoneId, lsn: core.ledger.appendedLsn })
  const atMs = core.time.nowMs()
  const removeAtMs = atMs + securityDelayMs(core.config.delays, 'phoneRemoval', by)
  const suspended = { ...row, suspendedAtMs: atMs, removeAtMs, removalBegunBy: by }
  const lsn = core.ledger.append({ type: 'phone', atMs, cause: 'phone.suspended', by, ...suspended }, 'reserve')
  if (typeof lsn !== 'number') return refuse(session, id, lsn === 'full' ? 'storage-full' : 'unavailable')
  await tellSuspended(core, session, { id, account, phoneId, lsn })
  alertAccount(core, account, { kind: 'phone-suspended', bid: null, phoneId })
}

type Suspended = Pick<PhoneRow, 'account' | 'phoneId'> & { readonly id: number; readonly lsn: Lsn }

async function tellSuspended(core: Core, session: Session, { id, account, phoneId, lsn }: Suspended): Promise<void> {
  await core.ledger.durable(lsn)
  const row = core.ledger.get('phone', phoneKey(account, phoneId))
  // Vetoed or removed in the same moment: there is no removal to tell of.
  if (row === undefined || row.removeAtMs === 0) return refuse(session, id, 'wrong-state')
  answer(session, { type: 'removePhoneAnswer', id, effectiveAtMs: row.removeAtMs, lsn })
}

/**
 * Ends an enrolment, durably: its session is closed, its slots are given up, its bands stay bound. Resolves with the record's
 * position, or why nothing was recorded.
 */
export async function dropPhone(
  core: Core,
  { account, phoneId }: Pick<PhoneRow, 'account' | 'phoneId'>,
  { cause, by, told }: { readonly cause: string; readonly by: string; readonly told?: (lsn: Lsn) => void },
): Promise<Lsn | 'full' | 'failed'> {
  const key = phoneKey(account, phoneId)
  const row = core.ledger.get('phone', key)
  if (row === undefined) return 'failed'
  // On its session what comes from now on is served no more; the record alone says so, also to the next engine.
  const session = core.sessions.ofPhone.get(key)
  const gone = { ...row, removed: true, pendingUntilMs: 0, suspendedAtMs: 0, removeAtMs: 0, removalBegunBy: '' }
  const lsn = core.ledger.append({ type: 'phone', atMs: core.time.nowMs(), cause, by, ...gone }, 'reserve')
  if (typeof lsn !== 'number') return lsn
  await core.ledger.durable(lsn)
  told?.(lsn)
  if (session !== undefined) endSession(core, session)
  alertAccount(core, account, { kind: cause === 'phone.vetoed' ? 'vetoed' : 'phone-removed', bid: null, phoneId })
  return lsn
}

/** Removes it without waiting for the disk; false when it could not be journaled. */
export function dropPhoneNow(core: Core, row: PhoneRow, by: string): boolean {
  void dropPhone(core, row, { cause: 'phone.removed', by }).catch(core.failed)
  return core.ledger.get('phone', phoneKey(row.account, row.phoneId)) === undefined
}

/** Closes a session for good: no phone may come back to it. */
function endSession(core: Core, session: Session): void {
  core.sessions.ofResumeToken.delete(session.resumeToken)
  for (const [, place] of session.slots.bands()) closeSlot(core, core.slots.at(place))
  session.connection.close('auth-failed')
}

/** A removal or an enrolment whose delay is over; false when it could not be journaled. */
export function phoneFallsDue(core: Core, key: string, kind: 'phone.due' | 'phone.removal'): boolean {
  const row = core.ledger.get('phone', key)
  const atMs = core.time.nowMs()
  if (row === undefined) return true
  if (kind === 'phone.removal') {
    if (row.removeAtMs === 0 || row.removeAtMs > atMs) return true
    return dropPhoneNow(core, row, 'engine')
  }
  if (row.pendingUntilMs === 0 || row.pendingUntilMs > atMs) return true
  const admitted = { ...row, pendingUntilMs: 0 }
  const lsn = core.ledger.append({ type: 'phone', atMs, cause: 'phone.admitted', by: 'engine', ...admitted }, 'normal')
  if (typeof lsn !== 'number') return false
  void tellAdmitted(core, row.account, row.phoneId, lsn).catch(core.failed)
  return true
}

async function tellAdmitted(core: Core, account: AccountId, phoneId: PhoneId, lsn: Lsn): Promise<void> {
  await core.ledger.durable(lsn)
  alertAccount(core, account, { kind: 'phone-admitted', bid: null, phoneId })
}
