// User verification (PROTOCOL §8): the engine gives a challenge, the verify key signs it together with the very frame it
// allows. On the wire: challenge[32] ‖ signature[64].

import { concatBytes } from '../protocol/bytes.ts'
import { fieldsBeforeUv } from '../protocol/frame-codec.ts'
import { phoneFrames } from '../protocol/frames.ts'
import { uvMessage } from '../crypto/phone-auth.ts'
import type { Primitives } from '../crypto/primitives.ts'
import type { PhoneKey } from './phone-keys.ts'
import type { Asked, Requests } from './requests.ts'

type Verified = Extract<Asked, { readonly uv: unknown }>
/** A frame that carries a verification, before it has one. */
export type Unverified = Verified extends infer Frame ? (Frame extends Verified ? Omit<Frame, 'uv'> : never) : never

/** The frame with its verification. Rejects when the user did not agree or no challenge came. */
export async function verifyUser<Frame extends Unverified>(
  parts: {
    readonly primitives: Primitives
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
  return { ...frame, uv: concatBytes(challenge, await parts.verifyKey.sign(message)) }
}
