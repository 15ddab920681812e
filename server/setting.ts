// Kinds of settings: each knows how to read itself from JSON or from text (environment, flags) and what it expects.

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
      const number = form === 'text' && typeof raw === 'string' && /^-?\d+$/.test(raw.trim()) ? Number(raw) : raw
      if (typeof number !== 'number') {
        return wrong(expected, raw, typeof raw === 'string' && form === 'json' ? { hint: 'without quotes' } : {})
      }
      return Number.isSafeInteger(number) && number >= from.min && number <= from.max
        ? value(number)
        : wrong(expected, raw)
    },
  }
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
      const word = from.words.find((one) => one === raw)
      if (word !== undefined) return value(word)
      const read = port.read(raw, form)
      return read.type === 'value' ? read : wrong(expected, raw)
    },
  }
}

/** Text of at least one character. */
export function text(from: {
  readonly default: string
  readonly help: string
  readonly expected?: string
  readonly pattern?: RegExp
}): Setting<string> {
  const expected = from.expected ?? 'text'
  return {
    kind: 'setting',
    expected,
    sign: 'TEXT',
    default: from.default,
    defaultText: from.default,
    help: from.help,
    read: (raw) =>
      typeof raw === 'string' && raw !== '' && (from.pattern?.test(raw) ?? true) ? value(raw) : wrong(expected, raw),
  }
}

/** Text that may be left out. */
export function optionalText(from: {
  readonly help: string
  readonly expected: string
  readonly pattern?: RegExp
}): Setting<string | undefined> {
  const inner = text({ ...from, default: '' })
  return { ...inner, default: undefined, defaultText: 'none' }
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
      const found = from.of.find((name) => name === raw)
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
      if (form === 'text' && (raw === 'true' || raw === 'false')) return value(raw === 'true')
      return wrong(expected, raw, typeof raw === 'string' && form === 'json' ? { hint: 'without quotes' } : {})
    },
  }
}
