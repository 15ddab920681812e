// Noise handshakes (noiseprotocol.org, revision 34) of 25519_ChaChaPoly_SHA256: XK and KK, plain and with the psk that
// pairing (XKpsk3) and rekey (KKpsk0) use. A read that fails leaves the handshake as it was, so a window can bear
// several failures.

import { type Bytes, ascii, concatBytes } from '../protocol/bytes.ts'
import { type Primitives, requireLength } from './primitives.ts'
import { wipe } from './secret.ts'

export type NoisePattern = 'XK' | 'KK' | 'XKpsk3' | 'KKpsk0'
export type NoiseRole = 'initiator' | 'responder'

export type HandshakeOptions = {
  readonly pattern: NoisePattern
  readonly role: NoiseRole
  readonly prologue: Bytes
  readonly staticSecret: Bytes
  /** The peer's static public key, where the pattern knows it beforehand. */
  readonly remoteStatic?: Bytes
  readonly psk?: Bytes
  /** Fixed only to replay test vectors; drawn from the primitives otherwise. */
  readonly ephemeralSecret?: Bytes
}

/** What Split() leaves (Noise §5.2), each 32 bytes. */
export type HandshakeKeys = {
  /** Initiator to responder. */
  readonly toResponder: Bytes
  readonly toInitiator: Bytes
  /** Third HKDF output of the final chaining key: root of further secrets (PROTOCOL §3). */
  readonly ask: Bytes
  readonly handshakeHash: Bytes
}

export type Handshake = {
  /** Makes the next message. Throws an Error when it is not this side's turn. */
  readonly write: (payload: Bytes) => Uint8Array<ArrayBuffer>
  /** The payload of the next message, or undefined when it does not open: then nothing has changed. */
  readonly read: (message: Bytes) => Uint8Array<ArrayBuffer> | undefined
  /** The peer's static public key, once known. */
  readonly remoteStatic: Bytes | undefined
  /** The keys; throws an Error before the last message. */
  readonly split: () => HandshakeKeys
  /** Overwrites every secret the handshake holds. */
  readonly wipe: () => void
}

type Token = 'e' | 's' | 'ee' | 'es' | 'se' | 'ss' | 'psk'
type Pattern = { readonly known: readonly NoiseRole[]; readonly messages: readonly (readonly Token[])[] }

/** Noise §7.5 and §9.4. `known`: whose static key the other side knows beforehand, in the order they are hashed. */
const patterns: Readonly<Record<NoisePattern, Pattern>> = {
  XK: { known: ['responder'], messages: [['e', 'es'], ['e', 'ee'], ['s', 'se']] }, // prettier-ignore
  XKpsk3: { known: ['responder'], messages: [['e', 'es'], ['e', 'ee'], ['s', 'se', 'psk']] }, // prettier-ignore
  KK: { known: ['initiator', 'responder'], messages: [['e', 'es', 'ss'], ['e', 'ee', 'se']] }, // prettier-ignore
  KKpsk0: { known: ['initiator', 'responder'], messages: [['psk', 'e', 'es', 'ss'], ['e', 'ee', 'se']] }, // prettier-ignore
}

const keyBytes = 32
const tagBytes = 16
const nothing = new Uint8Array(0)

/** Values are replaced, never changed in place, so that the state before a message can be kept until it succeeds. */
type State = {
  messageIndex: number
  chainingKey: Bytes
  hash: Bytes
  cipherKey: Bytes | undefined
  nonce: number
  ephemeral: Bytes | undefined
  remoteEphemeral: Bytes | undefined
  remoteStatic: Bytes | undefined
}

/** Starts a handshake. Throws a RangeError when a key the pattern needs is missing or has a wrong length. */
export function createHandshake(primitives: Primitives, options: HandshakeOptions): Handshake {
  const pattern = patterns[options.pattern]
  const withPsk = options.psk !== undefined
  if (withPsk !== options.pattern.includes('psk'))
    throw new RangeError(`${options.pattern}: psk given or missing wrongly`)
  if (options.psk !== undefined) requireLength('a psk', options.psk, keyBytes)
  requireLength('a static secret', options.staticSecret, keyBytes)
  const staticSecret = options.staticSecret.slice()
  const staticPublic = primitives.x25519PublicKey(staticSecret)
  const psk = options.psk?.slice()
  const other: NoiseRole = options.role === 'initiator' ? 'responder' : 'initiator'
  if (pattern.known.includes(other) !== (options.remoteStatic !== undefined)) {
    throw new RangeError(`${options.pattern}: the ${other}'s static key given or missing wrongly`)
  }
  if (options.remoteStatic !== undefined) requireLength('a static public key', options.remoteStatic, keyBytes)

  // The protocol name is 32 bytes or fewer for none of our patterns: hash it (Noise §5.2, InitializeSymmetric).
  const name = ascii(`Noise_${options.pattern}_25519_ChaChaPoly_SHA256`)
  const start = name.length <= 32 ? concatBytes(name, new Uint8Array(32 - name.length)) : primitives.sha256(name)
  let state: State = {
    messageIndex: 0,
    chainingKey: start,
    hash: primitives.sha256(concatBytes(start, options.prologue)),
    cipherKey: undefined,
    nonce: 0,
    ephemeral: undefined,
    remoteEphemeral: undefined,
    remoteStatic: options.remoteStatic?.slice(),
  }
  for (const owner of pattern.known) {
    mixHash(state, owner === options.role ? staticPublic : (state.remoteStatic ?? nothing))
  }

  function mixHash(at: State, data: Bytes): void {
    at.hash = primitives.sha256(concatBytes(at.hash, data))
  }

  /** HKDF of Noise §4.3 in terms of RFC 5869: Extract with the chaining key as salt, Expand without info. */
  function hkdf(chainingKey: Bytes, input: Bytes, outputs: number): readonly Bytes[] {
    const prk = primitives.hmac(chainingKey, input)
    const output = primitives.expand(prk, nothing, outputs * keyBytes)
    const parts = Array.from({ length: outputs }, (_, i) => output.slice(i * keyBytes, (i + 1) * keyBytes))
    wipe(prk, output)
    return parts
  }

  function mixKey(at: State, input: Bytes): void {
    const [chainingKey, cipherKey] = hkdf(at.chainingKey, input, 2)
    at.chainingKey = chainingKey ?? nothing
    at.cipherKey = cipherKey
    at.nonce = 0
  }

  function mixPsk(at: State): void {
    const [chainingKey, hashed, cipherKey] = hkdf(at.chainingKey, psk ?? nothing, 3)
    at.chainingKey = chainingKey ?? nothing
    mixHash(at, hashed ?? nothing)
    at.cipherKey = cipherKey
    at.nonce = 0
  }

  /** False when the peer's key is of low order. */
  function mixDh(at: State, token: 'ee' | 'es' | 'se' | 'ss'): boolean {
    const mine = (options.role === 'initiator' ? token[0] : token[1]) === 'e' ? at.ephemeral : staticSecret
    const theirs = (options.role === 'initiator' ? token[1] : token[0]) === 'e' ? at.remoteEphemeral : at.remoteStatic
    if (mine === undefined || theirs === undefined) throw new Error(`the pattern uses ${token} before its keys`)
    const shared = primitives.x25519(mine, theirs)
    if (shared === undefined) return false
    mixKey(at, shared)
    wipe(shared)
    return true
  }

  function mixEphemeral(at: State, publicKey: Bytes): void {
    mixHash(at, publicKey)
    if (withPsk) mixKey(at, publicKey)
  }

  function encryptAndHash(at: State, plaintext: Bytes): Bytes {
    const sealed =
      at.cipherKey === undefined
        ? plaintext
        : primitives.aeadSeal(at.cipherKey, noiseNonce(at.nonce++), at.hash, plaintext)
    mixHash(at, sealed)
    return sealed
  }

  function decryptAndHash(at: State, sealed: Bytes): Bytes | undefined {
    const plaintext =
      at.cipherKey === undefined ? sealed : primitives.aeadOpen(at.cipherKey, noiseNonce(at.nonce++), at.hash, sealed)
    mixHash(at, sealed)
    return plaintext
  }

  function requireTurn(writing: boolean): readonly Token[] {
    const tokens = pattern.messages[state.messageIndex]
    if (tokens === undefined) throw new Error('the handshake is over')
    const initiatorWrites = state.messageIndex % 2 === 0
    if (((options.role === 'initiator') === initiatorWrites) !== writing) throw new Error('not this side’s turn')
    return tokens
  }

  function keep(next: State): void {
    const { chainingKey, cipherKey } = state
    state = next
    wipe(chainingKey)
    if (cipherKey !== next.cipherKey) wipe(cipherKey)
  }

  function write(payload: Bytes): Uint8Array<ArrayBuffer> {
    const tokens = requireTurn(true)
    const next: State = { ...state, messageIndex: state.messageIndex + 1 }
    const parts: Bytes[] = []
    for (const token of tokens) {
      if (token === 'e') {
        next.ephemeral = options.ephemeralSecret?.slice() ?? primitives.randomBytes(keyBytes)
        const publicKey = primitives.x25519PublicKey(next.ephemeral)
        mixEphemeral(next, publicKey)
        parts.push(publicKey)
      } else if (token === 's') parts.push(encryptAndHash(next, staticPublic))
      else if (token === 'psk') mixPsk(next)
      else if (!mixDh(next, token)) throw new RangeError('the static key we were given is of low order')
    }
    parts.push(encryptAndHash(next, payload))
    keep(next)
    return concatBytes(...parts)
  }

  function read(message: Bytes): Uint8Array<ArrayBuffer> | undefined {
    const tokens = requireTurn(false)
    const next: State = { ...state, messageIndex: state.messageIndex + 1 }
    let rest = message
    for (const token of tokens) {
      if (token === 'e') {
        if (rest.length < keyBytes) return undefined
        next.remoteEphemeral = rest.slice(0, keyBytes)
        rest = rest.subarray(keyBytes)
        mixEphemeral(next, next.remoteEphemeral)
      } else if (token === 's') {
        const length = keyBytes + (next.cipherKey === undefined ? 0 : tagBytes)
        if (rest.length < length) return undefined
        const publicKey = decryptAndHash(next, rest.subarray(0, length))
        if (publicKey === undefined) return undefined
        next.remoteStatic = publicKey
        rest = rest.subarray(length)
      } else if (token === 'psk') mixPsk(next)
      else if (!mixDh(next, token)) return undefined
    }
    const payload = decryptAndHash(next, rest)
    if (payload === undefined) return undefined
    keep(next)
    return payload.slice()
  }

  return {
    write,
    read,
    get remoteStatic() {
      return state.remoteStatic
    },
    split() {
      if (state.messageIndex < pattern.messages.length) throw new Error('the handshake is not over')
      const [toResponder, toInitiator, ask] = hkdf(state.chainingKey, nothing, 3)
      return {
        toResponder: toResponder ?? nothing,
        toInitiator: toInitiator ?? nothing,
        ask: ask ?? nothing,
        handshakeHash: state.hash.slice(),
      }
    },
    wipe: () => wipe(staticSecret, psk, state.chainingKey, state.cipherKey, state.ephemeral),
  }
}

/** Noise §12.3: 32 zero bits, then the counter as a little-endian u64; a handshake never passes a handful. */
function noiseNonce(counter: number): Uint8Array<ArrayBuffer> {
  const nonce = new Uint8Array(12)
  nonce[4] = counter
  return nonce
}
