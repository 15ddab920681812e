// Strict request validation: a member that is not known is a mistake, which is refused and not silently ignored. Every function here
// throws a `Mistake` on what does not fit.

import { Mistake, parsedBody } from '../../base/request.ts'
import { type JsonObject, isObject } from './json.ts'

/** An object with these members and no other, from a JSON body in UTF-8. */
export function readBody(body: Uint8Array, members: readonly string[]): JsonObject {
  const parsed = parsedBody(body)
  if (!isObject(parsed)) throw new Mistake('body: a JSON object in UTF-8 expected')
  knownOnly(parsed, members)
  return parsed
}

export function knownOnly(object: JsonObject, members: readonly string[]): void {
  const unknown = Object.keys(object).find((name) => !members.includes(name))
  if (unknown === undefined) return
  const expected = members.length === 0 ? 'no member' : `only ${members.join(', ')}`
  throw new Mistake(`body: ${expected} expected, got ${JSON.stringify(unknown.slice(0, 40))}`)
}

/** Text of 1 to `max` characters. */
export function textOf(object: JsonObject, name: string, max: number): string {
  const value = object[name]
  if (typeof value === 'string' && value !== '' && value.length <= max) return value
  throw new Mistake(`${name}: text of 1 to ${max} characters expected`)
}

export function countOf(object: JsonObject, name: string, max: number): number {
  const value = object[name]
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= max) return value
  throw new Mistake(`${name}: a whole number from 0 to ${max} expected`)
}

/** A whole number written in digits. */
export function numberOf(
  name: string,
  written: string | undefined,
  range: { readonly min?: number; readonly max?: number } = {},
): number {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = range
  const digits = written?.trim() ?? ''
  const count = /^\d{1,16}$/.test(digits) ? Number(digits) : Number.NaN
  if (count >= min && count <= max) return count
  throw new Mistake(`${name}: a whole number from ${min} to ${max} expected`)
}

/** What `parse` makes of it; its RangeError is turned into a `Mistake` of the client. */
export function parsedAs<Value>(name: string, parse: () => Value): Value {
  try {
    return parse()
  } catch (error) {
    if (error instanceof RangeError) throw new Mistake(`${name}: ${error.message}`, { cause: error })
    throw error
  }
}
