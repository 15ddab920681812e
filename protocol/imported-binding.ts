// Bindings as an operator brings them from elsewhere: the body of an import request, one MessagePack array of the strict
// subset, `[version, binding, binding, …]`. It holds secrets in the clear: whoever has read it wipes it.

import type { Bytes } from './bytes.ts'
import { type Field, bin, text, uint } from './frame-fields.ts'
import { type AccountId, type BandId, type Bid, idBytes, parseAccountId, parseBandId, parseBid } from './ids.ts'
import { type Malformed, malformed } from './malformed.ts'
import { type Unpacked, isArray, isMalformed, unpackArray } from './msgpack-reader.ts'
import { packArray } from './msgpack-writer.ts'

/** Bindings of one request. */
export const importBindingsMax = 1_000
/** Bytes of one import request. */
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

/** Reads an import request. Byte fields are views of `bytes` (borrowed): wiping `bytes` wipes every secret. */
export function decodeImport(bytes: Bytes): readonly ImportedBinding[] | Malformed {
  if (bytes.length > importBytesMax) {
    return malformed(`at most ${importBytesMax} bytes, got ${bytes.length}`, importBytesMax)
  }
  // The request, a binding in it, its arming.
  const items = unpackArray(bytes, 3)
  if (isMalformed(items)) return items
  if (items[0] !== importVersion) return malformed(`import version ${importVersion}`, 0)
  if (items.length - 1 > importBindingsMax) {
    return malformed(`at most ${importBindingsMax} bindings, got ${items.length - 1}`, 0)
  }
  const bindings: ImportedBinding[] = []
  for (const item of items.slice(1)) {
    const binding = readBinding(item)
    if ('expected' in binding) return malformed(`binding ${bindings.length}: ${binding.expected}`, 0)
    bindings.push(binding)
  }
  return bindings
}

/** Tells a refused import from its bindings. */
export function isImportMalformed(read: readonly ImportedBinding[] | Malformed): read is Malformed {
  return !Array.isArray(read)
}

const positive: Field<number> = {
  expected: `an integer 1 to ${importedNumberMax}`,
  read: (value) => (typeof value === 'number' && value >= 1 && value <= importedNumberMax ? value : undefined),
}
const instantMs = uint(Number.MAX_SAFE_INTEGER)
const account: Field<AccountId> = {
  expected: 'an account id of 1 to 64 of A-Z a-z 0-9 . _ : -',
  read: (value) => {
    if (typeof value !== 'string') return undefined
    try {
      return parseAccountId(value)
    } catch {
      return undefined
    }
  },
}

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

type Refusal = { readonly expected: string }
type Values<Fields> = { readonly [Name in keyof Fields]: Fields[Name] extends Field<infer Value> ? Value : never }

function packBinding(binding: ImportedBinding): Unpacked {
  const { bandId, bid, armed } = binding
  return [
    ...packFields(bindingFields, { ...binding, bandId: idBytes(bandId), bid: idBytes(bid) }),
    armed === null ? null : packFields(armedFields, armed),
  ]
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

function readBinding(item: Unpacked | undefined): ImportedBinding | Refusal {
  const fieldCount = Object.keys(bindingFields).length
  if (!isArray(item) || item.length !== fieldCount + 1) return { expected: `an array of ${fieldCount + 1}` }
  const read = readFields(bindingFields, item)
  if (isRefusal(read)) return read
  const armed = item[fieldCount] === null ? null : readArmed(item[fieldCount])
  if (armed !== null && isRefusal(armed)) return armed
  return { ...read, bandId: parseBandId(read.bandId), bid: parseBid(read.bid), armed }
}

function readArmed(item: Unpacked | undefined): Values<typeof armedFields> | Refusal {
  const fieldCount = Object.keys(armedFields).length
  if (!isArray(item) || item.length !== fieldCount) return { expected: `armed: nil or an array of ${fieldCount}` }
  return readFields(armedFields, item)
}

function readFields<Fields extends Readonly<Record<string, Field>>>(
  fields: Fields,
  items: readonly Unpacked[],
): Values<Fields> | Refusal {
  const values: Record<string, Unpacked> = {}
  let at = 0
  for (const name in fields) {
    const value = fields[name]?.read(items[at++])
    if (value === undefined) return { expected: `${name}: ${fields[name]?.expected}` }
    values[name] = value
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every field was just read by the field of its name
  return values as unknown as Values<Fields>
}

function isRefusal(read: object): read is Refusal {
  return 'expected' in read
}
