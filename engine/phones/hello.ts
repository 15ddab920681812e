// Authentication and enrolment of a session (frame 1). Who is this? A token says which account, a signature says which phone, and the row says
// whether we know it (PROTOCOL §8 "Enrolment").

import { helloMessage, verifyPhoneSignature } from '../../crypto/signed/phone-auth.ts'
import { securityDelayMs } from '../../policy/delays.ts'
import { givesWay } from '../../policy/phone-places.ts'
import { roleOf } from '../../policy/session-role.ts'
import { equalBytes, toHex } from '../../base/bytes.ts'
import type { CloseCode, ErrorCode } from '../../protocol/errors.ts'
import { phonesPerAccountMax, seenAgainMs } from '../../protocol/limits.ts'
import type { PhoneFrameOf } from '../../protocol/messages/frames.ts'
import { type PhoneId, parsePhoneId } from '../../protocol/ids.ts'
import { phoneProtocolVersion } from '../../protocol/versions.ts'
import { accountRow } from '../ledger/account-rows.ts'
import type { Core } from '../core/core.ts'
import { dropPhone, phonesOf } from './phones.ts'
import { type PhoneRow, phoneKey } from '../ports/rows.ts'
import type { TokenClaims, TokenRefusal } from '../ports/surroundings.ts'
import type { Session, Speaker } from '../core/session.ts'
import { alertAccount } from '../core/alerts.ts'
import { isSignInFresh } from './owner.ts'

export type ReceivedHello = {
  readonly frame: PhoneFrameOf<'hello'>
  /** `signedOfHello` of the bytes that arrived. */
  readonly signed: Uint8Array
}

export type HelloOutcome =
  | { readonly type: 'verified'; readonly speaker: Speaker; readonly pendingUntilMs: number }
  /** The hello is answered with `error`, then the socket closes. */
  | { readonly type: 'refused'; readonly error: ErrorCode; readonly close: CloseCode }

function refused(error: ErrorCode, close: CloseCode = 'auth-failed'): HelloOutcome {
  return { type: 'refused', error, close }
}

/** Verifies a hello and, for an account's first phone, enrols it durably. The bytes must be copies. */
export async function verifyHello(
  core: Core,
  session: Session,
  { frame, signed }: ReceivedHello,
): Promise<HelloOutcome> {
  if (frame.version !== phoneProtocolVersion) return refused('unsupported-frame', 'version-unsupported')
  const phoneId = parsePhoneId(frame.phoneId)
  const { challenge, connection } = session
  const message = helloMessage(core.primitives, { challenge, fields: signed, host: connection.host })
  if (!verifyPhoneSignature(core.primitives, frame.sessionKey, message, frame.signature))
    return refused('hello-proof-invalid')
  const claims = await core.tokens.verify(frame.token, frame.sessionKey)
  if (claims === undefined) return refused('token-invalid')
  const role = roleOf(connection.kind, claims.scopes)
  if (role === undefined) return refusedToken(core, 'scope')
  if (role === 'hub') return verifyHub(core, claims)
  if (role === 'web') return verifyWeb(core, claims, frame, phoneId)
  const phone = await knownOrEnrolled(core, session, frame, { claims, phoneId })
  if (phone === 'rate-limited') return refused(phone, 'unavailable')
  if (typeof phone === 'string') return refused(phone)
  const speaker: Speaker = {
    type: 'phone',
    account: claims.account,
    phoneId,
    key: phoneKey(claims.account, phoneId),
    verifyKey: phone.verifyKey,
    pendingUntilMs: phone.pendingUntilMs,
    surface: `phone:${phoneId}`,
    signedInAtMs: claims.authTimeMs,
    tokenExpiresAtMs: claims.expiresAtMs,
    isGone: false,
    isSuspended: phone.suspendedAtMs > 0,
  }
  return { type: 'verified', speaker, pendingUntilMs: phone.pendingUntilMs }
}

/** A token that holds, but not for this session. */
function refusedToken(core: Core, reason: TokenRefusal): HelloOutcome {
  core.tokens.refused?.(reason)
  return refused('token-invalid')
}

function verifyHub(core: Core, claims: TokenClaims): HelloOutcome {
  if (!claims.boundToKey) return refusedToken(core, 'not-bound')
  // A hub that may speak for no account could attach nothing: its issuer has forgotten them.
  if (claims.hubAccounts.length === 0) return refusedToken(core, 'scope')
  const accounts = new Set(claims.hubAccounts)
  return {
    type: 'verified',
    speaker: { type: 'hub', accounts, tokenExpiresAtMs: claims.expiresAtMs },
    pendingUntilMs: 0,
  }
}

/** A web surface is not a phone: it is not enrolled, and its strong sign-in is its verification. */
function verifyWeb(core: Core, claims: TokenClaims, frame: PhoneFrameOf<'hello'>, phoneId: PhoneId): HelloOutcome {
  if (!claims.boundToKey) return refusedToken(core, 'not-bound')
  if (!isSignInFresh(core, claims.authTimeMs)) return refusedToken(core, 'sign-in-old')
  const speaker: Speaker = {
    type: 'phone',
    account: claims.account,
    phoneId,
    // Its own choice, both of them: never the key of a phone, nor of another page that says the same id.
    key: `${claims.account}|web|${phoneId}|${toHex(frame.sessionKey)}`,
    verifyKey: frame.verifyKey,
    pendingUntilMs: 0,
    surface: 'web',
    signedInAtMs: claims.authTimeMs,
    tokenExpiresAtMs: claims.expiresAtMs,
    isGone: false,
    isSuspended: false,
  }
  return { type: 'verified', speaker, pendingUntilMs: 0 }
}

type Enrolment = { readonly claims: TokenClaims; readonly phoneId: PhoneId }

async function knownOrEnrolled(
  core: Core,
  session: Session,
  frame: PhoneFrameOf<'hello'>,
  enrolment: Enrolment,
): Promise<PhoneRow | NotEnrolled> {
  const { claims, phoneId } = enrolment
  const key = phoneKey(claims.account, phoneId)
  if (core.ledger.get('phone', key) !== undefined) {
    const known = withKeysOf(core, key, frame)
    if (known === undefined) return 'phone-unknown'
    noteSeen(core, known)
    // Its enrolment may have been appended a moment ago.
    await core.ledger.durable(core.ledger.appendedLsn)
    return withKeysOf(core, key, frame) ?? 'phone-unknown'
  }
  if (!claims.boundToKey || !isSignInFresh(core, claims.authTimeMs)) return 'phone-unknown'
  return enrol(core, session, frame, enrolment)
}

/** The phone as it is now, if it brings the keys it was enrolled with: a veto may have come while its hello waited. */
function withKeysOf(core: Core, key: string, frame: PhoneFrameOf<'hello'>): PhoneRow | undefined {
  const row = core.ledger.get('phone', key)
  if (row === undefined || row.removed) return undefined
  const isSame = equalBytes(row.sessionKey, frame.sessionKey) && equalBytes(row.verifyKey, frame.verifyKey)
  return isSame ? row : undefined
}

/** A phone's last hello is journaled once a week: enough to tell which phones are used no more. */
function noteSeen(core: Core, row: PhoneRow): void {
  const atMs = core.time.nowMs()
  if (atMs - core.time.passedMs(row.seenAtMs) < seenAgainMs) return
  // A full disk keeps no phone out.
  const by = `phone:${row.phoneId}` as const
  core.ledger.append({ type: 'phone', atMs, cause: 'phone.seen', by, ...row, seenAtMs: atMs }, 'normal')
}

/** Why a hello enrols nothing. */
type NotEnrolled = 'phone-unknown' | 'phones-full' | 'rate-limited'

// Reads and appends in one run: two new phones of one account cannot both find it empty.
async function enrol(
  core: Core,
  session: Session,
  frame: PhoneFrameOf<'hello'>,
  { claims, phoneId }: Enrolment,
): Promise<PhoneRow | NotEnrolled> {
  const { account } = claims
  if (core.records.waitMs(account) > 0) return 'rate-limited'
  core.records.charge(account, 2)
  const atMs = core.time.nowMs()
  const by = `phone:${phoneId}` as const
  const others = phonesOf(core, account)
  const leaving =
    others.length < phonesPerAccountMax
      ? undefined
      : givesWay(others, { nowMs: atMs, isLive: (one) => core.sessions.ofPhone.has(phoneKey(account, one.phoneId)) })
  if (others.length >= phonesPerAccountMax && leaving === undefined) return 'phones-full'
  const isFirst = !accountRow(core, account).hadPhone
  const pendingUntilMs = isFirst ? 0 : atMs + securityDelayMs(core.config.delays, 'phone', by)
  const row: PhoneRow = {
    account,
    phoneId,
    sessionKey: frame.sessionKey,
    verifyKey: frame.verifyKey,
    enrolledAtMs: atMs,
    pendingUntilMs,
    removed: false,
    seenAtMs: atMs,
    suspendedAtMs: 0,
    removeAtMs: 0,
    removalBegunBy: '',
  }
  const lsn = core.ledger.append({ type: 'phone', atMs, cause: 'phone.enrolled', by, ...row }, 'normal')
  if (typeof lsn !== 'number') return 'phone-unknown'
  if (leaving !== undefined) void dropPhone(core, leaving, { cause: 'phone.displaced', by }).catch(core.failed)
  await core.ledger.durable(core.ledger.appendedLsn)
  if (pendingUntilMs > 0) alertAccount(core, account, { kind: 'phone-pending', bid: null, phoneId, except: session })
  return withKeysOf(core, phoneKey(account, phoneId), frame) ?? 'phone-unknown'
}
