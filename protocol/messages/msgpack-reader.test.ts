import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex } from '../../base/bytes.ts'
import { frameItemsMax } from '../limits.ts'
import { type Unpacked, isMalformed, unpackArray } from './msgpack-reader.ts'
import { packArray } from './msgpack-writer.ts'

/** One value each that a frame must not hold, as the only item of an array. */
const bombs: Readonly<Record<string, string>> = {
  'an array in an array in an array': '919100',
  'a thousand arrays in one another': '91'.repeat(1_000),
  'fifteen thousand arrays in one another, each of 65,535 items': 'dcffff'.repeat(15_000),
  '1,025 items': `dc0401${'00'.repeat(1_025)}`,
  'an array that says 15 items and has two': '9f0000',
  'an array of 16 bits that says 1,024 items and has none': 'dc0400',
  'an array of 32 bits': 'dd00000000',
  'an array of 32 bits that says four thousand millions': 'ddffffffff',
  'an empty map': '80',
  'a map with __proto__ as its key': '81a95f5f70726f746f5f5f01',
  'a map of 16 bits': 'de0000',
  'a map of 32 bits': 'dfffffffff',
  'an extension of 1 byte': 'd40100',
  'an extension of 2 bytes': 'd5010000',
  'an extension of 4 bytes': 'd60100000000',
  'an extension of 8 bytes': `d701${'00'.repeat(8)}`,
  'an extension of 16 bytes': `d801${'00'.repeat(16)}`,
  'an extension of 8 bits length': 'c70001',
  'an extension of 16 bits length': 'c8000001',
  'an extension of 32 bits length': 'c90000000001',
  'a timestamp': 'd6ff00000000',
  'a record definition, which msgpackr compiles to code': 'd4724091a161',
  'a regular expression': 'c70378a26161a0',
  'a big integer of 8 bytes': 'c70842ffffffffffffffff',
  'an Error, a Set and a cyclic reference': 'd46500',
  'a 32-bit float': 'ca3f800000',
  'a 64-bit float': 'cb3ff0000000000000',
  'a 64-bit float that is an integer above 2^32': 'cb41f0000000000000',
  'minus one': 'ff',
  'minus 32': 'e0',
  'a signed integer of 8 bits': 'd001',
  'a signed integer of 16 bits': 'd10001',
  'a signed integer of 32 bits': 'd200000001',
  'a signed integer of 64 bits': 'd30000000000000001',
  '2^53': 'cf0020000000000000',
  '2^64 - 1': 'cfffffffffffffffff',
  'a str of 32 bits length': 'db0000000161',
  'a bin of 32 bits length': 'c60000000100',
  'a str that is not UTF-8': 'a1ff',
  'a str that ends inside a character': 'a2e282',
  'a str with a lone surrogate': 'a3eda080',
  'a str that says 31 bytes and has one': 'bf61',
  'a str that says 255 bytes and has one': 'd9ff61',
  'a str that says 65,535 bytes and has one': 'daffff61',
  'a bin that says 255 bytes and has one': 'c4ff00',
  'a bin that says 65,535 bytes and has one': 'c5ffff00',
  'an integer cut short after its head': 'cc',
  'an integer of 16 bits cut short': 'cd00',
  'an integer of 32 bits cut short': 'ce000000',
  'an integer of 64 bits cut short': 'cf00000000000000',
  'the byte c1, which MessagePack never uses': 'c1',
}

describe('the reader refuses', () => {
  it.for(Object.entries(bombs))('%s', ([, hex]) => {
    for (const around of [`91${hex}`, `9301${hex}00`, `9205${hex}`]) {
      const read = unpackArray(fromHex(around))
      expect(isMalformed(read), around.slice(0, 40)).toBe(true)
    }
  })

  it.for(['', '00', 'a0', 'c400', 'c0', 'c3', '80', 'ff'])('the message "%s", which is no array', (hex) => {
    expect(isMalformed(unpackArray(fromHex(hex)))).toBe(true)
  })

  it('a byte more than the array, and an array in which one is missing', () => {
    const whole = packArray([1, 0, 'x', new Uint8Array(3)])
    expect(isMalformed(unpackArray(whole))).toBe(false)
    expect(isMalformed(unpackArray(Uint8Array.of(...whole, 0)))).toBe(true)
    for (let length = 0; length < whole.length; length++) {
      expect(isMalformed(unpackArray(whole.subarray(0, length))), `${length} bytes`).toBe(true)
    }
  })

  it('with what it expected and where', () => {
    expect(unpackArray(fromHex('9301ca3f80000000'))).toEqual({
      type: 'malformed',
      expected: 'array, unsigned integer, bin, str, bool or nil, got 0xca',
      at: 2,
    })
  })
})

describe('the reader takes', () => {
  it('arrays two deep and of 1,024 items', () => {
    expect(unpackArray(fromHex('919100'))).toEqual([[0]])
    expect(unpackArray(fromHex(`dc0400${'07'.repeat(frameItemsMax)}`))).toEqual(Array(frameItemsMax).fill(7))
  })

  it.for([
    ['cc05', 5],
    ['cd0005', 5],
    ['ce00000005', 5],
    ['cf0000000000000005', 5],
    ['cf001fffffffffffff', Number.MAX_SAFE_INTEGER],
    ['d90161', 'a'],
    ['da000161', 'a'],
    ['c5000107', Uint8Array.of(7)],
    ['dc000107', [7]],
  ] as const)('%s although a shorter form exists', ([hex, value]) => {
    expect(unpackArray(fromHex(`91${hex}`))).toEqual([value])
    expect(unpackArray(fromHex(`dc0001${hex}`))).toEqual([value])
  })

  it('text as it stands, a byte order mark included', () => {
    expect(unpackArray(fromHex('91a4efbbbf61'))).toEqual(['\ufeffa'])
  })

  it('byte strings as views of the message: who keeps them copies them', () => {
    const message = fromHex('91c40107')
    const [bytes] = unpackArray(message) as readonly Uint8Array[]
    message[3] = 9
    expect(bytes).toEqual(Uint8Array.of(9))
  })

  it('as many items as there are bytes for, and no more: a lie about the count costs nothing', () => {
    fc.assert(
      fc.property(fc.nat(frameItemsMax), fc.nat(frameItemsMax), (said, given) => {
        const message = Uint8Array.of(0xdc, said >> 8, said, ...Array<number>(given).fill(0))
        expect(isMalformed(unpackArray(message))).toBe(said !== given)
      }),
    )
  })
})

const scalar: fc.Arbitrary<Unpacked> = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(300),
  fc.boolean(),
  fc.constant(null),
  fc.string({ unit: 'binary', maxLength: 40 }).filter((text) => text.isWellFormed()),
  fc.uint8Array({ maxLength: 300 }),
)
const anyArray = fc.array(fc.oneof(scalar, fc.array(scalar, { maxLength: 20 })), { maxLength: 20 })

describe('any bytes', () => {
  it('that the writer wrote are read as what they were', () => {
    fc.assert(
      fc.property(anyArray, (items) => {
        expect(unpackArray(packArray(items))).toEqual(items)
      }),
    )
  })

  it('are an array or Malformed, never an exception; what is read, is written and read alike', () => {
    const spoilt = fc
      .tuple(anyArray, fc.array(fc.tuple(fc.nat(9_999), fc.nat(0xff)), { minLength: 1, maxLength: 3 }))
      .map(([items, changes]) => {
        const message = packArray(items)
        for (const [at, byte] of changes) message[at % message.length] = byte
        return message
      })
    const structured = fc
      .array(fc.constantFrom(0x90, 0x91, 0x92, 0x9f, 0xdc, 0xc4, 0xa1, 0xcc, 0xcf, 0xd9, 0xc0, 0, 1, 2, 0xff))
      .map((bytes) => Uint8Array.from(bytes))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), structured, spoilt), (hostile) => {
        const read = unpackArray(hostile)
        if (isMalformed(read)) expect(read.at).toBeLessThanOrEqual(hostile.length)
        else expect(unpackArray(packArray(read))).toEqual(read)
      }),
      { numRuns: 5_000 },
    )
  })
})
