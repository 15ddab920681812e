import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Bytes, fromHex, toHex } from '../../base/bytes.ts'
import { errorCodes } from '../errors.ts'
import {
  decodeEngineFrame,
  decodeHubRecords,
  decodePhoneFrame,
  encodeEngineFrame,
  encodeHubRecords,
  encodeEngineFrameBorrowed,
  encodeErrorBorrowed,
  encodeHubRecordBorrowed,
  encodePhoneFrame,
  fieldsBeforeUv,
  helloToSign,
  idOfAuthorize,
  signedOfHello,
} from './frame-codec.ts'
import {
  type EngineFrame,
  type EngineFrameOf,
  type PhoneFrame,
  type PhoneFrameOf,
  engineFrames,
  phoneFrames,
} from './frames.ts'
import {
  alertTextBytesMax,
  frameItemsMax,
  hubFrameBytesMax,
  hubSlotMax,
  phoneFrameBytesMax,
  recordBytesMax,
  tokenBytesMax,
} from '../limits.ts'
import { type Unpacked, isMalformed, unpackArray } from './msgpack-reader.ts'
import { packArray } from './msgpack-writer.ts'

const bin = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const nil = fc.constant(null)
const orNil = <Value>(field: fc.Arbitrary<Value>) => fc.oneof(nil, field)
const text = (bytesMax: number) =>
  fc
    .string({ unit: 'binary', maxLength: bytesMax })
    .filter((value) => value.isWellFormed() && new TextEncoder().encode(value).length <= bytesMax)
const u8 = fc.nat(0xff)
const u16 = fc.nat(0xffff)
const u32 = fc.nat(0xffff_ffff)
const safe = fc.maxSafeNat()
const id = u32
const slot = fc.nat(hubSlotMax)
const bid = bin(8)
const uv = bin(96)
const key = fc.oneof(bin(32), bin(33))
const record = fc.uint8Array({ maxLength: recordBytesMax })
const is = <Type extends string>(type: Type) => fc.constant(type)

/** Every frame a phone may send, with any content. */
const fromPhone: { readonly [Type in PhoneFrame['type']]: fc.Arbitrary<PhoneFrameOf<Type>> } = {
  hello: fc.record({
    type: is('hello'),
    id,
    version: u8,
    token: text(200),
    phoneId: bin(16),
    sessionKey: key,
    verifyKey: key,
    signature: bin(64),
    resumeToken: orNil(bin(32)),
  }),
  attach: fc.record({ type: is('attach'), id, slot, bid, account: orNil(text(64)) }),
  record: fc.record({ type: is('record'), id, slot, bytes: record }),
  detach: fc.record({ type: is('detach'), id, slot }),
  authorize: fc.record({
    type: is('authorize'),
    id,
    slot,
    offer: bin(117),
    record,
    uv: orNil(uv),
    wantsReceipt: orNil(fc.boolean()),
  }),
  pairStart: fc.record({ type: is('pairStart'), id, slot, ps: bin(16), hint: orNil(bin(16)), uv }),
  pairCancel: fc.record({ type: is('pairCancel'), id, slot }),
  arm: fc.record({ type: is('arm'), id, slot, wearEpoch: u32, uv }),
  freeze: fc.record({ type: is('freeze'), id, bid: orNil(bid) }),
  unfreeze: fc.record({ type: is('unfreeze'), id, bid: orNil(bid), uv }),
  lost: fc.record({ type: is('lost'), id, bid }),
  found: fc.record({ type: is('found'), id, bid, uv: orNil(uv) }),
  deactivate: fc.record({ type: is('deactivate'), id, bid, uv }),
  veto: fc.record({ type: is('veto'), id, change: u8, target: orNil(fc.oneof(bin(8), bin(16))) }),
  limits: fc.record({
    type: is('limits'),
    id,
    bid: orNil(bid),
    perUseMinor: safe,
    perDayMinor: safe,
    currency: u16,
    uv: orNil(uv),
  }),
  history: fc.record({ type: is('history'), id, beforeLsn: safe, count: u8 }),
  grants: fc.record({ type: is('grants'), id, cursor: safe, count: u8 }),
  bands: fc.record({ type: is('bands'), id, cursor: safe, count: u8 }),
  challenge: fc.record({ type: is('challenge'), id }),
  changes: fc.record({ type: is('changes'), id, cursor: safe, count: u8 }),
  phones: fc.record({ type: is('phones'), id }),
  removePhone: fc.record({ type: is('removePhone'), id, phoneId: bin(16), uv: orNil(uv) }),
}

/** Every frame the engine may send, with any content. */
const fromEngine: { readonly [Type in EngineFrame['type']]: fc.Arbitrary<EngineFrameOf<Type>> } = {
  greeting: fc.record({
    type: is('greeting'),
    id,
    challenge: bin(32),
    engineVersion: text(32),
    frameBytesMax: u32,
    slotMax: u32,
    framesPerSecond: u32,
  }),
  helloAnswer: fc.record({
    type: is('helloAnswer'),
    id,
    sessionNumber: safe,
    resumeToken: bin(32),
    pendingUntilMs: safe,
    resumed: fc.boolean(),
    timeMs: safe,
    heartbeatS: u16,
  }),
  attachAnswer: fc.record({ type: is('attachAnswer'), id }),
  recordAnswer: fc.record({ type: is('recordAnswer'), id }),
  detachAnswer: fc.record({ type: is('detachAnswer'), id }),
  decision: fc.record({
    type: is('decision'),
    id,
    approved: fc.boolean(),
    reason: u16,
    obligation: orNil(u8),
    receipt: orNil(text(300)),
    useLeftMinor: safe,
    dayLeftMinor: safe,
    lsn: safe,
  }),
  paired: fc.record({ type: is('paired'), id, bandId: bin(16), bid, generation: u32 }),
  pairCancelAnswer: fc.record({ type: is('pairCancelAnswer'), id }),
  armed: fc.record({ type: is('armed'), id, armEpoch: u32, armedUntilMs: safe }),
  frozen: fc.record({ type: is('frozen'), id, holds: u8, lsn: safe }),
  unfrozen: fc.record({ type: is('unfrozen'), id, holds: u8, lsn: safe }),
  lostAnswer: fc.record({ type: is('lostAnswer'), id, holds: u8, lsn: safe }),
  foundAnswer: fc.record({ type: is('foundAnswer'), id, dueAtMs: safe }),
  deactivateAnswer: fc.record({ type: is('deactivateAnswer'), id, dueAtMs: safe }),
  vetoAnswer: fc.record({ type: is('vetoAnswer'), id }),
  limitsAnswer: fc.record({ type: is('limitsAnswer'), id, effectiveAtMs: safe }),
  historyPage: fc.record({
    type: is('historyPage'),
    id,
    nextBeforeLsn: safe,
    entries: fc.array(fc.tuple(safe, safe, bin(16), bin(16), u8, safe, u16, u16, text(24)), { maxLength: 32 }),
  }),
  grantsPage: fc.record({ type: is('grantsPage'), id, nextCursor: safe }),
  bandsPage: fc.record({
    type: is('bandsPage'),
    id,
    nextCursor: safe,
    entries: fc.array(fc.tuple(bin(16), bid, text(24), u8, u8, u32), { maxLength: 32 }),
  }),
  challengeAnswer: fc.record({ type: is('challengeAnswer'), id, challenge: bin(32) }),
  record: fc.record({ type: is('record'), id, slot, bytes: record }),
  state: fc.record({ type: is('state'), id, bid, state: u8, holds: u8, armedUntilMs: safe, wearEpoch: u32 }),
  alert: fc.record({
    type: is('alert'),
    id,
    kind: u8,
    bid: orNil(bid),
    text: text(alertTextBytesMax),
    phoneId: orNil(bin(16)),
  }),
  asked: fc.record({ type: is('asked'), id, slot, offer: bin(117) }),
  changesPage: fc.record({
    type: is('changesPage'),
    id,
    nextCursor: safe,
    entries: fc.array(fc.tuple(u8, orNil(fc.oneof(bin(8), bin(16))), safe, u8, orNil(bin(16)), fc.boolean()), {
      maxLength: 32,
    }),
  }),
  phonesPage: fc.record({
    type: is('phonesPage'),
    id,
    entries: fc.array(fc.tuple(bin(16), text(24), safe, safe, fc.boolean(), safe, safe, safe, u8), { maxLength: 16 }),
  }),
  removePhoneAnswer: fc.record({ type: is('removePhoneAnswer'), id, effectiveAtMs: safe, lsn: safe }),
  error: fc.record({ type: is('error'), id, code: u16, retryAfterMs: orNil(u32) }),
}

const anyPhoneFrame: fc.Arbitrary<PhoneFrame> = fc.oneof(...Object.values(fromPhone))
const anyEngineFrame: fc.Arbitrary<EngineFrame> = fc.oneof(...Object.values(fromEngine))
const sides = [
  {
    who: 'phone',
    wire: anyPhoneFrame.map(encodePhoneFrame),
    decode: (bytes: Bytes) => decodePhoneFrame(bytes, phoneFrameBytesMax),
    types: phoneFrames,
  },
  { who: 'engine', wire: anyEngineFrame.map(encodeEngineFrame), decode: decodeEngineFrame, types: engineFrames },
] as const

/** The items of a frame, for changing one of them. */
function itemsOf(wire: Bytes): Unpacked[] {
  const items = unpackArray(wire)
  if (isMalformed(items)) throw new Error('a frame was expected')
  return [...items]
}

describe('the id of a request that is not decoded', () => {
  it('is that of the frame, and no other frame has one', () => {
    fc.assert(
      fc.property(anyPhoneFrame, (frame) => {
        expect(idOfAuthorize(encodePhoneFrame(frame))).toBe(frame.type === 'authorize' ? frame.id : undefined)
      }),
      { numRuns: 500 },
    )
  })

  it('is found in the longer form of an array too, and nowhere in what is cut off or no number', () => {
    const rest = '00'.repeat(8)
    expect(idOfAuthorize(fromHex(`dc000405ce01020304${rest}`))).toBe(0x01020304)
    for (const wire of [
      '',
      '94',
      '9405',
      '9405cd01',
      `9405c0${rest}`,
      `9405cf${rest}`,
      `8405cc01${rest}`,
      `9404cc01${rest}`,
    ])
      expect(idOfAuthorize(fromHex(wire))).toBeUndefined()
  })
})

describe('a frame', () => {
  it.for(Object.entries(fromPhone))('%s is read as the phone wrote it', ([, arbitrary]) => {
    fc.assert(
      fc.property(arbitrary as fc.Arbitrary<PhoneFrame>, (frame) => {
        expect(decodePhoneFrame(encodePhoneFrame(frame), phoneFrameBytesMax)).toEqual(frame)
      }),
      { numRuns: 50 },
    )
  })

  it.for(Object.entries(fromEngine))('%s is read as the engine wrote it', ([, arbitrary]) => {
    fc.assert(
      fc.property(arbitrary as fc.Arbitrary<EngineFrame>, (frame) => {
        expect(decodeEngineFrame(encodeEngineFrame(frame))).toEqual(frame)
      }),
      { numRuns: 50 },
    )
  })

  it('of every type there is has its place here', () => {
    expect(Object.keys(fromPhone)).toEqual(Object.keys(phoneFrames))
    expect(Object.keys(fromEngine)).toEqual(Object.keys(engineFrames))
  })

  it.for(sides)('of the $who may grow: trailing fields of a later version are ignored', ({ wire, decode, types }) => {
    fc.assert(
      fc.property(wire, fc.array(fc.oneof(safe, nil, fc.boolean(), text(20)), { maxLength: 3 }), (wire, later) => {
        const { type } = decode(wire)
        const shape: { readonly rest?: unknown } = Object.entries(types).find(([name]) => name === type)?.[1] ?? {}
        // A page is a list: what stands behind its fields is an entry. A trailing optional field may be the next item.
        fc.pre(shape.rest === undefined && type !== 'attach' && type !== 'authorize' && type !== 'alert')
        expect(decode(packArray([...itemsOf(wire), ...later]))).toEqual(decode(wire))
      }),
    )
  })

  it.for(sides)('of the $who with a field missing is refused, but for one that came later', ({ wire, decode }) => {
    fc.assert(
      fc.property(wire, (wire) => {
        const { type } = decode(wire)
        fc.pre(!(type === 'attach' || type === 'authorize' || type === 'alert' || type.endsWith('Page')))
        expect(decode(packArray(itemsOf(wire).slice(0, -1))).type).toBe('malformed')
      }),
    )
  })

  it.for(sides)('of the $who with a field of another kind is refused', ({ wire, decode }) => {
    const kinds: readonly Unpacked[] = [7, 'text', true, new Uint8Array(5), []]
    fc.assert(
      fc.property(wire, fc.nat(9), (wire, at) => {
        const items = itemsOf(wire)
        const place = at % items.length
        const was = items[place]
        for (const other of kinds) {
          const isSameKind = typeof other === typeof was && Array.isArray(other) === Array.isArray(was)
          if (
            isSameKind ||
            was === null ||
            (typeof was === 'object' && !Array.isArray(was) && other instanceof Uint8Array)
          )
            continue
          items[place] = other
          expect(decode(packArray(items)).type, `item ${place} as ${typeof other}`).toBe('malformed')
        }
      }),
    )
  })

  it.for(sides)(
    'made of any bytes, or of a good one of the $who spoilt, is a frame or Malformed',
    ({ wire, decode, types }) => {
      const spoilt = fc.tuple(wire, fc.nat(9_999), u8, fc.nat(9_999)).map(([wire, at, byte, cut]) => {
        const changed = Uint8Array.from(wire)
        changed[at % changed.length] = byte
        return changed.subarray(0, cut % 3 === 0 ? cut % changed.length : changed.length)
      })
      const shuffled = fc
        .tuple(wire, fc.nat(9), fc.oneof(safe, nil, text(9), bin(8), fc.array(safe)))
        .map(([wire, at, other]) => {
          const items = itemsOf(wire)
          items[at % items.length] = other
          return packArray(items)
        })
      fc.assert(
        fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), spoilt, shuffled), (hostile) => {
          const frame = decode(hostile)
          expect(frame.type === 'malformed' || frame.type in types).toBe(true)
        }),
        { numRuns: 2_000 },
      )
    },
  )

  it('written wider than need be is the same frame', () => {
    const narrow = encodePhoneFrame({ type: 'detach', id: 5, slot: 3 })
    expect(toHex(narrow)).toBe('93040503')
    const wide = fromHex('dc0003cd0004ce00000005cf0000000000000003')
    expect(decodePhoneFrame(wide, phoneFrameBytesMax)).toEqual(decodePhoneFrame(narrow, phoneFrameBytesMax))
  })

  it('has a type of this version and an id of 32 bits', () => {
    const read = (items: readonly Unpacked[]) => decodePhoneFrame(packArray(items), phoneFrameBytesMax).type
    expect(read([19, 0xffff_ffff])).toBe('challenge')
    expect(read([19, 0x1_0000_0000])).toBe('malformed')
    expect(read([0, 1])).toBe('malformed')
    expect(read([20, 1])).toBe('malformed')
    expect(read([119, 1, new Uint8Array(32)])).toBe('malformed')
    expect(read(['19', 1])).toBe('malformed')
    expect(read([19])).toBe('malformed')
    expect(read([])).toBe('malformed')
  })

  it('says which field did not fit, and why', () => {
    const wire = packArray([8, 1, 2, 'three', new Uint8Array(96)])
    expect(decodePhoneFrame(wire, phoneFrameBytesMax)).toEqual({
      type: 'malformed',
      expected: 'wearEpoch of arm: an integer 0 to 4294967295, got a str of 5',
      at: 3,
    })
  })
})

describe('the limits of frames', () => {
  const history = { type: 'history', id: 1, beforeLsn: 1, count: 1 } as const
  /** The same frame with a trailing field that fills it to a length. */
  const padded = (length: number) => {
    const items = itemsOf(encodePhoneFrame(history))
    const bare = packArray([...items, new Uint8Array(256)]).length - 256
    return packArray([...items, new Uint8Array(length - bare)])
  }

  it.for([
    ['a phone', phoneFrameBytesMax],
    ['a hub', hubFrameBytesMax],
  ] as const)('let %s send %i bytes and not one more', ([, bytesMax]) => {
    expect(padded(bytesMax).length).toBe(bytesMax)
    expect(decodePhoneFrame(padded(bytesMax), bytesMax).type).toBe('history')
    expect(decodePhoneFrame(padded(bytesMax + 1), bytesMax).type).toBe('malformed')
  })

  it('let the engine send 16,384 bytes and not one more', () => {
    const alert = [122, 0, 1, null, 'text', null, new Uint8Array(256)]
    const bare = packArray(alert).length - 256
    const ofLength = (length: number) => packArray([...alert.slice(0, -1), new Uint8Array(length - bare)])
    expect(decodeEngineFrame(ofLength(hubFrameBytesMax)).type).toBe('alert')
    expect(decodeEngineFrame(ofLength(hubFrameBytesMax + 1)).type).toBe('malformed')
  })

  it('let a band record be 1,024 bytes and not one more', () => {
    const carry = (length: number) => ({ type: 'record', id: 0, slot: 1, bytes: new Uint8Array(length) }) as const
    expect(decodePhoneFrame(encodePhoneFrame(carry(recordBytesMax)), phoneFrameBytesMax).type).toBe('record')
    expect(() => encodePhoneFrame(carry(recordBytesMax + 1))).toThrow(RangeError)
    expect(() => encodeEngineFrame(carry(recordBytesMax + 1))).toThrow(RangeError)
    const tooLong = packArray([3, 0, 1, new Uint8Array(recordBytesMax + 1)])
    expect(decodePhoneFrame(tooLong, phoneFrameBytesMax).type).toBe('malformed')
    const authorize = [5, 1, 1, new Uint8Array(117), new Uint8Array(recordBytesMax + 1), null]
    expect(decodePhoneFrame(packArray(authorize), phoneFrameBytesMax).type).toBe('malformed')
  })

  it('let a slot be 65,535 and not one more', () => {
    expect(decodePhoneFrame(packArray([4, 1, hubSlotMax]), phoneFrameBytesMax).type).toBe('detach')
    expect(decodePhoneFrame(packArray([4, 1, hubSlotMax + 1]), phoneFrameBytesMax).type).toBe('malformed')
  })

  it('let a token be 2,048 bytes and not one more', () => {
    const hello = (tokenBytes: number) => [
      1,
      1,
      1,
      'x'.repeat(tokenBytes),
      new Uint8Array(16),
      new Uint8Array(32),
      new Uint8Array(32),
      new Uint8Array(64),
      null,
    ]
    expect(decodePhoneFrame(packArray(hello(tokenBytesMax)), phoneFrameBytesMax).type).toBe('hello')
    expect(decodePhoneFrame(packArray(hello(tokenBytesMax + 1)), phoneFrameBytesMax).type).toBe('malformed')
  })

  it('let an alert’s text be 96 bytes and not one more, counted as UTF-8', () => {
    const alert = (said: string) => decodeEngineFrame(packArray([122, 0, 1, null, said])).type
    expect(alert('é'.repeat(48))).toBe('alert')
    expect(alert(`${'é'.repeat(48)}a`)).toBe('malformed')
    expect(alert('a'.repeat(97))).toBe('malformed')
  })

  it('let a list have 1,024 items and not one more', () => {
    const list = (items: number) => packArray([19, 1, ...Array<number>(items - 2).fill(0)])
    expect(decodePhoneFrame(list(frameItemsMax), phoneFrameBytesMax).type).toBe('challenge')
    expect(decodePhoneFrame(list(frameItemsMax + 1), phoneFrameBytesMax).type).toBe('malformed')
  })

  it('never let a frame be sent that would be refused on arrival', () => {
    expect(() => encodePhoneFrame({ type: 'detach', id: 1, slot: hubSlotMax + 1 })).toThrow(RangeError)
    expect(() => encodePhoneFrame({ type: 'lost', id: 1, bid: new Uint8Array(7) })).toThrow(RangeError)
    expect(() => encodePhoneFrame({ type: 'history', id: 1, beforeLsn: 0.5, count: 1 })).toThrow(RangeError)
    expect(() => encodePhoneFrame({ type: 'history', id: 1, beforeLsn: 1, count: 256 })).toThrow(RangeError)
  })
})

describe('fields that came later', () => {
  it('read as nil from a peer that does not know them, and are left out when they are nil', () => {
    const attach = fromHex(`94020105c408${'b1'.repeat(8)}`)
    expect(decodePhoneFrame(attach, phoneFrameBytesMax)).toMatchObject({ type: 'attach', slot: 5, account: null })
    const again = encodePhoneFrame({ type: 'attach', id: 1, slot: 5, bid: fromHex('b1'.repeat(8)), account: null })
    expect(toHex(again)).toBe(toHex(attach))
  })
})

describe('what a user verification covers', () => {
  const verification = new Uint8Array(96).fill(1)

  it('is the frame’s number and the fields before it, in their shortest form', () => {
    const frame = { type: 'arm', id: 77, slot: 5, wearEpoch: 300, uv: verification } as const
    expect(toHex(fieldsBeforeUv(frame))).toBe('930805cd012c')
    const authorize = {
      type: 'authorize',
      id: 1,
      slot: 2,
      offer: new Uint8Array(117),
      record: new Uint8Array(3),
      uv: null,
      wantsReceipt: true,
    } as const
    expect(toHex(fieldsBeforeUv(authorize))).toBe(`940502c475${'00'.repeat(117)}c403000000`)
  })

  it('stays the same whatever id, verification and widths the frame came with', () => {
    fc.assert(
      fc.property(fromPhone.limits, id, orNil(uv), (frame, id, uv) => {
        const covered = toHex(fieldsBeforeUv(frame))
        expect(toHex(fieldsBeforeUv({ ...frame, id, uv }))).toBe(covered)
        const arrived = decodePhoneFrame(encodePhoneFrame(frame), phoneFrameBytesMax)
        expect(arrived.type === 'limits' && toHex(fieldsBeforeUv(arrived))).toBe(covered)
      }),
    )
    const wide = fromHex(`dc0005cd0008cd0001cd0005ce0000012cc50060${'01'.repeat(96)}`)
    const arrived = decodePhoneFrame(wide, phoneFrameBytesMax)
    expect(arrived.type === 'arm' && toHex(fieldsBeforeUv(arrived))).toBe('930805cd012c')
  })

  it('changes with every field before it', () => {
    fc.assert(
      fc.property(fromPhone.limits, fromPhone.limits, (one, other) => {
        const isSame = toHex(fieldsBeforeUv(one)) === toHex(fieldsBeforeUv(other))
        const plain = ({ id: _id, uv: _uv, ...rest }: typeof one) => JSON.stringify(rest)
        expect(isSame).toBe(plain(one) === plain(other))
      }),
    )
  })
})

describe('what the signature of a hello covers', () => {
  const plain = ({ id: _id, signature: _signature, ...rest }: PhoneFrameOf<'hello'>) => JSON.stringify(rest)
  const itemsOf = (bytes: Uint8Array): readonly Unpacked[] => {
    const items = unpackArray(bytes)
    return isMalformed(items) ? [] : items
  }

  it('stays the same whatever id, signature and widths the frame came with', () => {
    fc.assert(
      fc.property(fromPhone.hello, id, bin(64), (frame, id, signature) => {
        const covered = toHex(helloToSign(frame))
        expect(toHex(signedOfHello(encodePhoneFrame({ ...frame, id, signature })))).toBe(covered)
      }),
    )
    const wide = fromHex('dc0003cd0001ce00000007cd0001')
    expect(toHex(signedOfHello(wide))).toBe('920101')
  })

  it('changes with everything else that it brings', () => {
    fc.assert(
      fc.property(fromPhone.hello, fromPhone.hello, (one, other) => {
        expect(toHex(helloToSign(one)) === toHex(helloToSign(other))).toBe(plain(one) === plain(other))
        const altered = { ...one, verifyKey: other.verifyKey }
        expect(toHex(helloToSign(one)) === toHex(helloToSign(altered))).toBe(plain(one) === plain(altered))
      }),
    )
  })

  it('holds what a later version adds, with its place and its nil', () => {
    fc.assert(
      fc.property(fromPhone.hello, fc.array(orNil(u8), { minLength: 1, maxLength: 5 }), (frame, later) => {
        const grown = packArray([...itemsOf(encodePhoneFrame(frame)), ...later])
        expect(itemsOf(signedOfHello(grown))).toEqual([...itemsOf(helloToSign(frame)), ...later])
      }),
    )
  })
})

describe('a hub’s records', () => {
  const pairs = fc.array(fc.record({ slot, bytes: fc.uint8Array({ maxLength: 200 }) }), { minLength: 1, maxLength: 40 })

  it.for(['hub', 'engine'] as const)('travel many to a frame from the %s, each with its slot', (sender) => {
    fc.assert(
      fc.property(pairs, (records) => {
        expect(decodeHubRecords(encodeHubRecords(sender, records))).toEqual(records)
      }),
    )
  })

  it('look to the frame codec like a record frame with trailing fields', () => {
    const records = [
      { slot: 300, bytes: fromHex('1401') },
      { slot: 7, bytes: fromHex('1000') },
    ]
    expect(decodePhoneFrame(encodeHubRecords('hub', records), hubFrameBytesMax)).toEqual({
      type: 'record',
      id: 0,
      ...records[0],
    })
    expect(decodeEngineFrame(encodeHubRecords('engine', records))).toMatchObject({ type: 'record', ...records[0] })
  })

  it('and what is laid down for sending have the same bytes', () => {
    fc.assert(
      fc.property(anyEngineFrame, (frame) => {
        const laid = encodeEngineFrameBorrowed(frame).slice()
        expect(laid).toEqual(encodeEngineFrame(frame))
      }),
    )
    const record = { slot: hubSlotMax, bytes: new Uint8Array(recordBytesMax).fill(7) }
    expect(encodeHubRecordBorrowed(record.slot, record.bytes).slice()).toEqual(encodeHubRecords('engine', [record]))
    for (const id of [0, 127, 128, 0xffff, 0xffff_ffff]) {
      const error = { type: 'error', id, code: errorCodes.busy, retryAfterMs: 100 } as const
      expect(encodeErrorBorrowed(id, error.code, error.retryAfterMs).slice()).toEqual(encodeEngineFrame(error))
    }
  })

  it.for([
    ['a slot past 65,535', [3, 0, 1, new Uint8Array(2), hubSlotMax + 1, new Uint8Array(2)]],
    ['a record of 1,025 bytes', [3, 0, 1, new Uint8Array(2), 2, new Uint8Array(recordBytesMax + 1)]],
    ['a slot that is none', [3, 0, 1, new Uint8Array(2), 'two', new Uint8Array(2)]],
    ['a record that is none', [3, 0, 1, new Uint8Array(2), 2, 3]],
    ['a slot without its record', [3, 0, 1, new Uint8Array(2), 2]],
  ] as const)('with %s are refused all together', ([, items]) => {
    expect(decodeHubRecords(packArray(items))).toMatchObject({ type: 'malformed' })
  })

  it('of any bytes are records or Malformed, never an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (hostile) => {
        const records = decodeHubRecords(hostile)
        expect(Array.isArray(records) || 'expected' in records).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })
})
