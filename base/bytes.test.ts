import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  concatBytes,
  decodeUtf8,
  encodeUtf8,
  equalBytes,
  fromHex,
  readU16,
  readU32,
  readU48,
  readU64,
  toHex,
  u16,
  u32,
  u48,
  u64,
  u8,
} from './bytes.ts'

describe('integers on the wire', () => {
  it('are big-endian', () => {
    expect(toHex(u8(0xab))).toBe('ab')
    expect(toHex(u16(0x1234))).toBe('1234')
    expect(toHex(u32(0xdead_beef))).toBe('deadbeef')
    expect(toHex(u48(0x0123_4567_89ab))).toBe('0123456789ab')
    expect(toHex(u64(Number.MAX_SAFE_INTEGER))).toBe('001fffffffffffff')
  })

  it.for([
    [16, 0xffff, u16, readU16],
    [32, 0xffff_ffff, u32, readU32],
    [48, 0xffff_ffff_ffff, u48, readU48],
    [64, Number.MAX_SAFE_INTEGER, u64, readU64],
  ] as const)('of %i bits come back as they were written, wherever they stand', ([, max, write, read]) => {
    fc.assert(
      fc.property(
        fc.maxSafeNat().map((value) => value % (max + 1)),
        fc.uint8Array({ maxLength: 5 }),
        (value, before) => {
          expect(read(concatBytes(before, write(value)), before.length)).toBe(value)
        },
      ),
    )
    expect(read(write(max), 0)).toBe(max)
  })

  it('of 64 bits are refused from 2^53 on, because no amount is a float', () => {
    expect(readU64(fromHex('001fffffffffffff'), 0)).toBe(Number.MAX_SAFE_INTEGER)
    expect(readU64(fromHex('0020000000000000'), 0)).toBeUndefined()
    expect(readU64(fromHex('ffffffffffffffff'), 0)).toBeUndefined()
  })
})

describe('hex', () => {
  it('gives back the bytes it was made from, in lower case', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const hex = toHex(bytes)
        expect(hex).toBe(Buffer.from(bytes).toString('hex'))
        expect(equalBytes(fromHex(hex), bytes)).toBe(true)
        expect(equalBytes(fromHex(hex.toUpperCase()), bytes)).toBe(true)
      }),
    )
  })

  it.for(['0', '0g', '1 ', '+1', '0x'])('of "%s" is an error that says where', (text) => {
    expect(() => fromHex(text)).toThrow(RangeError)
  })
})

describe('byte strings', () => {
  it('are equal only when every byte and the length are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 8 }), fc.uint8Array({ maxLength: 8 }), (left, right) => {
        expect(equalBytes(left, right)).toBe(toHex(left) === toHex(right))
        expect(equalBytes(left, left.slice())).toBe(true)
      }),
    )
  })

  it('join without sharing memory with their parts', () => {
    const part = Uint8Array.of(1, 2)
    const joined = concatBytes(part, new Uint8Array(0), Uint8Array.of(3))
    part[0] = 9
    expect([...joined]).toEqual([1, 2, 3])
  })
})

describe('text', () => {
  it('is read as it was sent, a byte order mark included', () => {
    expect(decodeUtf8(encodeUtf8('\ufeffCafé 🍵'))).toBe('\ufeffCafé 🍵')
  })

  it.for(['ff', 'c0af', 'eda080', 'f4908080', 'e282'])('of bytes %s, which are not UTF-8, is refused', (hex) => {
    expect(decodeUtf8(fromHex(hex))).toBeUndefined()
  })
})
