// Pairing handshake: Noise XKpsk3 with the band as initiator (PROTOCOL §3). Here is its cryptography; the windows, failures and
// durable steps around it belong to the pairing machine.

import { type Bytes, ascii, concatBytes, readU32, readU48, u32, u48 } from '../../base/bytes.ts'
import { bandCertBytes } from '../../protocol/band-cert.ts'
import { type AccountId, type BandId, type PairingId, idBytes, parsePairingId } from '../../protocol/ids.ts'
import { encodeNoiseRecord } from '../../protocol/records.ts'
import { type Handshake, createHandshake } from './noise.ts'
import { type Primitives, requireLength } from '../primitives/primitives.ts'
import { type LinkKeys, sidOf } from './link-keys.ts'
import { wipe } from '../primitives/secret.ts'

/** What a band says of itself in PAIR1; believed only once its BandCert is verified. */
type BandHello = { readonly model: number; readonly conformance: number; readonly firmware: number }
/** What the engine says in PAIR2. */
type EngineHello = { readonly timeMs: number; readonly flags: number }
/** What both ends hold after PAIR3: the pairing channel's keys, `ask` for the root, the hash for the code. */
export type PairingKeys = LinkKeys & { readonly ask: Bytes; readonly handshakeHash: Bytes }

/** Pre-shared key of the handshake: `psk = HMAC(key "bnd1 psk", ps)`. Throws a RangeError unless `ps` is 16 bytes. */
export function pskOf(primitives: Primitives, ps: Bytes): Uint8Array<ArrayBuffer> {
  requireLength('ps', ps, 16)
  return primitives.hmac(ascii('bnd1 psk'), ps)
}

export type BandPairing = {
  /** The PAIR1 record. */
  readonly pair1: (hello: BandHello) => Uint8Array<ArrayBuffer>
  /** Reads the Noise message of PAIR2; undefined when it does not come from the pinned engine. */
  readonly readPair2: (message: Bytes) => EngineHello | undefined
  /** The PAIR3 record: reveals the band's static key and BandCert. */
  readonly pair3: (cert: Bytes, flags: number) => Uint8Array<ArrayBuffer>
  readonly finish: () => PairingKeys
  readonly wipe: () => void
}

/** Starts a pairing as the band (initiator). `pair0` is the whole PAIR0 record, `engineKey` the pinned `S_E` of its ekid. */
export function startPairingAsBand(
  primitives: Primitives,
  options: { readonly pair0: Bytes; readonly ps: Bytes; readonly engineKey: Bytes; readonly bandSecret: Bytes },
): BandPairing {
  const psk = pskOf(primitives, options.ps)
  const handshake = createHandshake(primitives, {
    pattern: 'XKpsk3',
    role: 'initiator',
    prologue: pairingPrologue(options.pair0),
    staticSecret: options.bandSecret,
    remoteStatic: options.engineKey,
    psk,
  })
  wipe(psk)
  return {
    pair1: (hello) =>
      encodeNoiseRecord(
        'pair1',
        handshake.write(concatBytes(u32(hello.model), u32(hello.conformance), u32(hello.firmware))),
      ),
    readPair2(message) {
      const payload = message.length === 58 ? handshake.read(message) : undefined
      return payload === undefined ? undefined : { timeMs: readU48(payload, 0), flags: readU32(payload, 6) }
    },
    pair3(cert, flags) {
      requireLength('a BandCert', cert, bandCertBytes)
      return encodeNoiseRecord('pair3', handshake.write(concatBytes(cert, u32(flags))))
    },
    finish: () => finishPairing(primitives, handshake),
    wipe: handshake.wipe,
  }
}

export type EnginePairing = {
  /** Reads the Noise message of PAIR1; undefined, and nothing changed, when it does not open. */
  readonly readPair1: (message: Bytes) => BandHello | undefined
  /** The PAIR2 record. */
  readonly pair2: (hello: EngineHello) => Uint8Array<ArrayBuffer>
  /**
   * Reads the Noise message of PAIR3; undefined, and nothing changed, when it does not open. `bandKey` is the static key
   * the handshake proved: the caller compares it with the BandCert's and verifies the BandCert.
   */
  readonly readPair3: (
    message: Bytes,
  ) => { readonly bandKey: Bytes; readonly cert: Bytes; readonly flags: number } | undefined
  readonly finish: () => PairingKeys
  readonly wipe: () => void
}

/** Starts a pairing as the engine (responder). `pair0` is the whole PAIR0 record it sent. Each PAIR1 to be tried anew needs a fresh one. */
export function startPairingAsEngine(
  primitives: Primitives,
  options: { readonly pair0: Bytes; readonly ps: Bytes; readonly engineSecret: Bytes },
): EnginePairing {
  const psk = pskOf(primitives, options.ps)
  const handshake = createHandshake(primitives, {
    pattern: 'XKpsk3',
    role: 'responder',
    prologue: pairingPrologue(options.pair0),
    staticSecret: options.engineSecret,
    psk,
  })
  wipe(psk)
  return {
    readPair1(message) {
      const payload = message.length === 60 ? handshake.read(message) : undefined
      if (payload === undefined) return undefined
      return { model: readU32(payload, 0), conformance: readU32(payload, 4), firmware: readU32(payload, 8) }
    },
    pair2: (hello) => encodeNoiseRecord('pair2', handshake.write(concatBytes(u48(hello.timeMs), u32(hello.flags)))),
    readPair3(message) {
      const payload = message.length === 196 ? handshake.read(message) : undefined
      if (payload === undefined || handshake.remoteStatic === undefined) return undefined
      return {
        bandKey: handshake.remoteStatic,
        cert: payload.slice(0, bandCertBytes),
        flags: readU32(payload, bandCertBytes),
      }
    },
    finish: () => finishPairing(primitives, handshake),
    wipe: handshake.wipe,
  }
}

/** Root key of the first resume: `R_0 = Expand(ask, "bnd1 root" ‖ bandId ‖ acctTag ‖ generation)`. */
export function pairingRoot(
  primitives: Primitives,
  ask: Bytes,
  binding: { readonly bandId: BandId; readonly acctTag: Bytes; readonly generation: number },
): Uint8Array<ArrayBuffer> {
  requireLength('an acctTag', binding.acctTag, 8)
  return primitives.expand(
    ask,
    concatBytes(ascii('bnd1 root'), idBytes(binding.bandId), binding.acctTag, u32(binding.generation)),
  )
}

/**
 * Short authentication string: the six digits a band with a display shows, of `HMAC(h, "bnd1 sas")`: its first eight bytes as a
 * number, modulo 1,000,000, with leading zeros.
 */
export function pairingCode(primitives: Primitives, handshakeHash: Bytes): string {
  const mac = primitives.hmac(handshakeHash, ascii('bnd1 sas'))
  const number = (BigInt(readU32(mac, 0)) << 32n) | BigInt(readU32(mac, 4))
  return (number % 1_000_000n).toString().padStart(6, '0')
}

/** Account pseudonym that differs at every pairing: `acctTag = HMAC(pepper, "bnd1 acct" ‖ account ‖ pairingId)[0..7]`. */
export function acctTagOf(
  primitives: Primitives,
  pepper: Bytes,
  account: AccountId,
  pairingId: PairingId,
): Uint8Array<ArrayBuffer> {
  return primitives.hmac(pepper, concatBytes(ascii('bnd1 acct'), ascii(account), idBytes(pairingId))).slice(0, 8)
}

/** `pairingId = SHA-256(uv message)[0..15]`: the phone's user verification names the window. */
export function pairingIdOf(primitives: Primitives, uvMessage: Bytes): PairingId {
  return parsePairingId(primitives.sha256(uvMessage).subarray(0, 16))
}

function pairingPrologue(pair0: Bytes): Uint8Array<ArrayBuffer> {
  requireLength('PAIR0', pair0, 30)
  return concatBytes(ascii('bnd1 pair'), pair0)
}

function finishPairing(primitives: Primitives, handshake: Handshake): PairingKeys {
  const { toResponder, toInitiator, ask, handshakeHash } = handshake.split()
  return { up: toResponder, down: toInitiator, sid: sidOf(primitives, ask), ask, handshakeHash }
}
