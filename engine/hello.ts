// Who is this? A token says which account, a signature says which phone, and the row says whether we know it
// (PROTOCOL §8 "Enrolment").

import { helloMessage, verifyPhoneSignature } from '../crypto/phone-auth.ts'
import { securityDelayMs } from '../policy/delays.ts'
import { roleOf } from '../policy/session-role.ts'
import { equalBytes, toHex } from '../protocol/bytes.ts'
import type { CloseCode, ErrorCode } from '../protocol/errors.ts'
import type { PhoneFrameOf } from '../protocol/frames.ts'
import { type PhoneId, parsePhoneId } from '../protocol/ids.ts'
import { phoneProtocolVersion } from '../protocol/versions.ts'
import type { Core } from './core.ts'
import { isSignInFresh } from './holds.ts'
import { type PhoneRow, phoneKey } from './ports/rows.ts'
import type { TokenClaims } from './ports/surroundings.ts'
import { type Session, type Speaker, alertAccount } from './session.ts'

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
  if (role === undefined) return refused('token-invalid')
  if (role === 'hub') return verifyHub(claims)
  if (role === 'web') return verifyWeb(core, claims, frame, phoneId)
  const phone = await knownOrEnrolled(core, session, frame, { claims, phoneId })
  if (phone === undefined) return refused('phone-unknown')
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
  }
  return { type: 'verified', speaker, pendingUntilMs: phone.pendingUntilMs }
}

function verifyHub(claims: TokenClaims): HelloOutcome {
  if (!claims.boundToKey) return refused('token-invalid')
  const accounts = new Set(claims.hubAccounts)
  return {
    type: 'verified',
    speaker: { type: 'hub', accounts, tokenExpiresAtMs: claims.expiresAtMs },
    pendingUntilMs: 0,
  }
}

/** A web surface is not a phone: it is not enrolled, and its strong sign-in is its verification. */
function verifyWeb(core: Core, claims: TokenClaims, frame: PhoneFrameOf<'hello'>, phoneId: PhoneId): HelloOutcome {
  if (!claims.boundToKey || !isSignInFresh(core, claims.authTimeMs)) return refused('token-invalid')
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
  }
  return { type: 'verified', speaker, pendingUntilMs: 0 }
}

type Enrolment = { readonly claims: TokenClaims; readonly phoneId: PhoneId }

async function knownOrEnrolled(
  core: Core,
  session: Session,
  frame: PhoneFrameOf<'hello'>,
  enrolment: Enrolment,
): Promise<PhoneRow | undefined> {
  const { claims, phoneId } = enrolment
  const key = phoneKey(claims.account, phoneId)
  if (core.ledger.get('phone', key) !== undefined) {
    if (withKeysOf(core, key, frame) === undefined) return undefined
    // Its enrolment may have been appended a moment ago.
    await core.ledger.durable(core.ledger.appendedLsn)
    return withKeysOf(core, key, frame)
  }
  if (!claims.boundToKey || !isSignInFresh(core, claims.authTimeMs)) return undefined
  return enrol(core, session, frame, enrolment)
}

/** The phone as it is now, if it brings the keys it was enrolled with: a veto may have come while its hello waited. */
function withKeysOf(core: Core, key: string, frame: PhoneFrameOf<'hello'>): PhoneRow | undefined {
  const row = core.ledger.get('phone', key)
  if (row === undefined || row.removed) return undefined
  const isSame = equalBytes(row.sessionKey, frame.sessionKey) && equalBytes(row.verifyKey, frame.verifyKey)
  return isSame ? row : undefined
}

// Reads and appends in one run: two new phones of one account cannot both find it empty.
async function enrol(
  core: Core,
  session: Session,
  frame: PhoneFrameOf<'hello'>,
  { claims, phoneId }: Enrolment,
): Promise<PhoneRow | undefined> {
  const { account } = claims
  const phones = core.ledger.range('phone', {
    from: `${account}|`,
    to: `${account}}`,
    limit: phonesPerAccountMax + 1,
  })
  const others = phones.filter(({ row }) => row.phoneId !== phoneId)
  if (others.length >= phonesPerAccountMax) return undefined
  const atMs = core.time.nowMs()
  const by = `phone:${phoneId}` as const
  const pendingUntilMs = others.length === 0 ? 0 : atMs + securityDelayMs(core.config.delays, 'phone', by)
  const row: PhoneRow = {
    account,
    phoneId,
    sessionKey: frame.sessionKey,
    verifyKey: frame.verifyKey,
    enrolledAtMs: atMs,
    pendingUntilMs,
    removed: false,
  }
  const lsn = core.ledger.append({ type: 'phone', atMs, cause: 'phone.enrolled', by, ...row }, 'normal')
  if (typeof lsn !== 'number') return undefined
  await core.ledger.durable(lsn)
  if (pendingUntilMs > 0) alertAccount(core, account, { kind: 'phone-pending', bid: null, except: session })
  return withKeysOf(core, phoneKey(account, phoneId), frame)
}

/** Phones one account may have. */
const phonesPerAccountMax = 16
