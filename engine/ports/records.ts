// The journal's records: everything durable that ever happened, each with when, why and by what surface. Type numbers are forever.

import { copyBytes } from '../../base/bytes.ts'
import { bin, bool, id, orNil, text, tuple, uint } from '../../protocol/messages/frame-fields.ts'
import { parseAccountId, parseBandId, parsePartnerId, parseRid } from '../../protocol/ids.ts'
import { namesOf } from '../../base/names.ts'
import { verdicts, wears } from '../../protocol/ops.ts'
import { Fault } from './fault.ts'
import {
  accountShape,
  armingSums,
  actorBytesMax,
  bandShape,
  causeBytesMax,
  digestBytesMax,
  documentNameBytesMax,
  operatorReasonBytesMax,
  ownLimit,
  phoneShape,
  ratchetShape,
} from './rows.ts'
import { type Shape, type ShapeOf, encodeShape, list, readShape, unpackItems, word } from './shape.ts'

const count = uint(Number.MAX_SAFE_INTEGER)
/** The longest subject of an operator's act that is neither band nor account, bytes of UTF-8. */
export const operatorSubjectBytesMax = 128
/** When (engine time, never decreasing in the journal but at `engine.rewound`), what happened, and who did it: `phone:…`, `band`, … */
const told = { atMs: count, cause: text(causeBytesMax), by: text(actorBytesMax) }

/** The facts a decision was made from, so that it can be made again from the journal alone. */
const decisionShape = {
  atMs: count,
  account: id(parseAccountId),
  bandId: id(parseBandId),
  generation: uint(0xffff_ffff),
  canon: bin(73),
  label: bin(24),
  rd: bin(32),
  reason: uint(0xffff),
  obligation: orNil(uint(0xff)),
  level: uint(4),
  useLeftMinor: count,
  dayLeftMinor: count,
  bandState: text(16),
  holds: uint(0xff),
  armEpoch: uint(0xffff_ffff),
  armedUntilMs: count,
  verifiedAtMs: count,
  conformance: uint(0xffff_ffff),
  restricted: bool(),
  verdict: word(namesOf(verdicts)),
  wear: word(namesOf(wears)),
  proofValid: bool(),
  proofArmEpoch: uint(0xffff_ffff),
  present: bool(),
  clockCertain: bool(),
  phonePending: bool(),
  userVerifiedNow: bool(),
  evidence: bin(16),
  ownerEpoch: count,
  armedOwnerEpoch: count,
  /** The day that `usage` is of; in records without `ownLimits` the day of the decision, whatever `usage` was of. */
  usageDay: count,
  usage: list(tuple(uint(0xffff), count, count, tuple(count, count, count, count, count))),
  /** The owner's own limits. */
  ownLimits: list(ownLimit),
  /** What the arming had paid. */
  arming: armingSums,
} as const satisfies Shape

const shapes = {
  'engine.started': { number: 1, fields: { atMs: count, epoch: count, version: text(32) } },
  band: { number: 2, fields: { ...told, ...bandShape } },
  ratchet: { number: 3, fields: { atMs: count, bandId: id(parseBandId), ...ratchetShape } },
  account: { number: 4, fields: { ...told, ...accountShape } },
  phone: { number: 5, fields: { ...told, ...phoneShape } },
  decision: { number: 6, fields: decisionShape },
  /** An approval that a hold overtook before its answer left: it never took effect. */
  reversal: {
    number: 7,
    fields: {
      atMs: count,
      account: id(parseAccountId),
      partner: id(parsePartnerId),
      rid: id(parseRid),
      reversedLsn: count,
      reason: uint(0xffff),
      /** The arming of the approval; nil when it did not count in one. */
      armEpoch: orNil(uint(0xffff_ffff)),
    },
  },
  /** A binding that an operator brought from elsewhere: its band and its resume chain begin together or not at all. */
  imported: { number: 8, fields: { ...told, ...bandShape, ...ratchetShape } },
  /** What an operator did and must answer for: `cause` says what, `reason` why, in their own words. What it changed has records of its own. */
  operator: {
    number: 9,
    fields: {
      ...told,
      /** Whose it was about; nil = no account's. */
      account: orNil(id(parseAccountId)),
      /** The band it was about; nil = the account as a whole, or something else. */
      bandId: orNil(id(parseBandId)),
      reason: text(operatorReasonBytesMax),
      /** The second operator, who agreed; nil = none was needed. */
      also: orNil(text(actorBytesMax)),
      /** What it was about when that is neither band nor account, such as a vendor. */
      subject: orNil(text(operatorSubjectBytesMax)),
    },
  },
  /** An older state was put in place, knowingly: what was decided from here to `decidedUntilMs` is not in the journal. */
  'engine.restored': {
    number: 10,
    fields: { atMs: count, by: text(actorBytesMax), decidedUntilMs: count },
  },
  /** A sealed document, such as the list of partners, was taken in this text: an older one is noticed from now on. */
  document: {
    number: 11,
    fields: { atMs: count, name: text(documentNameBytesMax), number: count, digest: text(digestBytesMax) },
  },
  /**
   * Journal time runs back to `atMs`, knowingly: the newest record before was of `fromMs`, and the operator named the record `acceptedLsn`. Once
   * with `done` false, where time runs back, and once more when everything that waits has its new instant.
   */
  'engine.rewound': {
    number: 12,
    fields: { atMs: count, by: text(actorBytesMax), fromMs: count, acceptedLsn: count, done: bool() },
  },
} as const satisfies Record<string, { readonly number: number; readonly fields: Shape }>

type RecordOf<Type extends keyof typeof shapes> = { readonly type: Type } & ShapeOf<(typeof shapes)[Type]['fields']>
/** One journal record. Band, account, phone, ratchet and imported records carry the whole rows as they became. */
export type JournalRecord = { [Type in keyof typeof shapes]: RecordOf<Type> }[keyof typeof shapes]
export type JournalRecordOf<Type extends JournalRecord['type']> = Extract<JournalRecord, { readonly type: Type }>
export type DecisionRecord = JournalRecordOf<'decision'>

type Entry = { readonly type: string; readonly number: number; readonly fields: Shape }
const entries: readonly Entry[] = Object.entries(shapes).map(([type, shape]) => ({ type, ...shape }))
const typeOfNumber = new Map(namesOf(shapes).map((type) => [shapes[type].number as number, type]))
const ofNumber = new Map(entries.map((entry) => [entry.number, entry]))

export function encodeRecord(record: JournalRecord): Uint8Array<ArrayBuffer> {
  return copyBytes(encodeRecordBorrowed(record))
}

/** `encodeRecord` without a copy: the bytes stand until something is packed again. */
export function encodeRecordBorrowed(record: JournalRecord): Uint8Array<ArrayBuffer> {
  const shape = shapes[record.type]
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the shape of a type packs records of that type
  return encodeShape(shape.number, shape.fields as Shape, record as unknown as ShapeOf<Shape>)
}

/** The type of a record without decoding the rest of it; undefined for bytes that are no record of this version. */
export function recordTypeOf(bytes: Uint8Array): JournalRecord['type'] | undefined {
  // An array's head is one byte for up to 15 items, else three; type numbers are below 128, so they are one byte.
  const lead = bytes[0] === 0xdc ? bytes[3] : bytes[1]
  return lead === undefined ? undefined : typeOfNumber.get(lead)
}

/** Decodes a record the journal authenticated. Throws a Fault on one that no version of the engine wrote. */
export function decodeRecord(bytes: Uint8Array): JournalRecord {
  const unpacked = unpackItems(bytes)
  const entry = unpacked === undefined ? undefined : ofNumber.get(unpacked.lead)
  const fields = unpacked === undefined || entry === undefined ? undefined : readShape(entry.fields, unpacked.items)
  if (entry === undefined || fields === undefined) {
    throw new Fault(
      'journal-damaged',
      `a journal record of this version expected, got type ${unpacked?.lead ?? 'none'}; run the version that wrote it`,
    )
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the shape of a type reads records of that type
  return { type: entry.type, ...fields } as unknown as JournalRecord
}
