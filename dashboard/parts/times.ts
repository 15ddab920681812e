// Formatting and parsing of instants and durations, in the reader's zone; UTC stands beside as the title of a <time>.

const dateAndTime: Intl.DateTimeFormatOptions = {
  year: 'numeric',
  month: 'short',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hourCycle: 'h23',
}

/** An instant, ms since 1970, to the millisecond, such as `26 Nov 2026, 14:03:07.120`. */
export function formatInstant(atMs: number, timeZone?: string): string {
  return new Intl.DateTimeFormat('en-GB', timeZone === undefined ? dateAndTime : { ...dateAndTime, timeZone }).format(
    atMs,
  )
}

/** The time of day alone, such as `14:03:07`, of an instant of today. */
export function formatClock(atMs: number): string {
  return new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' }).format(atMs)
}

/** The same instant in UTC, as ISO 8601. */
export function formatUtc(atMs: number): string {
  return new Date(atMs).toISOString()
}

/** Formats a duration in one unit or two: `0.4 s`, `12 s`, `3 min 20 s`, `5 h 2 min`, `3 d 4 h`. Never negative. */
export function formatDuration(durationMs: number): string {
  const ms = Math.max(0, durationMs)
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.floor(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return two(minutes, 'min', seconds % 60, 's')
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return two(hours, 'h', minutes % 60, 'min')
  return two(Math.floor(hours / 24), 'd', hours % 24, 'h')
}

/** The text of an <input type="datetime-local"> for an instant, in the reader's zone; empty for what no calendar has. */
export function toLocalInput(atMs: number): string {
  const at = new Date(atMs)
  if (Number.isNaN(at.getTime()) || at.getFullYear() < 0 || at.getFullYear() > yearMax) return ''
  const date = `${pad(at.getFullYear(), 4)}-${pad(at.getMonth() + 1, 2)}-${pad(at.getDate(), 2)}`
  return `${date}T${pad(at.getHours(), 2)}:${pad(at.getMinutes(), 2)}:${pad(at.getSeconds(), 2)}`
}

/**
 * Resolves such a local time to instants in the reader's zone: one; two in the hour that comes twice when summer time ends; none in
 * the hour that is left out when it begins, and for what is no text of such a field.
 */
export function localInstants(text: string): readonly number[] {
  const [, date = '', time = '', seconds = ':00'] = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d)?$/.exec(text) ?? []
  const asUtcMs = Date.parse(`${date}T${time}${seconds}Z`)
  if (Number.isNaN(asUtcMs)) return []
  const offsets = [-dayMs, 0, dayMs].map((byMs) => new Date(asUtcMs + byMs).getTimezoneOffset())
  const candidates = [...new Set(offsets)].map((offset) => asUtcMs + offset * 60_000)
  return candidates.filter((atMs) => toLocalInput(atMs) === `${date}T${time}${seconds}`).sort((a, b) => a - b)
}

/**
 * The instant of a field that showed `kept` before: that one, to the millisecond, unless it was edited. Of two the `which`; undefined
 * for an empty field; a text that says what is wrong for what means no instant.
 */
export function instantOfField(
  text: string,
  { kept, which }: { readonly kept: number | undefined; readonly which: 'first' | 'last' },
): number | undefined | string {
  if (kept !== undefined && text === toLocalInput(kept)) return kept
  if (text === '') return undefined
  const instants = localInstants(text)
  const atMs = which === 'first' ? instants[0] : instants.at(-1)
  return atMs ?? `${text.replace('T', ' ')} is no time in your zone: the clock is put forward over it.`
}

const dayMs = 86_400_000
/** Latest year that a date field of a form holds. */
const yearMax = 9999

function two(first: number, firstUnit: string, second: number, secondUnit: string): string {
  return second === 0 ? `${first} ${firstUnit}` : `${first} ${firstUnit} ${second} ${secondUnit}`
}

function pad(number: number, digits: number): string {
  return String(number).padStart(digits, '0')
}
