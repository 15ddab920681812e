// Log lines: one JSON object each, by pino. What a line may show is decided by type in redact.ts; how it gets to stderr without
// being lost and without holding up the engine, in stderr-lines.ts.

import { pino } from 'pino'
import { type LogFields, redacted } from './redact.ts'
import { stderrLines } from './stderr-lines.ts'

/** From the least to the most urgent. `warning`: it goes on, but not as it should. `error`: someone should look. */
export const logLevels = ['info', 'warning', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

export type Log = (level: LogLevel, event: string, fields?: LogFields) => void

export type LogOptions = {
  readonly nowMs: () => number
  /** Lines below it are not written. */
  readonly level: LogLevel
}

/** A log on this process's stderr. */
export function stderrLog(level: LogLevel): Log {
  const options = { nowMs: Date.now, level }
  return createLog((line) => {
    stderrLines((lines) => lostLine(options, lines))(line)
  }, options)
}

/** A log that writes whole lines: level, at, event, then the fields. */
export function createLog(write: (line: string) => void, { nowMs, level }: LogOptions): Log {
  const logger = pino(
    {
      level,
      customLevels: { info: 30, warning: 40, error: 50 },
      useOnlyCustomLevels: true,
      base: null,
      timestamp: () => `,"at":"${new Date(nowMs()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      // The fields come bounded.
      depthLimit: 100,
      edgeLimit: 1_000,
    },
    { write },
  )
  return (at, event, fields = {}) => {
    if (logger.isLevelEnabled(at)) logger[at]({ event, ...withoutOurs(redacted(fields)) })
  }
}

function lostLine(options: LogOptions, lines: number): string {
  const told: string[] = []
  createLog((line) => told.push(line), { ...options, level: 'info' })('warning', 'log.lost', { lines })
  return told.join('')
}

const ours = ['level', 'at', 'event']

/** A field that has the name of one of ours stands behind it, with a `_`: a line never says another level than its own. */
function withoutOurs(fields: LogFields): LogFields {
  if (!ours.some((name) => name in fields)) return fields
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [ours.includes(name) ? `${name}_` : name, value]),
  )
}
