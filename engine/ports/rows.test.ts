import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonBytes, decodeOfferTerms, referenceOf } from '../../protocol/offer.ts'
import { parseAccountId, parseBandId, parseBid, parsePhoneId } from '../../protocol/ids.ts'
import { apply } from './apply.ts'
import { Fault } from './fault.ts'
import { packArray } from '../../protocol/messages/msgpack-writer.ts'
import { decodeRecord, encodeRecord, operatorSubjectBytesMax, recordTypeOf } from './records.ts'
import {
  type RowOf,
  actKey,
  alarmKey,
  decodeRow,
  encodeRow,
  operatorReasonBytesMax,
  orderedKey,
  referenceKey,
} from './rows.ts'
import type { Table } from './view.ts'

const account = parseAccountId('alice')
const bandId = parseBandId('ab'.repeat(16))
const bytes = (length: number) => new Uint8Array(length).fill(9)

const band: RowOf<'band'> = {
  bandId,
  state: 'armed',
  generation: 3,
  tombstoned: 2,
  account,
  bid: parseBid('cd'.repeat(8)),
  pairingId: null,
  pairingUntilMs: 0,
  vendor: 1,
  model: 2,
  batch: 3,
  conformance: 7,
  holds: 0,
  holdSurfaces: ['web'],
  holdEndedAtMs: 1_700_000_000_000,
  wearEpoch: 5,
  armEpoch: 6,
  armedUntilMs: 1_700_000_000_000,
  armedOwnerEpoch: 0,
  verifiedAtMs: 1_700_000_000_000,
  deactivateAtMs: 0,
  foundAtMs: 0,
  before: null,
  bandKey: bytes(32),
  acctTag: bytes(8),
  sealedArmSecret: bytes(60),
  name: '',
  deactivationBegunBy: 'web',
  foundBegunBy: 'phone:x',
}

const rows: { readonly [Name in Table]: RowOf<Name> } = {
  band,
  bid: { bandId, account, generation: 3, tombstoned: true },
  ratchet: {
    k: 4,
    sealedRoot: bytes(76),
    sealedPrevious: null,
    sealedOldMacKeys: bytes(172),
    oldMacKeysK: 3,
    resumes: 9,
    rekeyedAtMs: 1,
    restoredAtMs: null,
  },
  account: {
    account,
    ownerEpoch: 2,
    limits: [[978, 1, 2]],
    risingLimits: [[978, 3, 4, 5, 'web']],
    holds: 3,
    holdSurfaces: ['web'],
    holdEndedAtMs: 7,
    waiting: 2,
    hadPhone: true,
    freed: [bandId],
  },
  accountBand: { bandId },
  phone: {
    account,
    phoneId: parsePhoneId('ef'.repeat(16)),
    sessionKey: bytes(32),
    verifyKey: bytes(33),
    enrolledAtMs: 1,
    pendingUntilMs: 0,
    removed: false,
    seenAtMs: 3,
    suspendedAtMs: 4,
    removeAtMs: 5,
    removalBegunBy: 'phone:y',
  },
  usage: { day: 20_000, byCurrency: [[978, 1, 2, [0, 1, 2, 3, 4]]], newestLsn: 7, decisions: 2 },
  arming: { armEpoch: 3, byCurrency: [[978, [0, 1, 2, 3, 4]]] },
  reference: {
    rd: bytes(32),
    account,
    bandId,
    final: true,
    reason: 0,
    obligation: null,
    level: 4,
    useLeftMinor: 1,
    dayLeftMinor: 2,
    lsn: 3,
    decidedAtMs: 4,
    ownerEpoch: 5,
  },
  history: {
    atMs: 1,
    bandId,
    canon: bytes(73),
    label: 'Kaffee',
    reason: 3,
    obligation: 1,
    reversedBy: 9,
    level: 2,
    account,
    before: 6,
  },
  historyMark: { lsn: 3 },
  alarm: { atMs: 5, kind: 'found.due', subject: bandId },
  tally: { count: 12 },
  move: { atMs: 1, cause: 'hold.set', by: 'operator:ann', state: 'disarmed', holds: 2, generation: 3 },
  act: { atMs: 1, act: 'unfreeze-band', by: 'operator:ann', also: 'operator:bob', reason: 'ticket 4711' },
  phoneAccount: { account },
  restored: { atMs: 1_700_000_000_000, decidedUntilMs: 1_699_999_000_000 },
  rewound: { lsn: 9, atMs: 1_700_000_000_000, fromMs: 1_734_560_000_000, totalMs: 34_560_000_000, done: true },
  document: { number: 3, digest: 'ab'.repeat(16) },
}

describe('A row', () => {
  it.each(Object.keys(rows) as Table[])('of table %s is read back as it was written', (table) => {
    expect(decodeRow(table, encodeRow(table, rows[table]))).toEqual(rows[table])
  })

  it('of a version nobody wrote is a fault that says what to do', () => {
    const altered = encodeRow('tally', rows.tally)
    altered[1] = 99
    expect(() => decodeRow('tally', altered)).toThrow(Fault)
    expect(() => decodeRow('tally', altered)).toThrow(/rebuild the view/)
  })

  it('whose field does not fit is not written', () => {
    expect(() => encodeRow('tally', { count: -1 })).toThrow(RangeError)
  })

  it('sorts by number when its key begins with one', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (left, right) => {
        expect(orderedKey(left) < orderedKey(right)).toBe(left < right)
      }),
    )
    expect(alarmKey(rows.alarm)).toBe(`00000000000005|found.due|${bandId}`)
  })
})

describe('A journal record', () => {
  it('is read back as it was written', () => {
    const record = { type: 'band', atMs: 1, cause: 'band.arm', by: 'phone:x', ...band } as const
    expect(decodeRecord(encodeRecord(record))).toEqual(record)
  })

  it('of an operator says what was done to whom and why, and leaves a line on the timeline of that band or account', () => {
    const told = { atMs: 1, cause: 'account.opened', by: 'operator:admin-token', account, reason: 'ticket 4711' }
    for (const about of [bandId, null]) {
      const record = { type: 'operator', ...told, bandId: about, also: 'operator:bob', subject: null } as const
      expect(decodeRecord(encodeRecord(record))).toEqual(record)
      const { atMs, cause: act, by, also, reason } = record
      expect(apply(record, 7, { get: () => undefined })).toEqual([
        {
          table: 'act',
          key: actKey(about === null ? { account } : { bandId }, 7),
          row: { atMs, act, by, also, reason },
        },
      ])
    }
  })

  it('of an operator about neither band nor account is in the journal alone', () => {
    const about = { account: null, bandId: null, also: null, subject: 'vendor 7' }
    const record = { type: 'operator', atMs: 1, cause: 'drain', by: 'operator:ann', reason: 'x', ...about } as const
    expect(decodeRecord(encodeRecord(record))).toEqual(record)
    expect(apply(record, 7, { get: () => undefined })).toEqual([])
  })

  it('of an operator has a subject of 128 bytes at most', () => {
    const about = { account: null, bandId: null, also: null, reason: 'x' }
    const record = { type: 'operator', atMs: 1, cause: 'export', by: 'operator:ann', ...about } as const
    expect(() => encodeRecord({ ...record, subject: 'x'.repeat(operatorSubjectBytesMax) })).not.toThrow()
    expect(() => encodeRecord({ ...record, subject: 'x'.repeat(operatorSubjectBytesMax + 1) })).toThrow(RangeError)
  })

  it('of an operator that lacks its last fields is refused', () => {
    const short = ['account.opened', 'operator:admin-token', account, bandId, 'ticket 4711']
    expect(() => decodeRecord(packArray([9, 1, ...short]))).toThrow(/record/)
    expect(() => decodeRecord(packArray([9, 1, ...short, null]))).toThrow(/record/)
    expect(decodeRecord(packArray([9, 1, ...short, null, null]))).toMatchObject({ also: null, subject: null })
  })

  it('of an operator has a reason of 200 bytes at most', () => {
    const record = {
      type: 'operator',
      atMs: 1,
      cause: 'x',
      by: 'operator:y',
      account,
      bandId,
      also: null,
      subject: null,
    } as const
    expect(() => encodeRecord({ ...record, reason: 'x'.repeat(operatorReasonBytesMax) })).not.toThrow()
    expect(() => encodeRecord({ ...record, reason: 'x'.repeat(operatorReasonBytesMax + 1) })).toThrow(RangeError)
  })

  it('says its type without being decoded, whatever its length', () => {
    const short = { type: 'engine.started', atMs: 1, epoch: 1, version: '1' } as const
    const long = { type: 'band', atMs: 1, cause: 'band.arm', by: 'phone:x', ...band } as const
    for (const record of [short, long]) expect(recordTypeOf(encodeRecord(record))).toBe(record.type)
    for (const wrong of [[], [0x91], [0x91, 0x63], [0xdc, 0, 20]])
      expect(recordTypeOf(Uint8Array.from(wrong))).toBeUndefined()
  })

  it('of an unknown type is a fault, not a guess', () => {
    expect(() => decodeRecord(Uint8Array.of(0x91, 0x63))).toThrow(/journal record of this version/)
  })
})

it('The key of a reference is one and the same from the bytes of an offer and from its terms', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: canonBytes, maxLength: canonBytes }), (bytes) => {
      // What is left of the highest bytes of amount and instant makes them safe integers.
      bytes.fill(0, 33, 35)
      const canon = Uint8Array.from(bytes)
      expect(referenceOf(canon)).toBe(referenceKey(decodeOfferTerms(canon)))
    }),
  )
})
