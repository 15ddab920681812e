// A phone's or hub's live connection as the engine keeps it, and the directory of all of them.

import type { SessionActor } from './actors.ts'
import { type Bytes, toHex } from '../../base/bytes.ts'
import { type ErrorCode, errorCodes } from '../../protocol/errors.ts'
import { layEngineFrame, layHubRecord } from '../../protocol/frame-codec.ts'
import { type AlertKind, type EngineFrame, alertKinds } from '../../protocol/frames.ts'
import { type AccountId, type Bid, type PhoneId, idBytes } from '../../protocol/ids.ts'
import type { Bucket } from '../budgets/admission.ts'
import type { Surface } from '../../policy/holds.ts'
import type { Connection } from '../ports/connection.ts'
import type { PhoneRow } from '../ports/rows.ts'
import type { SessionSlots } from './session-slots.ts'

/** Who speaks on an authenticated session. */
export type Speaker =
  | {
      readonly type: 'phone'
      readonly account: AccountId
      readonly phoneId: PhoneId
      /** What tells it from others: one live session each. A phone's is that of its row, a web session has one of its own. */
      readonly key: string
      /** What verifies this phone's user verifications. */
      readonly verifyKey: Bytes
      /** Until then the phone may only freeze, report lost and read; 0 = full rights. */
      readonly pendingUntilMs: number
      /** `web` after a strong web sign-in. */
      readonly surface: Surface
      readonly signedInAtMs: number
      readonly tokenExpiresAtMs: number
      /** The phone is not enrolled any more: its socket closes, and until then it is served nothing. */
      readonly isGone: boolean
      /** Another phone asked to remove this one: it only stops and reads. */
      readonly isSuspended: boolean
    }
  | { readonly type: 'hub'; readonly accounts: ReadonlySet<string>; readonly tokenExpiresAtMs: number }

export type Session = {
  readonly connection: Connection
  readonly actor: SessionActor
  /** Of frame 100; the hello signs it. */
  readonly challenge: Uint8Array
  readonly slots: SessionSlots
  /** Outstanding user-verification challenges: hex → monotonic end, ms. */
  readonly uvChallenges: Map<string, number>
  speaker: Speaker | undefined
  number: number
  resumeToken: string
  /** Answers that wait at the output gate. */
  waiting: number
  /** Freezes and the like, which nothing else may crowd out. */
  readonly stops: Bucket
  /** Cancels the one timer that the session has: for its hello, for its token's end, or for the phone to come back. */
  cancelTimer: () => void
}

/** Sends one frame to the phone. */
export function answer(session: Session, frame: EngineFrame): void {
  session.connection.send(layEngineFrame(frame))
}

/** Sends error 200 for the request `id`. */
export function refuse(session: Session, id: number, code: ErrorCode, retryAfterMs: number | null = null): void {
  answer(session, { type: 'error', id, code: errorCodes[code], retryAfterMs })
}

/** Sends a band record to be carried over a slot. */
export function sendRecord(session: Session, slot: number, bytes: Uint8Array): void {
  if (session.connection.kind === 'hub') session.connection.send(layHubRecord(slot, bytes))
  else answer(session, { type: 'record', id: 0, slot, bytes })
}

/** Live sessions by phone, by account and by resume token. */
export class SessionDirectory {
  readonly all = new Set<Session>()
  /** By the speaker's key: one live session each. */
  readonly ofPhone = new Map<string, Session>()
  readonly ofAccount = new Map<AccountId, Set<Session>>()
  /** Sessions whose slots may be taken over, by resume token in hex; also for a while after they closed. */
  readonly ofResumeToken = new Map<string, Session>()
  private numbered = 0

  /** The next session number: it grows across restarts because the epoch does. */
  nextNumber(epoch: number): number {
    this.numbered++
    return epoch * 0x1_0000_0000 + this.numbered
  }

  add(session: Session, { key, account }: Extract<Speaker, { readonly type: 'phone' }>): void {
    this.ofPhone.set(key, session)
    let sessions = this.ofAccount.get(account)
    if (sessions === undefined) this.ofAccount.set(account, (sessions = new Set()))
    sessions.add(session)
  }

  /** A phone's row became this, or left: its live session has the rights of the row from now on. */
  phoneChanged(key: string, row: Pick<PhoneRow, 'pendingUntilMs' | 'suspendedAtMs'> | null): void {
    const session = this.ofPhone.get(key)
    const speaker = session?.speaker
    if (session === undefined || speaker?.type !== 'phone') return
    const pendingUntilMs = row?.pendingUntilMs ?? speaker.pendingUntilMs
    session.speaker = { ...speaker, pendingUntilMs, isGone: row === null, isSuspended: (row?.suspendedAtMs ?? 0) > 0 }
  }

  remove(session: Session): void {
    this.all.delete(session)
    const { speaker } = session
    if (speaker?.type !== 'phone') return
    if (this.ofPhone.get(speaker.key) === session) this.ofPhone.delete(speaker.key)
    const sessions = this.ofAccount.get(speaker.account)
    sessions?.delete(session)
    if (sessions?.size === 0) this.ofAccount.delete(speaker.account)
  }
}

type HasSessions = { readonly sessions: SessionDirectory }

/** Sends a frame to every live session of an account. */
export function answerAccount({ sessions }: HasSessions, account: AccountId, frame: EngineFrame): void {
  for (const session of sessions.ofAccount.get(account) ?? []) answer(session, frame)
}

/** What the wearer reads: at most 96 bytes, a band's display takes no more. */
export const alertTexts: Readonly<Record<AlertKind, string>> = {
  'pairing-tried': 'Somebody tried to pair your band. It was refused.',
  'band-frozen': 'Your band is frozen. Nothing is approved until it is unfrozen.',
  'band-lost': 'Your band is reported lost. Nothing is approved with it.',
  'clone-suspected': 'Your band may have been copied. It is frozen until you verify it.',
  'deactivation-began': 'Your band is being deactivated. You can still veto this.',
  'phone-pending': 'A new phone was added to your account. You can veto it.',
  'found-began': 'Your band was reported found. You can still veto this.',
  'limits-rising': 'Your limits will rise. You can still veto this.',
  vetoed: 'A pending change was vetoed.',
  'band-released': 'Your band is released. It can be paired again.',
  'phone-suspended': 'A phone of yours is suspended and will be removed. You can veto this.',
  'phone-removed': 'A phone of your account was removed.',
  'phone-admitted': 'A new phone has all rights now.',
}

/** Tells every live session of an account what the wearer should know. */
export function alertAccount(
  core: HasSessions,
  account: AccountId,
  alert: {
    readonly kind: AlertKind
    readonly bid: Bid | null
    /** The phone it is about. */
    readonly phoneId?: PhoneId
    readonly except?: Session
  },
): void {
  const { kind, bid } = alert
  const bytes = bid === null ? null : idBytes(bid)
  const phoneId = alert.phoneId === undefined ? null : idBytes(alert.phoneId)
  for (const session of core.sessions.ofAccount.get(account) ?? []) {
    if (session === alert.except) continue
    answer(session, { type: 'alert', id: 0, kind: alertKinds[kind], bid: bytes, text: alertTexts[kind], phoneId })
  }
}

/** A resume token as the directory keys it. */
export function resumeKey(token: Bytes): string {
  return toHex(token)
}
