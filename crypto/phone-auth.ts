// What a phone's two keys sign: hello with the session key, user verification with the verify key (PROTOCOL §8).

import { type Bytes, ascii, concatBytes, u8 } from '../protocol/bytes.ts'
import { type PhoneId, idBytes } from '../protocol/ids.ts'
import { type Primitives, requireLength } from './primitives.ts'

/** `"bnd1 hello" ‖ challenge ‖ phoneId ‖ host`; the host stands last because only its length varies. */
export function helloMessage(challenge: Bytes, phoneId: PhoneId, host: string): Uint8Array<ArrayBuffer> {
  requireLength('a challenge', challenge, 32)
  return concatBytes(ascii('bnd1 hello'), challenge, idBytes(phoneId), ascii(host))
}

/**
 * `"bnd1 uv" ‖ purpose u8 ‖ challenge ‖ SHA-256(fields)`. `purpose` is the number of the frame that carries the
 * verification, `fields` its canonical bytes as protocol/ gives them (`fieldsBeforeUv`).
 */
export function uvMessage(
  primitives: Primitives,
  uv: { readonly purpose: number; readonly challenge: Bytes; readonly fields: Bytes },
): Uint8Array<ArrayBuffer> {
  requireLength('a challenge', uv.challenge, 32)
  return concatBytes(ascii('bnd1 uv'), u8(uv.purpose), uv.challenge, primitives.sha256(uv.fields))
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
