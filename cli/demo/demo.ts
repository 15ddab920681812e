// `bandpass demo`: a wearer's day, many times over, against a real engine in its own process: pair, wear, arm, pay, over
// real WebSockets, with every answer on disk first.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mintToken } from '../../band-sim/demo-tokens.ts'
import type { DemoFile } from '../../band-sim/demo-world.ts'
import { Fleet } from '../../band-sim/fleet.ts'
import { pinsOf } from '../../band-sim/band/package.ts'
import type { Scheduler } from '../../band-sim/virtual/scheduler.ts'
import { printableJson } from '../../base/printable.ts'
import { type Partner, createPartner } from '../../sdk/offers.ts'
import { toldChores } from '../../server/log/chore-log.ts'
import { startingLimits } from '../../server/settings/limit-tables.ts'
import { realClock } from '../../server/machine/real-clock.ts'
import { realPrimitives } from '../../server/machine/real-primitives.ts'
import { Canvas } from '../terminal/canvas.ts'
import { type Command, type Given, number } from '../command/command.ts'
import { readDemoFile } from './demo-file.ts'
import { incidents, payment } from './demo-incidents.ts'
import { DemoScore } from './demo-score.ts'
import { type DemoPicture, draw, plainLine, summary, whatNext } from './demo-view.ts'
import { exitInterrupted, interruption } from '../terminal/interrupted.ts'
import { type EngineProcess, startEngineProcess } from '../engine/engine-process.ts'

export const demo: Command = {
  name: 'demo',
  summary: "Plays a wearer's day for many bands against a real engine, and shows what it decides and how fast.",
  options: [
    { name: 'bands', value: 'N', help: 'how many bands; 50 unless given' },
    { name: 'seconds', value: 'N', help: 'how long they pay; 10 unless given' },
    { name: 'rate', value: 'N', help: 'payments a second, all bands together; one each unless given' },
    { name: 'data', value: 'FOLDER', help: 'data folder to use and keep; else a temporary one' },
    { name: 'seed', value: 'TEXT', help: 'the day is drawn from it; demo unless given' },
    { name: 'json', help: 'one JSON line last on stdout; everything else goes to stderr' },
  ],
  examples: [
    { run: 'bandpass demo', does: 'fifty bands, ten seconds' },
    { run: 'bandpass demo --bands 500 --seconds 30 --rate 1000', does: 'a busier day' },
    { run: 'bandpass demo --bands 20 --seconds 3 --json | tail -1', does: 'for a script' },
  ],
  run,
}

type Day = { readonly bands: number; readonly seconds: number; readonly rate: number; readonly seed: string }

async function run(given: Given): Promise<number> {
  const bands = number(given, 'bands', { default: 50, min: 1, max: 20_000 })
  const day: Day = {
    bands,
    seconds: number(given, 'seconds', { default: 10, min: 1, max: 86_400 }),
    rate: number(given, 'rate', { default: bands, min: 1, max: 100_000 }),
    seed: given.value('seed') ?? 'demo',
  }
  const isJson = given.has('json')
  const kept = given.value('data')
  const data = kept ?? mkdtempSync(join(tmpdir(), 'bandpass-demo-'))
  const ending = interruption()
  try {
    const engine = await startEngineProcess(engineArguments(data, day))
    try {
      const file = readDemoFile(readFileSync(join(data, 'demo.json'), 'utf8'))
      const { score, isInterrupted, paidForS } = await new Demo(
        day,
        engine,
        file,
        isJson ? process.stderr : process.stdout,
      ).play(ending.signal)
      const result = score.result(engine.ready)
      const early = isInterrupted ? { interrupted: true, seconds: paidForS } : {}
      if (isJson) process.stdout.write(`${printableJson({ ...result, ...early })}\n`)
      if (isInterrupted) return exitInterrupted
      return result.paired === bands && result.approved > 0 ? 0 : 1
    } finally {
      await engine.stop()
    }
  } finally {
    ending.stop()
    if (kept === undefined) rmSync(data, { recursive: true, force: true })
  }
}

/** The demo's own configuration: all phones come from one address, and a day is a few seconds long. */
function engineArguments(data: string, { bands, rate }: Day): readonly string[] {
  const settings: Readonly<Record<string, string | number>> = {
    data,
    host: '127.0.0.1',
    port: 0,
    demo: 'true',
    'status-ms': 250,
    durability: 'disk',
    'tokens-local': 'on',
    limits: JSON.stringify(dayLimits()),
    'journal-segment-bytes': 16 * 1024 * 1024,
    'bands-links-max': Math.max(1_000, 2 * bands),
    'account-frames-per-second': 1_000 + rate,
    'account-frames-burst': 1_000 + rate,
    'network-phone-frames-per-second': 1_000 + rate,
    'network-phone-frames-burst': 1_000 + rate,
    'network-phone-bytes-per-second': 1_000_000,
    'network-phone-bytes-burst': 1_000_000,
    'network-address-connections-burst': 2_000 + 2 * bands,
    'network-address-requests-burst': 2_000 + 2 * bands,
    'network-address-frames-per-second': 200_000,
    'network-address-frames-burst': 200_000,
    'network-address-sockets-max': 1_000 + bands,
    'pairing-windows-max': 1_000 + bands,
    'pairing-failures-per-address': 1_000 + bands,
  }
  return Object.entries(settings).map(([name, value]) => (name === 'demo' ? '--demo' : `--${name}=${value}`))
}

/** As an engine starts with, but for a day's sums: the demo's day may be as long as someone likes. */
function dayLimits(): object {
  const endless = 1_000_000_000_000
  const euro = startingLimits.get(978)
  return {
    EUR: {
      ...euro,
      perDayMinor: endless,
      perClassDayMinor: { pay: endless, receive: endless },
      perLevelDayMinor: [0, endless, endless, endless, endless],
    },
  }
}

const refreshMs = 200
const plainEveryMs = 1_000
/** How long the slowest machine may take to get all bands armed: a fixed part and one for each band. */
const setUpMs = 30_000
const setUpPerBandMs = 200

/** Milliseconds with a fraction: decisions take less than one. */
type Chores = ReturnType<typeof toldChores>

const fineClock = (chores: Chores): Scheduler => ({
  nowMs: () => performance.timeOrigin + performance.now(),
  after: chores.clock(realClock).after,
})

class Demo {
  readonly #day: Day
  readonly #engine: EngineProcess
  readonly #fleet: Fleet
  readonly #chores: Chores
  readonly #score = new DemoScore()
  readonly #out: NodeJS.WriteStream
  readonly #canvas: Canvas | undefined
  #phase: DemoPicture['phase'] = 'pairing'
  #payingSinceMs = 0
  #decidedBefore = 0
  #isInterrupted = false
  #engineSaid: string | undefined

  constructor(day: Day, engine: EngineProcess, file: DemoFile, out: NodeJS.WriteStream) {
    this.#day = day
    this.#engine = engine
    this.#out = out
    this.#canvas = out.isTTY ? new Canvas(out) : undefined
    this.#chores = toldChores(realClock, (error) => this.#incidentFailed(error))
    this.#fleet = fleetOf(day, { file, chores: this.#chores }, (event) => this.#score.see(event))
    void engine.gone.then((words) => {
      this.#engineSaid = words
    })
  }

  /** Aborted, it ends early. `paidForS`: how long was truly paid. */
  async play(
    signal: AbortSignal,
  ): Promise<{ readonly score: DemoScore; readonly isInterrupted: boolean; readonly paidForS: number }> {
    const { bands, seconds } = this.#day
    const interrupt = (): void => {
      this.#isInterrupted = true
    }
    signal.addEventListener('abort', interrupt)
    if (signal.aborted) interrupt()
    const stopShowing = this.#showOften()
    this.#fleet.start()
    await this.#until(() => this.#score.armed + this.#score.lost >= bands, setUpMs + bands * setUpPerBandMs)
    if (this.#isInterrupted) return this.#endEarly(stopShowing)
    this.#phase = 'paying'
    if (this.#canvas === undefined) this.#out.write(`armed: ${this.#score.armed} of ${bands} bands\n`)
    this.#payingSinceMs = performance.now()
    this.#decidedBefore = this.#score.decided
    // Pairing keeps both processes busy with key agreement: what is measured is the day.
    this.#score.latency.reset()
    incidents(this.#fleet, seconds * 1_000, this.#chores.clock(realClock).after, (error) => this.#incidentFailed(error))
    await this.#until(() => false, seconds * 1_000)
    const picture = this.#picture()
    const paidForS = this.#isInterrupted ? Math.round((performance.now() - this.#payingSinceMs) / 100) / 10 : seconds
    this.#phase = 'closing'
    await this.#fleet.stop()
    stopShowing()
    this.#canvas?.show([...draw(picture), ''])
    const span = this.#isInterrupted ? { seconds: paidForS, of: seconds } : { seconds }
    this.#out.write(`${[...summary({ ...picture, score: this.#score }, span), '', ...whatNext].join('\n')}\n`)
    return { score: this.#score, isInterrupted: this.#isInterrupted, paidForS }
  }

  /** Nothing was paid yet. */
  async #endEarly(stopShowing: () => void) {
    this.#phase = 'closing'
    await this.#fleet.stop()
    stopShowing()
    const { paired, armed } = this.#score
    this.#out.write(`interrupted before a band paid: ${paired} of ${this.#day.bands} were paired, ${armed} armed\n`)
    return { score: this.#score, isInterrupted: true, paidForS: 0 }
  }

  async #until(isOver: () => boolean, withinMs: number): Promise<void> {
    const endMs = performance.now() + withinMs
    while (!isOver() && performance.now() < endMs && !this.#isInterrupted) {
      if (this.#engineSaid !== undefined) throw new DemoFailed(`the engine is gone; it last said:\n${this.#engineSaid}`)
      await new Promise<void>((resolve) => realClock.after(20, resolve))
    }
  }

  #incidentFailed(error: unknown): void {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    const name = `incident: ${code}`
    this.#score.failures.set(name, (this.#score.failures.get(name) ?? 0) + 1)
  }

  #showOften(): () => void {
    const show = (): void => {
      const picture = this.#picture()
      if (this.#canvas === undefined) this.#out.write(`${plainLine(picture)}\n`)
      else this.#canvas.show(draw(picture))
    }
    const everyMs = this.#canvas === undefined ? plainEveryMs : refreshMs
    return this.#chores.every('status-lines', { everyMs, work: show })
  }

  #picture(): DemoPicture {
    const paidForMs = this.#phase === 'pairing' ? 0 : performance.now() - this.#payingSinceMs
    return {
      bands: this.#day.bands,
      score: this.#score,
      status: this.#engine.status(),
      engine: this.#engine.ready,
      phase: this.#phase,
      share: Math.min(1, paidForMs / (this.#day.seconds * 1_000)),
      decisionsPerSecond: paidForMs < 200 ? 0 : ((this.#score.decided - this.#decidedBefore) * 1_000) / paidForMs,
    }
  }
}

/** The demo cannot go on. */
class DemoFailed extends Error {
  override readonly name = 'DemoFailed'
}

function fleetOf(
  day: Day,
  { file, chores }: { readonly file: DemoFile; readonly chores: Chores },
  report: ConstructorParameters<typeof Fleet>[0]['report'],
): Fleet {
  const issuer = { ...file.tokens, seed: bytesOf(file.tokens.seed) }
  const run = Date.now().toString(36)
  return new Fleet({
    count: day.bands,
    seed: day.seed === 'demo' ? `demo ${run}` : day.seed,
    primitives: realPrimitives,
    scheduler: fineClock(chores),
    engine: { url: file.url },
    vendor: { ...file.vendor, seed: bytesOf(file.vendor.seed) },
    pins: pinsOf(file.engine),
    partner: wholeMs(createPartner({ ...file.partner, key: bytesOf(file.partner.key) }, realPrimitives)),
    account: (index) => `demo-${run}-${index}`,
    token: (account, keys) => () =>
      mintToken(realPrimitives, issuer, { account, nowMs: Date.now() }, keys.session.publicKey),
    startGapMs: 10,
    payEveryMs: (1_000 * day.bands) / day.rate,
    payment,
    report,
  })
}

function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}

/** An offer's expiry is a whole number of ms, which the fleet's fine clock does not give. */
function wholeMs(partner: Partner): Partner {
  return { ...partner, offer: (request) => partner.offer({ ...request, expiresAtMs: Math.floor(request.expiresAtMs) }) }
}
