// Rows and journal records are flat MessagePack arrays: a version, then fields in a fixed order. Add at the end, never reuse.

import { type Field, isAsRead, writable } from '../../protocol/messages/frame-fields.ts'
import { type Unpacked, isArray, isMalformed, unpackArray } from '../../protocol/messages/msgpack-reader.ts'
import { packEachBorrowed } from '../../protocol/messages/msgpack-writer.ts'

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
export function encodeShape<Fields extends Shape>(
  lead: number,
  fields: Fields,
  value: ShapeOf<Fields>,
): Uint8Array<ArrayBuffer> {
  const { named } = listed(fields)
  return packEachBorrowed(named.length + 1, (index) => {
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

type Listed = {
  readonly named: readonly { readonly name: string; readonly field: Field }[]
  /** Every field, as nothing yet: what is read is put into a copy, which has its form at once instead of growing field by field. */
  readonly blank: Readonly<Record<string, Unpacked>>
}
const listedShapes = new WeakMap<Shape, Listed>()

/** The fields of a shape in their order, listed once. */
function listed(fields: Shape): Listed {
  const known = listedShapes.get(fields)
  if (known !== undefined) return known
  const named = Object.entries(fields).map(([name, field]) => ({ name, field }))
  const made = { named, blank: Object.fromEntries(named.map(({ name }) => [name, null])) }
  listedShapes.set(fields, made)
  return made
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
  const { named, blank } = listed(fields)
  const value = { ...blank }
  let at = 1
  for (const { name, field } of named) {
    const read = field.read(items[at++])
    if (read === undefined) return undefined
    value[name] = read
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every field of the shape was just read
  return value as unknown as ShapeOf<Fields>
}
