import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Bytes, concatBytes, fromHex, toHex } from '../base/bytes.ts'
import { parseBid, parseRid } from './ids.ts'
import { alertTextBytesMax } from './limits.ts'
import {
  type DownOp,
  type UpOp,
  decodeDownOp,
  decodeUpOp,
  encodeAuthProofProved,
  encodeDownOp,
  encodeKeysetSigned,
  encodeUpOp,
  gestures,
  opCodes,
  verdicts,
  wears,
} from './ops.ts'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const u8 = fc.nat(0xff)
const u16 = fc.nat(0xffff)
const u32 = fc.nat(0xffff_ffff)
const bid = bytes(8).map((id) => parseBid(id))
const rid = bytes(8).map((id) => parseRid(id))
const nameOf = <Name extends string>(table: Readonly<Record<Name, number>>) =>
  fc.constantFrom(...(Object.keys(table) as Name[]))
const shortText = fc
  .string({ unit: 'binary', maxLength: alertTextBytesMax })
  .filter((text) => new TextEncoder().encode(text).length <= alertTextBytesMax && text.isWellFormed())

const up: { readonly [Type in UpOp['type']]: fc.Arbitrary<Extract<UpOp, { readonly type: Type }>> } = {
  authProof: fc
    .record({ rid, verdict: nameOf(verdicts), wear: nameOf(wears), armEpoch: u32, tick: u32, evidence: bytes(16) })
    .chain((fields) => {
      return bytes(16).map((p) => ({ type: 'authProof', ...fields, p, proved: encodeAuthProofProved(fields) }) as const)
    }),
  status: fc.record({
    type: fc.constant('status'),
    tick: u32,
    wear: nameOf(wears),
    wearEpoch: u32,
    battery: u8,
    motion: u8,
  }),
  armAck: fc.record({ type: fc.constant('armAck'), armEpoch: u32 }),
  intent: fc.record({
    type: fc.constant('intent'),
    gesture: nameOf(gestures),
    readerId: bytes(16),
    readerNonce: bytes(8),
  }),
  commitAck: fc.record({ type: fc.constant('commitAck'), generation: u32 }),
}

const down: { readonly [Type in DownOp['type']]: fc.Arbitrary<Extract<DownOp, { readonly type: Type }>> } = {
  hello: fc.record({ type: fc.constant('hello') }),
  ratchetAck: fc.record({ type: fc.constant('ratchetAck'), n: u32 }),
  authReq: fc.record({ type: fc.constant('authReq'), offer: bytes(117) }),
  authResult: fc.record({ type: fc.constant('authResult'), rid, outcome: u8, pattern: u8 }),
  arm: fc.record({ type: fc.constant('arm'), secret: bytes(16), armEpoch: u32, wearEpoch: u32, ttlS: u32 }),
  lock: fc.record({ type: fc.constant('lock'), holds: u8 }),
  alert: fc.record({ type: fc.constant('alert'), pattern: u8, text: shortText }),
  state: fc.record({
    type: fc.constant('state'),
    tick: u32,
    state: u8,
    holds: u8,
    armedForS: u32,
    heartbeatS: u16,
  }),
  commit: fc.record({ type: fc.constant('commit'), bid, generation: u32, acctTag: bytes(8) }),
  keyset: fc
    .record({ ekid: u32, engineKey: bytes(32), notBeforeS: u32 })
    .chain((fields) =>
      bytes(64).map(
        (signature) => ({ type: 'keyset', ...fields, signature, signed: encodeKeysetSigned(fields) }) as const,
      ),
    ),
  rekeyPlease: fc.record({ type: fc.constant('rekeyPlease') }),
}

function encodeUp(op: UpOp): Bytes {
  return op.type === 'authProof' ? concatBytes(op.proved, op.p) : encodeUpOp(op)
}

function plain(op: object): unknown {
  return JSON.parse(JSON.stringify(op, (_, value: unknown) => (value instanceof Uint8Array ? toHex(value) : value)))
}

const anyUp: fc.Arbitrary<UpOp> = fc.oneof(...Object.values(up))
const anyDown: fc.Arbitrary<DownOp> = fc.oneof(...Object.values(down))
const ends = [
  { who: 'band', any: anyUp.map(encodeUp), decode: decodeUpOp },
  { who: 'engine', any: anyDown.map(encodeDownOp), decode: decodeDownOp },
] as const

describe('what a band and the engine say under seal', () => {
  it('is every op there is, each said by one of them', () => {
    expect([...Object.keys(up), ...Object.keys(down)].sort()).toEqual(Object.keys(opCodes).sort())
  })

  it.for(Object.entries(up))('%s is read as the band wrote it', ([, arbitrary]) => {
    fc.assert(
      fc.property(arbitrary as fc.Arbitrary<UpOp>, (op) => {
        expect(plain(decodeUpOp(encodeUp(op)))).toEqual(plain(op))
      }),
    )
  })

  it.for(Object.entries(down))('%s is read as the engine wrote it', ([, arbitrary]) => {
    fc.assert(
      fc.property(arbitrary as fc.Arbitrary<DownOp>, (op) => {
        expect(plain(decodeDownOp(encodeDownOp(op)))).toEqual(plain(op))
      }),
    )
  })

  it.for(ends)('has exactly its length: a byte more or less from the $who is refused', ({ any, decode }) => {
    fc.assert(
      fc.property(any, u8, (wire, more) => {
        expect(decode(concatBytes(wire, Uint8Array.of(more))).type).toBe('malformed')
        expect(decode(wire.subarray(0, -1)).type).toBe('malformed')
      }),
    )
  })

  it('is refused in the mouth of the other', () => {
    fc.assert(
      fc.property(anyUp, anyDown, (up, down) => {
        expect(decodeDownOp(encodeUp(up)).type).toBe('malformed')
        expect(decodeUpOp(encodeDownOp(down)).type).toBe('malformed')
      }),
    )
  })

  it.for(ends)('is an op or Malformed from any bytes of the $who, never an exception', ({ any, decode }) => {
    const spoilt = fc.tuple(any, fc.nat(300), u8).map(([wire, at, byte]) => {
      const changed = Uint8Array.from(wire)
      changed[at % changed.length] = byte
      return changed
    })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 130 }), spoilt), (hostile) => {
        const op = decode(hostile)
        expect(op.type === 'malformed' || op.type in opCodes).toBe(true)
      }),
      { numRuns: 3_000 },
    )
  })

  it('is kept as copies: the record it came in may be overwritten', () => {
    const wire = encodeDownOp({ type: 'arm', secret: fromHex('a1'.repeat(16)), armEpoch: 1, wearEpoch: 2, ttlS: 3 })
    const op = decodeDownOp(wire)
    wire.fill(0)
    expect(op.type === 'arm' && toHex(op.secret)).toBe('a1'.repeat(16))
  })
})

describe('values with a closed list', () => {
  const status = encodeUpOp({ type: 'status', tick: 1, wear: 'on', wearEpoch: 1, battery: 1, motion: 1 })
  const intent = encodeUpOp({
    type: 'intent',
    gesture: 'tap',
    readerId: new Uint8Array(16),
    readerNonce: new Uint8Array(8),
  })
  const proof = concatBytes(
    encodeAuthProofProved({
      rid: parseRid(new Uint8Array(8)),
      verdict: 'tap',
      wear: 'on',
      armEpoch: 1,
      tick: 1,
      evidence: new Uint8Array(16),
    }),
    new Uint8Array(16),
  )

  it.for([
    ['wear of STATUS', status, 5, [0, 1, 2]],
    ['gesture of INTENT', intent, 1, [1, 2, 3]],
    ['verdict of AUTH_PROOF', proof, 9, [0, 1, 2, 3, 4]],
    ['wear of AUTH_PROOF', proof, 10, [0, 1, 2]],
  ] as const)('such as the %s are refused outside it', ([, wire, at, allowed]) => {
    const read = Array.from({ length: 256 }, (_, value) => {
      const changed = Uint8Array.from(wire)
      changed[at] = value
      return decodeUpOp(changed).type !== 'malformed'
    })
    expect(read.flatMap((isRead, value) => (isRead ? [value] : []))).toEqual(allowed)
  })
})

describe('an alert’s text', () => {
  const alert = (text: string) => ({ type: 'alert', pattern: 3, text }) as const

  it('is 96 bytes of UTF-8 at most', () => {
    const longest = `${'é'.repeat(47)}ab`
    expect(decodeDownOp(encodeDownOp(alert(longest)))).toEqual(alert(longest))
    expect(() => encodeDownOp(alert(`${longest}c`))).toThrow(RangeError)
    const tooLong = concatBytes(fromHex('280361'), new Uint8Array(alertTextBytesMax + 1).fill(0x61))
    expect(decodeDownOp(tooLong).type).toBe('malformed')
  })

  // The length byte was once cut to the limit before it was compared.
  it('has the length it states, also when it states more than the limit', () => {
    const lying = concatBytes(fromHex('2803c8'), new Uint8Array(alertTextBytesMax).fill(0x61))
    expect(decodeDownOp(lying).type).toBe('malformed')
  })

  it('that is not UTF-8 is refused', () => {
    expect(decodeDownOp(fromHex('280301ff')).type).toBe('malformed')
  })
})
