// Kinds of settings: each knows how to read itself from JSON or from text (environment, flags) and what it expects. Text is read as it is
// meant: spaces around it, and capitals of words that are a choice, say nothing; a number may be written as programs write it.

import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where a value came from: JSON has types, the environment and flags are text. */
export type Form = 'json' | 'text'

/** What is wrong with a value; `path` is below the setting, empty for itself. */
export type Wrong = { readonly path: string; readonly expected: string; readonly got: string; readonly hint?: string }

export type Read<Value> =
  { readonly type: 'value'; readonly value: Value } | { readonly type: 'wrong'; readonly wrong: readonly Wrong[] }

export type Setting<Value> = {
  readonly kind: 'setting'
  /** For people: what is expected. */
  readonly expected: string
  /** What stands for the value in a usage line. */
  readonly sign: string
  readonly default: Value
  /** The default as it would be written. */
  readonly defaultText: string
  /** One line. */
  readonly help: string
  readonly read: (raw: unknown, form: Form) => Read<Value>
}

export function value<Value>(read: Value): Read<Value> {
  return { type: 'value', value: read }
}

export function wrong(expected: string, raw: unknown, more: { path?: string; hint?: string } = {}): Read<never> {
  const hint = more.hint === undefined ? {} : { hint: more.hint }
  return { type: 'wrong', wrong: [{ path: more.path ?? '', expected, got: shown(raw), ...hint }] }
}

/** A value as a message shows it: short, and never a secret (no setting is one). */
export function shown(raw: unknown): string {
  const text = raw === undefined ? 'nothing' : JSON.stringify(raw)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

/** A whole number from `min` to `max`; digits in text. */
export function count(from: {
  readonly default: number
  readonly min: number
  readonly max: number
  readonly help: string
}): Setting<number> {
  const expected = `a whole number from ${from.min} to ${from.max}`
  return {
    kind: 'setting',
    expected,
    sign: 'N',
    default: from.default,
    defaultText: String(from.default),
    help: from.help,
    read: (raw, form) => {
      const number = form === 'text' && typeof raw === 'string' ? (numberOf(raw) ?? raw) : raw
      if (typeof number !== 'number') return wrong(expected, raw, numberHint(raw, form))
      return Number.isSafeInteger(number) && number >= from.min && number <= from.max
        ? value(number)
        : wrong(expected, raw)
    },
  }
}

/** Decimal digits, in groups or with an exponent as well: `1_000`, `6.7e+07` (what a template makes of a large number). */
function numberOf(written: string): number | undefined {
  const text = written.trim()
  return /^[+-]?\d+(?:_\d+)*(?:\.\d+)?(?:e[+-]?\d{1,2})?$/i.test(text)
    ? Number(text.replaceAll('_', '')) + 0
    : undefined
}

function numberHint(raw: unknown, form: Form): { readonly hint?: string } {
  if (typeof raw !== 'string') return {}
  if (form === 'json') return { hint: 'without quotes' }
  return /^\d[\d.]*\s*[a-z]+$/i.test(raw.trim()) ? { hint: 'digits alone: the unit is in the name of the setting' } : {}
}

/** The word that was meant, in capitals or not; `off` and `on` are truth values to YAML, and arrive as such. */
function wordOf<Word extends string>(words: readonly Word[], raw: unknown): Word | undefined {
  const written = typeof raw === 'boolean' ? (raw ? 'on' : 'off') : raw
  if (typeof written !== 'string') return undefined
  return words.find((one) => one.toLowerCase() === written.trim().toLowerCase())
}

/** A port by its number, or one of some words. */
export function portOr<const Word extends string>(from: {
  readonly words: readonly Word[]
  readonly default: NoInfer<Word>
  readonly help: string
}): Setting<number | Word> {
  const port = count({ default: 0, min: 0, max: 65_535, help: from.help })
  const expected = `one of ${from.words.join(', ')}, or ${port.expected}`
  return {
    ...port,
    expected,
    sign: [...from.words, 'N'].join('|'),
    default: from.default,
    defaultText: from.default,
    read: (raw, form) => {
      const word = wordOf(from.words, raw)
      if (word !== undefined) return value(word)
      const read = port.read(raw, form)
      return read.type === 'value' ? read : wrong(expected, raw)
    },
  }
}

type TextSetting = {
  readonly help: string
  readonly expected?: string
  /** What is meant by what was written, without the spaces around it; undefined when it does not fit. */
  readonly read?: (written: string) => string | undefined
  /** What to do about one that does not fit. */
  readonly hint?: (written: string) => string | undefined
}

/** Text of at least one character. */
export function text(from: TextSetting & { readonly default: string }): Setting<string> {
  const expected = from.expected ?? 'text'
  return {
    kind: 'setting',
    expected,
    sign: 'TEXT',
    default: from.default,
    defaultText: from.default,
    help: from.help,
    read: (raw) => {
      const written = typeof raw === 'string' ? raw.trim() : ''
      // What some programs that read environment files leave there.
      if (/^(["']).*\1$/s.test(written)) return wrong(expected, raw, { hint: 'without quotes' })
      const meant = from.read === undefined ? written : from.read(written)
      if (written !== '' && meant !== undefined) return value(meant)
      const hint = written === '' ? undefined : from.hint?.(written)
      return wrong(expected, raw, hint === undefined ? {} : { hint })
    },
  }
}

/** Text that may be left out. */
export function optionalText(from: TextSetting & { readonly expected: string }): Setting<string | undefined> {
  const inner = text({ ...from, default: '' })
  return { ...inner, default: undefined, defaultText: 'none' }
}

/** An address to listen on: a name or an address, that of IPv6 with or without brackets. */
export function listenHost(from: { readonly default: string; readonly help: string }): Setting<string> {
  return text({ ...from, read: (written) => /^\[(.*)\]$/.exec(written)?.[1] ?? written })
}

/** A path; `~` is the home of the engine's user, where no shell has read it before. */
export function path(from: { readonly default: string; readonly help: string }): Setting<string> {
  return text({ ...from, read: pathOf, hint: pathHint })
}

/** A path that may be left out. */
export function optionalPath(from: { readonly expected: string; readonly help: string }): Setting<string | undefined> {
  return optionalText({ ...from, read: pathOf, hint: pathHint })
}

/** The path that is meant; undefined for the home of another user, and for what no path can be. */
export function pathOf(written: string): string | undefined {
  if (written.includes('\0')) return undefined
  if (written === '~' || written.startsWith('~/')) return join(homedir(), written.slice(1))
  return /^~[^/]*(\/|$)/.test(written) ? undefined : written
}

function pathHint(written: string): string | undefined {
  return written.startsWith('~') ? 'write the path in full, or ./ before it when its name begins with ~' : undefined
}

export function choice<const Name extends string>(from: {
  readonly default: NoInfer<Name>
  readonly of: readonly Name[]
  readonly help: string
}): Setting<Name> {
  const expected = `one of ${from.of.join(', ')}`
  return {
    kind: 'setting',
    expected,
    sign: from.of.join('|'),
    default: from.default,
    defaultText: from.default,
    help: from.help,
    read: (raw) => {
      const found = wordOf(from.of, raw)
      return found === undefined ? wrong(expected, raw) : value(found)
    },
  }
}

export function truth(from: { readonly default: boolean; readonly help: string }): Setting<boolean> {
  const expected = 'true or false'
  return {
    kind: 'setting',
    expected,
    sign: 'true|false',
    default: from.default,
    defaultText: String(from.default),
    help: from.help,
    read: (raw, form) => {
      if (typeof raw === 'boolean') return value(raw)
      const word = form === 'text' && typeof raw === 'string' ? raw.trim().toLowerCase() : ''
      if (trueWords.includes(word) || falseWords.includes(word)) return value(trueWords.includes(word))
      return wrong(expected, raw, typeof raw === 'string' && form === 'json' ? { hint: 'without quotes' } : {})
    },
  }
}

/** What other programs write for them (YAML 1.1, systemd.syntax(7)). */
const trueWords: readonly string[] = ['true', '1', 'yes', 'on']
const falseWords: readonly string[] = ['false', '0', 'no', 'off']
