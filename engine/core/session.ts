// A phone's or hub's live connection as the engine keeps it.

import type { SessionActor } from './actors.ts'
import type { Bytes } from '../../base/bytes.ts'
import { type ErrorCode, errorCodes } from '../../protocol/errors.ts'
import { encodeEngineFrameBorrowed, encodeHubRecordBorrowed } from '../../protocol/messages/frame-codec.ts'
import type { EngineFrame } from '../../protocol/messages/frames.ts'
import type { AccountId, PhoneId } from '../../protocol/ids.ts'
import type { TokenBucket } from '../../base/token-bucket.ts'
import type { Surface } from '../../policy/holds.ts'
import type { Connection } from '../ports/connection.ts'
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
  readonly stops: TokenBucket
  /** Cancels the one timer that the session has: for its hello, for its token's end, or for the phone to come back. */
  cancelTimer: () => void
}

/** Sends one frame to the phone. */
export function answer(session: Session, frame: EngineFrame): void {
  session.connection.send(encodeEngineFrameBorrowed(frame))
}

/** Sends error 200 for the request `id`. */
export function refuse(session: Session, id: number, code: ErrorCode, retryAfterMs: number | null = null): void {
  answer(session, { type: 'error', id, code: errorCodes[code], retryAfterMs })
}

/** Sends a band record to be carried over a slot. */
export function sendRecord(session: Session, slot: number, bytes: Uint8Array): void {
  if (session.connection.kind === 'hub') session.connection.send(encodeHubRecordBorrowed(slot, bytes))
  else answer(session, { type: 'record', id: 0, slot, bytes })
}
