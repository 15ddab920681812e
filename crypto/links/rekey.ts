// Rekey handshake for post-compromise security: Noise KKpsk0 under the current root, so that a thief who once copied the root
// loses the chain (PROTOCOL §4). The band initiates; the engine checks mac1 before any curve operation.

import { type Bytes, ascii, concatBytes, readU16, readU48, u16, u32, u48 } from '../../base/bytes.ts'
import { type Bid, idBytes } from '../../protocol/ids.ts'
import { encodeNoiseRecord, encodeRekey1Maced, rekey1MacedBytes } from '../../protocol/records.ts'
import { type LinkKeys, sidOf } from './link-keys.ts'
import { type Handshake, createHandshake } from './noise.ts'
import { type Primitives, requireLength } from '../primitives/primitives.ts'
import { wipe } from '../primitives/secret.ts'

/** The new link's keys, and `ask` for the new root. */
type RekeyKeys = LinkKeys & { readonly ask: Bytes }
/** What the engine says in REKEY2; flags is a u16. */
type RekeyHello = { readonly timeMs: number; readonly flags: number }

/** `mac1 = HMAC(Expand(R_n, "bnd1 rekmac"), REKEY1[0..13] ‖ Ne)[0..15]`; compare with `equalSecret`. */
export function rekeyMac(
  primitives: Primitives,
  root: Bytes,
  maced: Bytes,
  engineNonce: Bytes,
): Uint8Array<ArrayBuffer> {
  const key = primitives.expand(root, ascii('bnd1 rekmac'))
  const mac = primitives.tag(key, concatBytes(maced, engineNonce))
  wipe(key)
  return mac
}

export type BandRekey = {
  /** The REKEY1 record. */
  readonly rekey1: () => Uint8Array<ArrayBuffer>
  /** Reads the Noise message of REKEY2; undefined, and nothing changed, when it does not open. */
  readonly readRekey2: (message: Bytes) => RekeyHello | undefined
  readonly finish: () => RekeyKeys
  readonly wipe: () => void
}

/** Starts a rekey as the band (initiator): `root` is R_n, `engineNonce` CHAL's Ne. */
export function startRekeyAsBand(
  primitives: Primitives,
  options: {
    readonly bid: Bid
    readonly generation: number
    readonly n: number
    readonly root: Bytes
    readonly engineNonce: Bytes
    readonly engineKey: Bytes
    readonly bandSecret: Bytes
  },
): BandRekey {
  const maced = encodeRekey1Maced(options.bid, options.n)
  const handshake = createHandshake(primitives, {
    pattern: 'KKpsk0',
    role: 'initiator',
    prologue: rekeyPrologue(maced, options),
    staticSecret: options.bandSecret,
    remoteStatic: options.engineKey,
    psk: options.root,
  })
  const mac = rekeyMac(primitives, options.root, maced, options.engineNonce)
  return {
    rekey1: () => concatBytes(maced, mac, handshake.write(new Uint8Array(0))),
    readRekey2(message) {
      const payload = message.length === 56 ? handshake.read(message) : undefined
      return payload === undefined ? undefined : { timeMs: readU48(payload, 0), flags: readU16(payload, 6) }
    },
    finish: () => finishRekey(primitives, handshake),
    wipe: handshake.wipe,
  }
}

export type EngineRekey = {
  /** Reads the Noise message of REKEY1; false, and nothing changed, when it does not open. Check mac1 first. */
  readonly readRekey1: (message: Bytes) => boolean
  /** The REKEY2 record. */
  readonly rekey2: (hello: RekeyHello) => Uint8Array<ArrayBuffer>
  readonly finish: () => RekeyKeys
  readonly wipe: () => void
}

/** Starts a rekey as the engine (responder): `maced` is REKEY1 up to its mac, `bandKey` the static key kept from pairing. */
export function startRekeyAsEngine(
  primitives: Primitives,
  options: {
    readonly maced: Bytes
    readonly generation: number
    readonly root: Bytes
    readonly engineNonce: Bytes
    readonly engineSecret: Bytes
    readonly bandKey: Bytes
  },
): EngineRekey {
  const handshake = createHandshake(primitives, {
    pattern: 'KKpsk0',
    role: 'responder',
    prologue: rekeyPrologue(options.maced, options),
    staticSecret: options.engineSecret,
    remoteStatic: options.bandKey,
    psk: options.root,
  })
  return {
    readRekey1: (message) => message.length === 48 && handshake.read(message) !== undefined,
    rekey2: (hello) => encodeNoiseRecord('rekey2', handshake.write(concatBytes(u48(hello.timeMs), u16(hello.flags)))),
    finish: () => finishRekey(primitives, handshake),
    wipe: handshake.wipe,
  }
}

/** Root key after a rekey: `R_{n+1} = Expand(ask, "bnd1 root" ‖ bid ‖ generation ‖ n + 1)`; `n` is that of the REKEY1. */
export function rekeyRoot(
  primitives: Primitives,
  ask: Bytes,
  binding: { readonly bid: Bid; readonly generation: number; readonly n: number },
): Uint8Array<ArrayBuffer> {
  return primitives.expand(
    ask,
    concatBytes(ascii('bnd1 root'), idBytes(binding.bid), u32(binding.generation), u32(binding.n + 1)),
  )
}

/** Noise prologue: `"bnd1 rekey" ‖ 1C 01 ‖ bid ‖ generation ‖ n ‖ Ne`; `maced` holds everything but generation and Ne. */
function rekeyPrologue(
  maced: Bytes,
  options: { readonly generation: number; readonly engineNonce: Bytes },
): Uint8Array<ArrayBuffer> {
  requireLength('REKEY1 up to its mac', maced, rekey1MacedBytes)
  requireLength('Ne', options.engineNonce, 16)
  return concatBytes(
    ascii('bnd1 rekey'),
    maced.subarray(0, 10),
    u32(options.generation),
    maced.subarray(10),
    options.engineNonce,
  )
}

function finishRekey(primitives: Primitives, handshake: Handshake): RekeyKeys {
  const { toResponder, toInitiator, ask } = handshake.split()
  return { up: toResponder, down: toInitiator, sid: sidOf(primitives, ask), ask }
}
