// Codec of ops, the plaintext of a DATA record: an op byte and fixed fields (PROTOCOL §5).

import {
  type Bytes,
  allocateBytes,
  concatBytes,
  decodeUtf8,
  encodeUtf8,
  readU16,
  readU32,
  u16,
  u32,
  u8,
  writeHex,
} from '../base/bytes.ts'
import { type Bid, type Rid, idBytes, parseBid, parseRid } from './ids.ts'
import { alertTextBytesMax } from './limits.ts'
import { type Malformed, malformed } from './malformed.ts'
import { finderOf } from '../base/names.ts'
import { offerBytes } from './offer.ts'

export const opCodes = {
  hello: 0x01,
  ratchetAck: 0x02,
  authReq: 0x10,
  authProof: 0x11,
  authResult: 0x12,
  status: 0x20,
  arm: 0x21,
  armAck: 0x22,
  lock: 0x23,
  intent: 0x26,
  alert: 0x28,
  state: 0x29,
  commit: 0x30,
  commitAck: 0x31,
  keyset: 0x32,
  rekeyPlease: 0x33,
} as const

/** AUTH_PROOF verdicts: what the band saw the wearer do. */
export const verdicts = { refused: 0, worn: 1, tap: 2, display: 3, touch: 4 } as const
export type Verdict = keyof typeof verdicts
/** The wear sensor. */
export const wears = { off: 0, on: 1, charging: 2 } as const
export type Wear = keyof typeof wears
/** INTENT gestures; a long press freezes everything the wearer owns. */
export const gestures = { tap: 1, doubleTap: 2, longPress: 3 } as const
export type Gesture = keyof typeof gestures
/** Vibration and light patterns of AUTH_RESULT and ALERT. */
export const patterns = { silent: 0, approved: 1, denied: 2, attention: 3 } as const

export type AuthProof = {
  readonly type: 'authProof'
  readonly rid: Rid
  readonly verdict: Verdict
  readonly wear: Wear
  readonly armEpoch: number
  readonly tick: number
  readonly evidence: Bytes
  readonly p: Bytes
  /** op to evidence: what `p` covers beside rd, sid and ctr. */
  readonly proved: Bytes
}
export type Status = {
  readonly type: 'status'
  readonly tick: number
  readonly wear: Wear
  readonly wearEpoch: number
  readonly battery: number
  readonly motion: number
}
export type UpOp =
  | AuthProof
  | Status
  | { readonly type: 'armAck'; readonly armEpoch: number }
  | { readonly type: 'intent'; readonly gesture: Gesture; readonly readerId: Bytes; readonly readerNonce: Bytes }
  | { readonly type: 'commitAck'; readonly generation: number }

export type DownOp =
  | { readonly type: 'hello' }
  | { readonly type: 'ratchetAck'; readonly n: number }
  | { readonly type: 'authReq'; readonly offer: Bytes }
  | { readonly type: 'authResult'; readonly rid: Rid; readonly outcome: number; readonly pattern: number }
  | {
      readonly type: 'arm'
      readonly secret: Bytes
      readonly armEpoch: number
      readonly wearEpoch: number
      readonly ttlS: number
    }
  | { readonly type: 'lock'; readonly holds: number }
  | { readonly type: 'alert'; readonly pattern: number; readonly text: string }
  | {
      readonly type: 'state'
      readonly tick: number
      readonly state: number
      readonly holds: number
      readonly armedForS: number
      readonly heartbeatS: number
    }
  | { readonly type: 'commit'; readonly bid: Bid; readonly generation: number; readonly acctTag: Bytes }
  | {
      readonly type: 'keyset'
      readonly ekid: number
      readonly engineKey: Bytes
      readonly notBeforeS: number
      readonly signature: Bytes
      readonly signed: Bytes
    }
  | { readonly type: 'rekeyPlease' }

/** Decodes an op of a band, after its record opened. The byte fields of a proof are views of `bytes` (borrowed). */
export function decodeUpOp(bytes: Bytes): UpOp | Malformed {
  switch (bytes[0]) {
    case opCodes.authProof:
      return decodeAuthProof(bytes)
    case opCodes.status: {
      if (bytes.length !== 12) return malformed('STATUS of 12 bytes', bytes.length)
      const wear = wearOf(bytes[5])
      if (wear === undefined) return malformed('wear 0 to 2', 5)
      return {
        type: 'status',
        tick: readU32(bytes, 1),
        wear,
        wearEpoch: readU32(bytes, 6),
        battery: bytes[10] ?? 0,
        motion: bytes[11] ?? 0,
      }
    }
    case opCodes.armAck:
      if (bytes.length !== 5) return malformed('ARM_ACK of 5 bytes', bytes.length)
      return { type: 'armAck', armEpoch: readU32(bytes, 1) }
    case opCodes.intent: {
      if (bytes.length !== 26) return malformed('INTENT of 26 bytes', bytes.length)
      const gesture = gestureOf(bytes[1])
      if (gesture === undefined) return malformed('a gesture 1 to 3', 1)
      return { type: 'intent', gesture, readerId: bytes.slice(2, 18), readerNonce: bytes.slice(18, 26) }
    }
    case opCodes.commitAck:
      if (bytes.length !== 5) return malformed('COMMIT_ACK of 5 bytes', bytes.length)
      return { type: 'commitAck', generation: readU32(bytes, 1) }
    default:
      return malformed(`an op a band sends, got 0x${(bytes[0] ?? 0).toString(16)}`, 0)
  }
}

function decodeAuthProof(bytes: Bytes): AuthProof | Malformed {
  if (bytes.length !== 51) return malformed('AUTH_PROOF of 51 bytes', bytes.length)
  const verdict = verdictOf(bytes[9])
  if (verdict === undefined) return malformed('a verdict 0 to 4', 9)
  const wear = wearOf(bytes[10])
  if (wear === undefined) return malformed('wear 0 to 2', 10)
  return {
    type: 'authProof',
    rid: parseRid(bytes, 1),
    verdict,
    wear,
    armEpoch: readU32(bytes, 11),
    tick: readU32(bytes, 15),
    evidence: bytes.subarray(19, 35),
    p: bytes.subarray(35, 51),
    proved: bytes.subarray(0, 35),
  }
}

/** MAC input of AUTH_PROOF that `p` covers, op to evidence: 35 bytes. */
export function encodeAuthProofProved(
  proof: Pick<AuthProof, 'rid' | 'verdict' | 'wear' | 'armEpoch' | 'tick' | 'evidence'>,
): Uint8Array<ArrayBuffer> {
  return concatBytes(
    u8(opCodes.authProof),
    idBytes(proof.rid),
    u8(verdicts[proof.verdict]),
    u8(wears[proof.wear]),
    u32(proof.armEpoch),
    u32(proof.tick),
    proof.evidence,
  )
}

/** Encodes an op of a band; for AUTH_PROOF append `p` to `encodeAuthProofProved`. */
export function encodeUpOp(op: Exclude<UpOp, AuthProof>): Uint8Array<ArrayBuffer> {
  switch (op.type) {
    case 'status':
      return concatBytes(
        u8(opCodes.status),
        u32(op.tick),
        u8(wears[op.wear]),
        u32(op.wearEpoch),
        u8(op.battery),
        u8(op.motion),
      )
    case 'armAck':
      return concatBytes(u8(opCodes.armAck), u32(op.armEpoch))
    case 'intent':
      return concatBytes(u8(opCodes.intent), u8(gestures[op.gesture]), op.readerId, op.readerNonce)
    case 'commitAck':
      return concatBytes(u8(opCodes.commitAck), u32(op.generation))
  }
}

/** Encodes an op of the engine. Throws a RangeError on an alert text over its limit. */
export function encodeDownOp(op: DownOp): Uint8Array<ArrayBuffer> {
  switch (op.type) {
    case 'hello':
      return u8(opCodes.hello)
    case 'ratchetAck':
      return concatBytes(u8(opCodes.ratchetAck), u32(op.n))
    case 'authReq':
      return concatBytes(u8(opCodes.authReq), op.offer)
    case 'authResult':
      return encodeAuthResult(op)
    case 'arm':
      return concatBytes(u8(opCodes.arm), op.secret, u32(op.armEpoch), u32(op.wearEpoch), u32(op.ttlS))
    case 'lock':
      return concatBytes(u8(opCodes.lock), u8(op.holds))
    case 'alert': {
      const text = encodeUtf8(op.text)
      if (text.length > alertTextBytesMax)
        throw new RangeError(`an alert is at most ${alertTextBytesMax} bytes, got ${text.length}`)
      return concatBytes(u8(opCodes.alert), u8(op.pattern), u8(text.length), text)
    }
    case 'state':
      return concatBytes(
        u8(opCodes.state),
        u32(op.tick),
        u8(op.state),
        u8(op.holds),
        u32(op.armedForS),
        u16(op.heartbeatS),
      )
    case 'commit':
      return concatBytes(u8(opCodes.commit), idBytes(op.bid), u32(op.generation), op.acctTag)
    case 'keyset':
      return concatBytes(encodeKeysetSigned(op), op.signature)
    case 'rekeyPlease':
      return u8(opCodes.rekeyPlease)
  }
}

/** One for each decision: written in place. */
function encodeAuthResult(op: Extract<DownOp, { readonly type: 'authResult' }>): Uint8Array<ArrayBuffer> {
  const bytes = allocateBytes(11)
  bytes[0] = opCodes.authResult
  writeHex(op.rid, bytes, 1)
  bytes[9] = op.outcome
  bytes[10] = op.pattern
  return bytes
}

/** KEYSET up to its signature: what V_R signs after "bnd1 keyset". */
export function encodeKeysetSigned(op: {
  readonly ekid: number
  readonly engineKey: Bytes
  readonly notBeforeS: number
}): Uint8Array<ArrayBuffer> {
  return concatBytes(u8(opCodes.keyset), u32(op.ekid), op.engineKey, u32(op.notBeforeS))
}

/** Decodes an op of the engine, for a band. */
export function decodeDownOp(bytes: Bytes): DownOp | Malformed {
  const op = bytes[0]
  const exact = downOpBytes(bytes)
  if (exact === undefined) return malformed(`an op the engine sends, got 0x${(op ?? 0).toString(16)}`, 0)
  if (bytes.length !== exact)
    return malformed(`${exact} bytes for op 0x${(op ?? 0).toString(16)}, got ${bytes.length}`, bytes.length)
  switch (op) {
    case opCodes.hello:
      return { type: 'hello' }
    case opCodes.ratchetAck:
      return { type: 'ratchetAck', n: readU32(bytes, 1) }
    case opCodes.authReq:
      return { type: 'authReq', offer: bytes.slice(1) }
    case opCodes.authResult:
      return {
        type: 'authResult',
        rid: parseRid(bytes.subarray(1, 9)),
        outcome: bytes[9] ?? 0,
        pattern: bytes[10] ?? 0,
      }
    case opCodes.arm:
      return {
        type: 'arm',
        secret: bytes.slice(1, 17),
        armEpoch: readU32(bytes, 17),
        wearEpoch: readU32(bytes, 21),
        ttlS: readU32(bytes, 25),
      }
    case opCodes.lock:
      return { type: 'lock', holds: bytes[1] ?? 0 }
    case opCodes.alert: {
      if (bytes.length > 3 + alertTextBytesMax)
        return malformed(`an alert text of at most ${alertTextBytesMax} bytes, got ${bytes.length - 3}`, 2)
      const text = decodeUtf8(bytes.subarray(3))
      if (text === undefined) return malformed('an alert text of UTF-8', 3)
      return { type: 'alert', pattern: bytes[1] ?? 0, text }
    }
    case opCodes.state:
      return {
        type: 'state',
        tick: readU32(bytes, 1),
        state: bytes[5] ?? 0,
        holds: bytes[6] ?? 0,
        armedForS: readU32(bytes, 7),
        heartbeatS: readU16(bytes, 11),
      }
    case opCodes.commit:
      return {
        type: 'commit',
        bid: parseBid(bytes.subarray(1, 9)),
        generation: readU32(bytes, 9),
        acctTag: bytes.slice(13, 21),
      }
    case opCodes.keyset:
      return {
        type: 'keyset',
        ekid: readU32(bytes, 1),
        engineKey: bytes.slice(5, 37),
        notBeforeS: readU32(bytes, 37),
        signed: bytes.slice(0, 41),
        signature: bytes.slice(41),
      }
    default:
      return { type: 'rekeyPlease' }
  }
}

function downOpBytes(bytes: Bytes): number | undefined {
  switch (bytes[0]) {
    case opCodes.hello:
    case opCodes.rekeyPlease:
      return 1
    case opCodes.ratchetAck:
      return 5
    case opCodes.authReq:
      return 1 + offerBytes
    case opCodes.authResult:
      return 11
    case opCodes.arm:
      return 29
    case opCodes.lock:
      return 2
    case opCodes.alert:
      return 3 + (bytes[2] ?? 0)
    case opCodes.state:
      return 13
    case opCodes.commit:
      return 21
    case opCodes.keyset:
      return 105
    default:
      return undefined
  }
}

const verdictOf = finderOf(verdicts)
const wearOf = finderOf(wears)
const gestureOf = finderOf(gestures)
