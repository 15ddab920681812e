// Source: kawanet/msgpack-test-suite 1.0.0, by way of npm msgpack-test-js. What of it lies in the wire's subset (PROTOCOL §8)
// is read and written as the suite says; everything else is refused.
import { Exam, type Type } from 'msgpack-test-js'
import { describe, expect, it } from 'vitest'
import { type Bytes, concatBytes, toHex } from '../../base/bytes.ts'
import { type Unpacked, isMalformed, unpackArray } from '../../protocol/messages/msgpack-reader.ts'
import { packArray } from '../../protocol/messages/msgpack-writer.ts'

/** Types of the suite whose values the wire knows, if they are in range. */
const wireTypes = { nil: 1, bool: 1, binary: 1, number: 1, bignum: 1, string: 1, array: 1 } as const

/** Is this encoding in the subset? Written from PROTOCOL §8 alone, to disagree with the reader if that is wrong. */
function isOfWire(encoded: Bytes, depth: number): boolean {
  const heads: readonly (readonly [from: number, to: number, argumentBytes: number, kind: string])[] = [
    [0x00, 0x7f, 0, 'plain'],
    [0x90, 0x9f, 0, 'array'],
    [0xa0, 0xbf, 0, 'bytes'],
    [0xc0, 0xc0, 0, 'plain'],
    [0xc2, 0xc3, 0, 'plain'],
    [0xc4, 0xc4, 1, 'bytes'],
    [0xc5, 0xc5, 2, 'bytes'],
    [0xcc, 0xcc, 1, 'plain'],
    [0xcd, 0xcd, 2, 'plain'],
    [0xce, 0xce, 4, 'plain'],
    [0xcf, 0xcf, 8, 'plain'],
    [0xd9, 0xd9, 1, 'bytes'],
    [0xda, 0xda, 2, 'bytes'],
    [0xdc, 0xdc, 2, 'array'],
  ]
  let at = 0
  const one = (depthLeft: number): boolean => {
    const head = encoded[at] ?? -1
    const known = heads.find(([from, to]) => head >= from && head <= to)
    if (known === undefined) return false
    const [from, , argumentBytes, kind] = known
    let argument = BigInt(head - from)
    if (argumentBytes > 0) argument = BigInt(`0x${toHex(encoded.subarray(at + 1, at + 1 + argumentBytes))}`)
    at += 1 + argumentBytes
    if (kind === 'bytes') at += Number(argument)
    if (kind === 'plain') return argument < 2n ** 53n
    if (kind === 'bytes') return true
    if (depthLeft === 0) return false
    for (let item = 0n; item < argument; item++) if (!one(depthLeft - 1)) return false
    return true
  }
  return one(depth)
}

/** The value as the wire holds it; undefined for one it does not. */
function wireValue(exam: Exam, type: Type): Unpacked | undefined {
  const value: unknown = exam.getValue(type)
  if (String(type) === 'bignum') {
    const number = Number(String(value))
    return Number.isSafeInteger(number) && number >= 0 ? number : undefined
  }
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined
  return isUnpacked(value) ? value : undefined
}

function isUnpacked(value: unknown): value is Unpacked {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return true
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0
  return value instanceof Uint8Array || (Array.isArray(value) && value.every(isUnpacked))
}

const exams = Exam.getExams().map((exam) => {
  const types = exam.getTypes()
  const [first] = types
  if (first === undefined) throw new Error('an exam names no type')
  const encodings: readonly Bytes[] = exam.getMsgpacks().map((bytes) => Uint8Array.from(bytes))
  return { exam, types, encodings, title: `${String(first)} ${exam.stringify(first)}` }
})

describe('the MessagePack test suite', () => {
  it('is there, whole', () => {
    expect(exams).toHaveLength(85)
    const encodings = exams.flatMap((one) => one.encodings)
    expect(encodings).toHaveLength(233)
    expect(encodings.filter((encoded) => isOfWire(encoded, 1))).toHaveLength(82)
  })

  it.for(exams)('$title is read where the wire has it, and refused where it does not', ({ exam, encodings }) => {
    for (const encoded of encodings) {
      const read = unpackArray(concatBytes(Uint8Array.of(0x91), encoded))
      const hex = toHex(encoded)
      expect(isMalformed(read), hex).toBe(!isOfWire(encoded, 1))
      if (!isMalformed(read)) expect(exam.matchValue(read[0]), hex).toBe(true)
    }
  })

  it.for(exams)('$title is written as the suite spells it, as short as it can be', ({ exam, types, encodings }) => {
    const values = types.filter((type) => String(type) in wireTypes).map((type) => wireValue(exam, type))
    const shortest = Math.min(...encodings.filter((encoded) => isOfWire(encoded, 2)).map((encoded) => encoded.length))
    for (const value of values) {
      if (value === undefined) continue
      const written = packArray([value]).subarray(1)
      expect(exam.matchMsgpack([...written]), toHex(written)).toBe(true)
      expect(written.length).toBe(shortest)
    }
  })

  it('as whole messages are read only when they are arrays', () => {
    const isArray = ([head = 0]: Bytes) => (head & 0xf0) === 0x90 || head === 0xdc
    for (const { exam, encodings } of exams) {
      for (const encoded of encodings) {
        const read = unpackArray(encoded)
        expect(isMalformed(read), toHex(encoded)).toBe(!(isArray(encoded) && isOfWire(encoded, 2)))
        if (!isMalformed(read)) expect(exam.matchValue(read), toHex(encoded)).toBe(true)
      }
    }
  })
})
