// Rows and journal records are flat MessagePack arrays: a version, then fields in a fixed order. Add at the end, never reuse.

import { type Field, isAsRead, writable } from '../../protocol/frame-fields.ts'
import { type Unpacked, isArray, isMalformed, unpackArray } from '../../protocol/msgpack-reader.ts'
import { layEach } from '../../protocol/msgpack-writer.ts'

export type Shape = Readonly<Record<string, Field>>
type ValueOf<Kind> = Kind extends Field<infer Value> ? Value : never
export type ShapeOf<Fields extends Shape> = { readonly [Name in keyof Fields]: ValueOf<Fields[Name]> }

/** A row, its list of currencies, one currency, its amounts by level: two deeper than a frame. */
const depthMax = 4

/** One of a closed list of words. */
export function word<const Word extends string>(words: readonly Word[]): Field<Word> {
  return { expected: words.join(' | '), read: (value) => words.find((known) => known === value) }
}

/** A list of entries of one kind. */
export function list<Entry extends Unpacked>(entry: Field<Entry>): Field<readonly Entry[]> {
  return {
    expected: `a list of (${entry.expected})`,
    read: (value) => {
      if (!Array.isArray(value)) return undefined
      const entries: Entry[] = []
      for (const item of value as readonly Unpacked[]) {
        const read = entry.read(item)
        if (read === undefined) return undefined
        entries.push(read)
      }
      return entries
    },
    isAsRead: (value) => {
      if (!isArray(value)) return false
      for (const item of value) if (!isAsRead(entry, item)) return false
      return true
    },
  }
}

/**
 * Lays down `lead` (a version or a type number) and then the fields. The bytes are borrowed: they stand until something is packed again.
 * Throws a RangeError on a field that does not fit: a bug.
 */
export function layShape<Fields extends Shape>(
  lead: number,
  fields: Fields,
  value: ShapeOf<Fields>,
): Uint8Array<ArrayBuffer> {
  const named = namedOf(fields)
  return layEach(named.length + 1, (index) => {
    const one = named[index - 1]
    if (one === undefined) return lead
    const { name, field } = one
    const checked = writable(field, value[name])
    if (checked === undefined) {
      throw new RangeError(`${name}: ${field.expected} expected, got ${JSON.stringify(value[name])}`)
    }
    return checked
  })
}

type Named = readonly { readonly name: string; readonly field: Field }[]
const namedFields = new WeakMap<Shape, Named>()

/** The fields of a shape in their order, listed once. */
function namedOf(fields: Shape): Named {
  const known = namedFields.get(fields)
  if (known !== undefined) return known
  const named = Object.entries(fields).map(([name, field]) => ({ name, field }))
  namedFields.set(fields, named)
  return named
}

/** Unpacks to `lead` and the raw items; undefined when it is not an array that starts with a number. */
export function unpackItems(
  bytes: Uint8Array,
): { readonly lead: number; readonly items: readonly Unpacked[] } | undefined {
  const items = unpackArray(bytes, depthMax)
  if (isMalformed(items)) return undefined
  const lead = items[0]
  return typeof lead === 'number' ? { lead, items } : undefined
}

/** Reads the fields after `lead`; undefined when one does not fit. */
export function readShape<Fields extends Shape>(
  fields: Fields,
  items: readonly Unpacked[],
): ShapeOf<Fields> | undefined {
  const value: Record<string, Unpacked> = {}
  let at = 1
  for (const name in fields) {
    const read = fields[name]?.read(items[at])
    if (read === undefined) return undefined
    value[name] = read
    at++
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every field of the shape was just read
  return value as unknown as ShapeOf<Fields>
}
