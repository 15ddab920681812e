// Challenge-response authentication of a phone: hello is signed with the session key, user verification with the verify key
// (PROTOCOL §8). Both messages name the engine's host, last because only its length varies: what is signed for one engine says
// nothing to another.

import { type Bytes, ascii, concatBytes, u8 } from '../../base/bytes.ts'
import { type Primitives, requireLength } from '../primitives/primitives.ts'

/**
 * Signing input of hello: `"bnd1 hello 2" ‖ challenge ‖ SHA-256(fields) ‖ host`. `fields` is all that the hello brings, keys, token
 * and resume token among it, as protocol/ gives it (`signedOfHello`): a proxy that terminates TLS can change nothing of it.
 */
export function helloMessage(
  primitives: Pick<Primitives, 'sha256'>,
  hello: { readonly challenge: Bytes; readonly fields: Bytes; readonly host: string },
): Uint8Array<ArrayBuffer> {
  requireLength('a challenge', hello.challenge, 32)
  return concatBytes(helloLabel, hello.challenge, primitives.sha256(hello.fields), ascii(hello.host))
}

/**
 * Signing input of a user verification: `"bnd1 uv 2" ‖ purpose u8 ‖ challenge ‖ SHA-256(fields) ‖ host`. `purpose` is the number of
 * the frame that carries the verification, `fields` its canonical bytes as protocol/ gives them (`fieldsBeforeUv`).
 */
export function uvMessage(
  primitives: Pick<Primitives, 'sha256'>,
  uv: { readonly purpose: number; readonly challenge: Bytes; readonly fields: Bytes; readonly host: string },
): Uint8Array<ArrayBuffer> {
  requireLength('a challenge', uv.challenge, 32)
  return concatBytes(uvLabel, u8(uv.purpose), uv.challenge, primitives.sha256(uv.fields), ascii(uv.host))
}

/** Verifies a phone's signature: a key of 33 bytes is P-256 (SEC1 compressed), of 32 bytes Ed25519; else false. */
export function verifyPhoneSignature(
  primitives: Primitives,
  publicKey: Bytes,
  message: Bytes,
  signature: Bytes,
): boolean {
  if (publicKey.length === 33) return primitives.p256Verify(publicKey, message, signature)
  if (publicKey.length === 32) return primitives.ed25519Verify(publicKey, message, signature)
  return false
}

const helloLabel = ascii('bnd1 hello 2')
const uvLabel = ascii('bnd1 uv 2')
