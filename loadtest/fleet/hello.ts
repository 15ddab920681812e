// Sign-in of a carrier (frame 1): its keys and its name come from the seed, its token from the engine's own issuer.

import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { helloMessage } from '../../crypto/signed/phone-auth.ts'
import { encodePhoneFrame, helloToSign } from '../../protocol/messages/frame-codec.ts'
import { phoneProtocolVersion } from '../../protocol/versions.ts'
import type { FleetSeed } from './fleet-seed.ts'

/** The session key of carrier `index`, public half: what its token is bound to. */
export function carrierPublicKey(seed: FleetSeed, index: number): Uint8Array {
  return nodePrimitives.ed25519PublicKey(seed.draw('carrierKey', index).slice())
}

/** Frame 1 for a greeting's challenge. */
export function helloOf(
  seed: FleetSeed,
  index: number,
  to: { readonly challenge: Uint8Array; readonly host: string; readonly token: string },
): Uint8Array {
  const key = seed.draw('carrierKey', index).slice()
  const phoneId = seed.draw('carrierName', index).slice(0, 16)
  const publicKey = nodePrimitives.ed25519PublicKey(key)
  const hello = {
    type: 'hello',
    id: 1,
    version: phoneProtocolVersion,
    token: to.token,
    phoneId,
    sessionKey: publicKey,
    verifyKey: publicKey,
    resumeToken: null,
  } as const
  const { challenge, host } = to
  const message = helloMessage(nodePrimitives, { challenge, fields: helloToSign(hello), host })
  return encodePhoneFrame({ ...hello, signature: nodePrimitives.ed25519Sign(key, message) })
}
