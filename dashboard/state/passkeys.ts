// WebAuthn client for passkeys, by the browser's own API: the engine's options go in as JSON, what the authenticator says comes out so.

import { type SessionAnswer, operatorPaths } from '../../protocol/operator-api.ts'
import { type Answered, post } from './api.ts'

/** Whether this browser has passkeys and can read and write them as JSON. */
export function hasPasskeys(): boolean {
  return (
    'PublicKeyCredential' in window &&
    'parseRequestOptionsFromJSON' in PublicKeyCredential &&
    'parseCreationOptionsFromJSON' in PublicKeyCredential
  )
}

/** Signs in with a passkey that this device or a key of the operator's holds. */
export async function signInByPasskey(): Promise<Answered<SessionAnswer>> {
  const begun = await post<PublicKeyCredentialRequestOptionsJSON>(operatorPaths.beginPasskey, {}, ['challenge'])
  if (!begun.ok) return begun
  return withCredential(operatorPaths.signInByPasskey, async () =>
    navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(begun.answer) }),
  )
}

/** Registers a passkey for the signed-in operator. */
export async function addPasskey(): Promise<Answered<SessionAnswer>> {
  const begun = await post<PublicKeyCredentialCreationOptionsJSON>(operatorPaths.beginNewPasskey, {}, ['challenge'])
  if (!begun.ok) return begun
  return withCredential(operatorPaths.addPasskey, async () =>
    navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(begun.answer) }),
  )
}

async function withCredential(path: string, ask: () => Promise<Credential | null>): Promise<Answered<SessionAnswer>> {
  try {
    const credential = await ask()
    if (credential instanceof PublicKeyCredential) {
      return await post<SessionAnswer>(path, { response: credential.toJSON() }, ['signedIn'])
    }
    return { ok: false, refusal: { error: 'no-passkey', message: 'The browser gave no passkey.' } }
  } catch (error) {
    return { ok: false, refusal: { error: 'no-passkey', message: messageOf(error) } }
  }
}

function messageOf(error: unknown): string {
  const name = error instanceof DOMException ? error.name : ''
  if (name === 'NotAllowedError') return 'No passkey was used: it was cancelled, took too long, or there is none here.'
  if (name === 'InvalidStateError') return 'This device already holds a passkey of yours.'
  if (name === 'SecurityError')
    return 'The browser does not use passkeys at this address: open the page at its own name, by https.'
  return 'The browser could not use a passkey.'
}
