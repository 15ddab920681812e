// Codec of a bulk import request, bindings that an operator brings from elsewhere: one MessagePack array of the strict
// subset, `[version, bin, bin, …]`, each bin the array of one binding, so that a reader may take them one at a time. It holds
// secrets in the clear: the reader wipes it after use.

import type { Bytes } from '../../base/bytes.ts'
import { type Field, bin, id, text, uint } from './frame-fields.ts'
import { type AccountId, type BandId, type Bid, idBytes, parseAccountId, parseBandId, parseBid } from '../ids.ts'
import { type Malformed, malformed } from '../malformed.ts'
import { type Unpacked, isArray, isMalformed, unpackArray } from './msgpack-reader.ts'
import { packArray } from './msgpack-writer.ts'

/** Most bindings of one request. */
export const importBindingsMax = 1_000
/** Longest import request, bytes. */
export const importBytesMax = 1_048_576
/** Generations, roots and epochs come with at least half of their range left to grow in. */
export const importedNumberMax = 0x7fff_ffff
const importVersion = 1

/** One binding as an operator brings it from elsewhere. Instants are ms since 1970, 0 = none. */
export type ImportedBinding = {
  readonly bandId: BandId
  readonly bid: Bid
  readonly account: AccountId
  /** 1 to `importedNumberMax`, as are the epochs of `armed`; `k` may be 0. */
  readonly generation: number
  readonly vendor: number
  readonly model: number
  readonly batch: number
  readonly conformance: number
  /** The band's static key s_B, 32 bytes. */
  readonly bandKey: Bytes
  /** What the band calls its account, 8 bytes. */
  readonly acctTag: Bytes
  /** At most 24 bytes of UTF-8. */
  readonly name: string
  /** R_k, 32 bytes: the root the band resumes with next, and its number. */
  readonly root: Bytes
  readonly k: number
  /** A band that is armed where it comes from stays armed here: its secret A (16 bytes) and until when. */
  readonly armed: {
    readonly secret: Bytes
    readonly armEpoch: number
    readonly wearEpoch: number
    readonly armedUntilMs: number
    readonly verifiedAtMs: number
  } | null
}

/** Writes an import request. Throws a RangeError on more than `importBindingsMax` bindings or a field that does not fit. */
export function encodeImport(bindings: readonly ImportedBinding[]): Uint8Array<ArrayBuffer> {
  if (bindings.length > importBindingsMax) {
    throw new RangeError(`at most ${importBindingsMax} bindings of one import expected, got ${bindings.length}`)
  }
  return packArray([importVersion, ...bindings.map(packBinding)])
}

/** Reads an import request whole. Byte fields are views of `bytes` (borrowed): wiping `bytes` wipes every secret. */
export function decodeImport(bytes: Bytes): readonly ImportedBinding[] | Malformed {
  const parts = splitImport(bytes)
  if (!isSplit(parts)) return parts
  const bindings: ImportedBinding[] = []
  for (const part of parts) {
    const binding = decodeImportedBinding(part)
    if ('expected' in binding) return malformed(`binding ${bindings.length}: ${binding.expected}`, binding.at)
    bindings.push(binding)
  }
  return bindings
}

/** Splits a request into its bindings, each for `decodeImportedBinding`: views of `bytes` (borrowed). Costs microseconds. */
export function splitImport(bytes: Bytes): readonly Bytes[] | Malformed {
  if (bytes.length > importBytesMax) {
    return malformed(`at most ${importBytesMax} bytes, got ${bytes.length}`, importBytesMax)
  }
  const items = unpackArray(bytes, 1)
  if (isMalformed(items)) return items
  if (items[0] !== importVersion) return malformed(`import version ${importVersion}`, 0)
  if (items.length - 1 > importBindingsMax) {
    return malformed(`at most ${importBindingsMax} bindings, got ${items.length - 1}`, 0)
  }
  const parts: Bytes[] = []
  for (const item of items.slice(1)) {
    if (!(item instanceof Uint8Array)) return malformed(`binding ${parts.length}: a bin`, 0)
    parts.push(item)
  }
  return parts
}

/** Type guard: tells the parts of a request from one that was refused. */
export function isSplit(parts: readonly Bytes[] | Malformed): parts is readonly Bytes[] {
  return Array.isArray(parts)
}

/** Reads one binding of a request. Byte fields are views of `bytes` (borrowed). */
export function decodeImportedBinding(bytes: Bytes): ImportedBinding | Malformed {
  // The binding, its arming.
  const items = unpackArray(bytes, 2)
  if (isMalformed(items)) return items
  const fieldCount = Object.keys(bindingFields).length
  if (items.length !== fieldCount + 1) return malformed(`an array of ${fieldCount + 1}`, 0)
  const read = readFields(bindingFields, items)
  if (isRefusal(read)) return read
  const armed = items[fieldCount] === null ? null : readArmed(items[fieldCount])
  if (armed !== null && isRefusal(armed)) return armed
  return { ...read, bandId: parseBandId(read.bandId), bid: parseBid(read.bid), armed }
}

const positive: Field<number> = {
  expected: `an integer 1 to ${importedNumberMax}`,
  read: (value) => (typeof value === 'number' && value >= 1 && value <= importedNumberMax ? value : undefined),
}
const instantMs = uint(Number.MAX_SAFE_INTEGER)
const account = id(parseAccountId, 'an account id of 1 to 64 of A-Z a-z 0-9 . _ : -')

// The order of these is the order on the wire.
const bindingFields = {
  bandId: bin(16),
  bid: bin(8),
  account,
  generation: positive,
  vendor: uint(0xffff),
  model: uint(0xffff),
  batch: uint(0xffff_ffff),
  conformance: uint(0xffff_ffff),
  bandKey: bin(32),
  acctTag: bin(8),
  name: text(24),
  root: bin(32),
  k: uint(importedNumberMax),
} as const
const armedFields = {
  secret: bin(16),
  armEpoch: positive,
  wearEpoch: positive,
  armedUntilMs: instantMs,
  verifiedAtMs: instantMs,
} as const

type Values<Fields> = { readonly [Name in keyof Fields]: Fields[Name] extends Field<infer Value> ? Value : never }

function packBinding(binding: ImportedBinding): Bytes {
  const { bandId, bid, armed } = binding
  return packArray([
    ...packFields(bindingFields, { ...binding, bandId: idBytes(bandId), bid: idBytes(bid) }),
    armed === null ? null : packFields(armedFields, armed),
  ])
}

function packFields<Fields extends Readonly<Record<string, Field>>>(
  fields: Fields,
  values: Values<Fields>,
): readonly Unpacked[] {
  return Object.entries(fields).map(([name, field]) => {
    const value = field.read(values[name])
    if (value === undefined) throw new RangeError(`${name}: ${field.expected} expected`)
    return value
  })
}

function readArmed(item: Unpacked | undefined): Values<typeof armedFields> | Malformed {
  const fieldCount = Object.keys(armedFields).length
  if (!isArray(item) || item.length !== fieldCount) return malformed(`armed: nil or an array of ${fieldCount}`, 0)
  return readFields(armedFields, item)
}

function readFields<Fields extends Readonly<Record<string, Field>>>(
  fields: Fields,
  items: readonly Unpacked[],
): Values<Fields> | Malformed {
  const values: Record<string, Unpacked> = {}
  let at = 0
  for (const name in fields) {
    const value = fields[name]?.read(items[at++])
    if (value === undefined) return malformed(`${name}: ${fields[name]?.expected}`, 0)
    values[name] = value
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every field was just read by the field of its name
  return values as unknown as Values<Fields>
}

function isRefusal(read: object): read is Malformed {
  return 'expected' in read
}
