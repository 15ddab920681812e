// JSON from outside, checked against a schema (zod 4): the one door to that library. What reads a document says its shape once, gets its type
// from it, and a value that does not fit is told with its place, what was expected, and what came.

import { z } from 'zod'

// Else it would make functions of text, which a page with a Content Security Policy forbids.
z.config({ jitless: true })

/** A value of JSON that does not fit: `body.keys[0].kid: a whole number expected, got text`. */
export class JsonError extends Error {
  override readonly name = 'JsonError'
}

/** What reads a value of JSON. */
export type Schema<Value = unknown> = z.ZodType<Value>
/** What a schema reads. */
export type JsonOf<S extends Schema> = z.output<S>

/** Text. */
export const text = z.string('text')
/** A whole number from 0 to 2^53 - 1. */
export const count = z.int('a whole number').nonnegative('a whole number')
/** Pairs of lower-case hex digits, as text. */
export const hex = z.string('hex digits').regex(/^([0-9a-f]{2})*$/, 'hex digits')

/** An object with these members; others are passed over. */
export function object<const Members extends Readonly<Record<string, Schema>>>(members: Members): z.ZodObject<Members> {
  return z.object(members, 'an object')
}

/** An object with these members and no others. */
export function exactly<const Members extends Readonly<Record<string, Schema>>>(members: Members) {
  return z.strictObject(members, {
    error: ({ code }) => (code === 'unrecognized_keys' ? `only ${Object.keys(members).join(', ')}` : 'an object'),
  })
}

/** A list of one kind. */
export function list<One extends Schema>(one: One): z.ZodArray<One> {
  return z.array(one, 'a list')
}

/** One of a closed list of words. */
export function oneOf<const Names extends readonly string[]>(names: Names): Schema<Names[number]> {
  return z.enum(names, `one of ${names.join(', ')}`)
}

/** The value, or null where it is null or left out. */
export function orNull<One extends Schema>(one: One): Schema<z.output<One> | null> {
  return one.nullish().transform((value) => value ?? null)
}

/** The value of `json` as the schema reads it. Throws a JsonError that begins with `where`. */
export function readJson<S extends Schema>(schema: S, json: unknown, where: string): z.output<S> {
  const read = schema.safeParse(json, { reportInput: true })
  if (read.success) return read.data
  const [issue] = read.error.issues
  throw new JsonError(issue === undefined ? `${where}: another shape expected` : told(issue, where))
}

function told(issue: z.core.$ZodIssue, where: string): string {
  const place = issue.path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('')
  const got = issue.code === 'unrecognized_keys' ? JSON.stringify(issue.keys[0]?.slice(0, 40)) : kindOf(issue.input)
  return `${where}${place}: ${issue.message} expected, got ${got}`
}

/** Never the value itself: it may be a secret, or of any length. */
function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  const kinds: Readonly<Record<string, string>> = { string: 'text', number: 'a number', object: 'an object' }
  return kinds[typeof value] ?? `a ${typeof value}`
}
