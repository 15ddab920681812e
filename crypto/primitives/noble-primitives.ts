// Cryptographic primitives on the noble libraries, without Node built-ins: for the sdk, the simulated band, and as
// the oracle of the node implementation. The one door to @noble. An X25519 or Ed25519 call costs about a millisecond.

import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { p256 } from '@noble/curves/nist.js'
import { bytesToNumberLE } from '@noble/curves/utils.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { type Bytes, concatBytes, equalBytes } from '../../base/bytes.ts'
import { expandWith } from './hkdf.ts'
import {
  type Primitives,
  isWeakEd25519Key,
  requireLength,
  requireP256Secret,
  requireRandomLength,
  tagBytes,
} from './primitives.ts'

export const noblePrimitives: Primitives = {
  name: 'noble',
  randomBytes(length) {
    requireRandomLength(length)
    return globalThis.crypto.getRandomValues(new Uint8Array(length))
  },
  sha256: (message) => sha256(message),
  hmac: hmacSha256,
  tag: (key, message) => hmacSha256(key, message).slice(0, tagBytes),
  expand: (prk, info, length = 32) => expandWith(hmacSha256, prk, info, length),
  aeadSeal(key, nonce, aad, plaintext) {
    requireLength('a ChaCha20-Poly1305 key', key, 32)
    requireLength('a ChaCha20-Poly1305 nonce', nonce, 12)
    return chacha20poly1305(key, nonce, aad).encrypt(plaintext)
  },
  aeadOpen(key, nonce, aad, sealed) {
    requireLength('a ChaCha20-Poly1305 key', key, 32)
    requireLength('a ChaCha20-Poly1305 nonce', nonce, 12)
    if (sealed.length < 16) return undefined
    return valueOf(() => chacha20poly1305(key, nonce, aad).decrypt(sealed))
  },
  x25519PublicKey(secret) {
    requireLength('an X25519 secret', secret, 32)
    return x25519.getPublicKey(secret)
  },
  x25519(secret, publicKey) {
    requireLength('an X25519 secret', secret, 32)
    if (publicKey.length !== 32) return undefined
    return valueOf(() => x25519.getSharedSecret(secret, publicKey))
  },
  ed25519PublicKey(seed) {
    requireLength('an Ed25519 seed', seed, 32)
    return ed25519.getPublicKey(seed)
  },
  ed25519Sign(seed, message) {
    requireLength('an Ed25519 seed', seed, 32)
    return ed25519.sign(message, seed)
  },
  ed25519Verify(publicKey, message, signature) {
    if (publicKey.length !== 32 || signature.length !== 64) return false
    if (isWeakEd25519Key(publicKey)) return false
    return valueOf(() => ed25519Fits(publicKey, message, signature)) ?? false
  },
  p256PublicKey(secret) {
    requireP256Secret(secret)
    return p256.getPublicKey(secret, true)
  },
  p256Sign(secret, message) {
    requireP256Secret(secret)
    return p256.sign(message, secret)
  },
  p256Verify(publicKey, message, signature) {
    if (publicKey.length !== 33 || signature.length !== 64) return false
    return valueOf(() => p256.verify(signature, message, publicKey, { lowS: false })) ?? false
  },
}

function hmacSha256(key: Bytes, message: Bytes): Uint8Array<ArrayBuffer> {
  return hmac(sha256, key, message)
}

const { Point } = ed25519

/**
 * `[S]B = R + [k]A` of RFC 8032 §5.1.7 without the cofactor, as OpenSSL checks it. noble's own verify multiplies by the
 * cofactor, which the RFC allows too, but then the two would disagree on some signatures by a malicious key.
 */
function ed25519Fits(publicKey: Bytes, message: Bytes, signature: Bytes): boolean {
  const r = signature.subarray(0, 32)
  // multiplyUnsafe throws unless S is below the group order, as step 1 asks.
  const s = bytesToNumberLE(signature.subarray(32))
  const k = Point.Fn.create(bytesToNumberLE(sha512(concatBytes(r, publicKey, message))))
  const expected = Point.BASE.multiplyUnsafe(s).subtract(Point.fromBytes(publicKey).multiplyUnsafe(k))
  return equalBytes(expected.toBytes(), r)
}

/** noble throws on a refusal; here a refusal is a value. Only called once our own arguments are known to be right. */
function valueOf<Value>(work: () => Value): Value | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}
