// Noise SymmetricState and CipherState of a handshake (Noise §5.1, §5.2): chaining key, transcript hash, cipher key and its counter.
// Each state owns its bytes: a copy is taken before a message is tried, and the loser of the two is wiped.

import { type Bytes, concatBytes } from '../../base/bytes.ts'
import type { Primitives } from '../primitives/primitives.ts'
import { wipe } from '../primitives/secret.ts'

const keyBytes = 32
const nothing = new Uint8Array(0)

export class SymmetricState {
  readonly #primitives: Primitives
  #chainingKey: Bytes
  #hash: Bytes
  #cipherKey: Bytes | undefined
  #nonce = 0

  /** InitializeSymmetric; the protocol name is longer than a hash here, so it is hashed. */
  constructor(primitives: Primitives, protocolName: Bytes) {
    const start =
      protocolName.length > keyBytes
        ? primitives.sha256(protocolName)
        : concatBytes(protocolName, new Uint8Array(keyBytes - protocolName.length))
    this.#primitives = primitives
    this.#chainingKey = start
    this.#hash = start.slice()
  }

  copy(): SymmetricState {
    const copy = new SymmetricState(this.#primitives, nothing)
    copy.#chainingKey = this.#chainingKey.slice()
    copy.#hash = this.#hash
    copy.#cipherKey = this.#cipherKey?.slice()
    copy.#nonce = this.#nonce
    return copy
  }

  /** The transcript hash so far; `h` after the last message. */
  get hash(): Bytes {
    return this.#hash
  }

  get hasKey(): boolean {
    return this.#cipherKey !== undefined
  }

  mixHash(data: Bytes): void {
    this.#hash = this.#primitives.sha256(concatBytes(this.#hash, data))
  }

  mixKey(input: Bytes): void {
    const [chainingKey, cipherKey] = this.#hkdf(input, 2)
    this.#rekey(chainingKey, cipherKey)
  }

  mixKeyAndHash(input: Bytes): void {
    const [chainingKey, hashed, cipherKey] = this.#hkdf(input, 3)
    this.#rekey(chainingKey, cipherKey)
    this.mixHash(hashed)
    wipe(hashed)
  }

  encryptAndHash(plaintext: Bytes): Bytes {
    const sealed =
      this.#cipherKey === undefined
        ? plaintext
        : this.#primitives.aeadSeal(this.#cipherKey, noiseNonce(this.#nonce++), this.#hash, plaintext)
    this.mixHash(sealed)
    return sealed
  }

  /** DecryptAndHash; undefined when the tag does not fit: the state is then of no more use. */
  decryptAndHash(sealed: Bytes): Bytes | undefined {
    const plaintext =
      this.#cipherKey === undefined
        ? sealed
        : this.#primitives.aeadOpen(this.#cipherKey, noiseNonce(this.#nonce++), this.#hash, sealed)
    this.mixHash(sealed)
    return plaintext
  }

  /** Split(), with a third output: its first two are the same whether two or three are asked for (Noise §4.3). */
  split(): readonly [toResponder: Bytes, toInitiator: Bytes, ask: Bytes] {
    return this.#hkdf(nothing, 3)
  }

  wipe(): void {
    wipe(this.#chainingKey, this.#cipherKey)
  }

  #rekey(chainingKey: Bytes, cipherKey: Bytes): void {
    wipe(this.#chainingKey, this.#cipherKey)
    this.#chainingKey = chainingKey
    this.#cipherKey = cipherKey
    this.#nonce = 0
  }

  /** HKDF of Noise §4.3 in the words of RFC 5869: Extract with the chaining key as salt, Expand without info. */
  #hkdf(input: Bytes, outputs: 2 | 3): readonly [Bytes, Bytes, Bytes] {
    const prk = this.#primitives.hmac(this.#chainingKey, input)
    const output = this.#primitives.expand(prk, nothing, outputs * keyBytes)
    const parts = [output.slice(0, 32), output.slice(32, 64), output.slice(64)] as const
    wipe(prk, output)
    return parts
  }
}

/** Noise §12.3: 32 zero bits, then the counter as a little-endian u64; a handshake counts to two. */
function noiseNonce(counter: number): Uint8Array<ArrayBuffer> {
  const nonce = new Uint8Array(12)
  nonce[4] = counter
  return nonce
}
