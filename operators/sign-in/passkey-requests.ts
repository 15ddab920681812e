// Parsers of WebAuthn credentials as browsers send them, as far as they are needed: the id, and the signed or attested bytes, all base64url.

import { Mistake } from '../../base/request.ts'
import { type JsonObject, isObject } from '../http/json.ts'
import { operatorLimits } from '../ports/limits.ts'
import { readBody } from '../http/request-reader.ts'

export type CreatedResponse = {
  readonly id: string
  readonly clientDataJSON: string
  readonly attestationObject: string
}

export type AssertedResponse = {
  readonly id: string
  readonly clientDataJSON: string
  readonly authenticatorData: string
  readonly signature: string
}

/** POST /api/passkeys. Browsers say more than is read here, so of this one object not every member is known. */
export function readCreated(body: Uint8Array): CreatedResponse {
  const { id, response } = credentialOf(body)
  const part = partOf(response)
  return { id, clientDataJSON: part('clientDataJSON'), attestationObject: part('attestationObject') }
}

/** POST /api/session/passkey. */
export function readAsserted(body: Uint8Array): AssertedResponse {
  const { id, response } = credentialOf(body)
  const part = partOf(response)
  return {
    id,
    clientDataJSON: part('clientDataJSON'),
    authenticatorData: part('authenticatorData'),
    signature: part('signature'),
  }
}

/** The challenge that a browser says it answered, to find what waits for it; undefined when it says none. */
export function challengeOf({ clientDataJSON }: { readonly clientDataJSON: string }): string | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString('utf8'))
    return isObject(parsed) && typeof parsed['challenge'] === 'string' ? parsed['challenge'] : undefined
  } catch {
    return undefined
  }
}

function credentialOf(body: Uint8Array): { readonly id: string; readonly response: JsonObject } {
  const { response: credential } = readBody(body, ['response'])
  const isCredential = isObject(credential) && credential['type'] === 'public-key'
  const response = isCredential ? credential['response'] : undefined
  if (!isCredential || !isObject(response)) throw new Mistake('response: a public-key credential expected')
  return { id: partOf(credential)('id'), response }
}

function partOf(object: JsonObject): (name: string) => string {
  const max = 2 * operatorLimits.passkeyBytesMax
  return (name) => {
    const value = object[name]
    if (typeof value === 'string' && value.length <= max && /^[A-Za-z0-9_-]+$/.test(value)) return value
    throw new Mistake(`response: ${name} in base64url of at most ${max} characters expected`)
  }
}
