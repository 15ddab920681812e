// msgpackr as an oracle: what it and this project's writer and reader agree on, and the two places where they cannot
// (docs/decisions/0001-own-messagepack-writer.md).
import fc from 'fast-check'
import { pack, unpack } from 'msgpackr'
import { describe, expect, it } from 'vitest'
import { toHex } from '../../base/bytes.ts'
import { type Unpacked, isMalformed, unpackArray } from '../../protocol/messages/msgpack-reader.ts'
import { packArray } from '../../protocol/messages/msgpack-writer.ts'

const u32Max = 0xffff_ffff
const u32 = fc.oneof(fc.nat(u32Max), fc.constantFrom(0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, u32Max))
const text = fc.string({ unit: 'binary', maxLength: 300 }).filter((value) => value.isWellFormed())
const scalar: fc.Arbitrary<Unpacked> = fc.oneof(
  u32,
  fc.boolean(),
  fc.constant(null),
  text,
  fc.uint8Array({ maxLength: 300 }),
)
const anyArray = fc.array(fc.oneof(scalar, fc.array(scalar, { maxLength: 20 })), { maxLength: 40 })

/** With byte strings as hex, because msgpackr gives them as Buffers. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: toHex(value) }
  return Array.isArray(value) ? value.map(plain) : value
}

/** msgpackr sometimes reserves a wider head for a str than it needs; but for that there is one shortest form. */
const hasText = (value: unknown): boolean => typeof value === 'string' || (Array.isArray(value) && value.some(hasText))

describe('msgpackr', () => {
  it('reads what this writer wrote, as what it was', () => {
    fc.assert(
      fc.property(anyArray, (items) => {
        expect(plain(unpack(packArray(items)))).toEqual(plain(items))
      }),
    )
  })

  it('writes what this reader reads, as what it was', () => {
    fc.assert(
      fc.property(anyArray, (items) => {
        expect(plain(unpackArray(Uint8Array.from(pack(items))))).toEqual(plain(items))
      }),
    )
  })

  it('writes the same bytes as this writer, text aside', () => {
    fc.assert(
      fc.property(anyArray, (items) => {
        fc.pre(!hasText(items))
        expect(toHex(packArray(items))).toBe(toHex(pack(items)))
      }),
    )
  })

  it('reads integers above 2^32 from this writer, up to the last that is safe', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (number) => {
        expect(Number((unpack(packArray([number])) as readonly (number | bigint)[])[0])).toBe(number)
      }),
    )
  })

  it('writes integers above 2^32 as floats, which the wire refuses: hence a writer of our own', () => {
    expect(toHex(pack([u32Max]))).toBe('91ceffffffff')
    for (const number of [u32Max + 1, 1_800_000_000_000, Number.MAX_SAFE_INTEGER]) {
      expect(pack([number])[1]).toBe(0xcb)
      expect(isMalformed(unpackArray(Uint8Array.from(pack([number]))))).toBe(true)
      expect(unpackArray(packArray([number]))).toEqual([number])
    }
  })

  it('writes BigInts below 2^63 as signed integers, which the wire refuses too', () => {
    for (const number of [2n ** 32n, 1_800_000_000_000n, 2n ** 63n - 1n]) {
      expect(pack([number])[1]).toBe(0xd3)
      expect(isMalformed(unpackArray(Uint8Array.from(pack([number]))))).toBe(true)
    }
  })

  it('agrees with this reader on every message that both read', () => {
    const hostile = fc.tuple(anyArray, fc.nat(9_999), fc.nat(0xff)).map(([items, at, byte]) => {
      const message = packArray(items)
      message[at % message.length] = byte
      return message
    })
    let agreed = 0
    fc.assert(
      fc.property(hostile, (message) => {
        const ours = unpackArray(message)
        if (isMalformed(ours)) return
        expect(plain(unpack(message))).toEqual(plain(ours))
        agreed++
      }),
      { numRuns: 1_000 },
    )
    expect(agreed).toBeGreaterThan(50)
  })
})
