// `bandpass top`: an engine at work in a terminal, redrawn once a second, until it is ended. An engine that is started
// again or cannot be reached is said to be, and watching goes on by itself.

import { setTimeout as wait } from 'node:timers/promises'
import { printableJson } from '../../base/printable.ts'
import { type AdminClient, AdminError, type EngineInfo } from '../../sdk/admin/admin-client.ts'
import type { LastMinute, RecentSecond } from '../../sdk/admin/admin-reports.ts'
import { adminOf, adminOptions } from '../command/admin-options.ts'
import type { Command, Given } from '../command/command.ts'
import { columnsOf, marksOf, paint, takesColors } from '../terminal/drawing.ts'
import { Screen } from '../terminal/screen.ts'
import { type TopPicture, drawTop, topJson } from './top-view.ts'

const everyMs = 1_000
/** A reading that takes longer is said to be missing. */
const patienceMs = 2_500
/** One answer may take so long; then it is asked anew. */
const timeoutMs = 5_000
const secondsKept = 60

export const top: Command = {
  name: 'top',
  summary: 'Shows a running engine at work: decisions a second, how fast, and what might go wrong.',
  options: [
    ...adminOptions,
    { name: 'once', help: 'print one picture and end, as without a terminal' },
    { name: 'json', help: 'print one JSON line and end' },
  ],
  more: () =>
    [
      'Figures are those of the last full second unless a line says otherwise; their course over the last minute stands beside',
      'them, the newest at the right, drawn from nothing to its highest. Times over the budget are marked. NO_COLOR=1 turns',
      'colours off. q or Ctrl-C ends. Any number may watch: nobody takes figures from anybody else.',
    ].join('\n'),
  examples: [
    { run: 'bandpass top --url http://localhost:8484 --admin-token .data/admin-token', does: 'watch' },
    {
      run: "bandpass top --url http://localhost:8484 --admin-token .data/admin-token --json | jq '.minute.answered.p99Ms'",
      does: 'one figure, for a script',
    },
  ],
  async run(given) {
    const watch = new EngineWatch(() => adminOf(given, { timeoutMs, triesMax: 1 }), given.value('url') ?? '')
    if (given.has('json') || given.has('once') || !process.stdout.isTTY) return once(given, watch)
    return live(watch)
  },
}

async function once(given: Given, watch: EngineWatch): Promise<number> {
  await watch.read()
  const picture = watch.picture(false)
  if (given.has('json')) {
    process.stdout.write(`${printableJson(topJson(picture, Date.now()))}\n`)
    return 0
  }
  // To a file a line is as long as it is; on a terminal it is cut, or it would wrap.
  const width = process.stdout.isTTY ? columnsOf(process.stdout) : Infinity
  const lines = drawTop(picture, Math.min(width, plainColumns)).map((line) => paint(line, width, false).trimEnd())
  process.stdout.write(`${lines.join('\n')}\n`)
  return 0
}

/** A picture for a file is as wide as one for a usual terminal, with the whole minute. */
const plainColumns = 100

async function live(watch: EngineWatch): Promise<number> {
  // What was mistyped is told before the screen is taken.
  await watch.readOrWait()
  const screen = new Screen(process.stdout, takesColors(process.stdout, process.env))
  const show = (): void => screen.show(drawTop(watch.picture(true), columnsOf(process.stdout)))
  const ending = whenEnded()
  // Should anything throw past us, the terminal is given back all the same.
  const leave = (): void => screen.leave()
  process.once('exit', leave)
  process.stdout.on('resize', show)
  screen.enter()
  try {
    while (!ending.isEnded()) {
      show()
      await Promise.race([ending.ended, wait(everyMs)])
      if (!ending.isEnded()) await Promise.race([ending.ended, watch.readOrWait(), wait(patienceMs)])
    }
  } finally {
    process.stdout.removeListener('resize', show)
    ending.stop()
    leave()
  }
  return 0
}

/** Ends with q, Ctrl-C, or a signal. The terminal hands over keys as they are pressed until `stop`. */
function whenEnded() {
  const { stdin } = process
  let isEnded = false
  let end: () => void = () => undefined
  const ended = new Promise<void>((resolve) => {
    end = () => {
      isEnded = true
      resolve()
    }
  })
  const pressed = (keys: Buffer): void => {
    if (endingKeys.some((key) => keys.includes(key))) end()
  }
  for (const signal of signals) process.on(signal, end)
  if (stdin.isTTY) {
    stdin.setRawMode(true)
    stdin.on('data', pressed)
  }
  return {
    ended,
    isEnded: () => isEnded,
    stop() {
      for (const signal of signals) process.removeListener(signal, end)
      if (!stdin.isTTY) return
      stdin.removeListener('data', pressed)
      stdin.setRawMode(false)
      stdin.pause()
    },
  }
}

const signals = ['SIGINT', 'SIGTERM'] as const
/** In raw mode Ctrl-C is a key like any other. */
const endingKeys = ['q', 'Q', '\u0003'] as const

/** What is known of one engine, reading by reading. */
class EngineWatch {
  readonly #connect: () => AdminClient
  readonly #url: string
  #admin: AdminClient
  #info: EngineInfo | undefined
  #reading: LastMinute | undefined
  #readAtMs = performance.now()
  #seconds: readonly RecentSecond[] = []
  #isRestarted = false
  #trouble: string | undefined
  #underWay: Promise<void> | undefined

  /** `connect` reads the token anew each time. */
  constructor(connect: () => AdminClient, url: string) {
    this.#connect = connect
    this.#url = url
    this.#admin = connect()
  }

  picture(isLive: boolean): TopPicture {
    const forMs = performance.now() - this.#readAtMs
    const text = this.#trouble ?? (forMs > everyMs + patienceMs ? 'it is asked and does not answer' : undefined)
    return {
      url: this.#url,
      info: this.#info,
      reading: this.#reading,
      seconds: this.#seconds,
      trouble: text === undefined ? undefined : { text, forMs },
      isRestarted: this.#isRestarted,
      isLive,
      marks: marksOf(process.env),
    }
  }

  /** One reading, never two at a time. A failure is kept as trouble; a wrong token at the first try is not waited out. */
  readOrWait(): Promise<void> {
    this.#underWay ??= this.read()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#underWay = undefined
      })
    return this.#underWay
  }

  async read(): Promise<void> {
    this.#info ??= await this.#admin.info()
    let reading = await this.#admin.lastMinute(this.#seconds.at(-1)?.atMs ?? 0)
    if (this.#isYoungerThanKnown(reading)) {
      this.#isRestarted = true
      this.#info = await this.#admin.info()
      reading = await this.#admin.lastMinute(0)
    }
    const before = reading.seconds[0]?.atMs ?? Infinity
    const kept = this.#seconds.filter(({ atMs }) => atMs < before)
    this.#seconds = [...kept, ...reading.seconds].slice(-secondsKept)
    this.#reading = reading
    this.#readAtMs = performance.now()
    this.#trouble = undefined
  }

  /** An engine that has been up for less than it should have been is another run of it. */
  #isYoungerThanKnown({ upMs }: LastMinute): boolean {
    if (this.#reading === undefined) return false
    return upMs - this.#reading.upMs < (performance.now() - this.#readAtMs) / 2 - everyMs / 2
  }

  #failed(error: unknown): void {
    if (this.#reading === undefined && error instanceof AdminError && error.status === 401) throw error
    this.#trouble = troubleOf(error)
    // The token may have been replaced, and the engine with it.
    try {
      this.#admin = this.#connect()
    } catch (unread) {
      this.#trouble = troubleOf(unread)
    }
  }
}

/** The address, with which the errors of the admin API begin, stands in the title already. */
function troubleOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error instanceof AdminError ? error.message.slice(error.message.indexOf(' ') + 1) : error.message
}
