// Field schemas (validators) of phone frames: each reads one unpacked value, refuses what does not fit, and is written as it stands.

import { type Bytes, encodeUtf8 } from '../../base/bytes.ts'
import { type Unpacked, isArray } from './msgpack-reader.ts'

/** Schema of one field; `read` gives undefined for a value that does not fit `expected`. */
export type Field<Value extends Unpacked = Unpacked> = {
  readonly expected: string
  readonly optional?: true
  readonly read: (value: Unpacked | undefined) => Value | undefined
  /** For fields whose `read` makes a copy: is the value just what `read` would give? Then it can be written without one. */
  readonly isAsRead?: (value: Unpacked | undefined) => boolean
}

/** The value as it may be written; undefined when it does not fit. */
export function writable<Value extends Unpacked>(
  field: Field<Value>,
  value: Unpacked | undefined,
): Unpacked | undefined {
  return field.isAsRead?.(value) === true ? value : field.read(value)
}

export function uint(max: number): Field<number> {
  return {
    expected: `an integer 0 to ${max}`,
    read: (value) => (typeof value === 'number' && value <= max ? value : undefined),
  }
}

export function bool(): Field<boolean> {
  return {
    expected: 'a bool',
    read: (value) => (typeof value === 'boolean' ? value : undefined),
  }
}

export function text(bytesMax: number): Field<string> {
  return {
    expected: `a str of at most ${bytesMax} bytes`,
    read: (value) => (typeof value === 'string' && fitsUtf8(value, bytesMax) ? value : undefined),
  }
}

/** An id kept as text, minted by its parse function, which throws on what is none. */
export function id<Value extends string>(parse: (text: string) => Value, expected = 'an id'): Field<Value> {
  return {
    expected,
    read: (value) => {
      if (typeof value !== 'string') return undefined
      try {
        return parse(value)
      } catch {
        return undefined
      }
    },
  }
}

/** Bytes of one of the given lengths, or of at most `max`. Read as a view of the frame (borrowed). */
export function bin(length: number | { readonly oneOf: readonly number[] } | { readonly max: number }): Field<Bytes> {
  const fits =
    typeof length === 'number'
      ? (bytes: Bytes) => bytes.length === length
      : 'max' in length
        ? (bytes: Bytes) => bytes.length <= length.max
        : (bytes: Bytes) => length.oneOf.includes(bytes.length)
  const size =
    typeof length === 'number' ? `${length}` : 'max' in length ? `at most ${length.max}` : length.oneOf.join(' or ')
  return {
    expected: `a bin of ${size} bytes`,
    read: (value) => (value instanceof Uint8Array && fits(value) ? value : undefined),
  }
}

/** The field or nil. */
export function orNil<Value extends Unpacked>(field: Field<Value>): Field<Value | null> {
  return {
    expected: `${field.expected}, or nil`,
    read: (value) => (value === null ? null : field.read(value)),
  }
}

/** A trailing field that older peers leave out: absent reads as nil. */
export function added<Value extends Unpacked>(field: Field<Value>): Field<Value | null> {
  const nilable = orNil(field)
  return { ...nilable, optional: true, read: (value) => (value === undefined ? null : nilable.read(value)) }
}

type Values<Fields extends readonly Field[]> = {
  readonly [Index in keyof Fields]: Fields[Index] extends Field<infer Value> ? Value : never
}

/** A nested array of fixed fields; longer ones are cut, for growth. */
export function tuple<const Fields extends readonly Field[]>(
  ...fields: Fields
): Field<Values<Fields> & readonly Unpacked[]> {
  return {
    expected: `an array of ${fields.length}`,
    read: (value) => {
      if (!isArray(value) || value.length < fields.length) return undefined
      const values: Unpacked[] = []
      for (let index = 0; index < fields.length; index++) {
        const read = fields[index]?.read(value[index])
        if (read === undefined) return undefined
        values.push(read)
      }
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each value was read by the field of its place
      return values as unknown as Values<Fields> & readonly Unpacked[]
    },
    isAsRead: (value) => {
      if (!isArray(value) || value.length !== fields.length) return false
      for (let index = 0; index < fields.length; index++) {
        const field: Field | undefined = fields[index]
        if (field === undefined || !isAsRead(field, value[index])) return false
      }
      return true
    },
  }
}

/** Is the value just what `read` would give? */
export function isAsRead(field: Field, value: Unpacked | undefined): boolean {
  if (field.isAsRead !== undefined) return field.isAsRead(value)
  return value !== undefined && field.read(value) === value
}

function fitsUtf8(value: string, bytesMax: number): boolean {
  return value.length <= bytesMax && (value.length * 3 <= bytesMax || encodeUtf8(value).length <= bytesMax)
}
