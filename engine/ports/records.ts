// The journal's records: everything durable that ever happened, each with when, why and by whom. Type numbers are forever.

import { copyBytes } from '../../protocol/bytes.ts'
import { bin, bool, id, orNil, text, tuple, uint } from '../../protocol/frame-fields.ts'
import { parseAccountId, parseBandId, parsePartnerId, parseRid } from '../../protocol/ids.ts'
import { namesOf } from '../../protocol/names.ts'
import { verdicts, wears } from '../../protocol/ops.ts'
import { Fault } from './fault.ts'
import { accountShape, bandShape, phoneShape, ratchetShape } from './rows.ts'
import { type Shape, type ShapeOf, list, layShape, readShape, unpackItems, word } from './shape.ts'

const count = uint(Number.MAX_SAFE_INTEGER)
/** The longest reason that an operator gives, bytes of UTF-8. */
export const operatorReasonBytesMax = 200
/** When (engine time, never decreasing in the journal), what happened, and who did it: `phone:…`, `band`, `operator:…`, `engine`. */
const told = { atMs: count, cause: text(48), by: text(64) }

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
  usageDay: count,
  usage: list(tuple(uint(0xffff), count, count, tuple(count, count, count, count, count))),
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
    },
  },
  /** A binding that an operator brought from elsewhere: its band and its resume chain begin together or not at all. */
  imported: { number: 8, fields: { ...told, ...bandShape, ...ratchetShape } },
  /** What an operator did that changes no row but must be answered for: `cause` says what, `reason` why, in their own words. */
  operator: {
    number: 9,
    fields: {
      ...told,
      account: id(parseAccountId),
      /** The band it was about; nil = the account as a whole. */
      bandId: orNil(id(parseBandId)),
      reason: text(operatorReasonBytesMax),
    },
  },
} as const satisfies Record<string, { readonly number: number; readonly fields: Shape }>

type RecordOf<Type extends keyof typeof shapes> = { readonly type: Type } & ShapeOf<(typeof shapes)[Type]['fields']>
/** One journal record. Band, account, phone, ratchet and imported records carry the whole rows as they became. */
export type JournalRecord = { [Type in keyof typeof shapes]: RecordOf<Type> }[keyof typeof shapes]
export type JournalRecordOf<Type extends JournalRecord['type']> = Extract<JournalRecord, { readonly type: Type }>
export type DecisionRecord = JournalRecordOf<'decision'>

type Entry = { readonly type: string; readonly number: number; readonly fields: Shape }
const entries: readonly Entry[] = Object.entries(shapes).map(([type, shape]) => ({ type, ...shape }))
const ofNumber = new Map(entries.map((entry) => [entry.number, entry]))

export function encodeRecord(record: JournalRecord): Uint8Array<ArrayBuffer> {
  return copyBytes(layRecord(record))
}

/** `encodeRecord` without a copy: the bytes stand until something is packed again. */
export function layRecord(record: JournalRecord): Uint8Array<ArrayBuffer> {
  const shape = shapes[record.type]
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the shape of a type packs records of that type
  return layShape(shape.number, shape.fields as Shape, record as unknown as ShapeOf<Shape>)
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
