// Schema table of every frame of the phone protocol (PROTOCOL §8): number, fields in order, and what repeats after them.
// To add a frame: one entry here, its handler in engine/, its section in docs/protocol.md.

import type { Bytes } from '../../base/bytes.ts'
import { type Field, added, bin, bool, orNil, text, tuple, uint } from './frame-fields.ts'
import { alertTextBytesMax, hubSlotMax, offerLabelBytesMax, recordBytesMax, tokenBytesMax } from '../limits.ts'
import { offerBytes } from '../offer.ts'

const u8 = uint(0xff)
const u16 = uint(0xffff)
const u32 = uint(0xffff_ffff)
const safe = uint(Number.MAX_SAFE_INTEGER)
const slot = uint(hubSlotMax)
const bid = bin(8)
const publicKey = bin({ oneOf: [32, 33] })
/** User verification: challenge[32] ‖ signature[64]. */
const uv = bin(96)
const recordBytes = bin({ max: recordBytesMax })

type Shape = {
  readonly number: number
  readonly fields: Readonly<Record<string, Field>>
  readonly rest?: Field
}

/** Frames a phone or hub sends. */
export const phoneFrames = {
  hello: {
    number: 1,
    fields: {
      version: u8,
      token: text(tokenBytesMax),
      phoneId: bin(16),
      sessionKey: publicKey,
      verifyKey: publicKey,
      signature: bin(64),
      resumeToken: orNil(bin(32)),
    },
  },
  attach: { number: 2, fields: { slot, bid, account: added(text(64)) } },
  record: { number: 3, fields: { slot, bytes: recordBytes } },
  detach: { number: 4, fields: { slot } },
  authorize: {
    number: 5,
    fields: { slot, offer: bin(offerBytes), record: recordBytes, uv: orNil(uv), wantsReceipt: added(bool()) },
  },
  pairStart: { number: 6, fields: { slot, ps: bin(16), hint: orNil(bin(16)), uv } },
  pairCancel: { number: 7, fields: { slot } },
  arm: { number: 8, fields: { slot, wearEpoch: u32, uv } },
  freeze: { number: 9, fields: { bid: orNil(bid) } },
  unfreeze: { number: 10, fields: { bid: orNil(bid), uv } },
  lost: { number: 11, fields: { bid } },
  found: { number: 12, fields: { bid, uv: orNil(uv) } },
  deactivate: { number: 13, fields: { bid, uv } },
  veto: { number: 14, fields: { change: u8, target: orNil(bin({ oneOf: [8, 16] })) } },
  limits: {
    number: 15,
    fields: { bid: orNil(bid), perUseMinor: safe, perDayMinor: safe, currency: u16, uv: orNil(uv) },
  },
  history: { number: 16, fields: { beforeLsn: safe, count: u8 } },
  grants: { number: 17, fields: { cursor: safe, count: u8 } },
  bands: { number: 18, fields: { cursor: safe, count: u8 } },
  challenge: { number: 19, fields: {} },
  changes: { number: 29, fields: { cursor: safe, count: u8 } },
  phones: { number: 30, fields: {} },
  removePhone: { number: 31, fields: { phoneId: bin(16), uv: orNil(uv) } },
} as const satisfies Record<string, Shape>

/** Frames the engine sends. */
export const engineFrames = {
  greeting: {
    number: 100,
    fields: { challenge: bin(32), engineVersion: text(32), frameBytesMax: u32, slotMax: u32, framesPerSecond: u32 },
  },
  helloAnswer: {
    number: 101,
    fields: {
      sessionNumber: safe,
      resumeToken: bin(32),
      pendingUntilMs: safe,
      resumed: bool(),
      timeMs: safe,
      heartbeatS: u16,
    },
  },
  attachAnswer: { number: 102, fields: {} },
  recordAnswer: { number: 103, fields: {} },
  detachAnswer: { number: 104, fields: {} },
  decision: {
    number: 105,
    fields: {
      approved: bool(),
      reason: u16,
      obligation: orNil(u8),
      receipt: orNil(text(1_024)),
      useLeftMinor: safe,
      dayLeftMinor: safe,
      lsn: safe,
    },
  },
  paired: { number: 106, fields: { bandId: bin(16), bid, generation: u32 } },
  pairCancelAnswer: { number: 107, fields: {} },
  armed: { number: 108, fields: { armEpoch: u32, armedUntilMs: safe } },
  frozen: { number: 109, fields: { holds: u8, lsn: safe } },
  unfrozen: { number: 110, fields: { holds: u8, lsn: safe } },
  lostAnswer: { number: 111, fields: { holds: u8, lsn: safe } },
  foundAnswer: { number: 112, fields: { dueAtMs: safe } },
  deactivateAnswer: { number: 113, fields: { dueAtMs: safe } },
  vetoAnswer: { number: 114, fields: {} },
  limitsAnswer: { number: 115, fields: { effectiveAtMs: safe } },
  historyPage: {
    number: 116,
    fields: { nextBeforeLsn: safe },
    // lsn, atMs, bandId, partner, action, amountMinor, currency, reason, label
    rest: tuple(safe, safe, bin(16), bin(16), u8, safe, u16, u16, text(offerLabelBytesMax)),
  },
  grantsPage: { number: 117, fields: { nextCursor: safe } },
  bandsPage: {
    number: 118,
    fields: { nextCursor: safe },
    // bandId, bid, name, state, holds, generation
    rest: tuple(bin(16), bid, text(24), u8, u8, u32),
  },
  challengeAnswer: { number: 119, fields: { challenge: bin(32) } },
  record: { number: 120, fields: { slot, bytes: recordBytes } },
  /** `wearEpoch` numbers the wearing that `arm` (8) names. */
  state: { number: 121, fields: { bid, state: u8, holds: u8, armedUntilMs: safe, wearEpoch: u32 } },
  /** `phoneId`: the phone it is about; nil = none. */
  alert: { number: 122, fields: { kind: u8, bid: orNil(bid), text: text(alertTextBytesMax), phoneId: added(bin(16)) } },
  asked: { number: 123, fields: { slot, offer: bin(offerBytes) } },
  changesPage: {
    number: 129,
    fields: { nextCursor: safe },
    // change, target, dueAtMs, begunBy, phoneId, mayVeto
    rest: tuple(u8, orNil(bin({ oneOf: [8, 16] })), safe, u8, orNil(bin(16)), bool()),
  },
  phonesPage: {
    number: 130,
    fields: {},
    // phoneId, name, enrolledAtMs, seenAtMs, isLive, pendingUntilMs, suspendedAtMs, removeAtMs, verifyKind
    rest: tuple(bin(16), text(24), safe, safe, bool(), safe, safe, safe, u8),
  },
  removePhoneAnswer: { number: 131, fields: { effectiveAtMs: safe, lsn: safe } },
  error: { number: 200, fields: { code: u16, retryAfterMs: orNil(u32) } },
} as const satisfies Record<string, Shape>

/** Kinds of alert 122: what happened that the wearer should know. */
export const alertKinds = {
  'pairing-tried': 1,
  'band-frozen': 2,
  'band-lost': 3,
  'clone-suspected': 4,
  'deactivation-began': 5,
  'phone-pending': 6,
  'found-began': 7,
  'limits-rising': 8,
  vetoed: 9,
  'band-released': 10,
  'phone-suspended': 11,
  'phone-removed': 12,
  'phone-admitted': 13,
} as const
export type AlertKind = keyof typeof alertKinds

/** Kinds of pending change, which wait for their delay and may be vetoed (frame 14). */
export const changes = { found: 1, deactivation: 2, limits: 3, phone: 4, phoneRemoval: 5 } as const
export type Change = keyof typeof changes

/** Origin of a pending change: who began it (frame 129). */
export const beginners = { phone: 1, web: 2, operator: 3 } as const
export type Beginner = keyof typeof beginners

type ValueOf<Kind> = Kind extends Field<infer Value> ? Value : never
type FieldsOf<Fields> = { readonly [Name in keyof Fields]: ValueOf<Fields[Name]> }
type FrameOf<Table> = {
  [Type in keyof Table]: Table[Type] extends { readonly fields: infer Fields }
    ? { readonly type: Type; readonly id: number } & FieldsOf<Fields> &
        (Table[Type] extends { readonly rest: Field<infer Entry> } ? { readonly entries: readonly Entry[] } : unknown)
    : never
}[keyof Table]

/** A slot and the bytes for it; a hub's record frames repeat them. */
export type SlotRecord = { readonly slot: number; readonly bytes: Bytes }
/** A frame a phone sends, decoded. */
export type PhoneFrame = FrameOf<typeof phoneFrames>
/** A frame the engine sends, decoded. */
export type EngineFrame = FrameOf<typeof engineFrames>
export type PhoneFrameOf<Type extends PhoneFrame['type']> = Extract<PhoneFrame, { readonly type: Type }>
export type EngineFrameOf<Type extends EngineFrame['type']> = Extract<EngineFrame, { readonly type: Type }>
