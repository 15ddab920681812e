// Handlers of holds. Freeze, lost, and the way back: stopping is cheap and at once, restoring is dear (PROTOCOL §7).

import { isDeactivationImmediate, securityDelayMs } from '../../policy/delays.ts'
import type { PhoneFrameOf } from '../../protocol/messages/frames.ts'
import type { ErrorCode } from '../../protocol/errors.ts'
import type { BandId } from '../../protocol/ids.ts'
import { type Hold, holdBits } from '../../protocol/states.ts'
import { eachBand, freeBand, holdAccount, liftAccountHold } from '../bands/account-holds.ts'
import { accountHolds, accountHoldsOn, accountRow, holdsInForce } from '../ledger/account-rows.ts'
import { deciseconds } from '../bands/band-link.ts'
import { type BandOutcome, tellBand } from '../bands/tell-band.ts'
import type { Core } from '../core/core.ts'
import type { BandRow } from '../ports/rows.ts'
import { type Session, answer, refuse } from '../core/session.ts'
import { type PhoneSpeaker, isSignInFresh, ownBand, ownerOf, verifiedOwner } from '../phones/owner.ts'

/** A tap this long ago still counts as "the wearer is here", deciseconds. */
const tapRecentDs = 600
/** Frame 9: one band, or with nil everything the wearer owns. One factor is enough: the session itself. */
export async function freeze(core: Core, session: Session, frame: PhoneFrameOf<'freeze'>): Promise<void> {
  const owner = ownerOf(session, frame.id)
  if (owner === undefined) return
  if (frame.bid === null) {
    const held = holdAccount(core, owner.account, 'owner-freeze', owner.surface)
    if (typeof held !== 'number') return refuse(session, frame.id, errorOf(held))
    const lsn = await durableNow(core)
    return answer(session, { type: 'frozen', id: frame.id, holds: accountHolds(core, owner.account), lsn })
  }
  const holds = await setHold(core, session, { id: frame.id, bid: frame.bid, hold: 'owner-freeze', owner })
  if (holds !== undefined) answer(session, { type: 'frozen', id: frame.id, ...holds })
}

/** Waits until everything appended so far is on disk: also what an earlier request has just changed. */
async function durableNow(core: Core): Promise<number> {
  const lsn = core.ledger.appendedLsn
  await core.ledger.durable(lsn)
  return lsn
}

/** Frame 11: reported lost; refused everywhere until deactivated or found. */
export async function lost(core: Core, session: Session, frame: PhoneFrameOf<'lost'>): Promise<void> {
  const owner = ownerOf(session, frame.id)
  if (owner === undefined) return
  const holds = await setHold(core, session, { id: frame.id, bid: frame.bid, hold: 'lost', owner })
  if (holds !== undefined) answer(session, { type: 'lostAnswer', id: frame.id, ...holds })
}

/** Frame 10: the owner lifts the owner freeze, verified; or clears a clone alarm on a rekeyed, tapped band. */
export async function unfreeze(core: Core, session: Session, frame: PhoneFrameOf<'unfreeze'>): Promise<void> {
  const owner = verifiedOwner(core, session, frame)
  if (owner === undefined) return
  if (frame.bid === null) return unfreezeAll(core, session, frame.id, owner)
  const band = ownBand(core, session, frame.id, frame.bid, owner)
  if (band === undefined) return
  const freed = freeBand(core, owner.account, band.bandId, owner.surface)
  if (typeof freed !== 'number') return refuse(session, frame.id, errorOf(freed))
  const told = liftOwnHolds(core, band.bandId, owner)
  if (told.type === 'refused') return refuse(session, frame.id, told.error)
  const lsn = await durableNow(core)
  answer(session, { type: 'unfrozen', id: frame.id, holds: holdsNow(core, band.bandId), lsn })
}

async function unfreezeAll(core: Core, session: Session, id: number, owner: PhoneSpeaker): Promise<void> {
  const lifted = liftAccountHold(core, owner.account, 'owner-freeze', { by: owner.surface })
  if (typeof lifted !== 'number') return refuse(session, id, errorOf(lifted))
  let last: BandId | undefined
  let refused: ErrorCode | undefined
  await eachBand(core, owner.account, (bandId) => {
    last = bandId
    const told = liftOwnHolds(core, bandId, owner)
    if (told.type === 'refused') refused ??= told.error
  })
  const lsn = await durableNow(core)
  if (refused !== undefined) return refuse(session, id, refused)
  if (lifted === 0 && last === undefined) return refuse(session, id, 'unknown-band')
  const holds = last === undefined ? accountHolds(core, owner.account) : holdsNow(core, last)
  answer(session, { type: 'unfrozen', id, holds, lsn })
}

/** Bits of the holds in force, read anew: what was read before a wait may have changed in it. */
function holdsNow(core: Core, bandId: BandId): number {
  const row = core.ledger.get('band', bandId)
  return row === undefined ? 0 : holdsInForce(core, row)
}

function errorOf(refusal: 'full' | 'failed' | 'wrong-surface' | 'band-held'): ErrorCode {
  if (refusal === 'full') return 'storage-full'
  return refusal === 'failed' ? 'unavailable' : refusal
}

function liftOwnHolds(core: Core, bandId: BandId, owner: PhoneSpeaker): BandOutcome {
  const by = owner.surface
  const row = core.ledger.get('band', bandId)
  const atMs = core.time.nowMs()
  if (row !== undefined && (row.holds & holdBits['risk-freeze']) !== 0 && isRekeyedAndTapped(core, row)) {
    tellBand(core, bandId, { type: 'rekey.cleared', atMs }, { by, use: 'normal' })
  }
  return tellBand(core, bandId, { type: 'hold.lift', hold: 'owner-freeze', by, atMs }, { by, use: 'normal' })
}

/** Rekey alone never clears a clone alarm: the keys are newer than the hold, and the wearer tapped just now. */
function isRekeyedAndTapped(core: Core, row: BandRow): boolean {
  const ratchet = core.ledger.get('ratchet', row.bandId)
  return (
    ratchet !== undefined &&
    core.time.passedMs(ratchet.rekeyedAtMs) > core.time.passedMs(row.holdEndedAtMs) &&
    isTapped(core, row)
  )
}

function isTapped(core: Core, row: BandRow): boolean {
  const link = row.bid === null ? undefined : core.slots.get(row.bid)?.link
  if (link === undefined) return false
  const tapAt = core.links.get(link, 'tapAt')
  return tapAt > 0 && deciseconds(core) - tapAt <= tapRecentDs
}

/** Frame 12: only a fresh strong web sign-in begins it, and nothing shortens its delay. */
export async function found(core: Core, session: Session, frame: PhoneFrameOf<'found'>): Promise<void> {
  const owner = ownerOf(session, frame.id)
  if (owner === undefined) return
  const isFresh = isSignInFresh(core, owner.signedInAtMs)
  if (owner.surface !== 'web' || !isFresh) return refuse(session, frame.id, 'wrong-surface')
  const band = ownBand(core, session, frame.id, frame.bid, owner)
  if (band === undefined) return
  const atMs = core.time.nowMs()
  const dueAtMs = atMs + securityDelayMs(core.config.delays, 'found', owner.surface)
  const by = owner.surface
  const event = { type: 'found.begin', atMs, dueAtMs } as const
  const told = tellBand(core, band.bandId, event, { by, use: 'normal', keys: { foundBegunBy: by } })
  if (told.type === 'refused') return refuse(session, frame.id, told.error)
  await durableNow(core)
  answer(session, { type: 'foundAnswer', id: frame.id, dueAtMs: told.row.foundAtMs })
}

/** Frame 13: after the Security Delay, or at once from an armed, tapped band that was not held for a day. */
export async function deactivate(core: Core, session: Session, frame: PhoneFrameOf<'deactivate'>): Promise<void> {
  const owner = verifiedOwner(core, session, frame)
  if (owner === undefined) return
  const band = ownBand(core, session, frame.id, frame.bid, owner)
  if (band === undefined) return
  const nowMs = core.time.nowMs()
  const account = accountRow(core, owner.account)
  const isNow = isDeactivationImmediate(core.config.delays, {
    state: band.state,
    holds: holdsInForce(core, band),
    holdEndedAtMs: Math.max(core.time.passedMs(band.holdEndedAtMs), core.time.passedMs(account.holdEndedAtMs)),
    nowMs,
    tapped: isTapped(core, band),
  })
  const dueAtMs = isNow ? nowMs : nowMs + securityDelayMs(core.config.delays, 'deactivation', owner.surface)
  const by = owner.surface
  const event = { type: 'deactivation.begin', atMs: nowMs, dueAtMs } as const
  const told = tellBand(core, band.bandId, event, { by, use: 'normal', keys: { deactivationBegunBy: by } })
  if (told.type === 'refused') return refuse(session, frame.id, told.error)
  if (isNow) {
    const due = { type: 'deactivation.due', atMs: nowMs, accountHolds: accountHoldsOn(core, band) } as const
    tellBand(core, band.bandId, due, { by, use: 'reserve' })
  }
  await durableNow(core)
  answer(session, { type: 'deactivateAnswer', id: frame.id, dueAtMs })
}

type HoldAsked = { readonly id: number; readonly bid: Uint8Array; readonly hold: Hold; readonly owner: PhoneSpeaker }

async function setHold(
  core: Core,
  session: Session,
  asked: HoldAsked,
): Promise<{ holds: number; lsn: number } | undefined> {
  const { id, bid, hold, owner } = asked
  const band = ownBand(core, session, id, bid, owner)
  if (band === undefined) return undefined
  const by = owner.surface
  const told = tellBand(
    core,
    band.bandId,
    { type: 'hold.set', hold, by, atMs: core.time.nowMs() },
    { by, use: 'reserve' },
  )
  if (told.type === 'refused') {
    refuse(session, id, told.error)
    return undefined
  }
  const lsn = await durableNow(core)
  return { holds: holdsNow(core, band.bandId), lsn }
}
