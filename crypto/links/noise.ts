// Noise handshakes (noiseprotocol.org, revision 34) of 25519_ChaChaPoly_SHA256: XK and KK, plain and with the psk that
// pairing (XKpsk3) and rekey (KKpsk0) use. A read that fails leaves the handshake as it was, so a pairing window can
// bear several failures.

import { type Bytes, ascii, concatBytes } from '../../base/bytes.ts'
import { SymmetricState } from './noise-symmetric.ts'
import { type Primitives, requireLength } from '../primitives/primitives.ts'
import { wipe } from '../primitives/secret.ts'

export type NoisePattern = 'XK' | 'KK' | 'XKpsk3' | 'KKpsk0'
export type NoiseRole = 'initiator' | 'responder'

export type HandshakeOptions = {
  readonly pattern: NoisePattern
  readonly role: NoiseRole
  readonly prologue: Bytes
  /** The caller's own, not copied and not wiped: it outlives the handshake. */
  readonly staticSecret: Bytes
  /** The peer's static public key, where the pattern knows it beforehand. */
  readonly remoteStatic?: Bytes
  /** Copied. */
  readonly psk?: Bytes
  /** Fixed only to replay test vectors; drawn from the primitives otherwise. */
  readonly ephemeralSecret?: Bytes
}

/** Transport keys that Split() leaves (Noise §5.2), each 32 bytes. */
type HandshakeKeys = {
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
  /** Overwrites every secret the handshake made or copied. */
  readonly wipe: () => void
}

type DhToken = 'ee' | 'es' | 'se' | 'ss'
type Token = 'e' | 's' | 'psk' | DhToken
type Pattern = { readonly known: readonly NoiseRole[]; readonly messages: readonly (readonly Token[])[] }

/** Noise §7.5, §9.4. `known`: whose static key the other side has beforehand, in the order they are hashed. */
const patterns: Readonly<Record<NoisePattern, Pattern>> = {
  XK: {
    known: ['responder'],
    messages: [
      ['e', 'es'],
      ['e', 'ee'],
      ['s', 'se'],
    ],
  },
  XKpsk3: {
    known: ['responder'],
    messages: [
      ['e', 'es'],
      ['e', 'ee'],
      ['s', 'se', 'psk'],
    ],
  },
  KK: {
    known: ['initiator', 'responder'],
    messages: [
      ['e', 'es', 'ss'],
      ['e', 'ee', 'se'],
    ],
  },
  KKpsk0: {
    known: ['initiator', 'responder'],
    messages: [
      ['psk', 'e', 'es', 'ss'],
      ['e', 'ee', 'se'],
    ],
  },
}

const keyBytes = 32
const tagBytes = 16

/** Handshake state: everything a message changes; replaced as a whole once the message is through. */
type State = {
  readonly symmetric: SymmetricState
  readonly messageIndex: number
  ephemeral: Bytes | undefined
  remoteEphemeral: Bytes | undefined
  remoteStatic: Bytes | undefined
}

/** Starts a handshake. Throws a RangeError when a key the pattern needs is missing or has a wrong length. */
export function createHandshake(primitives: Primitives, options: HandshakeOptions): Handshake {
  requireKeys(options)
  const { role, staticSecret } = options
  const pattern = patterns[options.pattern]
  const psk = options.psk?.slice()
  const staticPublic = primitives.x25519PublicKey(staticSecret)
  const symmetric = new SymmetricState(primitives, ascii(`Noise_${options.pattern}_25519_ChaChaPoly_SHA256`))
  let state: State = {
    symmetric,
    messageIndex: 0,
    ephemeral: undefined,
    remoteEphemeral: undefined,
    remoteStatic: options.remoteStatic?.slice(),
  }
  symmetric.mixHash(options.prologue)
  for (const owner of pattern.known) symmetric.mixHash(owner === role ? staticPublic : need(state.remoteStatic))

  /** The tokens of the next message; initiator and responder take turns. */
  function turn(doing: 'write' | 'read'): readonly Token[] {
    const tokens = pattern.messages[state.messageIndex]
    if (tokens === undefined) throw new Error('the handshake is over')
    const writer: NoiseRole = state.messageIndex % 2 === 0 ? 'initiator' : 'responder'
    if ((writer === role) !== (doing === 'write')) throw new Error(`it is not this side’s turn to ${doing}`)
    return tokens
  }

  /** Runs `work` on a copy of the state, which replaces the state if the work succeeds. */
  function attempt<Result>(work: (next: State) => Result | undefined): Result | undefined {
    const next = { ...state, symmetric: state.symmetric.copy(), messageIndex: state.messageIndex + 1 }
    const result = work(next)
    const [winner, loser] = result === undefined ? [state, next] : [next, state]
    loser.symmetric.wipe()
    state = winner
    return result
  }

  /** The tokens that need nothing of the message; false when a key of the peer is of low order. */
  function mix(at: State, token: 'psk' | DhToken): boolean {
    if (token === 'psk') {
      at.symmetric.mixKeyAndHash(need(psk))
      return true
    }
    // A token names the initiator's key first (Noise §5.3).
    const [mine, theirs] = role === 'initiator' ? [token[0], token[1]] : [token[1], token[0]]
    const shared = primitives.x25519(
      mine === 'e' ? need(at.ephemeral) : staticSecret,
      need(theirs === 'e' ? at.remoteEphemeral : at.remoteStatic),
    )
    if (shared === undefined) return false
    at.symmetric.mixKey(shared)
    wipe(shared)
    return true
  }

  function mixEphemeral(at: State, publicKey: Bytes): void {
    at.symmetric.mixHash(publicKey)
    // With a psk the ephemeral keys count for more than the hash (Noise §9.2).
    if (psk !== undefined) at.symmetric.mixKey(publicKey)
  }

  function writeMessage(next: State, tokens: readonly Token[], payload: Bytes): Uint8Array<ArrayBuffer> | undefined {
    const parts: Bytes[] = []
    for (const token of tokens) {
      if (token === 'e') {
        next.ephemeral = options.ephemeralSecret?.slice() ?? primitives.randomBytes(keyBytes)
        const publicKey = primitives.x25519PublicKey(next.ephemeral)
        mixEphemeral(next, publicKey)
        parts.push(publicKey)
      } else if (token === 's') parts.push(next.symmetric.encryptAndHash(staticPublic))
      else if (!mix(next, token)) return undefined
    }
    parts.push(next.symmetric.encryptAndHash(payload))
    return concatBytes(...parts)
  }

  function readMessage(next: State, tokens: readonly Token[], message: Bytes): Uint8Array<ArrayBuffer> | undefined {
    let rest = message
    for (const token of tokens) {
      if (token === 'e') {
        if (rest.length < keyBytes) return undefined
        next.remoteEphemeral = rest.slice(0, keyBytes)
        rest = rest.subarray(keyBytes)
        mixEphemeral(next, next.remoteEphemeral)
      } else if (token === 's') {
        const length = keyBytes + (next.symmetric.hasKey ? tagBytes : 0)
        if (rest.length < length) return undefined
        next.remoteStatic = next.symmetric.decryptAndHash(rest.subarray(0, length))
        if (next.remoteStatic === undefined) return undefined
        rest = rest.subarray(length)
      } else if (!mix(next, token)) return undefined
    }
    return next.symmetric.decryptAndHash(rest)?.slice()
  }

  return {
    write(payload) {
      const tokens = turn('write')
      const message = attempt((next) => writeMessage(next, tokens, payload))
      // What the peer sent was refused when it was read, so only a key that the caller gave can be bad here.
      if (message === undefined) throw new RangeError('the remote static key is of low order')
      return message
    },
    read(message) {
      const tokens = turn('read')
      return attempt((next) => readMessage(next, tokens, message))
    },
    get remoteStatic() {
      return state.remoteStatic
    },
    split() {
      if (state.messageIndex < pattern.messages.length) throw new Error('the handshake is not over')
      const [toResponder, toInitiator, ask] = state.symmetric.split()
      return { toResponder, toInitiator, ask, handshakeHash: state.symmetric.hash.slice() }
    },
    wipe() {
      state.symmetric.wipe()
      wipe(psk, state.ephemeral)
    },
  }
}

function requireKeys({ pattern, role, staticSecret, remoteStatic, psk }: HandshakeOptions): void {
  requireLength('a static secret', staticSecret, keyBytes)
  if (psk !== undefined) requireLength('a psk', psk, keyBytes)
  if ((psk !== undefined) !== pattern.includes('psk')) {
    throw new RangeError(`${pattern} ${psk === undefined ? 'needs a' : 'has no'} psk`)
  }
  const peer: NoiseRole = role === 'initiator' ? 'responder' : 'initiator'
  if (remoteStatic !== undefined) requireLength('a static public key', remoteStatic, keyBytes)
  if ((remoteStatic !== undefined) !== patterns[pattern].known.includes(peer)) {
    throw new RangeError(
      `${pattern} ${remoteStatic === undefined ? 'needs' : 'does not know'} the ${peer}’s static key`,
    )
  }
}

/** A key that the pattern guarantees at this point; its absence is a bug in the pattern table. */
function need(key: Bytes | undefined): Bytes {
  if (key === undefined) throw new Error('a pattern uses a key before it has it')
  return key
}
