// User verification: the phone's secure hardware signed this very request, after its owner's biometric (PROTOCOL §8).

import { uvMessage, verifyPhoneSignature } from '../../crypto/signed/phone-auth.ts'
import { type Bytes, toHex } from '../../base/bytes.ts'
import { fieldsBeforeUv } from '../../protocol/messages/frame-codec.ts'
import { type PhoneFrame, phoneFrames } from '../../protocol/messages/frames.ts'
import { uvChallengeLifeMs, uvChallengesMax } from '../../protocol/limits.ts'
import type { Core } from '../core/core.ts'
import { type Session, answer } from '../core/session.ts'

/** Answers frame 19 with a challenge: single use, 60 s, this socket. The oldest gives way past the limit. */
export function issueChallenge(core: Core, session: Session, id: number): void {
  const challenge = core.random(32)
  if (session.uvChallenges.size >= uvChallengesMax) {
    const oldest = session.uvChallenges.keys().next()
    if (oldest.done !== true) session.uvChallenges.delete(oldest.value)
  }
  session.uvChallenges.set(toHex(challenge), core.time.monotonicMs() + uvChallengeLifeMs)
  answer(session, { type: 'challengeAnswer', id, challenge })
}

/** The signed message when `uv` verifies this frame's user now, else undefined. Its challenge is spent either way. */
export function verifyUser(core: Core, session: Session, frame: PhoneFrame, uv: Bytes): Uint8Array | undefined {
  const { speaker } = session
  const challenge = uv.subarray(0, 32)
  const key = toHex(challenge)
  const untilMs = session.uvChallenges.get(key)
  session.uvChallenges.delete(key)
  // A web session brings its keys itself: what verifies a user is a key that was enrolled.
  if (speaker?.type !== 'phone' || speaker.surface === 'web') return undefined
  if (untilMs === undefined || core.time.monotonicMs() >= untilMs) return undefined
  const message = uvMessage(core.primitives, {
    purpose: phoneFrames[frame.type].number,
    challenge,
    fields: fieldsBeforeUv(frame),
    host: session.connection.host,
  })
  return verifyPhoneSignature(core.primitives, speaker.verifyKey, message, uv.subarray(32)) ? message : undefined
}
