// The command line of Bandpass: finds the command, reads its arguments, and says what went wrong in one place.
// Exit codes: 0 done, 1 it failed, 2 something typed or configured does not fit, 70 a bug; 130 after SIGINT, 143 after SIGTERM (130 where a
// command ends in an order of its own), 141 when the reader of its output went away. Of the commands only the one that is run is loaded.

import { didYouMean } from '../base/did-you-mean.ts'
import { remedyOf } from '../server/files/system-error.ts'
import { version } from '../server/machine/version.ts'
import { type Command, UsageError, helpOf, readArguments } from './command/command.ts'
import { type IndexedCommand, commandIndex } from './command-index.ts'
import { endAtOnce, endWithReader, followSignals } from './terminal/signals.ts'

endWithReader()
const code = await main(process.argv.slice(2))
// Not `exitCode`: a timer that was forgotten must not keep the process of a stopped engine.
process.exit(code)

async function main(argv: readonly string[]): Promise<number> {
  const found = commandOf(argv)
  const isHelp = found !== undefined && (found.rest.includes('--help') || found.rest.includes('-h'))
  // Until then they are kept.
  if (found?.command.followsSignals !== true || isHelp) followSignals(endAtOnce)
  try {
    if (found === undefined) return general(argv)
    const command = await found.command.load()
    if (isHelp) {
      process.stdout.write(helpOf(command))
      return 0
    }
    return await traced(() => command.run(readArguments(command, found.rest)))
  } catch (error) {
    return failed(error, found?.command)
  }
}

/** Spans that the command made leave before the process ends. */
async function traced(run: () => Promise<number>): Promise<number> {
  const { flushTraces } = await import('../server/figures/traces.ts')
  try {
    return await run()
  } finally {
    await flushTraces()
  }
}

function general(argv: readonly string[]): number {
  const [first] = argv
  if (first === '--version' || first === '-v') {
    process.stdout.write(`${version}\n`)
    return 0
  }
  if (first === undefined || first === '--help' || first === '-h' || first === 'help') {
    process.stdout.write(overview())
    return 0
  }
  const below = commandIndex.filter((one) => one.name.startsWith(`${first} `))
  if (below.length > 0) {
    const isAsked = argv.includes('--help') || argv.includes('-h')
    const written = `bandpass ${first} ...\n${list(below)}\n`
    if (isAsked) process.stdout.write(written)
    else process.stderr.write(`bandpass: which of these?\n\n${written}`)
    return isAsked ? 0 : 2
  }
  const near = didYouMean(first, [...new Set(commandIndex.flatMap((one) => [one.name, one.name.split(' ')[0] ?? '']))])
  throw new UsageError(`unknown command ${first}${near === undefined ? '' : `; did you mean ${near}?`}`)
}

/** The longest name that the arguments begin with. */
function commandOf(
  argv: readonly string[],
): { readonly command: IndexedCommand; readonly rest: readonly string[] } | undefined {
  for (let words = 3; words > 0; words--) {
    const command = commandIndex.find((one) => one.name === argv.slice(0, words).join(' '))
    if (command !== undefined) return { command, rest: argv.slice(words) }
  }
  return undefined
}

function overview(): string {
  return [
    `Bandpass ${version}: a real-time authorization engine for wearables.`,
    '',
    'usage: bandpass COMMAND [options]',
    '',
    list(commandIndex),
    '',
    'bandpass COMMAND --help tells more of each. bandpass --version prints the version.',
    '',
  ].join('\n')
}

function list(shown: readonly Pick<Command, 'name' | 'summary'>[]): string {
  const width = Math.max(...shown.map((one) => one.name.length))
  return shown.map((one) => `  ${one.name.padEnd(width)}  ${one.summary}`).join('\n')
}

function failed(error: unknown, command: Pick<Command, 'name'> | undefined): number {
  // By its name: its class comes with all the settings.
  const isMistake = error instanceof UsageError || (error instanceof Error && error.name === 'ConfigError')
  const text = error instanceof Error ? error.message : String(error)
  process.stderr.write(`bandpass: ${text}\n`)
  const remedy = isMistake ? undefined : remedyOf(error)
  if (error instanceof UsageError) {
    process.stderr.write(`see: bandpass ${command === undefined ? '' : `${command.name} `}--help\n`)
  } else if (remedy !== undefined) process.stderr.write(`${remedy}\n`)
  else if (!isMistake && error instanceof Error && isBug(error)) {
    process.stderr.write(`${error.stack ?? ''}\n`)
    return 70
  }
  return isMistake ? 2 : 1
}

/** Errors of the language itself are ours; those with a name of their own say what to do. */
function isBug(error: Error): boolean {
  return error instanceof TypeError || error instanceof ReferenceError || error.constructor === Error
}
