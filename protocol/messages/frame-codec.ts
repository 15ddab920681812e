// Table-driven MessagePack codec of phone frames, by the table of frames.ts. Extra trailing fields are ignored: that is how it grows.

import { readU16, readU32 } from '../../base/bytes.ts'
import type { Field } from './frame-fields.ts'
import {
  type EngineFrame,
  type PhoneFrame,
  type PhoneFrameOf,
  type SlotRecord,
  engineFrames,
  phoneFrames,
} from './frames.ts'
import { hubFrameBytesMax, hubSlotMax, recordBytesMax } from '../limits.ts'
import { type Malformed, malformed } from '../malformed.ts'
import { type Unpacked, isArray, isMalformed, unpackArray } from './msgpack-reader.ts'
import { packArrayBorrowed, packArray } from './msgpack-writer.ts'

type Shape = {
  readonly type: string
  readonly number: number
  readonly fields: readonly (readonly [string, Field])[]
  readonly rest: Field | undefined
}

const phoneShapes = shapesOf(phoneFrames)
const engineShapes = shapesOf(engineFrames)

/** Decodes what a phone or hub sent. Byte fields are views of `bytes` (borrowed): copy what you keep. */
export function decodePhoneFrame(bytes: Uint8Array, bytesMax: number): PhoneFrame | Malformed {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the table that the type is made of decoded it
  return decode(bytes, bytesMax, phoneShapes) as PhoneFrame | Malformed
}

/**
 * Peeks the id of a frame 5 (authorize) without decoding the rest; undefined for every other frame, and for an id that is not in
 * its shortest form. For a caller that can only answer `busy`.
 */
export function idOfAuthorize(bytes: Uint8Array): number | undefined {
  const head = bytes[0] ?? 0
  const at = head === 0xdc ? 3 : head >>> 4 === 9 ? 1 : undefined
  if (at === undefined || bytes[at] !== phoneFrames.authorize.number) return undefined
  const first = bytes[at + 1]
  if (first === undefined || at + 6 > bytes.length) return undefined
  if (first <= 0x7f) return first
  if (first === 0xcc) return bytes[at + 2]
  if (first === 0xcd) return readU16(bytes, at + 2)
  return first === 0xce ? readU32(bytes, at + 2) : undefined
}

/** Decodes what the engine sent. Byte fields are views of `bytes` (borrowed). */
export function decodeEngineFrame(bytes: Uint8Array): EngineFrame | Malformed {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the table that the type is made of decoded it
  return decode(bytes, hubFrameBytesMax, engineShapes) as EngineFrame | Malformed
}

/** Encodes a frame of a phone. Throws a RangeError on a field that the decoder would refuse. */
export function encodePhoneFrame(frame: PhoneFrame): Uint8Array<ArrayBuffer> {
  return packArray(itemsOf(frame, phoneShapes))
}

/** Encodes a frame of the engine. Throws a RangeError on a field that the decoder would refuse. */
export function encodeEngineFrame(frame: EngineFrame): Uint8Array<ArrayBuffer> {
  return packArray(itemsOf(frame, engineShapes))
}

/** Zero-copy `encodeEngineFrame`: the bytes are borrowed from a shared buffer and stand until something is packed again. */
export function encodeEngineFrameBorrowed(frame: EngineFrame): Uint8Array<ArrayBuffer> {
  return packArrayBorrowed(itemsOf(frame, engineShapes))
}

/** Error frame 200, zero-copy as well: for load shedding by the ten thousand, with a code and a time that fit. */
export function encodeErrorBorrowed(id: number, code: number, retryAfterMs: number): Uint8Array<ArrayBuffer> {
  return packArrayBorrowed([engineFrames.error.number, id, code, retryAfterMs])
}

/** Encodes one record of the engine in a hub's frame 120; zero-copy as well. */
export function encodeHubRecordBorrowed(slot: number, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return packArrayBorrowed([engineFrames.record.number, 0, slot, bytes])
}

/** Decodes frames 3 and 120 of a hub: [type, 0, slot, bytes, slot, bytes, …]. */
export function decodeHubRecords(bytes: Uint8Array): readonly SlotRecord[] | Malformed {
  const items = unpackArray(bytes)
  if (isMalformed(items)) return items
  const records: SlotRecord[] = []
  for (let at = 2; at < items.length; at += 2) {
    const slot = items[at]
    const record = items[at + 1]
    const isPair = typeof slot === 'number' && slot <= hubSlotMax && record instanceof Uint8Array
    if (!isPair || record.length > recordBytesMax) return malformed('pairs of slot and record', at)
    records.push({ slot, bytes: record })
  }
  return records
}

/** Encodes the records of a hub's frame: 3 when the hub sends it, 120 when the engine does. */
export function encodeHubRecords(sender: 'hub' | 'engine', records: readonly SlotRecord[]): Uint8Array<ArrayBuffer> {
  const items: Unpacked[] = [sender === 'hub' ? phoneFrames.record.number : engineFrames.record.number, 0]
  for (const record of records) items.push(record.slot, record.bytes)
  return packArray(items)
}

/**
 * Canonical signing input of a hello: its type and every item but id and signature, in the order and number in which
 * they arrived, each in its shortest form (PROTOCOL §8). Items of a later version are among them, so none can be added or
 * taken away. `bytes` is a frame that decodes as hello.
 */
export function signedOfHello(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const items = unpackArray(bytes)
  if (isMalformed(items)) throw new RangeError(`a hello expected, got bytes that are no frame: ${items.expected}`)
  return packArray(items.filter((_, at) => at !== idAt && at !== signatureAt))
}

/** `signedOfHello` for the side that makes a hello and has not signed it yet. */
export function helloToSign(hello: Omit<PhoneFrameOf<'hello'>, 'signature'>): Uint8Array<ArrayBuffer> {
  return signedOfHello(encodePhoneFrame({ ...hello, signature: new Uint8Array(64) }))
}

const idAt = 1
const signatureAt = 2 + Object.keys(phoneFrames.hello.fields).indexOf('signature')

/** Canonical bytes that a user verification signs: type, then all fields before `uv` (PROTOCOL §8). */
export function fieldsBeforeUv(frame: PhoneFrame): Uint8Array<ArrayBuffer> {
  const shape = phoneShapes.ofType.get(frame.type)
  if (shape === undefined) throw new TypeError(`no frame is called ${frame.type}`)
  const items: Unpacked[] = [shape.number]
  const values: Values = frame
  for (const [name, field] of shape.fields) {
    if (name === 'uv') break
    items.push(written(shape, name, field, values[name]))
  }
  return packArray(items)
}

/** A frame by the names of its fields. */
type Values = Readonly<Record<string, Unpacked | undefined>>
type Shapes = { readonly ofNumber: ReadonlyMap<number, Shape>; readonly ofType: ReadonlyMap<string, Shape> }

function shapesOf(
  table: Readonly<Record<string, { number: number; fields: Readonly<Record<string, Field>>; rest?: Field }>>,
): Shapes {
  const shapes = Object.entries(table).map(([type, { number, fields, rest }]): Shape => {
    return { type, number, fields: Object.entries(fields), rest }
  })
  return {
    ofNumber: new Map(shapes.map((shape) => [shape.number, shape])),
    ofType: new Map(shapes.map((shape) => [shape.type, shape])),
  }
}

function decode(bytes: Uint8Array, bytesMax: number, shapes: Shapes): Readonly<Record<string, unknown>> | Malformed {
  if (bytes.length > bytesMax)
    return malformed(`a frame of at most ${bytesMax} bytes, got ${bytes.length}`, bytes.length)
  const items = unpackArray(bytes)
  if (isMalformed(items)) return items
  const [number, id] = items
  const shape = typeof number === 'number' ? shapes.ofNumber.get(number) : undefined
  if (shape === undefined) return malformed(`a frame type of this version, got ${describe(number)}`, 0)
  if (typeof id !== 'number' || id > 0xffff_ffff) return malformed(`an id of 32 bits, got ${describe(id)}`, 1)
  const frame: Record<string, unknown> = { type: shape.type, id }
  let at = 2
  for (const [name, field] of shape.fields) {
    const value = field.read(items[at])
    if (value === undefined)
      return malformed(`${name} of ${shape.type}: ${field.expected}, got ${describe(items[at])}`, at)
    frame[name] = value
    at++
  }
  if (shape.rest !== undefined) {
    const entries: unknown[] = []
    for (; at < items.length; at++) {
      const entry = shape.rest.read(items[at])
      if (entry === undefined) return malformed(`an entry of ${shape.type}: ${shape.rest.expected}`, at)
      entries.push(entry)
    }
    frame['entries'] = entries
  }
  return frame
}

function itemsOf(frame: PhoneFrame | EngineFrame, shapes: Shapes): readonly Unpacked[] {
  const shape = shapes.ofType.get(frame.type)
  if (shape === undefined) throw new TypeError(`no frame is called ${frame.type}`)
  const values: Values = frame
  const items: Unpacked[] = [shape.number, frame.id]
  for (const [name, field] of shape.fields) {
    const value = values[name]
    if (field.optional === true && (value === null || value === undefined)) break
    items.push(written(shape, name, field, value))
  }
  const { rest } = shape
  const entries = values['entries']
  if (rest !== undefined && isArray(entries)) {
    for (const entry of entries) items.push(written(shape, 'entry', rest, entry))
  }
  return items
}

// Validates before sending: what would be refused on arrival is a bug here.
function written(shape: Shape, name: string, field: Field, value: Unpacked | undefined): Unpacked {
  const checked = field.read(value)
  if (checked === undefined) {
    throw new RangeError(`${name} of ${shape.type}: ${field.expected}, got ${describe(value)}`)
  }
  return checked
}

function describe(value: Unpacked | undefined): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'nil'
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (typeof value === 'object') return `an array of ${value.length}`
  return typeof value === 'string' ? `a str of ${value.length}` : String(value)
}
