// Scale and reconnect-storm benchmark with a million bands with live links on one machine: what they weigh, what their garbage
// costs, what an approval takes meanwhile; then all of them lose their connection at once and come back. The load is the load
// tester's (loadtest/), whose bands are rows in typed arrays: a million of anything else would not fit beside the engine.

import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { LoadResult } from '../../loadtest/figures/load-result.ts'
import type { Profile } from '../../loadtest/profile/profile.ts'
import type { LoadPicture } from '../../loadtest/driver/load-watch.ts'
import { Load } from '../../loadtest/run-load.ts'
import { type Child, processFigures, startServe } from '../driver/child.ts'
import { wideLimits } from '../targets/contenders.ts'
import { limitsFlag, wideFlags } from '../targets/engine-target.ts'
import type { Row, Section } from '../figures/results.ts'

export type MillionOptions = {
  readonly folder: string
  readonly seed: string
  readonly bands: number
  readonly perSecond: number
  /** Of the steady load; the storm's stretch is as long, and goes on until all are back. */
  readonly seconds: number
  readonly rounds: number
  readonly wanted: { readonly million: boolean; readonly storm: boolean }
  readonly say: (line: string) => void
}

/** At this size bands report every ten minutes, and the lease is three times that. */
const heartbeatS = 600
/** When in its stretch the storm breaks, and within what time every band tries to come back. */
const stormAt = 0.1
const reconnectWithinMs = 1_000

const steady: Profile = {
  name: 'steady',
  about: 'payments beside heartbeats',
  arrivals: 'poisson',
  rate: [],
  bursts: null,
  requests: [{ weight: 1, action: 1, amountMinor: [1, 20], currency: 978, verdict: 2, label: 'bench' }],
  heartbeats: true,
  storm: null,
  attacks: null,
  failIf: [],
}
const storm: Profile = { ...steady, name: 'storm', storm: { at: stormAt, reconnectWithinMs } }

type SteadyRound = {
  readonly result: LoadResult
  readonly links: number
  readonly anonMb: number
  readonly mappedMb: number
  readonly heapMb: number
}
type StormRound = { readonly result: LoadResult; readonly cpuS: number }

/** The sections that were wanted, of one engine and one fleet. */
export async function measureMillion(options: MillionOptions): Promise<readonly Section[]> {
  const { seed, bands, rounds, wanted, say } = options
  const folder = join(options.folder, 'million')
  const flags = [
    '--heartbeat-s',
    String(heartbeatS),
    '--bands-links-max',
    String(Math.max(1_000, Math.ceil(bands * 1.1))),
  ]
  const server = await startServe([
    '--data',
    folder,
    '--port',
    '0',
    '--tokens-local',
    'on',
    ...limitsFlag(wideLimits),
    ...wideFlags,
    ...flags,
  ])
  const ticker = new Ticker(server, say)
  try {
    const adminToken = readFileSync(join(folder, 'admin-token'), 'utf8').trim()
    const url = String(Reflect.get(server.ready, 'url')).replace(/\/phone$/, '')
    const fleet = { url, adminToken, bands, seed, sessions: 'hub', workers: 1 } as const
    const load = await Load.open(fleet, (picture) => ticker.see(picture))
    say(`${bands} bands: provisioned in ${seconds(load.provisionMs)}, linked in ${seconds(load.linkMs)}`)
    try {
      const steadyRounds: SteadyRound[] = []
      const stormRounds: StormRound[] = []
      for (let round = 1; round <= rounds; round++) {
        if (wanted.million) steadyRounds.push(await steadyRound(load, server, options))
        if (wanted.storm) stormRounds.push(await stormRound(load, ticker, options))
        say(`round ${round} of ${rounds} done`)
      }
      const linkS = load.linkMs / 1_000
      const provisionS = load.provisionMs / 1_000
      return [
        ...(wanted.million ? [millionSection(steadyRounds, { ...options, linkS, provisionS })] : []),
        ...(wanted.storm ? [stormSection(stormRounds, options)] : []),
      ]
    } finally {
      await load.close()
    }
  } finally {
    ticker.stop()
    await server.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function steadyRound(load: Load, server: Child, options: MillionOptions): Promise<SteadyRound> {
  const { perSecond, seconds: forS } = options
  const result = await load.measure({ profile: steady, rate: perSecond, seconds: forS })
  const { anonMb, fileMb } = processFigures(server.pid)
  const { status, memory } = result.server
  return { result, links: status.links, anonMb, mappedMb: fileMb, heapMb: memory.heapUsedMb }
}

async function stormRound(load: Load, ticker: Ticker, options: MillionOptions): Promise<StormRound> {
  const { perSecond, seconds: forS } = options
  ticker.begin()
  const result = await load.measure({ profile: storm, rate: perSecond, seconds: forS })
  const fromMs = ticker.loadingFromMs + stormAt * forS * 1_000
  return { result, cpuS: ticker.cpuBetween(fromMs, fromMs + (result.relinkMs ?? Number.NaN)) / 1_000 }
}

/** Reads the engine's CPU time as it goes, and tells now and then how far a long phase is. */
class Ticker {
  readonly #server: Child
  readonly #say: (line: string) => void
  readonly #timer: NodeJS.Timeout
  #series: { readonly atMs: number; readonly cpuMs: number }[] = []
  #told: { readonly phase: string; readonly share: number } = { phase: '', share: 0 }
  loadingFromMs = Number.NaN

  constructor(server: Child, say: (line: string) => void) {
    this.#server = server
    this.#say = say
    this.#timer = setInterval(() => this.#tick(), tickMs)
  }

  begin(): void {
    this.#series = []
    this.loadingFromMs = Number.NaN
  }

  see({ phase, share }: LoadPicture): void {
    if (phase === 'loading' && Number.isNaN(this.loadingFromMs)) this.loadingFromMs = performance.now()
    const isNew = phase !== this.#told.phase || share >= this.#told.share + 0.25
    if (!isNew) return
    this.#told = { phase, share }
    this.#say(`${phase} ${Math.round(100 * share)} %`)
  }

  /** CPU time that the engine used between two instants, ms. */
  cpuBetween(fromMs: number, toMs: number): number {
    return cpuAt(this.#series, toMs) - cpuAt(this.#series, fromMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    this.#series.push({ atMs: performance.now(), cpuMs: processFigures(this.#server.pid).cpuMs })
  }
}

const tickMs = 250

/** Linear interpolation between two readings, ms of CPU; clamped to the first and last. NaN for an instant that is NaN. */
export function cpuAt(series: readonly { readonly atMs: number; readonly cpuMs: number }[], atMs: number): number {
  if (Number.isNaN(atMs)) return Number.NaN
  const after = series.findIndex((one) => one.atMs >= atMs)
  const [left, right] = after === -1 ? [series.at(-1), undefined] : [series[after - 1], series[after]]
  if (left === undefined) return right?.cpuMs ?? Number.NaN
  if (right === undefined) return left.cpuMs
  return left.cpuMs + ((right.cpuMs - left.cpuMs) * (atMs - left.atMs)) / (right.atMs - left.atMs)
}

type MillionFacts = MillionOptions & { readonly linkS: number; readonly provisionS: number }

function millionSection(rounds: readonly SteadyRound[], facts: MillionFacts): Section {
  const { bands, perSecond, linkS, provisionS } = facts
  const rate = `${perSecond.toLocaleString('en-US')}/s`
  const name = `${bands.toLocaleString('en-US')} live bands`
  const row = rowsOf(name, rounds)
  return {
    id: 'million',
    title: 'Live bands',
    how: `Each band has its live link through one of ${rounds[0]?.result.sockets ?? 0} hub sockets, a heartbeat every ${heartbeatS} s, and pays; open loop at ${rate}, ${facts.seconds} s a round.`,
    rows: [
      row('links', '', (round) => round.links),
      row('memory of its own', 'MB', (round) => round.anonMb, 1_024),
      row('mapped pages of the view', 'MB', (round) => round.mappedMb),
      row('JavaScript heap', 'MB', (round) => round.heapMb),
      row('longest pause for garbage', 'ms', (round) => round.result.server.gc.maxMs),
      row('pauses for garbage, all', 'ms', (round) => round.result.server.gc.totalMs),
      row(`approvals at ${rate}`, '/s', (round) => round.result.achievedPerSecond),
      row(`p99 at ${rate}, by its own meters`, 'ms', (round) => answeredOf(round.result)?.p99Ms ?? null, 1),
      row(`p99.9 at ${rate}, by its own meters`, 'ms', (round) => answeredOf(round.result)?.p999Ms ?? null, 3),
      row(`p99 at ${rate}, by the load`, 'ms', (round) => round.result.latency.p99Ms),
      { name, figure: 'import of all', unit: 's', values: [provisionS], goal: { of: 'figure', sign: '<', value: 120 } },
      { name, figure: 'first links of all, wall time', unit: 's', values: [linkS] },
    ],
    notes: notesOf(rounds.map((round) => round.result)),
  }
}

function stormSection(rounds: readonly StormRound[], { bands, perSecond, seconds: forS }: MillionOptions): Section {
  const name = `storm of ${bands.toLocaleString('en-US')} bands`
  const rate = `${perSecond.toLocaleString('en-US')}/s`
  const row = rowsOf(name, rounds)
  return {
    id: 'storm',
    title: 'Reconnect storm',
    how: `All sockets drop at once and come back within ${seconds(reconnectWithinMs)}; every band resumes. Payments arrive meanwhile as before: open loop at ${rate}, ${forS} s or until all are back. The load, with every band's end of the cryptography, shares the cores.`,
    rows: [
      row(
        'until every band has its link again, wall time',
        's',
        ({ result }) => (result.relinkMs ?? Number.NaN) / 1_000,
      ),
      row('CPU time of the engine meanwhile, payments included', 's', ({ cpuS }) => cpuS, (60 * bands) / 1_000_000),
      row(`p99 at ${rate}, of bands that had their link`, 'ms', ({ result }) => result.liveLatency.p99Ms),
      row(`p99 at ${rate}, waiting for the link included`, 'ms', ({ result }) => result.latency.p99Ms),
      row(`p99 at ${rate}, by its own meters`, 'ms', ({ result }) => answeredOf(result)?.p99Ms ?? null),
      row('longest pause for garbage', 'ms', ({ result }) => result.server.gc.maxMs),
    ],
    notes: notesOf(rounds.map((round) => round.result)),
  }
}

/** Makes rows of one name: a figure of each round, that is to stay below its goal. */
function rowsOf<Round>(name: string, rounds: readonly Round[]) {
  return (figure: string, unit: string, pick: (round: Round) => number | null, goal?: number): Row => ({
    name,
    figure,
    unit,
    values: rounds.map((round) => pick(round) ?? Number.NaN),
    ...(goal === undefined ? {} : { goal: { of: 'figure', sign: '<', value: goal } }),
  })
}

/** What the engine's meters say; undefined when they counted nothing. */
function answeredOf({ server }: LoadResult): LoadResult['server']['answered'] | undefined {
  return server.answered.count === 0 ? undefined : server.answered
}

/** Caveats for the reader. */
function notesOf(results: readonly LoadResult[]): readonly string[] {
  const sum = (pick: (result: LoadResult) => number) => results.reduce((total, result) => total + pick(result), 0)
  const counts = [
    ['denied', sum((result) => result.denied)],
    ['answered with an error', sum((result) => result.errors)],
    ['never answered', sum((result) => result.lost)],
    ['wrong', sum((result) => result.wrong)],
  ] as const
  return [
    ...counts
      .filter(([, count]) => count > 0)
      .map(([what, count]) => `${count.toLocaleString('en-US')} requests were ${what}.`),
    ...new Set(results.flatMap(({ problems }) => problems)),
  ]
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}
