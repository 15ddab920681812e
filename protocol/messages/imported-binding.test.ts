import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAccountId, parseBandId, parseBid } from '../ids.ts'
import {
  type ImportedBinding,
  decodeImport,
  encodeImport,
  importBindingsMax,
  importBytesMax,
  importedNumberMax,
} from './imported-binding.ts'
import { type Unpacked, unpackArray } from './msgpack-reader.ts'
import { packArray } from './msgpack-writer.ts'

const armedBinding: ImportedBinding = {
  bandId: parseBandId('000102030405060708090a0b0c0d0e0f'),
  bid: parseBid('1011121314151617'),
  account: parseAccountId('wearer-1'),
  generation: 3,
  vendor: 7,
  model: 2,
  batch: 40_000,
  conformance: 31,
  bandKey: new Uint8Array(32).fill(0xb1),
  acctTag: new Uint8Array(8).fill(0xac),
  name: 'left wrist',
  root: new Uint8Array(32).fill(0x5e),
  k: 12,
  armed: {
    secret: new Uint8Array(16).fill(0xa5),
    armEpoch: 9,
    wearEpoch: 4,
    armedUntilMs: 1_800_000_000_000,
    verifiedAtMs: 1_799_990_000_000,
  },
}
const disarmedBinding: ImportedBinding = { ...armedBinding, armed: null }
/** As long as a binding can be. */
const widestBinding: ImportedBinding = {
  ...armedBinding,
  account: parseAccountId('a'.repeat(64)),
  generation: importedNumberMax,
  vendor: 0xffff,
  model: 0xffff,
  batch: 0xffff_ffff,
  conformance: 0xffff_ffff,
  name: 'n'.repeat(24),
  k: importedNumberMax,
  armed: {
    secret: new Uint8Array(16),
    armEpoch: importedNumberMax,
    wearEpoch: importedNumberMax,
    armedUntilMs: Number.MAX_SAFE_INTEGER,
    verifiedAtMs: Number.MAX_SAFE_INTEGER,
  },
}

function decoded(bytes: Uint8Array): readonly ImportedBinding[] {
  const read = decodeImport(bytes)
  if ('expected' in read) throw new Error(read.expected)
  return read
}

function refusal(bytes: Uint8Array): string | undefined {
  const read = decodeImport(bytes)
  return 'expected' in read ? read.expected : undefined
}

/** The items of `armedBinding` on the wire. */
const packedFields = unpackArray(
  (unpackArray(encodeImport([armedBinding]), 1) as readonly Uint8Array[])[1] ?? new Uint8Array(0),
  2,
) as readonly Unpacked[]

/** The request with one item of its only binding (or of that binding's arming) replaced. */
function altered(place: number, value: Unpacked, armedPlace?: number): Uint8Array {
  const binding = [...packedFields]
  if (armedPlace === undefined) binding[place] = value
  else binding[13] = (binding[13] as readonly Unpacked[]).map((old, at) => (at === armedPlace ? value : old))
  return packArray([1, packArray(binding)])
}

describe('an import request', () => {
  it('says the same after it was written and read', () => {
    expect(decoded(encodeImport([armedBinding, disarmedBinding, widestBinding]))).toEqual([
      armedBinding,
      disarmedBinding,
      widestBinding,
    ])
    expect(decoded(encodeImport([]))).toEqual([])
  })

  it('takes as many bindings as the limit says, even the widest, and no more', () => {
    const most = Array.from({ length: importBindingsMax }, () => widestBinding)
    const bytes = encodeImport(most)
    expect(bytes.length).toBeLessThanOrEqual(importBytesMax)
    expect(decoded(bytes)).toHaveLength(importBindingsMax)
    expect(() => encodeImport([...most, widestBinding])).toThrow(RangeError)
    const items = unpackArray(bytes, 1) as readonly Unpacked[]
    expect(refusal(packArray([...items, items[1] ?? null]))).toMatch(/at most 1000 bindings, got 1001/)
  })

  it('is refused one byte past its limit before anything of it is read', () => {
    expect(refusal(new Uint8Array(importBytesMax))).not.toMatch(/at most 1048576 bytes/)
    expect(refusal(new Uint8Array(importBytesMax + 1))).toMatch(/at most 1048576 bytes, got 1048577/)
  })

  it('hands out views, so that wiping the request wipes the secrets', () => {
    const bytes = encodeImport([armedBinding])
    const [binding] = decoded(bytes)
    bytes.fill(0)
    expect(binding?.root).toEqual(new Uint8Array(32))
    expect(binding?.armed?.secret).toEqual(new Uint8Array(16))
  })

  it('of another version is refused', () => {
    expect(refusal(packArray([2]))).toMatch(/import version 1/)
    expect(refusal(packArray([]))).toMatch(/import version 1/)
  })

  it.each([
    ['bandId', 0, new Uint8Array(15)],
    ['bid', 1, new Uint8Array(9)],
    ['account', 2, ''],
    ['account', 2, 'a'.repeat(65)],
    ['account', 2, 'Ana Müller'],
    ['generation', 3, 0],
    ['generation', 3, importedNumberMax + 1],
    ['vendor', 4, 0x1_0000],
    ['model', 5, 0x1_0000],
    ['batch', 6, 0x1_0000_0000],
    ['conformance', 7, 0x1_0000_0000],
    ['bandKey', 8, new Uint8Array(31)],
    ['acctTag', 9, new Uint8Array(7)],
    ['name', 10, 'n'.repeat(25)],
    ['name', 10, 'ü'.repeat(13)],
    ['root', 11, new Uint8Array(33)],
    ['k', 12, importedNumberMax + 1],
    ['armed', 13, false],
    ['armed', 13, []],
  ])('is refused for its %s, with the binding named (%#)', (name, place, value) => {
    expect(refusal(altered(place, value))).toMatch(new RegExp(`^binding 0: ${name}: `))
  })

  it.each([
    ['secret', 0, new Uint8Array(17)],
    ['armEpoch', 1, 0],
    ['armEpoch', 1, importedNumberMax + 1],
    ['wearEpoch', 2, 0],
    ['wearEpoch', 2, importedNumberMax + 1],
    ['armedUntilMs', 3, null],
    ['verifiedAtMs', 4, 'now'],
  ])("is refused for its arming's %s (%#)", (name, place, value) => {
    expect(refusal(altered(13, value, place))).toMatch(new RegExp(`^binding 0: ${name}: `))
  })

  it('is refused when a binding has a field more or less', () => {
    expect(refusal(packArray([1, packArray([...packedFields, 1])]))).toMatch(/binding 0: an array of 14/)
    expect(refusal(packArray([1, packArray(packedFields.slice(1))]))).toMatch(/binding 0: an array of 14/)
    expect(refusal(packArray([1, 5]))).toMatch(/binding 0: a bin/)
    expect(refusal(packArray([1, packedFields]))).toMatch(/arrays nested less deep/)
  })

  it('of which a byte is missing or one too many is refused', () => {
    const bytes = encodeImport([armedBinding, disarmedBinding])
    for (let length = 0; length < bytes.length; length++) expect(refusal(bytes.slice(0, length))).toBeDefined()
    expect(refusal(Uint8Array.of(...bytes, 0))).toBeDefined()
  })

  it('of hostile bytes is a value, never an exception, and what is taken is written back the same', () => {
    const honest = encodeImport([armedBinding, disarmedBinding])
    const flips = fc.array(fc.tuple(fc.nat(honest.length - 1), fc.integer({ min: 1, max: 255 })), { maxLength: 4 })
    const mutated = flips.map((places) => {
      const bytes = Uint8Array.from(honest)
      for (const [at, mask] of places) bytes[at] = (bytes[at] ?? 0) ^ mask
      return bytes
    })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), mutated), (bytes) => {
        const read = decodeImport(bytes)
        if (!('expected' in read)) expect(decoded(encodeImport(read))).toEqual(read)
      }),
      { numRuns: 2_000 },
    )
  })

  it('is not written with a field that does not fit', () => {
    expect(() => encodeImport([{ ...armedBinding, generation: 0 }])).toThrow(/generation: an integer 1 to/)
    expect(() => encodeImport([{ ...armedBinding, root: new Uint8Array(31) }])).toThrow(/root: a bin of 32 bytes/)
  })
})
