// The rows of the view: what the engine remembers, table by table. Each is derived from the journal by apply.ts.

import { copyBytes } from '../../base/bytes.ts'
import { bin, bool, id, orNil, text, tuple, uint } from '../../protocol/messages/frame-fields.ts'
import {
  type AccountId,
  type BandId,
  type PartnerId,
  type PhoneId,
  type Rid,
  parseAccountId,
  parseBandId,
  parseBid,
  parsePairingId,
  parsePhoneId,
} from '../../protocol/ids.ts'
import { namesOf } from '../../base/names.ts'
import { type AccountHold, bandStates, holdBits } from '../../protocol/states.ts'
import { Fault } from './fault.ts'
import { type Shape, type ShapeOf, list, encodeShape, readShape, unpackItems, word } from './shape.ts'
import type { Table } from './view.ts'

const count = uint(Number.MAX_SAFE_INTEGER)
const u32 = uint(0xffff_ffff)
/** Bytes sealed under the master key (crypto/at-rest.ts). */
const sealed = bin({ max: 256 })
const bandState = word(namesOf(bandStates))

/** What happened, as records and rows name it, and who did it: bytes of UTF-8. */
export const causeBytesMax = 48
export const actorBytesMax = 64
/** The name of a sealed document, and the digest of its text: bytes of UTF-8. */
export const documentNameBytesMax = 32
export const digestBytesMax = 64
/** The longest reason that an operator gives, bytes of UTF-8. */
export const operatorReasonBytesMax = 200

/** A band: its binding, wear, holds and arm. Instants in ms, 0 = none. */
export const bandShape = {
  bandId: id(parseBandId),
  state: bandState,
  generation: u32,
  /** Highest tombstoned generation. */
  tombstoned: u32,
  account: orNil(id(parseAccountId)),
  bid: orNil(id(parseBid)),
  pairingId: orNil(id(parsePairingId)),
  pairingUntilMs: count,
  vendor: uint(0xffff),
  model: uint(0xffff),
  batch: u32,
  conformance: u32,
  holds: uint(0xff),
  holdSurfaces: list(text(64)),
  holdEndedAtMs: count,
  wearEpoch: u32,
  armEpoch: u32,
  armedUntilMs: count,
  armedOwnerEpoch: count,
  verifiedAtMs: count,
  deactivateAtMs: count,
  foundAtMs: count,
  before: orNil(word(['offWrist', 'disarmed', 'armed'])),
  /** The band's static key s_B, for rekey. */
  bandKey: bin({ max: 32 }),
  acctTag: bin({ max: 8 }),
  sealedArmSecret: orNil(sealed),
  name: text(24),
  /** Which surface began the pending deactivation, and which the pending finding; empty = none. */
  deactivationBegunBy: text(64),
  foundBegunBy: text(64),
} as const satisfies Shape

/** Where a bid leads; a tombstoned bid stays, so that its band can be released. */
const bidShape = {
  bandId: id(parseBandId),
  account: id(parseAccountId),
  generation: u32,
  tombstoned: bool(),
} as const satisfies Shape

/** The resume chain of a band (PROTOCOL §4): the root it may resume with next, and what is kept of the one before. */
export const ratchetShape = {
  /** The engine's k: RESUME with n = k is accepted. */
  k: u32,
  /** R_k, sealed with version k. */
  sealedRoot: sealed,
  /** R_(k-1), sealed with version k - 1, until the band has shown RATCHETED; then nil. */
  sealedPrevious: orNil(sealed),
  /**
   * Mac keys of the roots before `oldMacKeysK`, newest first, 32 bytes each, sealed with that version: enough to know an
   * older root when it speaks, not to open a link. Nil before the first link.
   */
  sealedOldMacKeys: orNil(sealed),
  oldMacKeysK: u32,
  resumes: u32,
  rekeyedAtMs: count,
  /** The restore after which it was written, by its instant; nil = none. A band ahead of a row from before is no surprise. */
  restoredAtMs: orNil(count),
} as const satisfies Shape

/** currency, perUseMinor, perDayMinor. */
export const ownLimit = tuple(uint(0xffff), count, count)
/** A limit that rises later: currency, perUseMinor, perDayMinor, risesAtMs, and which surface asked for it. */
const risingLimit = tuple(uint(0xffff), count, count, count, text(64))

/** A wearer's account: owner epoch, its own limits and those that rise later, and what holds all of it. */
export const accountShape = {
  account: id(parseAccountId),
  ownerEpoch: count,
  limits: list(ownLimit),
  /** One for each currency at most. */
  risingLimits: list(risingLimit),
  /** Bits of the holds that stop every band of the account, and who set an owner freeze among them. */
  holds: uint(0xff),
  holdSurfaces: list(text(64)),
  /** When such a hold was last set or lifted. */
  holdEndedAtMs: count,
  /** Changes of its bands and phones that wait for their delay; limits that rise are listed above. */
  waiting: count,
  /** An account that ever had a phone has no first one again: every later one waits. */
  hadPhone: bool(),
  /** Bands that the owner has unfrozen by themselves while an owner freeze holds all others. */
  freed: list(id(parseBandId)),
} as const satisfies Shape

const accountBandShape = { bandId: id(parseBandId) } as const satisfies Shape

/** An enrolled phone. It has full rights when `pendingUntilMs` and `suspendedAtMs` are 0. */
export const phoneShape = {
  account: id(parseAccountId),
  phoneId: id(parsePhoneId),
  sessionKey: bin({ oneOf: [32, 33] }),
  verifyKey: bin({ oneOf: [32, 33] }),
  enrolledAtMs: count,
  pendingUntilMs: count,
  removed: bool(),
  /** The last hello that was noted: to a week. */
  seenAtMs: count,
  /** Another phone asked to remove this one: it only stops and reads since, and goes at `removeAtMs`. */
  suspendedAtMs: count,
  removeAtMs: count,
  /** Which surface asked for that; empty = none. */
  removalBegunBy: text(64),
} as const satisfies Shape

/**
 * What an account spent on one UTC day: currency, payMinor, receiveMinor, by evidence level 0 to 4. And where its history begins:
 * the newest of its decisions, and how many there are.
 */
const usageShape = {
  day: count,
  byCurrency: list(tuple(uint(0xffff), count, count, tuple(count, count, count, count, count))),
  newestLsn: orNil(count),
  decisions: orNil(count),
} as const satisfies Shape

/**
 * What a band's present arming has paid (policy/arming-room.ts): currency, and minor units by evidence level 0 to 4. It lies beside the
 * account's usage, which changes with it, and counts only while the band's arm epoch is this one.
 */
export const armingSums = list(tuple(uint(0xffff), tuple(count, count, count, count, count)))
const armingShape = { armEpoch: u32, byCurrency: armingSums } as const satisfies Shape

/** The answer kept for a (partner, rid) and an account. `final`: asked again, the same answer. */
const referenceShape = {
  rd: bin(32),
  account: id(parseAccountId),
  bandId: id(parseBandId),
  final: bool(),
  reason: uint(0xffff),
  obligation: orNil(uint(0xff)),
  level: uint(4),
  useLeftMinor: count,
  dayLeftMinor: count,
  lsn: count,
  decidedAtMs: count,
  ownerEpoch: count,
} as const satisfies Shape

/**
 * A decision, kept under its position in the journal: the view is then written where it was written last, instead of on a page of
 * its own for each. Each names the one before it of its account (engine/ledger/history.ts).
 */
const historyShape = {
  atMs: count,
  bandId: id(parseBandId),
  canon: bin(73),
  label: text(24),
  reason: uint(0xffff),
  obligation: orNil(uint(0xff)),
  reversedBy: orNil(count),
  /** Proximity. */
  level: uint(4),
  account: id(parseAccountId),
  /** The account's decision before this one; nil = it was the first. */
  before: orNil(count),
} as const satisfies Shape

/** Every `historyMarkEvery`th decision of an account, by account and position: so that any position is found within that many steps. */
const historyMarkShape = { lsn: count } as const satisfies Shape
export const historyMarkEvery = 16

const alarmKinds = [
  'arm.expired',
  'pairing.expired',
  'deactivation.due',
  'found.due',
  'phone.due',
  'phone.removal',
  'limits.due',
] as const
/** A deadline that survives restarts; its key begins with the instant. */
const alarmShape = { atMs: count, kind: word(alarmKinds), subject: text(128) } as const satisfies Shape

/** How many bands are in a state, under a hold of their own, or held at all, and how many accounts are held as a whole. */
const tallyShape = { count } as const satisfies Shape

/** How a band stood after a record about it; the key is the band and the record's position. */
const moveShape = {
  atMs: count,
  cause: text(causeBytesMax),
  by: text(actorBytesMax),
  state: bandState,
  holds: uint(0xff),
  generation: u32,
} as const satisfies Shape

/** What an operator did about a band or an account. */
const actShape = {
  atMs: count,
  act: text(causeBytesMax),
  by: text(actorBytesMax),
  also: orNil(text(actorBytesMax)),
  reason: text(operatorReasonBytesMax),
} as const satisfies Shape

/**
 * The latest restore (engine/ledger/restored.ts): numbers that others keep begin above this instant, and what was decided before
 * `decidedUntilMs` may have been forgotten.
 */
const restoredShape = { atMs: count, decidedUntilMs: count } as const satisfies Shape

/**
 * Where journal time ran back the last time (engine/ledger/rewind.ts): at the record `lsn`, from `fromMs` to `atMs`. `totalMs` is by how much it ever did.
 * Not `done`: what waits has not got its new instants yet.
 */
const rewoundShape = {
  lsn: count,
  atMs: count,
  fromMs: count,
  totalMs: count,
  done: bool(),
} as const satisfies Shape

/** Which text of a sealed document was taken last: how often it was changed, and its digest. */
const documentShape = { number: count, digest: text(digestBytesMax) } as const satisfies Shape

/** Accounts that a phone is enrolled for. */
const phoneAccountShape = { account: id(parseAccountId) } as const satisfies Shape

const shapes = {
  band: bandShape,
  bid: bidShape,
  ratchet: ratchetShape,
  account: accountShape,
  accountBand: accountBandShape,
  phone: phoneShape,
  usage: usageShape,
  arming: armingShape,
  reference: referenceShape,
  history: historyShape,
  historyMark: historyMarkShape,
  alarm: alarmShape,
  tally: tallyShape,
  move: moveShape,
  act: actShape,
  phoneAccount: phoneAccountShape,
  restored: restoredShape,
  document: documentShape,
  rewound: rewoundShape,
} as const satisfies Record<Table, Shape>

export type RowOf<Name extends Table> = ShapeOf<(typeof shapes)[Name]>
export type BandRow = RowOf<'band'>
export type RatchetRow = RowOf<'ratchet'>
export type AccountRow = RowOf<'account'>
export type PhoneRow = RowOf<'phone'>
export type UsageRow = RowOf<'usage'>
export type ArmingRow = RowOf<'arming'>
export type HistoryRow = RowOf<'history'>
export type ReferenceRow = RowOf<'reference'>
export type AlarmRow = RowOf<'alarm'>
export type RestoredRow = RowOf<'restored'>
export type RewoundRow = RowOf<'rewound'>

/** Reads rows as they are now. */
export type RowReader = {
  readonly get: <Name extends Table>(table: Name, key: string) => RowOf<Name> | undefined
}

/** One row as it becomes; null removes it. */
export type Change = {
  [Name in Table]: { readonly table: Name; readonly key: string; readonly row: RowOf<Name> | null }
}[Table]

const rowVersion = 1

export function encodeRow<Name extends Table>(table: Name, row: RowOf<Name>): Uint8Array<ArrayBuffer> {
  return copyBytes(encodeRowBorrowed(table, row))
}

/** `encodeRow` without a copy: the bytes stand until something is packed again. */
export function encodeRowBorrowed<Name extends Table>(table: Name, row: RowOf<Name>): Uint8Array<ArrayBuffer> {
  return encodeShape(rowVersion, shapes[table] as Shape, row as ShapeOf<Shape>)
}

/** Decodes a row the view authenticated. Throws a Fault on one that no version of the engine wrote. */
export function decodeRow<Name extends Table>(table: Name, bytes: Uint8Array): RowOf<Name> {
  const unpacked = unpackItems(bytes)
  const row = unpacked?.lead === rowVersion ? readShape(shapes[table] as Shape, unpacked.items) : undefined
  if (row === undefined) {
    throw new Fault(
      'view-damaged',
      `a ${table} row of version ${rowVersion} expected, got ${bytes.length} bytes that are none; rebuild the view from the journal`,
    )
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the shape of a table reads rows of that table
  return row as RowOf<Name>
}

/** The tally of bands under at least one hold. */
export const heldTally = 'held'

/** So many bands can be unfrozen by themselves while everything else stays frozen. */
export const freedBandsMax = 32

/** Bits of an account's holds that stop this band: an owner freeze does not stop one that was unfrozen by itself. */
export function holdsOnBand(account: Pick<AccountRow, 'holds' | 'freed'>, bandId: BandId): number {
  if (account.holds === 0 || !account.freed.includes(bandId)) return account.holds
  return account.holds & ~holdBits['owner-freeze']
}

/** The tally of accounts under such a hold. */
export function accountTally<Name extends AccountHold>(hold: Name) {
  return `account.${hold}` as const
}
export type AccountTally = ReturnType<typeof accountTally<AccountHold>>

/** The one row of `restored`. */
export const restoredKey = 'engine'

/** The one row of `rewound`. */
export const rewoundKey = 'engine'

/** What an account starts with. */
export function newAccount(account: AccountId): AccountRow {
  return {
    account,
    ownerEpoch: 0,
    limits: [],
    risingLimits: [],
    holds: 0,
    holdSurfaces: [],
    holdEndedAtMs: 0,
    waiting: 0,
    hadPhone: false,
    freed: [],
  }
}

/** A number as a key part whose order as text is its order as a number: 14 hex digits. */
export function orderedKey(value: number): string {
  return value.toString(16).padStart(14, '0')
}

/** The position at the end of a key that has one. */
export function lsnOfKey(key: string): number {
  return Number.parseInt(key.slice(key.lastIndexOf('|') + 1), 16)
}

export function accountBandKey(account: AccountId, bandId: BandId): string {
  return `${account}|${bandId}`
}

export function phoneKey(account: AccountId, phoneId: PhoneId): string {
  return `${account}|${phoneId}`
}

export function historyKey(lsn: number): string {
  return orderedKey(lsn)
}

export function historyMarkKey(account: AccountId, lsn: number): string {
  return `${account}|${orderedKey(lsn)}`
}

/** The reference first: those that rise with time (sdk/references.ts) are neighbours, whichever the partner. */
export function referenceKey({ partner, rid }: { readonly partner: PartnerId; readonly rid: Rid }): string {
  return `${rid}${partner}`
}

/** Behind the reference, for the denial of an account that was not the first to ask (ports/references.ts). */
export function accountReferenceKey(key: string, account: AccountId): string {
  return `${key}|${account}`
}

export function moveKey(bandId: BandId, lsn: number): string {
  return `${bandId}|${orderedKey(lsn)}`
}

/** An act about one band, or about an account as a whole: an account's id may look like that of a band. */
export function actKey(about: { readonly bandId: BandId } | { readonly account: AccountId }, lsn: number): string {
  return `${'bandId' in about ? `band|${about.bandId}` : `account|${about.account}`}|${orderedKey(lsn)}`
}

export function phoneAccountKey(phoneId: PhoneId, account: AccountId): string {
  return `${phoneId}|${account}`
}

export function alarmKey(alarm: AlarmRow): string {
  return `${orderedKey(alarm.atMs)}|${alarm.kind}|${alarm.subject}`
}
