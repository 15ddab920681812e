// `bandpass import`: bindings made elsewhere, from a file, into a running engine.

import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { type ImportedLines, importLines } from './import-lines.ts'
import { openNamed } from '../../server/files/named-file.ts'
import { looksUtf16, notUtf16, withoutMark } from '../../server/files/text-file.ts'
import { adminOf, adminOptions } from '../command/admin-options.ts'
import { type Command, UsageError } from '../command/command.ts'
import { exitInterrupted, interruption } from '../terminal/interrupted.ts'
import { jsonOption, printMade } from '../terminal/output.ts'

const tellEveryMs = 2_000
const redrawEveryMs = 100

const format = [
  'FILE holds one JSON object a line, bytes as hex digits, instants as milliseconds since 1970; - reads from stdin:',
  '  {"bandId":"<32>","bid":"<16>","account":"alice","generation":1,"vendor":7,"model":1,"batch":1,"conformance":31,',
  '   "bandKey":"<64>","acctTag":"<16>","name":"","root":"<64>","k":0,"armed":null}',
  'armed, for a band that stays armed: {"secret":"<32>","armEpoch":1,"wearEpoch":1,"armedUntilMs":0,"verifiedAtMs":0}',
  '',
  'A line that is refused is told on stderr with its number and reason; the others are taken. The same file may be',
  'imported again: what is here already counts as imported. Exit code 1 when a line was refused, 130 when it was interrupted:',
  'then what was told as imported is there, and the same file goes on from it.',
].join('\n')

export const importBindings: Command = {
  name: 'import',
  summary: 'Takes bindings made elsewhere into a running engine, from a file.',
  takes: 'FILE',
  argumentsMax: 1,
  more: () => format,
  options: [...adminOptions, jsonOption],
  examples: [
    {
      run: 'bandpass import bands.ndjson --url http://localhost:8484 --admin-token /var/lib/bandpass/admin-token',
      does: 'a file of bindings',
    },
    {
      run: 'zcat bands.ndjson.gz | bandpass import - --url http://localhost:8484 --admin-token admin-token',
      does: 'from another program',
    },
  ],
  async run(given) {
    const [path] = given.args
    if (path === undefined) throw new UsageError('FILE is missing, for example bands.ndjson')
    const admin = adminOf(given)
    const progress = new Progress(process.stderr)
    const ending = interruption((text) => process.stderr.write(text))
    const lines = untilAborted(linesOf(path), ending.signal)
    const totals = await importLines(utf8Lines(lines, path), {
      send: (body) => admin.import(body),
      refused: ({ line, reason }) => progress.line(`line ${line}: ${reason}`),
      progressed: (lines) => progress.show(lines),
    }).finally(() => {
      progress.end()
      ending.stop()
    })
    const early = ending.signal.aborted ? { interrupted: true } : {}
    const { read, imported, refused } = totals
    printMade(given, { ...totals, ...early }, [
      `${ending.signal.aborted ? 'Interrupted: ' : ''}${read} lines read, ${imported} bindings are there, ${refused} lines were refused.`,
    ])
    if (ending.signal.aborted) return exitInterrupted
    return totals.refused > 0 ? 1 : 0
  },
}

/** Lines until the signal: what was read by then is imported, and told. */
async function* untilAborted(lines: AsyncIterable<string>, signal: AbortSignal): AsyncGenerator<string> {
  const ended = new Promise<undefined>((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
  const reader = lines[Symbol.asyncIterator]()
  while (!signal.aborted) {
    const next = await Promise.race([reader.next(), ended])
    if (next === undefined || next.done === true) return
    yield next.value
  }
}

/** A file that cannot be opened is a slip of typing. */
function linesOf(path: string): AsyncIterable<string> {
  return createInterface({ input: path === '-' ? process.stdin : opened(path), crlfDelay: Infinity })
}

function opened(path: string): Readable {
  try {
    return openNamed(path)
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/** The lines without a byte order mark: also where files that have one were put behind one another. */
async function* utf8Lines(lines: AsyncIterable<string>, path: string): AsyncGenerator<string> {
  let isFirst = true
  for await (const line of lines) {
    if (isFirst && looksUtf16(line)) throw new UsageError(`${path}: ${notUtf16}`)
    isFirst = false
    yield withoutMark(line)
  }
}

/** One line that is drawn again on a terminal; a line now and then elsewhere. */
class Progress {
  readonly #to: NodeJS.WriteStream
  readonly #beganAtMs = Date.now()
  #toldAtMs = Date.now()
  #isDrawn = false

  constructor(to: NodeJS.WriteStream) {
    this.#to = to
  }

  show({ read, imported, refused }: ImportedLines): void {
    const nowMs = Date.now()
    if (nowMs - this.#toldAtMs < (this.#to.isTTY ? redrawEveryMs : tellEveryMs)) return
    this.#toldAtMs = nowMs
    const perSecond = Math.round((1_000 * imported) / Math.max(1, nowMs - this.#beganAtMs))
    const text = `${read} lines read, ${imported} imported, ${refused} refused, ${perSecond}/s`
    if (!this.#to.isTTY) {
      this.#to.write(`${text}\n`)
      return
    }
    this.#to.write(`\r\x1b[2K${text}`)
    this.#isDrawn = true
  }

  /** A line that stays. */
  line(text: string): void {
    this.end()
    this.#to.write(`${text}\n`)
  }

  end(): void {
    if (this.#isDrawn) this.#to.write('\r\x1b[2K')
    this.#isDrawn = false
  }
}
