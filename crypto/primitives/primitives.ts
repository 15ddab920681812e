// The cryptographic primitives everything in crypto/ is built from. One interface, two implementations that a test holds
// equal: node-primitives.ts for the engine, noble-primitives.ts where Node's crypto does not exist (phone, browser, band).

import { type Bytes, fromHex, toHex } from '../../base/bytes.ts'

type OwnBytes = Uint8Array<ArrayBuffer>

/**
 * The one suite: SHA-256, HMAC, HKDF-Expand, ChaCha20-Poly1305, X25519, Ed25519, ECDSA P-256.
 * What a peer sent and does not fit (a bad tag, a low-order point, a signature of 63 bytes) gives `undefined` or `false`;
 * a key or nonce of our own with a wrong length is a bug and throws a RangeError. Results are new, plain Uint8Arrays.
 */
export type Primitives = {
  readonly name: 'node' | 'noble'
  /** Random bytes fit for keys; at most 65,536. */
  readonly randomBytes: (length: number) => OwnBytes
  readonly sha256: (message: Bytes) => OwnBytes
  /** HMAC-SHA256 (RFC 2104), 32 bytes. */
  readonly hmac: (key: Bytes, message: Bytes) => OwnBytes
  /** The first 16 bytes of `hmac`, for tags that are no secret: cheaper, because nothing of it needs wiping. */
  readonly tag: (key: Bytes, message: Bytes) => OwnBytes
  /** HKDF-Expand with SHA-256 (RFC 5869 §2.3), 32 bytes unless `length` says otherwise, at most 8,160; a PRK may be short. */
  readonly expand: (prk: Bytes, info: Bytes, length?: number) => OwnBytes
  /** ChaCha20-Poly1305 (RFC 8439 §2.8): ciphertext ‖ tag[16]. Key 32 bytes, nonce 12. */
  readonly aeadSeal: (key: Bytes, nonce: Bytes, aad: Bytes, plaintext: Bytes) => OwnBytes
  /** The plaintext, or undefined when the tag does not fit or `sealed` is shorter than a tag. */
  readonly aeadOpen: (key: Bytes, nonce: Bytes, aad: Bytes, sealed: Bytes) => OwnBytes | undefined
  /** Public key of a 32-byte X25519 secret (RFC 7748 §6.1). */
  readonly x25519PublicKey: (secret: Bytes) => OwnBytes
  /** Shared secret, or undefined when the peer's key is not 32 bytes or the result is all zero (RFC 7748 §6.1). */
  readonly x25519: (secret: Bytes, publicKey: Bytes) => OwnBytes | undefined
  /** Public key of a 32-byte Ed25519 seed (RFC 8032 §5.1.5). */
  readonly ed25519PublicKey: (seed: Bytes) => OwnBytes
  /** 64 bytes (RFC 8032 §5.1.6). */
  readonly ed25519Sign: (seed: Bytes, message: Bytes) => OwnBytes
  /** RFC 8032 §5.1.7; keys and R in canonical form only, keys of small order refused. */
  readonly ed25519Verify: (publicKey: Bytes, message: Bytes, signature: Bytes) => boolean
  /** SEC1 compressed public key, 33 bytes, of a 32-byte P-256 scalar. */
  readonly p256PublicKey: (secret: Bytes) => OwnBytes
  /** ECDSA over SHA-256, r‖s (64 bytes). */
  readonly p256Sign: (secret: Bytes, message: Bytes) => OwnBytes
  /** Public key SEC1 compressed, signature r‖s; a high s is accepted, as secure hardware makes them. */
  readonly p256Verify: (publicKey: Bytes, message: Bytes, signature: Bytes) => boolean
}

/** Most bytes of one call of randomBytes: the quota of Web Crypto's getRandomValues. */
export const randomBytesMax = 65_536

/** Truncated length of an HMAC on the wire (PROTOCOL, everywhere). */
export const tagBytes = 16

/** Throws a RangeError unless `bytes` has the length that `what` must have. */
export function requireLength(what: string, bytes: Bytes, length: number): void {
  if (bytes.length !== length) throw new RangeError(`${what} is ${length} bytes, got ${bytes.length}`)
}

export function requireRandomLength(length: number): void {
  if (!Number.isInteger(length) || length < 0 || length > randomBytesMax) {
    throw new RangeError(`randomBytes gives 0 to ${randomBytesMax} bytes, asked for ${length}`)
  }
}

/** Order of the P-256 group, big-endian (SEC 2 §2.4.2). */
const p256Order = fromHex('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')

/** Throws a RangeError unless `secret` is a P-256 scalar, 1 to the order less one; in constant time. */
export function requireP256Secret(secret: Bytes): void {
  requireLength('a P-256 secret', secret, 32)
  let borrow = 0
  let bits = 0
  for (let i = 31; i >= 0; i--) {
    const byte = secret[i] ?? 0
    borrow = (byte - (p256Order[i] ?? 0) - borrow) >>> 31
    bits |= byte
  }
  if (borrow === 0 || bits === 0) throw new RangeError('a P-256 secret is 1 to the group order less one')
}

/** 2^255 - 19, little-endian. */
const fieldPrime = fromHex('edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f')

/** y of the points of small order: 1, 2, 4, 4 again and 8 twice; little-endian, without the sign of x. */
const smallOrderY: ReadonlySet<string> = new Set([
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000000',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
])

/**
 * Is this Ed25519 public key non-canonical (y not reduced, RFC 8032 §5.1.3) or of small order, so that one
 * signature fits many messages? OpenSSL takes both.
 */
export function isWeakEd25519Key(publicKey: Bytes): boolean {
  // Not `slice`, which is a view when the key is a Buffer.
  const y = new Uint8Array(publicKey)
  y[31] = (y[31] ?? 0) & 0x7f
  let borrow = 0
  for (let i = 0; i < 32; i++) borrow = ((y[i] ?? 0) - (fieldPrime[i] ?? 0) - borrow) >>> 31
  return borrow === 0 || smallOrderY.has(toHex(y))
}
