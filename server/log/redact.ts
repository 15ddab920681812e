// Log redaction. What a log may show. Secrets are told by their type: bytes, keys, and whatever is no plain data never reach a line; nor do
// fields named like a secret, at any depth, in errors and their causes too. A caller that logs need not think of it.

import { printableLines } from '../../base/printable.ts'

const secret = '[secret]'
/** How deep a logged value is followed. */
export const depthMax = 6
/** How many entries of one list or object are shown. */
export const entriesMax = 100
/** How many characters of one text are shown. */
export const textMax = 4_096
const stackLinesMax = 7

/** Names of things that are never shown. A public key may be, and how many keys there are. */
const secretName =
  /secret|seed|psk|pepper|passw|private|masterkey$|credential|cookie|authorization|bearer|jwt|tokens?$|(?<!public)keys?$/i
/** 32 bytes or more in hex or base64url, or the parts of a JWT: what a key would look like in the middle of a text. */
const keyLike = /[\w-]{43,}/g
/** A name and password in an address. */
const userInfo = /\/\/[^/\s@]+@/g
export type LogFields = Readonly<Record<string, unknown>>

/** The fields as a log shows them: plain JSON, bounded, without secrets. Never throws. */
export function redacted(fields: LogFields): LogFields {
  return objectOf(Object.entries(fields), 0)
}

function printable(name: string, value: unknown, depth: number): unknown {
  try {
    return isSecretName(name, value) ? secret : shown(value, depth)
  } catch {
    // A getter or a proxy of others: what it threw is not worth losing the line.
    return '[unreadable]'
  }
}

function isSecretName(name: string, value: unknown): boolean {
  if (!secretName.test(name) || value === undefined || value === null || typeof value === 'boolean') return false
  return !(typeof value === 'number' && /keys$/i.test(name))
}

function shown(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
      return textOf(value)
    case 'bigint':
      return value.toString()
    case 'function':
    case 'symbol':
      return `[${typeof value}]`
    case 'object':
      return value === null ? null : objectShown(value, depth)
    default:
      return value
  }
}

function objectShown(value: object, depth: number): unknown {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) {
    return `[${value.byteLength} bytes]`
  }
  if (depth >= depthMax) return '[deeper]'
  if (value instanceof Error) return errorOf(value, depth)
  if (Array.isArray(value)) return listOf(value, depth)
  if (value instanceof Set) return listOf([...value], depth)
  if (value instanceof Map) return objectOf([...value], depth)
  if (value instanceof URL) return textOf(`${value.origin}${value.pathname}`)
  if (isPlain(value)) return objectOf(Object.entries(value), depth)
  const toJson: unknown = 'toJSON' in value ? value.toJSON : undefined
  if (typeof toJson === 'function') return printable('', Reflect.apply(toJson, value, []), depth + 1)
  return `[${value.constructor.name}]`
}

/** Instances of classes hold what they hold for themselves: keys, sockets, settings of libraries. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || (typeof prototype === 'object' && Object.getPrototypeOf(prototype) === null)
}

function objectOf(entries: readonly (readonly [unknown, unknown])[], depth: number): LogFields {
  const some = entries.slice(0, entriesMax).map(([key, one]) => {
    const name = typeof key === 'string' || typeof key === 'number' ? textOf(String(key)) : `[${typeof key}]`
    return [name, printable(name, one, depth + 1)] as const
  })
  const more = entries.length - some.length
  return Object.fromEntries(more > 0 ? [...some, ['more', more]] : some)
}

function listOf(list: readonly unknown[], depth: number): readonly unknown[] {
  const some = list.slice(0, entriesMax).map((one) => printable('', one, depth + 1))
  const more = list.length - some.length
  return more > 0 ? [...some, `[${more} more]`] : some
}

function errorOf(error: Error, depth: number): LogFields {
  const code = 'code' in error && typeof error.code === 'string' ? { code: textOf(error.code) } : {}
  const cause = error.cause === undefined ? {} : { cause: printable('', error.cause, depth + 1) }
  const errors = error instanceof AggregateError ? { errors: listOf(error.errors, depth + 1) } : {}
  const stack = error.stack
    ?.split('\n')
    .slice(1, stackLinesMax + 1)
    .map((line) => textOf(line.trim()))
  return { name: textOf(error.name), message: textOf(error.message), ...code, stack, ...cause, ...errors }
}

function textOf(text: string): string {
  const some = text.length > textMax ? `${text.slice(0, textMax)}[${text.length - textMax} more]` : text
  // What commands a terminal or turns text around is shown as something else than what was written; the oldest controls are escaped as JSON.
  return printableLines(some).replaceAll(userInfo, `//${secret}@`).replaceAll(keyLike, secret)
}
