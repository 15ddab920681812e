// Cryptographic primitives for the engine: node:crypto (OpenSSL), twenty times faster than noble on curves, twice on hashes, and
// libsodium's AEAD (sodium-aead.ts). Needs Node; nothing that runs in a phone or a band may import it.

import {
  type KeyObject,
  createECDH,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hash,
  sign,
  verify,
} from 'node:crypto'
import { type Bytes, allocateBytes, concatBytes, fromHex } from '../../base/bytes.ts'
import { expandWith } from './hkdf.ts'
import {
  type Primitives,
  isWeakEd25519Key,
  requireLength,
  requireP256Secret,
  requireRandomLength,
  tagBytes,
} from './primitives.ts'
import { chachaOpen, chachaSeal } from './sodium-aead.ts'
import { systemRandom } from './system-random.ts'

// DER up to the raw key: OneAsymmetricKey (RFC 8410 §7) and SubjectPublicKeyInfo (RFC 8410 §4, RFC 5480 §2).
const ed25519Secret = fromHex('302e020100300506032b657004220420')
const ed25519Public = fromHex('302a300506032b6570032100')
const x25519Secret = fromHex('302e020100300506032b656e04220420')
const x25519Public = fromHex('302a300506032b656e032100')
const p256Secret = fromHex('3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420')
const p256Public = fromHex('3039301306072a8648ce3d020106082a8648ce3d030107032200')

export const nodePrimitives: Primitives = {
  name: 'node',
  randomBytes,
  sha256,
  hmac,
  tag,
  expand: (prk, info, length = 32) => expandWith(hmac, prk, info, length),
  aeadSeal: chachaSeal,
  aeadOpen: chachaOpen,
  x25519PublicKey(secret) {
    requireLength('an X25519 secret', secret, 32)
    return publicKeyOf(importSecret(x25519Secret, secret), x25519Public)
  },
  x25519(secret, publicKey) {
    requireLength('an X25519 secret', secret, 32)
    if (publicKey.length !== 32) return undefined
    const privateKey = importSecret(x25519Secret, secret).key
    try {
      // OpenSSL refuses an all-zero result.
      return plain(diffieHellman({ privateKey, publicKey: importPublic(x25519Public, publicKey) }))
    } catch {
      return undefined
    }
  },
  ed25519PublicKey(seed) {
    requireLength('an Ed25519 seed', seed, 32)
    return publicKeyOf(importSecret(ed25519Secret, seed), ed25519Public)
  },
  ed25519Sign(seed, message) {
    requireLength('an Ed25519 seed', seed, 32)
    return plain(sign(null, message, importSecret(ed25519Secret, seed).key))
  },
  ed25519Verify(publicKey, message, signature) {
    if (publicKey.length !== 32 || signature.length !== 64 || isWeakEd25519Key(publicKey)) return false
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
    return plain(sign('sha256', message, { key: importSecret(p256Secret, secret).key, dsaEncoding: 'ieee-p1363' }))
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

function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  requireRandomLength(length)
  return systemRandom(length)
}

/** Through a binary string: 0.26 µs against 0.64 through a Buffer. What callers hash is no secret. */
function sha256(message: Bytes): Uint8Array<ArrayBuffer> {
  return fromBinary(hash('sha256', message, 'binary'), 32)
}

/** Nothing for the collector to finish: an object of node:crypto for each MAC cost more than the hashing. */
function tag(key: Bytes, message: Bytes): Uint8Array<ArrayBuffer> {
  const digits = hash('sha256', outerBlocks(key, message), 'binary')
  wipeBlocks(message.length)
  return fromBinary(digits, tagBytes)
}

function fromBinary(digits: string, length: number): Uint8Array<ArrayBuffer> {
  const bytes = allocateBytes(length)
  for (let i = 0; i < length; i++) bytes[i] = digits.charCodeAt(i)
  return bytes
}

/** Not through a string, though that would halve what it takes: the result is often a key, and a string cannot be wiped. */
function hmac(key: Bytes, message: Bytes): Uint8Array<ArrayBuffer> {
  const digest = hash('sha256', outerBlocks(key, message), 'buffer')
  wipeBlocks(message.length)
  return plain(digest)
}

const blockBytes = 64
/** HMAC (RFC 2104) is laid down here: what its two hashes take. Longer messages, which are rare, get more. */
let innerInput = new Uint8Array(blockBytes + 1_024)
const outerInput = new Uint8Array(blockBytes + 32)
/** By the length of the message: the piece of `innerInput` to hash, made once for each length. */
let innerInputs: (Bytes | undefined)[] = []

/** The block of the outer key and the inner hash, which is no secret: without the outer key it gives nothing. Erased by `wipeBlocks`. */
function outerBlocks(key: Bytes, message: Bytes): Bytes {
  const { length } = message
  if (blockBytes + length > innerInput.length) {
    innerInput = new Uint8Array(2 * (blockBytes + length))
    innerInputs = []
  }
  // A key longer than a block counts by its hash; ours are 16 or 32 bytes.
  const short = key.length > blockBytes ? plain(hash('sha256', key, 'buffer')) : key
  innerInput.fill(0x36, 0, blockBytes)
  outerInput.fill(0x5c, 0, blockBytes)
  for (let i = 0; i < short.length; i++) {
    innerInput[i] = 0x36 ^ (short[i] ?? 0)
    outerInput[i] = 0x5c ^ (short[i] ?? 0)
  }
  innerInput.set(message, blockBytes)
  const inner = hash('sha256', (innerInputs[length] ??= innerInput.subarray(0, blockBytes + length)), 'binary')
  for (let i = 0; i < 32; i++) outerInput[blockBytes + i] = inner.charCodeAt(i)
  return outerInput
}

function wipeBlocks(messageLength: number): void {
  innerInput.fill(0, 0, blockBytes + messageLength)
  outerInput.fill(0)
}

/** The same memory without Buffer's methods: its `slice` is a view where a Uint8Array's is a copy. */
function plain(buffer: Buffer<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}

type Imported = { readonly prefix: Bytes; readonly digest: string; readonly key: KeyObject; publicKey?: Bytes }

/**
 * An import costs 23 µs, as much as the operation itself, so it is kept as long as the array that holds the secret. The
 * digest notices when that array was wiped or used anew.
 */
const importedSecrets = new WeakMap<Bytes, Imported>()

function importSecret(prefix: Bytes, secret: Bytes): Imported {
  const digest = hash('sha256', secret, 'binary')
  const known = importedSecrets.get(secret)
  if (known?.prefix === prefix && known.digest === digest) return known
  const der = Buffer.concat([prefix, secret])
  const imported = { prefix, digest, key: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }) }
  der.fill(0)
  importedSecrets.set(secret, imported)
  return imported
}

function importPublic(prefix: Bytes, key: Bytes): KeyObject {
  return createPublicKey({ key: Buffer.from(concatBytes(prefix, key)), format: 'der', type: 'spki' })
}

function publicKeyOf(secret: Imported, publicPrefix: Bytes): Uint8Array<ArrayBuffer> {
  secret.publicKey ??= createPublicKey(secret.key).export({ format: 'der', type: 'spki' }).subarray(publicPrefix.length)
  return new Uint8Array(secret.publicKey)
}
