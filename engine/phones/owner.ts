// Authorization of the owner. The owner of a band as a session speaks for one: signed in lately, verified for this very frame, and of which
// band.

import type { PhoneFrameOf } from '../../protocol/messages/frames.ts'
import { parseBid } from '../../protocol/ids.ts'
import type { Core } from '../core/core.ts'
import type { BandRow } from '../ports/rows.ts'
import { type Session, type Speaker, refuse } from '../core/session.ts'
import { verifyUser } from './user-verification.ts'

/** A sign-in counts as fresh for this long, ms; its clock may be ahead of ours by `leewayMs`. */
const signInFreshMs = 5 * 60_000

const leewayMs = 5_000

/** Has the owner signed in just now? An instant from the future is no proof of that. */
export function isSignInFresh(core: Core, signedInAtMs: number): boolean {
  const agoMs = core.time.nowMs() - signedInAtMs
  return agoMs >= -leewayMs && agoMs <= signInFreshMs
}

export type PhoneSpeaker = Extract<Speaker, { readonly type: 'phone' }>

/** The phone or web session that speaks for its owner; answers the refusal for hubs. */
export function ownerOf(session: Session, id: number): PhoneSpeaker | undefined {
  if (session.speaker?.type === 'phone') return session.speaker
  refuse(session, id, 'not-for-hubs')
  return undefined
}

/** The owner, verified for this very frame: by the phone's key, or by a fresh web sign-in. */
export function verifiedOwner(
  core: Core,
  session: Session,
  frame: PhoneFrameOf<'unfreeze' | 'deactivate' | 'limits'>,
): PhoneSpeaker | undefined {
  const owner = ownerOf(session, frame.id)
  if (owner === undefined) return undefined
  const isWebFresh = owner.surface === 'web' && isSignInFresh(core, owner.signedInAtMs)
  const isVerified = isWebFresh || (frame.uv !== null && verifyUser(core, session, frame, frame.uv) !== undefined)
  if (isVerified) return owner
  refuse(session, frame.id, 'verification-invalid')
  return undefined
}

/** The row of the owner's band; answers the one error for unknown and foreign bands. */
export function ownBand(
  core: Core,
  session: Session,
  id: number,
  bid: Uint8Array,
  owner: PhoneSpeaker,
): BandRow | undefined {
  const row = core.ledger.get('bid', parseBid(bid))
  const band =
    row === undefined || row.tombstoned || row.account !== owner.account
      ? undefined
      : core.ledger.get('band', row.bandId)
  if (band === undefined) refuse(session, id, 'unknown-band')
  return band
}
