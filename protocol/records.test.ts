import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Bytes, concatBytes, fromHex, toHex } from '../base/bytes.ts'
import { parseBid } from './ids.ts'
import { recordBytesMax } from './limits.ts'
import {
  type BandRecord,
  dataAssociatedData,
  decodeData,
  decodeRecord,
  encodeChal,
  encodeDataHeader,
  encodeNoiseRecord,
  encodeNolink,
  encodeOfferRecord,
  encodePair0,
  encodeRekey1Maced,
  encodeReleaseSigned,
  encodeResumeMaced,
  recordTypes,
} from './records.ts'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const u32 = fc.nat(0xffff_ffff)
const bid = bytes(8).map((id) => parseBid(id))

const data = fc
  .record({
    down: fc.boolean(),
    phase: fc.nat(7),
    ratcheted: fc.boolean(),
    proof: fc.boolean(),
    sid: fc.nat(0xffff),
    ctr: u32,
    sealed: fc.uint8Array({ minLength: 17, maxLength: recordBytesMax - 8 }),
  })
  .map(({ sealed, ...header }) => ({
    wire: concatBytes(encodeDataHeader(header), sealed),
    means: { type: 'data' as const, ...header, sealed, header: encodeDataHeader(header) },
  }))

type Written = { readonly wire: Bytes; readonly means: BandRecord }

/** Every record with any content: what is on the wire, and what it must be read as. */
const written: { readonly [Type in BandRecord['type']]: fc.Arbitrary<Written> } = {
  chal: bytes(16).map((engineNonce) => ({ wire: encodeChal(engineNonce), means: { type: 'chal', engineNonce } })),
  resume: fc.tuple(bid, u32, bytes(16), bytes(16)).map(([bid, n, bandNonce, mac]) => {
    const maced = encodeResumeMaced(bid, n, bandNonce)
    return { wire: concatBytes(maced, mac), means: { type: 'resume', bid, n, bandNonce, maced, mac } }
  }),
  data,
  nolink: fc.constant({ wire: encodeNolink(), means: { type: 'nolink' } }),
  offer: bytes(117).map((offer) => ({ wire: encodeOfferRecord(offer), means: { type: 'offer', offer } })),
  pair0: fc.tuple(u32, bytes(16), bytes(8)).map(([ekid, pairingId, acctTag]) => {
    const wire = encodePair0({ ekid, pairingId, acctTag })
    return { wire, means: { type: 'pair0', bytes: wire, ekid, pairingId, acctTag } }
  }),
  pair1: noiseRecord('pair1', 60),
  pair2: noiseRecord('pair2', 58),
  pair3: noiseRecord('pair3', 196),
  rekey1: fc.tuple(bid, u32, bytes(16), bytes(48)).map(([bid, n, mac, message]) => {
    const maced = encodeRekey1Maced(bid, n)
    return { wire: concatBytes(maced, mac, message), means: { type: 'rekey1', bid, n, maced, mac, message } }
  }),
  rekey2: noiseRecord('rekey2', 56),
  release: fc.tuple(u32, bytes(8), u32, bytes(64)).map(([rkid, bandTag, generationMax, signature]) => {
    const signed = encodeReleaseSigned({ rkid, bandTag, generationMax })
    const means = { type: 'release' as const, rkid, bandTag, generationMax, signed, signature }
    return { wire: concatBytes(signed, signature), means }
  }),
}
const anyRecord = fc.oneof(...Object.values(written))

function noiseRecord(type: 'pair1' | 'pair2' | 'pair3' | 'rekey2', length: number): fc.Arbitrary<Written> {
  return bytes(length).map((message) => ({ wire: encodeNoiseRecord(type, message), means: { type, message } }))
}

/** What was read, with bytes as hex, so that it compares by value. */
function plain(record: object): unknown {
  return JSON.parse(JSON.stringify(record, (_, value: unknown) => (value instanceof Uint8Array ? toHex(value) : value)))
}

describe('a band record', () => {
  it.for(Object.entries(written))('%s is read as it was written', ([, arbitrary]) => {
    fc.assert(
      fc.property(arbitrary, ({ wire, means }) => {
        expect(plain(decodeRecord(wire))).toEqual(plain(means))
      }),
    )
  })

  it('of every type there is has its place here', () => {
    expect(Object.keys(written)).toEqual(Object.keys(recordTypes))
  })

  it('has exactly its length: a byte more or less is refused', () => {
    const lengthFree = recordTypes.data
    fc.assert(
      fc.property(anyRecord, fc.nat(0xff), ({ wire }, more) => {
        const isFree = wire[0] === lengthFree
        if (!isFree) expect(decodeRecord(concatBytes(wire, Uint8Array.of(more))).type).toBe('malformed')
        if (!isFree || wire.length === 25) expect(decodeRecord(wire.subarray(0, -1)).type).toBe('malformed')
      }),
    )
  })

  it('has the version byte 1; another version ends here, nothing is guessed', () => {
    fc.assert(
      fc.property(anyRecord, fc.nat(0xff), ({ wire }, version) => {
        fc.pre(wire[0] !== recordTypes.data && version !== 1)
        const other = Uint8Array.from(wire)
        other[1] = version
        expect(decodeRecord(other).type).toBe('malformed')
      }),
    )
  })

  it('of a type that this version does not know is refused at any length', () => {
    const known: ReadonlySet<number> = new Set(Object.values(recordTypes))
    fc.assert(
      fc.property(fc.nat(0xff), fc.uint8Array({ maxLength: 300 }), (type, rest) => {
        fc.pre(!known.has(type))
        expect(decodeRecord(concatBytes(Uint8Array.of(type, 1), rest)).type).toBe('malformed')
      }),
    )
  })

  it('made of random bytes, or of a good record spoilt anywhere, is a record or Malformed, never an exception', () => {
    const spoilt = fc.tuple(anyRecord, fc.nat(2_000), fc.nat(0xff), fc.nat(2_000)).map(([{ wire }, at, byte, cut]) => {
      const changed = Uint8Array.from(wire)
      changed[at % changed.length] = byte
      return changed.subarray(0, cut > 1_000 ? changed.length : cut)
    })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 1_100 }), spoilt), (hostile) => {
        const record = decodeRecord(hostile)
        expect(record.type === 'malformed' || record.type in recordTypes).toBe(true)
      }),
      { numRuns: 3_000 },
    )
  })

  it('without a byte is refused', () => {
    expect(decodeRecord(new Uint8Array(0)).type).toBe('malformed')
    expect(decodeData(new Uint8Array(0)).type).toBe('malformed')
  })
})

describe('a DATA record', () => {
  const header = { down: false, phase: 0, ratcheted: false, proof: false, sid: 1, ctr: 1 }
  const ofLength = (length: number) => concatBytes(encodeDataHeader(header), new Uint8Array(length - 8))

  it('holds an op of one byte and its tag at least', () => {
    expect(decodeRecord(ofLength(25)).type).toBe('data')
    expect(decodeRecord(ofLength(24)).type).toBe('malformed')
  })

  it('is 1,024 bytes at most', () => {
    expect(decodeRecord(ofLength(recordBytesMax)).type).toBe('data')
    expect(decodeRecord(ofLength(recordBytesMax + 1)).type).toBe('malformed')
  })

  it.for([1, 2, 3])('with reserved flag bits %i set is refused', (bits) => {
    const record = ofLength(30)
    record[1] = bits
    expect(decodeRecord(record).type).toBe('malformed')
    expect(decodeData(record).type).toBe('malformed')
  })

  it('has its flags where the protocol puts them', () => {
    const flagsOf = (changed: Partial<typeof header>) => encodeDataHeader({ ...header, ...changed })[1]
    expect(flagsOf({ down: true })).toBe(0x80)
    expect(flagsOf({ phase: 5 })).toBe(0x50)
    expect(flagsOf({ phase: 7 })).toBe(0x70)
    expect(flagsOf({ ratcheted: true })).toBe(0x08)
    expect(flagsOf({ proof: true })).toBe(0x04)
  })

  it('binds header, suite, binding and the request in what its tag covers', () => {
    const aad = dataAssociatedData(encodeDataHeader(header), fromHex('b1'.repeat(8)), 7, fromHex('d1'.repeat(32)))
    expect(toHex(aad)).toBe(`130000010000000101${'b1'.repeat(8)}00000007${'d1'.repeat(32)}`)
  })
})
