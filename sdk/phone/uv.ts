// User verification (PROTOCOL §8): the engine gives a challenge, the verify key signs it together with the very frame it
// allows. On the wire: challenge[32] ‖ signature[64].

import { concatBytes } from '../../base/bytes.ts'
import { fieldsBeforeUv } from '../../protocol/messages/frame-codec.ts'
import { phoneFrames } from '../../protocol/messages/frames.ts'
import { uvChallengeLifeMs } from '../../protocol/limits.ts'
import { uvMessage } from '../../crypto/signed/phone-auth.ts'
import type { Primitives } from '../../crypto/primitives/primitives.ts'
import { isSignature } from './connection.ts'
import type { PhoneClock } from './phone-clock.ts'
import { PhoneError, asPhoneError } from './phone-errors.ts'
import type { PhoneKey } from './phone-keys.ts'
import { answerWithin } from './phone-timeouts.ts'
import type { Asked, Requests } from './requests.ts'

type Verified = Extract<Asked, { readonly uv: unknown }>
/** A frame that carries a verification, before it has one. */
export type Unverified = Verified extends infer Frame ? (Frame extends Verified ? Omit<Frame, 'uv'> : never) : never

/** The frame with its verification. Rejects with `not-verified` when the user did not agree, or not while the challenge lived. */
export async function verifyUser<Frame extends Unverified>(
  parts: {
    readonly primitives: Primitives
    readonly clock: PhoneClock
    readonly requests: Requests
    readonly verifyKey: PhoneKey
    /** Of the engine that is meant, as `hostOf` gives it. */
    readonly host: string
  },
  frame: Frame,
): Promise<Frame & { readonly uv: Uint8Array<ArrayBuffer> }> {
  const { challenge } = await parts.requests.ask({ type: 'challenge' }, 'challengeAnswer')
  const message = uvMessage(parts.primitives, {
    purpose: phoneFrames[frame.type].number,
    challenge,
    fields: fieldsBeforeUv({ ...frame, uv: new Uint8Array(96), id: 0 }),
    host: parts.host,
  })
  return { ...frame, uv: concatBytes(challenge, await signed(parts, message)) }
}

async function signed(
  { clock, verifyKey }: { readonly clock: PhoneClock; readonly verifyKey: PhoneKey },
  message: Uint8Array,
): Promise<Uint8Array> {
  const late = new PhoneError('not-verified', { about: `no answer within ${uvChallengeLifeMs} ms` })
  try {
    const signature: unknown = await answerWithin(clock, uvChallengeLifeMs, late, () => verifyKey.sign(message))
    if (isSignature(signature)) return signature
  } catch (error) {
    throw asPhoneError(error, 'not-verified')
  }
  throw new PhoneError('not-verified', { about: 'a signature of 64 bytes expected' })
}
