// Command type and argument parser. What a command is: its help, its options, and what it does. Arguments are read here, so that every command
// treats an unknown flag, a missing value and --help alike.

import { parseArgs } from 'node:util'
import { hiddenIn } from '../../base/printable.ts'
import { didYouMean } from '../../base/did-you-mean.ts'
import { pathOf } from '../../server/settings/setting.ts'

export type Option = {
  readonly name: string
  /** What stands for the value in the help; none = a switch. */
  readonly value?: string
  readonly help: string
  /** May be given more than once: read with `values`. */
  readonly repeats?: true
}

type Example = { readonly run: string; readonly does: string }

export type Command = {
  /** As typed, such as `partner add`. */
  readonly name: string
  readonly summary: string
  /** Arguments after the name, as the help shows them. */
  readonly takes?: string
  readonly argumentsMax?: number
  readonly options: readonly Option[]
  readonly examples: readonly Example[]
  /** Further help, such as the settings. */
  readonly more?: () => string
  /** Unknown options go to `run` too, which tells of them with everything else that is wrong. */
  readonly takesUnknown?: boolean
  /** Resolves with the exit code. */
  readonly run: (given: Given) => Promise<number>
}

/** What was typed after the command's name, checked against its options. */
export type Given = {
  readonly args: readonly string[]
  /** Value of an option; undefined when it was not given. */
  readonly value: (name: string) => string | undefined
  /** Values of an option that repeats, as often as it was given. */
  readonly values: (name: string) => readonly string[]
  readonly has: (name: string) => boolean
  /** All options by name, for those that pass them on. */
  readonly all: Readonly<Record<string, string | boolean>>
  /** What is no option of a command that takes them all the same. */
  readonly unknown: Readonly<Record<string, string | boolean>>
}

/** Something was typed that does not fit: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Reads arguments. Throws a UsageError that lists everything that does not fit. */
export function readArguments(command: Command, argv: readonly string[]): Given {
  const options = Object.fromEntries(
    command.options.map((one) => [one.name, { type: one.value === undefined ? 'boolean' : 'string' } as const]),
  )
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true })
  const all: Record<string, string | boolean> = {}
  const repeated = new Map<string, string[]>()
  const unknown: Record<string, string | boolean> = {}
  const args: string[] = []
  const wrong: string[] = []
  let isAfterUnknown = false
  for (const token of tokens) {
    // What follows an unknown option is most likely its value.
    if (token.kind === 'positional' && !isAfterUnknown) args.push(token.value)
    if (token.kind === 'positional') isAfterUnknown = false
    if (token.kind !== 'option') continue
    const option = command.options.find((one) => one.name === token.name)
    isAfterUnknown = option === undefined && token.value === undefined
    if (option === undefined && command.takesUnknown === true) unknown[token.name] = token.value ?? true
    else if (option === undefined) wrong.push(unknownOption(token.rawName, command))
    else if (option.value === undefined) {
      if (token.value === undefined) all[token.name] = true
      else wrong.push(`--${token.name} takes no value, got ${token.value}`)
    } else if (token.value === undefined) wrong.push(`--${token.name} needs a value: --${token.name} ${option.value}`)
    else {
      const value = meantBy(option.value, token.value)
      all[token.name] = value
      if (option.repeats === true) repeated.set(token.name, [...(repeated.get(token.name) ?? []), value])
    }
  }
  const argumentsMax = command.argumentsMax ?? 0
  if (args.length > argumentsMax) wrong.push(`unexpected argument ${args.slice(argumentsMax).join(' ')}`)
  if (wrong.length > 0) throw new UsageError(wrong.join('\n'))
  return {
    args,
    value: (name) => {
      const value = all[name]
      return typeof value === 'string' ? value : undefined
    },
    values: (name) => repeated.get(name) ?? [],
    has: (name) => all[name] !== undefined,
    all,
    unknown,
  }
}

/** Options that name something on the disk: a `~` that no shell has read, as in `--to=~/x`, is read here. */
const pathSigns: readonly string[] = ['FILE', 'FOLDER', 'BACKUP']

/** What a value means: the spaces and line ends around it, of a file that it was taken from, say nothing. */
function meantBy(sign: string, written: string): string {
  const value = written.trim()
  return pathSigns.includes(sign) ? (pathOf(value) ?? value) : value
}

/** A value that must be there. */
export function required(given: Given, name: string, example: string): string {
  const value = given.value(name)
  if (value === undefined) throw new UsageError(`--${name} is missing, for example --${name} ${example}`)
  return value
}

/** A name of at most so many bytes of UTF-8, for lists that people read. */
export const listedNameBytesMax = 200

/** `--name`: text that is shown as it is written. Throws a UsageError that names the character that is not. */
export function nameOf(given: Given, example: string): string {
  const name = required(given, 'name', example)
  const hidden = hiddenIn(name)
  const bytes = Buffer.byteLength(name)
  if (bytes >= 1 && bytes <= listedNameBytesMax && hidden === undefined) return name
  const got = hidden === undefined ? `${bytes} bytes` : `${hidden}, which is not seen or moves what is beside it`
  throw new UsageError(`--name: one line of 1 to ${listedNameBytesMax} bytes of text expected, got ${got}`)
}

/** A whole number within a range. */
export function number(
  given: Given,
  name: string,
  range: { readonly default?: number; readonly min: number; readonly max: number },
): number {
  const value = given.value(name)
  if (value === undefined && range.default !== undefined) return range.default
  const parsed = value !== undefined && /^\d+$/.test(value) ? Number(value) : Number.NaN
  if (!(parsed >= range.min && parsed <= range.max)) {
    const got = value === undefined ? 'nothing' : `"${value}"`
    throw new UsageError(`--${name}: a whole number from ${range.min} to ${range.max} expected, got ${got}`)
  }
  return parsed
}

/** The help of one command. */
export function helpOf(command: Command): string {
  const takes = command.takes === undefined ? '' : ` ${command.takes}`
  const lines = [command.summary, '', `usage: bandpass ${command.name}${takes} [options]`]
  if (command.options.length > 0) {
    const names = command.options.map((one) => `--${one.name}${one.value === undefined ? '' : ` ${one.value}`}`)
    const width = Math.min(widestName, Math.max(...names.map((name) => name.length)))
    const rows = command.options.map((one, at) => optionRow(names[at] ?? '', one.help, width))
    lines.push('', 'options:', ...rows, `  ${'--help'.padEnd(width)}  show this`)
  }
  if (command.more !== undefined) lines.push('', command.more())
  if (command.examples.length > 0) {
    lines.push('', 'examples:', ...command.examples.flatMap((one) => [`  # ${one.does}`, `  ${one.run}`]))
  }
  return `${lines.join('\n')}\n`
}

/** Longer names have a line of their own. */
const widestName = 34

function optionRow(name: string, help: string, width: number): string {
  return name.length > width ? `  ${name}\n  ${' '.repeat(width)}  ${help}` : `  ${name.padEnd(width)}  ${help}`
}

function unknownOption(written: string, command: Command): string {
  const near = didYouMean(written.replace(/^-+/, ''), ['help', ...command.options.map((one) => one.name)])
  return `unknown option ${written}${near === undefined ? '' : `; did you mean --${near}?`}`
}
