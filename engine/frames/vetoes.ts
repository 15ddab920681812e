// Handlers of pending changes and vetoes. What waits for its Security Delay: the list of it (frame 29), told after a hello while there is
// something, and the veto (frame 14). What an owner may stop, the owner can name.

import { mayVeto } from '../../policy/delays.ts'
import type { Surface } from '../../policy/holds.ts'
import type { BandEvent } from '../../machines/band-events.ts'
import type { Bytes } from '../../base/bytes.ts'
import type { ErrorCode } from '../../protocol/errors.ts'
import { type EngineFrameOf, type PhoneFrameOf, beginners, changes } from '../../protocol/messages/frames.ts'
import { type AccountId, type BandId, type PhoneId, idBytes, parseBid, parsePhoneId } from '../../protocol/ids.ts'
import { pageEntriesMax } from '../../protocol/limits.ts'
import { accountRow, bandsOf } from '../ledger/account-rows.ts'
import { tellBand } from '../bands/tell-band.ts'
import type { Core } from '../core/core.ts'
import { surfaceOf } from './own-limits.ts'
import { dropPhone, phonesOf } from '../phones/phones.ts'
import { type PhoneRow, phoneKey } from '../ports/rows.ts'
import { type Session, type Speaker, answer, refuse } from '../core/session.ts'
import { alertAccount } from '../core/alerts.ts'
import { ownBand, ownerOf } from '../phones/owner.ts'

type PhoneSpeaker = Extract<Speaker, { readonly type: 'phone' }>

/** One change that waits. */
type Waiting = {
  readonly dueAtMs: number
  readonly begunBy: Surface
} & (
  | { readonly change: 'found' | 'deactivation'; readonly bandId: BandId; readonly target: Bytes }
  | { readonly change: 'limits'; readonly target: null }
  | { readonly change: 'phone' | 'phoneRemoval'; readonly phone: PhoneRow; readonly target: Bytes }
)

/** Frame 29: `cursor` counts changes already read, `nextCursor` 0 = that was all. */
export function readChanges(core: Core, session: Session, frame: PhoneFrameOf<'changes'>): void {
  const owner = ownerOf(session, frame.id)
  if (owner === undefined) return
  const limit = Math.min(Math.max(1, frame.count), pageEntriesMax)
  answer(session, { type: 'changesPage', id: frame.id, ...pageOf(core, owner, { skip: frame.cursor, limit }) })
}

/** After a hello: what waits, if anything does. Nothing is read of bands and phones that have nothing waiting. */
export function tellWaiting(core: Core, session: Session): void {
  const { speaker } = session
  if (speaker?.type !== 'phone') return
  const { waiting, risingLimits } = accountRow(core, speaker.account)
  if (waiting === 0 && risingLimits.length === 0) return
  const page = pageOf(core, speaker, { skip: 0, limit: pageEntriesMax })
  if (page.entries.length > 0) answer(session, { type: 'changesPage', id: 0, ...page })
}

type Page = Pick<EngineFrameOf<'changesPage'>, 'entries' | 'nextCursor'>

function pageOf(core: Core, owner: PhoneSpeaker, asked: { readonly skip: number; readonly limit: number }): Page {
  const entries: Page['entries'][number][] = []
  let skipped = 0
  for (const one of waitingOf(core, owner.account)) {
    if (skipped < asked.skip) {
      skipped++
      continue
    }
    if (entries.length === asked.limit) return { entries, nextCursor: asked.skip + entries.length }
    entries.push(entryOf(core, owner, one))
  }
  return { entries, nextCursor: 0 }
}

function entryOf(core: Core, owner: PhoneSpeaker, one: Waiting): Page['entries'][number] {
  const { begunBy } = one
  const phoneId = begunBy.startsWith('phone:') ? idBytes(parsePhoneId(begunBy.slice('phone:'.length))) : null
  const beginner = phoneId !== null ? 'phone' : begunBy.startsWith('operator:') ? 'operator' : 'web'
  const isAllowed = whyNotVetoed(core, owner, one) === undefined
  return [changes[one.change], one.target, one.dueAtMs, beginners[beginner], phoneId, isAllowed]
}

/** Everything of an account that waits: phones first, since who adds one may change the rest. */
function* waitingOf(core: Core, account: AccountId): Generator<Waiting> {
  const nowMs = core.time.nowMs()
  const { waiting, risingLimits } = accountRow(core, account)
  let left = waiting
  for (const phone of left > 0 ? phonesOf(core, account) : []) {
    const target = idBytes(phone.phoneId)
    if (phone.pendingUntilMs > nowMs) {
      const begunBy = `phone:${phone.phoneId}` as const
      yield { change: 'phone', phone, target, dueAtMs: phone.pendingUntilMs, begunBy }
    }
    if (phone.removeAtMs > 0) {
      const begunBy = surfaceOf(phone.removalBegunBy)
      yield { change: 'phoneRemoval', phone, target, dueAtMs: phone.removeAtMs, begunBy }
    }
    left -= Number(phone.pendingUntilMs > 0) + Number(phone.removeAtMs > 0)
  }
  for (const [, , , dueAtMs, begunBy] of risingLimits)
    yield { change: 'limits', target: null, dueAtMs, begunBy: surfaceOf(begunBy) }
  if (left <= 0) return
  for (const bandId of bandsOf(core, account)) {
    const row = core.ledger.get('band', bandId)
    if (row === undefined || row.bid === null) continue
    const target = idBytes(row.bid)
    if (row.foundAtMs > 0)
      yield { change: 'found', bandId, target, dueAtMs: row.foundAtMs, begunBy: surfaceOf(row.foundBegunBy) }
    if (row.deactivateAtMs > 0) {
      const begunBy = surfaceOf(row.deactivationBegunBy)
      yield { change: 'deactivation', bandId, target, dueAtMs: row.deactivateAtMs, begunBy }
    }
    left -= Number(row.foundAtMs > 0) + Number(row.deactivateAtMs > 0)
    if (left <= 0) return
  }
}

/** Why this surface may not stop this change; undefined when it may. */
function whyNotVetoed(core: Core, owner: PhoneSpeaker, one: Waiting): ErrorCode | undefined {
  const by = owner.surface
  if (core.time.nowMs() < owner.pendingUntilMs) return 'phone-pending'
  if (owner.isSuspended && one.change !== 'phone') return 'phone-suspended'
  // Who is to be removed has no say in it.
  if (one.change === 'phoneRemoval' && by === `phone:${one.phone.phoneId}`) return 'wrong-surface'
  return mayVeto({ begunBy: one.begunBy, by }) ? undefined : 'wrong-surface'
}

/**
 * Frame 14: any of the owner's surfaces stops a change that waits; no phone what a web sign-in began. Without a target all changes
 * of the kind that this surface may stop.
 */
export async function veto(core: Core, session: Session, frame: PhoneFrameOf<'veto'>): Promise<void> {
  const { id } = frame
  const owner = ownerOf(session, id)
  if (owner === undefined) return
  const refusal = whyNoTarget(core, session, owner, frame)
  if (refusal === 'answered') return
  if (refusal !== undefined) return refuse(session, id, refusal)
  const named = [...waitingOf(core, owner.account)].filter((one) => isNamed(one, frame))
  if (named.length === 0) return refuse(session, id, 'nothing-to-veto')
  const allowed = named.filter((one) => whyNotVetoed(core, owner, one) === undefined)
  const [first] = named
  if (allowed.length === 0 && first !== undefined)
    return refuse(session, id, whyNotVetoed(core, owner, first) ?? 'wrong-surface')
  let failed: ErrorCode | undefined
  let areLimitsStopped = false
  const dropping: Promise<unknown>[] = []
  for (const one of allowed) {
    if (one.change === 'limits') areLimitsStopped = true
    else if ('bandId' in one) failed ??= stopBand(core, owner, one)
    else if (one.change === 'phoneRemoval') failed ??= keepPhone(core, one.phone, owner.surface)
    else dropping.push(dropPhone(core, one.phone, { cause: 'phone.vetoed', by: owner.surface }))
  }
  if (areLimitsStopped) failed ??= stopLimits(core, owner)
  const dropped = await Promise.all(dropping)
  await core.ledger.durable(core.ledger.appendedLsn)
  failed ??= dropped.includes('full') ? 'storage-full' : dropped.includes('failed') ? 'unavailable' : undefined
  if (failed !== undefined) return refuse(session, id, failed)
  answer(session, { type: 'vetoAnswer', id })
}

/** A target must be of the kind that its change has, and this owner's. */
function whyNoTarget(
  core: Core,
  session: Session,
  owner: PhoneSpeaker,
  { id, change, target }: PhoneFrameOf<'veto'>,
): ErrorCode | 'answered' | undefined {
  switch (change) {
    case changes.found:
    case changes.deactivation:
      if (target === null) return undefined
      if (target.length !== 8) return 'out-of-range'
      return ownBand(core, session, id, target, owner) === undefined ? 'answered' : undefined
    case changes.limits:
      return undefined
    case changes.phone:
    case changes.phoneRemoval:
      return target === null || target.length === 16 ? undefined : 'out-of-range'
    default:
      return 'out-of-range'
  }
}

function isNamed(one: Waiting, { change, target }: PhoneFrameOf<'veto'>): boolean {
  if (changes[one.change] !== change) return false
  if (target === null || one.change === 'limits') return true
  if (one.change === 'phone' || one.change === 'phoneRemoval') return one.phone.phoneId === parsePhoneId(target)
  return idBytes(parseBid(target)).every((byte, at) => byte === one.target[at])
}

function stopBand(
  core: Core,
  { surface: by }: PhoneSpeaker,
  { change, bandId }: Extract<Waiting, { readonly bandId: BandId }>,
): ErrorCode | undefined {
  const atMs = core.time.nowMs()
  const event: BandEvent = { type: change === 'found' ? 'found.veto' : 'deactivation.veto', atMs }
  const told = tellBand(core, bandId, event, { by, use: 'reserve' })
  return told.type === 'refused' ? told.error : undefined
}

function stopLimits(core: Core, owner: PhoneSpeaker): ErrorCode | undefined {
  const by = owner.surface
  const row = accountRow(core, owner.account)
  const risingLimits = row.risingLimits.filter(([, , , , begunBy]) => !mayVeto({ begunBy: surfaceOf(begunBy), by }))
  const kept = { ...row, risingLimits }
  const lsn = core.ledger.append(
    { type: 'account', atMs: core.time.nowMs(), cause: 'limits.vetoed', by, ...kept },
    'reserve',
  )
  if (typeof lsn !== 'number') return lsn === 'full' ? 'storage-full' : 'unavailable'
  void tellVetoed(core, owner.account, lsn, undefined).catch(core.failed)
  return undefined
}

/** A phone that was to be removed stays, with all its rights: so this does not use the reserve of a full disk. */
function keepPhone(core: Core, { account, phoneId }: PhoneRow, by: Surface): ErrorCode | undefined {
  const row = core.ledger.get('phone', phoneKey(account, phoneId))
  if (row === undefined) return 'nothing-to-veto'
  const kept = { ...row, suspendedAtMs: 0, removeAtMs: 0, removalBegunBy: '' }
  const lsn = core.ledger.append({ type: 'phone', atMs: core.time.nowMs(), cause: 'phone.kept', by, ...kept }, 'normal')
  if (typeof lsn !== 'number') return lsn === 'full' ? 'storage-full' : 'unavailable'
  void tellVetoed(core, account, lsn, phoneId).catch(core.failed)
  return undefined
}

async function tellVetoed(core: Core, account: AccountId, lsn: number, phoneId: PhoneId | undefined): Promise<void> {
  await core.ledger.durable(lsn)
  const about = phoneId === undefined ? {} : { phoneId }
  alertAccount(core, account, { kind: 'vetoed', bid: null, ...about })
}
