import { describe, expect, it } from 'vitest'
import { type Command, UsageError, helpOf, number, readArguments, required } from './command.ts'
import { commandIndex } from '../command-index.ts'
import { commands } from '../commands.ts'

const command: Command = {
  name: 'coffee brew',
  summary: 'Brews.',
  takes: 'BEAN',
  argumentsMax: 1,
  options: [
    { name: 'cups', value: 'N', help: 'how many' },
    { name: 'strong', help: 'strong' },
  ],
  examples: [{ run: 'coffee brew', does: 'one' }],
  run: async () => 0,
}

function mistakesOf(...argv: string[]): string {
  try {
    readArguments(command, argv)
    return ''
  } catch (error) {
    return error instanceof UsageError ? error.message : 'another error'
  }
}

describe('the arguments of a command', () => {
  it('are values, switches and words', () => {
    const given = readArguments(command, ['arabica', '--cups=3', '--strong'])
    expect([given.args, given.value('cups'), given.has('strong'), given.has('cups')]).toEqual([
      ['arabica'],
      '3',
      true,
      true,
    ])
    expect(readArguments(command, ['--cups', '3']).value('cups')).toBe('3')
  })

  it('that do not fit are all told at once', () => {
    expect(mistakesOf('--cusp', '3', '--strong=very', 'arabica', 'robusta', '--cups').split('\n')).toEqual([
      'unknown option --cusp; did you mean --cups?',
      '--strong takes no value, got very',
      '--cups needs a value: --cups N',
      'unexpected argument robusta',
    ])
  })

  it('are checked for being there, and for being numbers in range', () => {
    const given = readArguments(command, ['--cups', '12'])
    expect(number(given, 'cups', { min: 1, max: 12 })).toBe(12)
    expect(() => number(given, 'cups', { min: 1, max: 11 })).toThrow(
      '--cups: a whole number from 1 to 11 expected, got "12"',
    )
    expect(() => number(readArguments(command, ['--cups=3.5']), 'cups', { min: 1, max: 11 })).toThrow(UsageError)
    expect(number(readArguments(command, []), 'cups', { default: 2, min: 1, max: 11 })).toBe(2)
    expect(() => required(readArguments(command, []), 'cups', '2')).toThrow('--cups is missing, for example --cups 2')
  })
})

describe('the help of every command', () => {
  it.for(commands.map((one) => [one.name, one] as const))(
    '%s shows each option and an example that can be typed',
    ([name, one]) => {
      const help = helpOf(one)
      expect(help).toContain(`usage: bandpass ${name}`)
      for (const option of one.options) expect(help).toContain(`--${option.name}`)
      expect(one.examples.length).toBeGreaterThan(0)
      for (const example of one.examples) expect(example.run).toContain(`bandpass ${name}`)
    },
  )

  it.for(commands.map((one) => [one.name, one] as const))('%s has examples whose options exist', ([name, one]) => {
    for (const { run } of one.examples) {
      const words = run.slice(run.indexOf(`bandpass ${name}`)).split(' ')
      const flags = words.filter((word) => word.startsWith('--')).map((word) => word.slice(2).split('=')[0])
      expect(one.options.map((option) => option.name)).toEqual(expect.arrayContaining(flags))
    }
  })

  it('is for names that do not hide one another', () => {
    expect(new Set(commands.map((one) => one.name)).size).toBe(commands.length)
  })
})

describe('the index of commands', () => {
  it('says of each command what the command says of itself', async () => {
    expect(commandIndex.map(({ name, summary }) => ({ name, summary }))).toEqual(
      commands.map(({ name, summary }) => ({ name, summary })),
    )
    for (const { name, load } of commandIndex) expect((await load()).name).toBe(name)
  })
})
