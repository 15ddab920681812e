// Sources: haskell-cryptography/cacophony at 8ee9d41e and mcginty/snow at 8ac60f51, the 25519_ChaChaPoly_SHA256 entries of
// the patterns that pairing and rekey are made of.
import { describe, expect } from 'vitest'
import { noblePrimitives } from '../../crypto/primitives/noble-primitives.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { type Handshake, type NoisePattern, type NoiseRole, createHandshake } from '../../crypto/links/noise.ts'
import type { Primitives } from '../../crypto/primitives/primitives.ts'
import { type Bytes, fromHex, toHex } from '../../base/bytes.ts'
import { testVectors } from './outside-vectors.ts'

type NoiseVector = {
  readonly protocol_name: string
  readonly init_prologue: string
  readonly init_psks?: readonly string[]
  readonly init_static: string
  readonly init_ephemeral: string
  readonly init_remote_static?: string
  readonly resp_prologue: string
  readonly resp_psks?: readonly string[]
  readonly resp_static: string
  readonly resp_ephemeral: string
  readonly resp_remote_static?: string
  readonly handshake_hash?: string
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[]
}

const cases: readonly (readonly [file: string, patterns: readonly NoisePattern[]])[] = [
  ['noise/cacophony.json', ['XK', 'KK', 'XKpsk3', 'KKpsk0']],
  ['noise/snow.json', ['XK', 'KK']],
]
const pairs = [
  { ours: nodePrimitives, theirs: nodePrimitives },
  { ours: noblePrimitives, theirs: noblePrimitives },
  { ours: nodePrimitives, theirs: noblePrimitives },
]

describe.each(pairs)('Noise with $ours.name as initiator and $theirs.name as responder', ({ ours, theirs }) => {
  for (const [file, patterns] of cases) {
    for (const pattern of patterns) {
      testVectors(`${pattern} says byte for byte what ${file} says`, file, (vectors) => {
        const vector = find(vectors, pattern)
        replay(vector, start(ours, vector, pattern, 'initiator'), start(theirs, vector, pattern, 'responder'))
      })
    }
  }
})

function find(vectors: unknown, pattern: NoisePattern): NoiseVector {
  const all = (vectors as { readonly vectors: readonly NoiseVector[] }).vectors
  const found = all.filter((one) => one.protocol_name === `Noise_${pattern}_25519_ChaChaPoly_SHA256`)
  expect(found).toHaveLength(1)
  return found[0] as NoiseVector
}

function start(primitives: Primitives, vector: NoiseVector, pattern: NoisePattern, role: NoiseRole): Handshake {
  const [prologue, staticSecret, ephemeral, remoteStatic, psks] =
    role === 'initiator'
      ? [vector.init_prologue, vector.init_static, vector.init_ephemeral, vector.init_remote_static, vector.init_psks]
      : [vector.resp_prologue, vector.resp_static, vector.resp_ephemeral, vector.resp_remote_static, vector.resp_psks]
  return createHandshake(primitives, {
    pattern,
    role,
    prologue: fromHex(prologue),
    staticSecret: fromHex(staticSecret),
    ephemeralSecret: fromHex(ephemeral),
    ...(remoteStatic === undefined ? {} : { remoteStatic: fromHex(remoteStatic) }),
    ...(psks?.[0] === undefined ? {} : { psk: fromHex(psks[0]) }),
  })
}

/** Both sides take turns, first through the handshake and then with the keys that it leaves. */
function replay(vector: NoiseVector, initiator: Handshake, responder: Handshake): void {
  const handshakeMessages = vector.protocol_name.includes('_XK') ? 3 : 2
  expect(vector.messages.length).toBeGreaterThan(handshakeMessages)
  for (const [index, message] of vector.messages.slice(0, handshakeMessages).entries()) {
    const [writer, reader] = index % 2 === 0 ? [initiator, responder] : [responder, initiator]
    const written = writer.write(fromHex(message.payload))
    expect(toHex(written)).toBe(message.ciphertext)
    expect(reader.read(written)).toEqual(fromHex(message.payload))
  }
  const [keys, theirKeys] = [initiator.split(), responder.split()]
  expect(keys).toEqual(theirKeys)
  if (vector.handshake_hash !== undefined) expect(toHex(keys.handshakeHash)).toBe(vector.handshake_hash)

  const counters = { initiator: 0, responder: 0 }
  for (const [index, message] of vector.messages.entries()) {
    if (index < handshakeMessages) continue
    const sender = index % 2 === 0 ? 'initiator' : 'responder'
    const key = sender === 'initiator' ? keys.toResponder : keys.toInitiator
    expect(toHex(transport(key, counters[sender]++, fromHex(message.payload)))).toBe(message.ciphertext)
  }
}

/** A transport message of Noise §5.1: the counter as a nonce, nothing beside. */
function transport(key: Bytes, counter: number, payload: Bytes): Bytes {
  const nonce = new Uint8Array(12)
  nonce[4] = counter
  return nodePrimitives.aeadSeal(key, nonce, new Uint8Array(0), payload)
}
