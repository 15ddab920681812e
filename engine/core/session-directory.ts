// The directory of live sessions: by phone, by account and by resume token.

import { type Bytes, toHex } from '../../base/bytes.ts'
import type { EngineFrame } from '../../protocol/messages/frames.ts'
import type { AccountId } from '../../protocol/ids.ts'
import type { PhoneRow } from '../ports/rows.ts'
import { type Session, type Speaker, answer } from './session.ts'

/** Live sessions by phone, by account and by resume token. */
export class SessionDirectory {
  readonly all = new Set<Session>()
  /** By the speaker's key: one live session each. */
  readonly ofPhone = new Map<string, Session>()
  readonly ofAccount = new Map<AccountId, Set<Session>>()
  /** Sessions whose slots may be taken over, by resume token in hex; also for a while after they closed. */
  readonly ofResumeToken = new Map<string, Session>()
  #numbered = 0

  /** The next session number: it grows across restarts because the epoch does. */
  nextNumber(epoch: number): number {
    this.#numbered++
    return epoch * 0x1_0000_0000 + this.#numbered
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

export type HasSessions = { readonly sessions: SessionDirectory }

/** Sends a frame to every live session of an account. */
export function answerAccount({ sessions }: HasSessions, account: AccountId, frame: EngineFrame): void {
  for (const session of sessions.ofAccount.get(account) ?? []) answer(session, frame)
}

/** A resume token as the directory keys it. */
export function resumeKey(token: Bytes): string {
  return toHex(token)
}
