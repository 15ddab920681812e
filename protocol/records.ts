// Binary codec of the records between band and engine (PROTOCOL §2): fixed layouts, exact lengths, nothing guessed.

import { type Bytes, allocateBytes, concatBytes, readU16, readU32, u32 } from '../base/bytes.ts'
import { type Bid, idBytes, parseBid } from './ids.ts'
import { recordBytesMax } from './limits.ts'
import { type Malformed, malformed } from './malformed.ts'
import { offerBytes } from './offer.ts'
import { recordVersion } from './versions.ts'

export const recordTypes = {
  chal: 0x10,
  resume: 0x11,
  data: 0x13,
  nolink: 0x14,
  offer: 0x15,
  pair0: 0x17,
  pair1: 0x18,
  pair2: 0x19,
  pair3: 0x1a,
  rekey1: 0x1c,
  rekey2: 0x1d,
  release: 0x1e,
} as const

/** DATA flags: bit 7 direction (1 = down), bits 6-4 key phase, bit 3 RATCHETED, bit 2 PROOF, bits 1-0 zero. */
export const dataFlags = { down: 0x80, ratcheted: 0x08, proof: 0x04 } as const
const dataHeaderBytes = 8
const tagBytes = 16
const resumeBytes = 46
const resumeMacedBytes = 30
export const rekey1MacedBytes = 14
const releaseSignedBytes = 18

/** A decoded record. Byte fields are views of the bytes it came from (borrowed). */
export type BandRecord =
  | { readonly type: 'chal'; readonly engineNonce: Bytes }
  | {
      readonly type: 'resume'
      readonly bid: Bid
      readonly n: number
      readonly bandNonce: Bytes
      readonly maced: Bytes
      readonly mac: Bytes
    }
  | DataRecord
  | { readonly type: 'nolink' }
  | { readonly type: 'offer'; readonly offer: Bytes }
  | {
      readonly type: 'pair0'
      readonly bytes: Bytes
      readonly ekid: number
      readonly pairingId: Bytes
      readonly acctTag: Bytes
    }
  | { readonly type: 'pair1'; readonly message: Bytes }
  | { readonly type: 'pair2'; readonly message: Bytes }
  | { readonly type: 'pair3'; readonly message: Bytes }
  | {
      readonly type: 'rekey1'
      readonly bid: Bid
      readonly n: number
      readonly maced: Bytes
      readonly mac: Bytes
      readonly message: Bytes
    }
  | { readonly type: 'rekey2'; readonly message: Bytes }
  | {
      readonly type: 'release'
      readonly rkid: number
      readonly bandTag: Bytes
      readonly generationMax: number
      readonly signed: Bytes
      readonly signature: Bytes
    }

export type DataRecord = {
  readonly type: 'data'
  readonly header: Bytes
  readonly down: boolean
  readonly phase: number
  readonly ratcheted: boolean
  readonly proof: boolean
  readonly sid: number
  readonly ctr: number
  readonly sealed: Bytes
}

const exactBytes: Readonly<Record<number, number>> = {
  [recordTypes.chal]: 18,
  [recordTypes.resume]: resumeBytes,
  [recordTypes.nolink]: 2,
  [recordTypes.offer]: 2 + offerBytes,
  [recordTypes.pair0]: 30,
  [recordTypes.pair1]: 62,
  [recordTypes.pair2]: 60,
  [recordTypes.pair3]: 198,
  [recordTypes.rekey1]: 78,
  [recordTypes.rekey2]: 58,
  [recordTypes.release]: 82,
}

/** Decodes one record: type, version, exact length, reserved bits. */
export function decodeRecord(bytes: Bytes): BandRecord | Malformed {
  const type = bytes[0]
  if (type === recordTypes.data) return decodeData(bytes)
  if (type === undefined) return malformed('a record, got no bytes', 0)
  const exact = exactBytes[type]
  if (exact === undefined) return malformed(`a record type of this version, got 0x${type.toString(16)}`, 0)
  if (bytes.length !== exact)
    return malformed(`${exact} bytes for record 0x${type.toString(16)}, got ${bytes.length}`, bytes.length)
  if (bytes[1] !== recordVersion) return malformed(`record version ${recordVersion}, got ${bytes[1]}`, 1)
  switch (type) {
    case recordTypes.chal:
      return { type: 'chal', engineNonce: bytes.subarray(2) }
    case recordTypes.resume:
      return {
        type: 'resume',
        bid: parseBid(bytes.subarray(2, 10)),
        n: readU32(bytes, 10),
        bandNonce: bytes.subarray(14, 30),
        maced: bytes.subarray(0, resumeMacedBytes),
        mac: bytes.subarray(resumeMacedBytes),
      }
    case recordTypes.nolink:
      return { type: 'nolink' }
    case recordTypes.offer:
      return { type: 'offer', offer: bytes.subarray(2) }
    case recordTypes.pair0:
      return {
        type: 'pair0',
        bytes,
        ekid: readU32(bytes, 2),
        pairingId: bytes.subarray(6, 22),
        acctTag: bytes.subarray(22),
      }
    case recordTypes.pair1:
      return { type: 'pair1', message: bytes.subarray(2) }
    case recordTypes.pair2:
      return { type: 'pair2', message: bytes.subarray(2) }
    case recordTypes.pair3:
      return { type: 'pair3', message: bytes.subarray(2) }
    case recordTypes.rekey1:
      return {
        type: 'rekey1',
        bid: parseBid(bytes.subarray(2, 10)),
        n: readU32(bytes, 10),
        maced: bytes.subarray(0, rekey1MacedBytes),
        mac: bytes.subarray(rekey1MacedBytes, rekey1MacedBytes + 16),
        message: bytes.subarray(rekey1MacedBytes + 16),
      }
    case recordTypes.rekey2:
      return { type: 'rekey2', message: bytes.subarray(2) }
    default:
      return {
        type: 'release',
        rkid: readU32(bytes, 2),
        bandTag: bytes.subarray(6, 14),
        generationMax: readU32(bytes, 14),
        signed: bytes.subarray(0, releaseSignedBytes),
        signature: bytes.subarray(releaseSignedBytes),
      }
  }
}

/** Decodes a DATA record: flags, reserved bits, and room for at least an op and the tag. */
export function decodeData(bytes: Bytes): DataRecord | Malformed {
  if (bytes[0] !== recordTypes.data) return malformed('a DATA record', 0)
  if (bytes.length < dataHeaderBytes + 1 + tagBytes)
    return malformed('a DATA record with an op and a tag', bytes.length)
  if (bytes.length > recordBytesMax) return malformed(`a record of at most ${recordBytesMax} bytes`, bytes.length)
  const flags = bytes[1] ?? 0
  if ((flags & 0x03) !== 0) return malformed('DATA flags with bits 1-0 zero', 1)
  return {
    type: 'data',
    header: bytes.subarray(0, dataHeaderBytes),
    down: (flags & dataFlags.down) !== 0,
    phase: (flags >> 4) & 7,
    ratcheted: (flags & dataFlags.ratcheted) !== 0,
    proof: (flags & dataFlags.proof) !== 0,
    sid: readU16(bytes, 2),
    ctr: readU32(bytes, 4),
    sealed: bytes.subarray(dataHeaderBytes),
  }
}

/** The 8 header bytes of a DATA record. */
export function encodeDataHeader(
  header: Pick<DataRecord, 'down' | 'phase' | 'ratcheted' | 'proof' | 'sid' | 'ctr'>,
): Uint8Array<ArrayBuffer> {
  const flags =
    (header.down ? dataFlags.down : 0) |
    (header.phase << 4) |
    (header.ratcheted ? dataFlags.ratcheted : 0) |
    (header.proof ? dataFlags.proof : 0)
  const bytes = allocateBytes(dataHeaderBytes)
  bytes[0] = recordTypes.data
  bytes[1] = flags
  bytes[2] = header.sid >>> 8
  bytes[3] = header.sid
  bytes[4] = header.ctr >>> 24
  bytes[5] = header.ctr >>> 16
  bytes[6] = header.ctr >>> 8
  bytes[7] = header.ctr
  return bytes
}

function head(type: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(type, recordVersion)
}

export function encodeChal(engineNonce: Bytes): Uint8Array<ArrayBuffer> {
  return concatBytes(head(recordTypes.chal), engineNonce)
}

/** MAC input of RESUME: the record without its mac, which the mac and the link keys cover. */
export function encodeResumeMaced(bid: Bid, n: number, bandNonce: Bytes): Uint8Array<ArrayBuffer> {
  return concatBytes(head(recordTypes.resume), idBytes(bid), u32(n), bandNonce)
}

export function encodeNolink(): Uint8Array<ArrayBuffer> {
  return head(recordTypes.nolink)
}

export function encodeOfferRecord(offer: Bytes): Uint8Array<ArrayBuffer> {
  return concatBytes(head(recordTypes.offer), offer)
}

export function encodePair0(fields: {
  readonly ekid: number
  readonly pairingId: Bytes
  readonly acctTag: Bytes
}): Uint8Array<ArrayBuffer> {
  return concatBytes(head(recordTypes.pair0), u32(fields.ekid), fields.pairingId, fields.acctTag)
}

/** PAIR1, PAIR2, PAIR3 and REKEY2 carry one Noise message each. */
export function encodeNoiseRecord(
  type: 'pair1' | 'pair2' | 'pair3' | 'rekey2',
  message: Bytes,
): Uint8Array<ArrayBuffer> {
  return concatBytes(head(recordTypes[type]), message)
}

/** REKEY1 up to its mac: what mac1 covers, and part of the Noise prologue. */
export function encodeRekey1Maced(bid: Bid, n: number): Uint8Array<ArrayBuffer> {
  return concatBytes(head(recordTypes.rekey1), idBytes(bid), u32(n))
}

/** RELEASE up to its signature: what V_R signs after "bnd1 release". */
export function encodeReleaseSigned(fields: {
  readonly rkid: number
  readonly bandTag: Bytes
  readonly generationMax: number
}): Uint8Array<ArrayBuffer> {
  return concatBytes(head(recordTypes.release), u32(fields.rkid), fields.bandTag, u32(fields.generationMax))
}

/** The additional data of a DATA record: header, 01, bid, generation, and `rd` when PROOF is set (PROTOCOL §5). */
export function dataAssociatedData(
  header: Bytes,
  bid: Bytes,
  generation: number,
  context: Bytes,
): Uint8Array<ArrayBuffer> {
  const bytes = allocateBytes(dataHeaderBytes + 13 + context.length)
  bytes.set(header)
  bytes[8] = 1
  bytes.set(bid, 9)
  bytes[17] = generation >>> 24
  bytes[18] = generation >>> 16
  bytes[19] = generation >>> 8
  bytes[20] = generation
  bytes.set(context, 21)
  return bytes
}
