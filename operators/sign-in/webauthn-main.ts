// Worker thread of WebAuthn verification: the one door to @simplewebauthn/server. Loading that library takes a few
// hundred milliseconds, and what it reads are hostile certificates and CBOR: neither shall hold up or harm the engine's thread.

import {
  type AuthenticationResponseJSON,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'
import { parentPort } from 'node:worker_threads'
import { type JudgedPasskey, type PasskeyTask, passkeyAlgorithms } from './webauthn-task.ts'

parentPort?.on('message', ({ number, task }: { readonly number: number; readonly task: PasskeyTask }) => {
  void judgedOrNull(task).then((judged) => parentPort?.postMessage({ number, judged }))
})

/** The library throws an Error for whatever an answer may be wrong in: all of them refuse. */
async function judgedOrNull(asked: PasskeyTask): Promise<JudgedPasskey | null> {
  try {
    return asked.type === 'created' ? await created(asked) : await asserted(asked)
  } catch {
    return null
  }
}

async function created(asked: Extract<PasskeyTask, { readonly type: 'created' }>): Promise<JudgedPasskey | null> {
  const { id, clientDataJSON, attestationObject } = asked.response
  const response: RegistrationResponseJSON = {
    id,
    rawId: id,
    type: 'public-key',
    response: { clientDataJSON, attestationObject },
    clientExtensionResults: {},
  }
  const verified = await verifyRegistrationResponse({
    response,
    expectedChallenge: asked.challenge,
    expectedOrigin: asked.place.origin,
    expectedRPID: asked.place.domain,
    requireUserVerification: true,
    supportedAlgorithmIDs: [...passkeyAlgorithms],
  })
  if (!verified.verified) return null
  const { credential } = verified.registrationInfo
  return { id: credential.id, publicKey: new Uint8Array(credential.publicKey), counter: credential.counter }
}

async function asserted(asked: Extract<PasskeyTask, { readonly type: 'asserted' }>): Promise<JudgedPasskey | null> {
  const { id, clientDataJSON, authenticatorData, signature } = asked.response
  const { publicKey, counter } = asked.passkey
  const response: AuthenticationResponseJSON = {
    id,
    rawId: id,
    type: 'public-key',
    response: { clientDataJSON, authenticatorData, signature },
    clientExtensionResults: {},
  }
  const verified = await verifyAuthenticationResponse({
    response,
    expectedChallenge: asked.challenge,
    expectedOrigin: asked.place.origin,
    expectedRPID: asked.place.domain,
    credential: { id: asked.passkey.id, publicKey: new Uint8Array(publicKey), counter },
    requireUserVerification: true,
  })
  const { newCounter } = verified.authenticationInfo
  return verified.verified ? { id: asked.passkey.id, publicKey, counter: Math.max(counter, newCounter) } : null
}
