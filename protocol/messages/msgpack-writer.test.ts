import { describe, expect, it } from 'vitest'
import { toHex } from '../../base/bytes.ts'
import { unpackArray } from './msgpack-reader.ts'
import { packArray } from './msgpack-writer.ts'

describe('the writer', () => {
  it.for([
    [0, '00'],
    [0x7f, '7f'],
    [0x80, 'cc80'],
    [0xff, 'ccff'],
    [0x100, 'cd0100'],
    [0xffff, 'cdffff'],
    [0x1_0000, 'ce00010000'],
    [0xffff_ffff, 'ceffffffff'],
    [0x1_0000_0000, 'cf0000000100000000'],
    [1_800_000_000_123, 'cf000001a3185c507b'],
    [Number.MAX_SAFE_INTEGER, 'cf001fffffffffffff'],
    [true, 'c3'],
    [false, 'c2'],
    [null, 'c0'],
  ] as const)('writes %s in its shortest form', ([value, hex]) => {
    expect(toHex(packArray([value]))).toBe(`91${hex}`)
  })

  it.for([
    ['a str of 31 bytes', 'a'.repeat(31), `bf${'61'.repeat(31)}`],
    ['a str of 32 bytes', 'a'.repeat(32), `d920${'61'.repeat(32)}`],
    ['a str of 255 bytes', 'a'.repeat(255), `d9ff${'61'.repeat(255)}`],
    ['a str of 256 bytes', 'a'.repeat(256), `da0100${'61'.repeat(256)}`],
    ['a str by its bytes, not its characters', 'é'.repeat(16), `d920${'c3a9'.repeat(16)}`],
    ['a bin of 255 bytes', new Uint8Array(255), `c4ff${'00'.repeat(255)}`],
    ['a bin of 256 bytes', new Uint8Array(256), `c50100${'00'.repeat(256)}`],
    ['an empty bin', new Uint8Array(0), 'c400'],
    ['an array of 15', Array<number>(15).fill(1), `9f${'01'.repeat(15)}`],
    ['an array of 16', Array<number>(16).fill(1), `dc0010${'01'.repeat(16)}`],
  ] as const)('writes %s in its shortest form', ([, value, hex]) => {
    expect(toHex(packArray([value]))).toBe(`91${hex}`)
  })

  it.for([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, -0.1])('does not write %f', (number) => {
    expect(() => packArray([number])).toThrow(RangeError)
  })

  it.for([
    ['a bin', new Uint8Array(65_536)],
    ['a str', 'a'.repeat(65_536)],
    ['an array', Array<number>(65_536).fill(0)],
  ] as const)('does not write %s of 65,536', ([, value]) => {
    expect(() => packArray([value])).toThrow(RangeError)
  })

  it('gives bytes of their own, also when a message grew larger than any before', () => {
    const first = packArray([1, 'first'])
    const large = packArray([new Uint8Array(65_535).fill(7), new Uint8Array(65_535).fill(8)])
    packArray([2, 'other'])
    expect(unpackArray(first)).toEqual([1, 'first'])
    expect(unpackArray(large)).toEqual([new Uint8Array(65_535).fill(7), new Uint8Array(65_535).fill(8)])
  })

  it('goes on after a value it refused', () => {
    expect(() => packArray([1, -1])).toThrow(RangeError)
    expect(toHex(packArray([1]))).toBe('9101')
  })
})
