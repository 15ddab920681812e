// Instants and durations as people read them: in the reader's zone; UTC stands beside as the title of a <time>.

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

/** How long something is, in one unit or two: `0.4 s`, `12 s`, `3 min 20 s`, `5 h 2 min`, `3 d 4 h`. Never negative. */
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

/** The text of an <input type="datetime-local"> for an instant, in the reader's zone. */
export function toLocalInput(atMs: number): string {
  const at = new Date(atMs)
  const date = `${pad(at.getFullYear(), 4)}-${pad(at.getMonth() + 1, 2)}-${pad(at.getDate(), 2)}`
  return `${date}T${pad(at.getHours(), 2)}:${pad(at.getMinutes(), 2)}:${pad(at.getSeconds(), 2)}`
}

/** The instant that such a text means; undefined when it means none. */
export function fromLocalInput(text: string): number | undefined {
  const atMs = new Date(text).getTime()
  return text === '' || Number.isNaN(atMs) ? undefined : atMs
}

function two(first: number, firstUnit: string, second: number, secondUnit: string): string {
  return second === 0 ? `${first} ${firstUnit}` : `${first} ${firstUnit} ${second} ${secondUnit}`
}

function pad(number: number, digits: number): string {
  return String(number).padStart(digits, '0')
}
