// ChaCha20-Poly1305 and XChaCha20-Poly1305 by libsodium in WebAssembly, the one door to it. OpenSSL's AEAD through node:crypto costs
// 3.5 µs for a record of eighty bytes and leaves objects behind that the collector must finish one by one; these take a quarter of that.
//
// Called below libsodium's JavaScript wrappers, which leave keys and plaintexts behind in the memory of the module: here
// everything goes through one place in it that is erased after each call.

import * as wrappers from 'libsodium-wrappers'
import { type Bytes, allocateBytes } from '../../base/bytes.ts'
import { requireLength, tagBytes } from './primitives.ts'

type OwnBytes = Uint8Array<ArrayBuffer>
/** A place in the module's memory; 0 = none. */
type Address = number

/** The functions of libsodium's aead headers; a length is two numbers, its low and its high half. */
type Seal = (
  ...given: [
    sealed: Address,
    sealedLength: Address,
    plaintext: Address,
    length: number,
    lengthHigh: number,
    aad: Address,
    aadLength: number,
    aadLengthHigh: number,
    noSecretNonce: Address,
    nonce: Address,
    key: Address,
  ]
) => number
type Open = (
  ...given: [
    plaintext: Address,
    plaintextLength: Address,
    noSecretNonce: Address,
    sealed: Address,
    length: number,
    lengthHigh: number,
    aad: Address,
    aadLength: number,
    aadLengthHigh: number,
    nonce: Address,
    key: Address,
  ]
) => number
type Module = {
  /** All of the module's memory; another array when it has grown. */
  readonly HEAPU8: Uint8Array
  readonly _malloc: (bytes: number) => Address
  readonly _free: (at: Address) => void
  readonly _crypto_aead_chacha20poly1305_ietf_encrypt: Seal
  readonly _crypto_aead_chacha20poly1305_ietf_decrypt: Open
  readonly _crypto_aead_xchacha20poly1305_ietf_encrypt: Seal
  readonly _crypto_aead_xchacha20poly1305_ietf_decrypt: Open
}

await wrappers.ready
const sodium = moduleOf(wrappers)

const keyBytes = 32
const shortNonceBytes = 12
const longNonceBytes = 24
/** Records are far shorter; what is longer gets more. */
let roomBytes = 16_384
let room = sodium._malloc(roomBytes)

/** ChaCha20-Poly1305 (RFC 8439 §2.8): ciphertext ‖ tag[16]. Key 32 bytes, nonce 12. */
export function chachaSeal(key: Bytes, nonce: Bytes, aad: Bytes, plaintext: Bytes): OwnBytes {
  requireLength('a ChaCha20-Poly1305 key', key, keyBytes)
  requireLength('a ChaCha20-Poly1305 nonce', nonce, shortNonceBytes)
  return seal(sodium._crypto_aead_chacha20poly1305_ietf_encrypt, key, nonce, aad, plaintext)
}

/** The plaintext, or undefined when the tag does not fit. */
export function chachaOpen(key: Bytes, nonce: Bytes, aad: Bytes, sealed: Bytes): OwnBytes | undefined {
  requireLength('a ChaCha20-Poly1305 key', key, keyBytes)
  requireLength('a ChaCha20-Poly1305 nonce', nonce, shortNonceBytes)
  return open(sodium._crypto_aead_chacha20poly1305_ietf_decrypt, key, nonce, aad, sealed)
}

/** XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03 §2.3): ciphertext ‖ tag[16]. Key 32 bytes, nonce 24. */
export function xchachaSeal(key: Bytes, nonce: Bytes, aad: Bytes, plaintext: Bytes): OwnBytes {
  requireLength('an XChaCha20-Poly1305 key', key, keyBytes)
  requireLength('an XChaCha20-Poly1305 nonce', nonce, longNonceBytes)
  return seal(sodium._crypto_aead_xchacha20poly1305_ietf_encrypt, key, nonce, aad, plaintext)
}

/** The plaintext, or undefined when the tag does not fit. */
export function xchachaOpen(key: Bytes, nonce: Bytes, aad: Bytes, sealed: Bytes): OwnBytes | undefined {
  requireLength('an XChaCha20-Poly1305 key', key, keyBytes)
  requireLength('an XChaCha20-Poly1305 nonce', nonce, longNonceBytes)
  return open(sodium._crypto_aead_xchacha20poly1305_ietf_decrypt, key, nonce, aad, sealed)
}

function seal(sealing: Seal, key: Bytes, nonce: Bytes, aad: Bytes, plaintext: Bytes): OwnBytes {
  const { length } = plaintext
  const at = place({ key, nonce, aad, text: plaintext }, tagBytes)
  // In place: libsodium allows the output to lie where the input was.
  const failed = sealing(at.text, 0, at.text, length, 0, at.aad, aad.length, 0, 0, at.nonce, at.key)
  const sealed = taken(at, length + tagBytes)
  if (failed !== 0) throw new Error(`libsodium did not seal ${length} bytes`)
  return sealed
}

function open(opening: Open, key: Bytes, nonce: Bytes, aad: Bytes, sealed: Bytes): OwnBytes | undefined {
  const length = sealed.length - tagBytes
  if (length < 0) return undefined
  const at = place({ key, nonce, aad, text: sealed }, 0)
  const failed = opening(at.text, 0, 0, at.text, sealed.length, 0, at.aad, aad.length, 0, at.nonce, at.key)
  const plaintext = taken(at, failed === 0 ? length : 0)
  return failed === 0 ? plaintext : undefined
}

type Placed = Readonly<Record<'key' | 'nonce' | 'aad' | 'text' | 'end', Address>>

/** Copies the inputs of one call into the memory of the module, with room for `more` bytes behind the text. */
function place(given: Readonly<Record<'key' | 'nonce' | 'aad' | 'text', Bytes>>, more: number): Placed {
  const needed = keyBytes + longNonceBytes + given.aad.length + given.text.length + more
  if (needed > roomBytes) {
    sodium._free(room)
    roomBytes = 2 * needed
    room = sodium._malloc(roomBytes)
  }
  const nonce = room + keyBytes
  const aad = nonce + longNonceBytes
  const text = aad + given.aad.length
  const heap = sodium.HEAPU8
  heap.set(given.key, room)
  heap.set(given.nonce, nonce)
  heap.set(given.aad, aad)
  heap.set(given.text, text)
  return { key: room, nonce, aad, text, end: room + needed }
}

/** Copies the output from where the text was, and erases all that the call wrote into the memory. */
function taken({ key, text, end }: Placed, length: number): OwnBytes {
  const bytes = allocateBytes(length)
  const heap = sodium.HEAPU8
  for (let i = 0; i < length; i++) bytes[i] = heap[text + i] ?? 0
  heap.fill(0, key, end)
  return bytes
}

/** The wrappers export the module they wrap, though their types do not say so. */
function moduleOf(exported: object): Module {
  const found: unknown = Reflect.get(exported, 'libsodium')
  if (isModule(found)) return found
  throw new TypeError('libsodium-wrappers does not export its module as this version did: see its release notes')
}

function isModule(value: unknown): value is Module {
  return (
    typeof value === 'object' &&
    value !== null &&
    Reflect.get(value, 'HEAPU8') instanceof Uint8Array &&
    ['_malloc', '_free', ...['', 'x'].flatMap((x) => [`${aeadOf(x)}_encrypt`, `${aeadOf(x)}_decrypt`])].every(
      (name) => typeof Reflect.get(value, name) === 'function',
    )
  )
}

function aeadOf(x: string): string {
  return `_crypto_aead_${x}chacha20poly1305_ietf`
}
