// The primitives on node:crypto (OpenSSL), for the engine: about ten times faster than noble on curves.
// The only file of crypto/ that needs Node; nothing that runs in a phone or a band may import it.

import {
  type KeyObject,
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hash,
  randomFillSync,
  sign,
  verify,
} from 'node:crypto'
import { type Bytes, concatBytes, fromHex } from '../protocol/bytes.ts'
import {
  type Primitives,
  requireExpandLength,
  requireLength,
  requireP256Secret,
  requireRandomLength,
} from './primitives.ts'

// DER up to the raw key: OneAsymmetricKey (RFC 8410 §7) and SubjectPublicKeyInfo (RFC 8410 §4, RFC 5480 §2).
const ed25519Secret = fromHex('302e020100300506032b657004220420')
const ed25519Public = fromHex('302a300506032b6570032100')
const x25519Secret = fromHex('302e020100300506032b656e04220420')
const x25519Public = fromHex('302a300506032b656e032100')
const p256Secret = fromHex('3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420')
const p256Public = fromHex('3039301306072a8648ce3d020106082a8648ce3d030107032200')

export const nodePrimitives: Primitives = {
  name: 'node',
  randomBytes(length) {
    requireRandomLength(length)
    return randomFillSync(new Uint8Array(length))
  },
  sha256: (message) => plain(hash('sha256', message, 'buffer')),
  hmac: (key, message) => plain(createHmac('sha256', key).update(message).digest()),
  expand(prk, info, length = 32) {
    requireExpandLength(length)
    const blocks = new Uint8Array(Math.ceil(length / 32) * 32)
    let previous: Bytes = new Uint8Array(0)
    for (let block = 1; block * 32 <= blocks.length; block++) {
      previous = createHmac('sha256', prk).update(previous).update(info).update(Uint8Array.of(block)).digest()
      blocks.set(previous, (block - 1) * 32)
    }
    return length === blocks.length ? blocks : blocks.slice(0, length)
  },
  aeadSeal(key, nonce, aad, plaintext) {
    requireLength('a ChaCha20-Poly1305 key', key, 32)
    requireLength('a ChaCha20-Poly1305 nonce', nonce, 12)
    const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 })
    cipher.setAAD(aad, { plaintextLength: plaintext.length })
    const sealed = new Uint8Array(plaintext.length + 16)
    sealed.set(cipher.update(plaintext))
    cipher.final()
    sealed.set(cipher.getAuthTag(), plaintext.length)
    return sealed
  },
  aeadOpen(key, nonce, aad, sealed) {
    requireLength('a ChaCha20-Poly1305 key', key, 32)
    requireLength('a ChaCha20-Poly1305 nonce', nonce, 12)
    if (sealed.length < 16) return undefined
    const end = sealed.length - 16
    const decipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 })
    decipher.setAAD(aad, { plaintextLength: end })
    decipher.setAuthTag(sealed.subarray(end))
    const plaintext = decipher.update(sealed.subarray(0, end))
    try {
      decipher.final()
    } catch {
      plaintext.fill(0)
      return undefined
    }
    return plain(plaintext)
  },
  x25519PublicKey(secret) {
    requireLength('an X25519 secret', secret, 32)
    return rawPublicKey(importSecret(x25519Secret, secret), x25519Public.length)
  },
  x25519(secret, publicKey) {
    requireLength('an X25519 secret', secret, 32)
    if (publicKey.length !== 32) return undefined
    const privateKey = importSecret(x25519Secret, secret)
    try {
      // OpenSSL refuses an all-zero result.
      return plain(diffieHellman({ privateKey, publicKey: importPublic(x25519Public, publicKey) }))
    } catch {
      return undefined
    }
  },
  ed25519PublicKey(seed) {
    requireLength('an Ed25519 seed', seed, 32)
    return rawPublicKey(importSecret(ed25519Secret, seed), ed25519Public.length)
  },
  ed25519Sign(seed, message) {
    requireLength('an Ed25519 seed', seed, 32)
    return plain(sign(null, message, importSecret(ed25519Secret, seed)))
  },
  ed25519Verify(publicKey, message, signature) {
    if (publicKey.length !== 32 || signature.length !== 64) return false
    try {
      return verify(null, message, importPublic(ed25519Public, publicKey), signature)
    } catch {
      return false
    }
  },
  p256PublicKey(secret) {
    requireP256Secret(secret)
    const pair = createECDH('prime256v1')
    pair.setPrivateKey(secret)
    return new Uint8Array(pair.getPublicKey(null, 'compressed'))
  },
  p256Sign(secret, message) {
    requireP256Secret(secret)
    return plain(sign('sha256', message, { key: importSecret(p256Secret, secret), dsaEncoding: 'ieee-p1363' }))
  },
  p256Verify(publicKey, message, signature) {
    if (publicKey.length !== 33 || signature.length !== 64) return false
    try {
      return verify(
        'sha256',
        message,
        { key: importPublic(p256Public, publicKey), dsaEncoding: 'ieee-p1363' },
        signature,
      )
    } catch {
      return false
    }
  },
}

/** A Buffer's `slice` is a view where a Uint8Array's is a copy; nobody outside meets a Buffer. */
function plain(buffer: Buffer): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer)
}

function importSecret(prefix: Bytes, secret: Bytes): KeyObject {
  const der = Buffer.from(concatBytes(prefix, secret).buffer)
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  der.fill(0)
  return key
}

function importPublic(prefix: Bytes, key: Bytes): KeyObject {
  return createPublicKey({ key: Buffer.from(concatBytes(prefix, key).buffer), format: 'der', type: 'spki' })
}

function rawPublicKey(secret: KeyObject, prefixBytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createPublicKey(secret).export({ format: 'der', type: 'spki' })).slice(prefixBytes)
}
