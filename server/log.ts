// Log lines: one JSON object each, on stderr. Bytes and whatever is named like a secret are never printed.

/** `error`: someone should look. `warning`: it goes on, but not as it should. */
type LogLevel = 'info' | 'warning' | 'error'

export type Log = (level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>) => void

/** How deep a logged value is followed. */
const depthMax = 6
const secretName = /secret|seed|^token$|psk|pepper|password|private|^masterkey$|authorization/i

/** A log that writes whole lines. */
export function createLog(write: (line: string) => void, nowMs: () => number): Log {
  return (level, event, fields = {}) => {
    const line = { at: new Date(nowMs()).toISOString(), level, event, ...redacted(fields) }
    write(`${JSON.stringify(line)}\n`)
  }
}

function redacted(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, printable(name, value, 0)]))
}

function printable(name: string, value: unknown, depth: number): unknown {
  if (secretName.test(name) && value !== undefined && value !== null && typeof value !== 'boolean') return '[secret]'
  if (value instanceof Uint8Array) return `[${value.length} bytes]`
  if (value instanceof Error) return errorFields(value, depth)
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value
  if ('toJSON' in value && typeof value.toJSON === 'function') return value
  if (depth >= depthMax) return '[deeper]'
  if (Array.isArray(value)) return value.map((one) => printable('', one, depth + 1))
  const entries =
    value instanceof Map ? [...value].map(([key, one]) => [String(key), one] as const) : Object.entries(value)
  return Object.fromEntries(entries.map(([key, one]) => [key, printable(key, one, depth + 1)]))
}

function errorFields(error: Error, depth: number): unknown {
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {}
  const cause =
    error.cause === undefined || depth >= depthMax ? {} : { cause: printable('cause', error.cause, depth + 1) }
  const stack = error.stack
    ?.split('\n')
    .slice(1, 8)
    .map((line) => line.trim())
  return { name: error.name, message: error.message, ...code, stack, ...cause }
}
