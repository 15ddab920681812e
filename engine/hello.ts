// Who is this? A token says which account, a signature says which phone, and the row says whether we know it
// (PROTOCOL §8 "Enrolment").

import { helloMessage, verifyPhoneSignature } from '../crypto/phone-auth.ts'
import { securityDelayMs } from '../policy/delays.ts'
import { equalBytes } from '../protocol/bytes.ts'
import type { CloseCode } from '../protocol/errors.ts'
import type { PhoneFrameOf } from '../protocol/frames.ts'
import { type PhoneId, parsePhoneId } from '../protocol/ids.ts'
import { phoneProtocolVersion } from '../protocol/versions.ts'
import type { Core } from './core.ts'
import { signInFreshMs } from './holds.ts'
import { type PhoneRow, phoneKey } from './ports/rows.ts'
import type { TokenClaims } from './ports/surroundings.ts'
import { type Session, type Speaker, alertAccount } from './session.ts'

export type HelloOutcome =
  | { readonly type: 'verified'; readonly speaker: Speaker; readonly pendingUntilMs: number }
  | { readonly type: 'refused'; readonly close: CloseCode }

const refused: HelloOutcome = { type: 'refused', close: 'auth-failed' }

/** Verifies a hello and, for an account's first phone, enrols it durably. The frame's bytes must be copies. */
export async function verifyHello(core: Core, session: Session, frame: PhoneFrameOf<'hello'>): Promise<HelloOutcome> {
  if (frame.version !== phoneProtocolVersion) return { type: 'refused', close: 'version-unsupported' }
  const phoneId = parsePhoneId(frame.phoneId)
  const message = helloMessage(session.challenge, phoneId, session.connection.host)
  if (!verifyPhoneSignature(core.primitives, frame.sessionKey, message, frame.signature)) return refused
  const claims = await core.tokens.verify(frame.token, frame.sessionKey)
  if (claims === undefined) return refused
  if (session.connection.kind === 'hub') return verifyHub(claims)
  const isWeb = claims.scopes.includes('web')
  if (isWeb) return verifyWeb(core, claims, frame, phoneId)
  const phone = await knownOrEnrolled(core, session, frame, { claims, phoneId })
  if (phone === undefined) return refused
  const speaker: Speaker = {
    type: 'phone',
    account: claims.account,
    phoneId,
    verifyKey: phone.verifyKey,
    pendingUntilMs: phone.pendingUntilMs,
    surface: `phone:${phoneId}`,
    signedInAtMs: claims.authTimeMs,
    tokenExpiresAtMs: claims.expiresAtMs,
  }
  return { type: 'verified', speaker, pendingUntilMs: phone.pendingUntilMs }
}

function verifyHub(claims: TokenClaims): HelloOutcome {
  if (!claims.scopes.includes('hub') || !claims.boundToKey) return refused
  const accounts = new Set(claims.hubAccounts)
  return {
    type: 'verified',
    speaker: { type: 'hub', accounts, tokenExpiresAtMs: claims.expiresAtMs },
    pendingUntilMs: 0,
  }
}

/** A web surface is not a phone: it is not enrolled, and its strong sign-in is its verification. */
function verifyWeb(core: Core, claims: TokenClaims, frame: PhoneFrameOf<'hello'>, phoneId: PhoneId): HelloOutcome {
  if (!claims.boundToKey || core.time.nowMs() - claims.authTimeMs > signInFreshMs) return refused
  const speaker: Speaker = {
    type: 'phone',
    account: claims.account,
    phoneId,
    verifyKey: frame.verifyKey,
    pendingUntilMs: 0,
    surface: 'web',
    signedInAtMs: claims.authTimeMs,
    tokenExpiresAtMs: claims.expiresAtMs,
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
  const known = core.ledger.get('phone', key)
  if (known !== undefined && !known.removed) {
    const isSame = equalBytes(known.sessionKey, frame.sessionKey) && equalBytes(known.verifyKey, frame.verifyKey)
    return isSame ? known : undefined
  }
  const signedInAgoMs = core.time.nowMs() - claims.authTimeMs
  if (!claims.boundToKey || signedInAgoMs > signInFreshMs) return undefined
  // One enrolment at a time: two new phones of one account must not both find it empty.
  const turn = core.sessions.enrolling.then(() => enrol(core, session, frame, enrolment))
  core.sessions.enrolling = turn.then(
    () => undefined,
    () => undefined,
  )
  return turn
}

async function enrol(
  core: Core,
  session: Session,
  frame: PhoneFrameOf<'hello'>,
  { claims, phoneId }: Enrolment,
): Promise<PhoneRow | undefined> {
  const { account } = claims
  const phones = await core.ledger.range('phone', {
    from: `${account}|`,
    to: `${account}}`,
    limit: phonesPerAccountMax + 1,
  })
  const others = phones.filter(({ row }) => !row.removed && row.phoneId !== phoneId)
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
  return row
}

/** Phones one account may have. */
const phonesPerAccountMax = 16
