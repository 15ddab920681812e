// `bandpass inspect`: one band as its operator may see it. Whose it is stays shortened until a reason is given, which the engine
// journals before it answers.

import { AdminError } from '../../sdk/admin/admin-client.ts'
import type { AccountBands, BandReport, SeveralBands } from '../../sdk/admin/admin-reports.ts'
import { adminOf, adminOptions } from '../command/admin-options.ts'
import { type Command, UsageError, number } from '../command/command.ts'
import { type Line, columnsOf, paint, takesColors } from '../terminal/drawing.ts'
import { accountLines, bandLines, severalLines } from './inspect-view.ts'
import { listJsonOption, printListed } from '../terminal/output.ts'

const decisionsDefault = 10
const decisionsMax = 100
/** A person waits: what an engine cannot do now is told soon. */
const patience = { timeoutMs: 10_000, triesMax: 2 } as const

export const inspect: Command = {
  name: 'inspect',
  summary: 'Shows one band of a running engine: state, holds, presence, limits, pending changes, last decisions.',
  takes: 'BAND',
  argumentsMax: 1,
  options: [
    ...adminOptions,
    { name: 'decisions', value: 'N', help: `how many of the last decisions; ${decisionsDefault} unless given` },
    { name: 'open', value: 'REASON', help: 'tell the whole account id; the journal keeps that it was opened, and why' },
    listJsonOption,
  ],
  more: () =>
    [
      'BAND is a band id (32 hex digits), a bid (16), a phone id, or an account; of an id its first digits are enough, in whatever case,',
      'also as a table shows them (d0189313…). An account with several bands lists them, and so does what begins several ids.',
      'Nothing is changed by looking, and no key is ever shown. Exit code 1 when there is no such band.',
    ].join('\n'),
  examples: [
    {
      run: 'bandpass inspect 9d2c66ba91e2b1f9 --url http://localhost:8484 --admin-token .data/admin-token',
      does: 'by the name it has on the air',
    },
    {
      run: "bandpass inspect alice --url http://localhost:8484 --admin-token .data/admin-token --open 'ticket 4711: asks why it was denied'",
      does: 'and whose it is',
    },
  ],
  async run(given) {
    const [name] = given.args
    if (name === undefined) throw new UsageError('BAND is missing: a band id, a bid or an account')
    const wish = {
      decisionsMax: number(given, 'decisions', { default: decisionsDefault, min: 0, max: decisionsMax }),
      openReason: given.value('open'),
    }
    const report = await adminOf(given, patience).inspectBand(name, wish).catch(asMistake)
    printListed(given, report, textOf(report))
    return 0
  },
}

function textOf(report: BandReport | AccountBands | SeveralBands): string {
  const lines = linesOf(report)
  const width = process.stdout.isTTY ? columnsOf(process.stdout) : Infinity
  const isColored = takesColors(process.stdout, process.env)
  return lines.map((line) => `${paint(line, width, isColored).trimEnd()}\n`).join('')
}

function linesOf(report: BandReport | AccountBands | SeveralBands): readonly Line[] {
  switch (report.type) {
    case 'band':
      return bandLines(report)
    case 'account':
      return accountLines(report)
    case 'several':
      return severalLines(report)
  }
}

/** What can be no name, or no reason, is a slip of typing. */
function asMistake(error: unknown): never {
  if (error instanceof AdminError && error.refusal?.error === 'malformed') throw new UsageError(error.refusal.message)
  throw error
}
