// Benchmark of the overhead of monitoring: the same payments with no viewer at the operators' page and with ten, each with its
// feed open and its values decoded, as their browsers do; and an engine that is left alone, where nothing hides the cost.

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { operatorHeader, operatorPaths } from '../../protocol/operator-api.ts'
import { decodeFeed, feedSubprotocol } from '../../protocol/messages/operator-feed.ts'
import { processFigures } from '../driver/child.ts'
import { wideLimits } from '../targets/contenders.ts'
import { closedLoop, openLoop } from '../driver/driver.ts'
import { type EngineTarget, startEngine } from '../targets/engine-target.ts'
import type { FleetShape } from '../driver/fixed-targets.ts'
import { RawSocket } from '../driver/raw-socket.ts'
import { type Row, type Section, against } from '../figures/results.ts'

export type ViewersOptions = {
  readonly folder: string
  readonly fleet: FleetShape
  readonly viewers: number
  readonly perSecond: number
  readonly seconds: number
  readonly rounds: number
  readonly say: (line: string) => void
}

/** A value for each round: with no viewer, and with all viewers. */
type Pair = { readonly none: number[]; readonly all: number[] }
type Measured = { readonly p50Ms: Pair; readonly p99Ms: Pair; readonly cpuUs: Pair; readonly idleCpuMs: Pair }

export async function measureViewers(options: ViewersOptions): Promise<Section> {
  const engine = await startEngine({
    folder: join(options.folder, 'viewers'),
    fleet: options.fleet,
    limits: wideLimits,
    listener: 'auto',
  })
  try {
    return sectionOf(await measure(engine, options), options)
  } finally {
    await engine.stop()
  }
}

async function measure(engine: EngineTarget, options: ViewersOptions): Promise<Measured> {
  const cookie = await signIn(engine)
  await closedLoop(engine.target, { inFlightPerLane: 8, seconds: warmUpS })
  const pair = (): Pair => ({ none: [], all: [] })
  const measured = { p50Ms: pair(), p99Ms: pair(), cpuUs: pair(), idleCpuMs: pair() }
  for (let round = 0; round < options.rounds; round++) {
    // Who comes first changes from round to round: what drifts meanwhile hits both alike.
    for (const who of round % 2 === 0 ? (['none', 'all'] as const) : (['all', 'none'] as const)) {
      const feeds = who === 'all' ? await openFeeds(engine, cookie, options.viewers) : []
      const one = await paid(engine, options)
      const idleCpuMs = await idle(engine, options.seconds)
      measured.p50Ms[who].push(one.p50Ms)
      measured.p99Ms[who].push(one.p99Ms)
      measured.cpuUs[who].push(one.cpuUs)
      measured.idleCpuMs[who].push(idleCpuMs)
      options.say(
        `round ${round + 1}, ${who}: p99 ${one.p99Ms.toFixed(3)} ms, ${one.cpuUs.toFixed(1)} µs each; idle ${idleCpuMs.toFixed(2)} ms a second`,
      )
      for (const feed of feeds) feed.close()
      await sleep(settleMs)
    }
  }
  return measured
}

const warmUpS = 2
/** A closed socket is gone by then, on both sides. */
const settleMs = 200

async function paid(engine: EngineTarget, { perSecond, seconds }: ViewersOptions) {
  await engine.admin.resetMeters()
  const before = processFigures(engine.server.pid).cpuMs
  const { approved } = await openLoop(engine.target, { perSecond, seconds })
  const cpuMs = processFigures(engine.server.pid).cpuMs - before
  const { answered } = await engine.admin.meters()
  if (answered.count === 0) throw new Error('an engine that answers expected')
  return { p50Ms: answered.p50Ms ?? Number.NaN, p99Ms: answered.p99Ms ?? Number.NaN, cpuUs: (1_000 * cpuMs) / approved }
}

/** CPU time of an idle engine, without payments, ms a second. */
async function idle(engine: EngineTarget, seconds: number): Promise<number> {
  // What the payments left to be written is written first.
  await sleep(flushMs)
  const before = processFigures(engine.server.pid).cpuMs
  await sleep(1_000 * seconds)
  return (processFigures(engine.server.pid).cpuMs - before) / seconds
}

const flushMs = 6_000

async function signIn({
  server,
  dataFolder,
}: EngineTarget): Promise<{ readonly origin: string; readonly cookie: string }> {
  const origin: unknown = Reflect.get(server.ready, 'operators')
  if (typeof origin !== 'string') throw new TypeError('an engine with an operators’ page expected')
  const bandpass = fileURLToPath(new URL('../../bin/bandpass', import.meta.url))
  const added = execFileSync(bandpass, ['operator', 'add', 'viewer', '--role', 'viewer', '--data', dataFolder])
  const token: unknown = Reflect.get(JSON.parse(added.toString()), 'token')
  // The engine reads its list of operators once a second.
  for (let tries = 0; tries < 50; tries++) {
    const answer = await fetch(new URL(operatorPaths.signInByToken, origin), {
      method: 'POST',
      headers: { origin: new URL(origin).origin, [operatorHeader]: '1', 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'viewer', token }),
    })
    const cookie = answer.headers.get('set-cookie')?.split(';')[0]
    if (answer.status === 200 && cookie !== undefined) return { origin: new URL(origin).origin, cookie }
    await sleep(1_100)
  }
  throw new Error('the operator could not sign in')
}

async function openFeeds(
  { server }: EngineTarget,
  { origin, cookie }: { readonly origin: string; readonly cookie: string },
  count: number,
): Promise<readonly RawSocket[]> {
  const port = Number(new URL(String(Reflect.get(server.ready, 'operators'))).port)
  const opened = Array.from({ length: count }, () =>
    RawSocket.open({
      port,
      path: operatorPaths.feed,
      subprotocol: feedSubprotocol,
      headers: { origin, cookie },
    }),
  )
  const feeds = await Promise.all(opened)
  let heard = 0
  for (const feed of feeds) {
    feed.onMessage = (bytes, from, to) => {
      if (decodeFeed(bytes.subarray(from, to)).type === 'malformed') throw new Error('a message of the feed expected')
      heard++
    }
  }
  await sleep(1_500)
  if (heard < count) throw new Error(`${count} feeds that speak expected, ${heard} messages heard`)
  return feeds
}

/** How much later the slowest hundredth may be while ten look. */
const timesMax = 1.05

function sectionOf(measured: Measured, { viewers, perSecond, seconds, fleet }: ViewersOptions): Section {
  const all = `${viewers} viewers`
  const rate = `${perSecond.toLocaleString('en-US')}/s`
  const rows = (figure: string, unit: string, pair: Pair, more: Partial<Row> = {}): readonly Row[] => [
    { name: 'no viewer', figure, unit, values: pair.none },
    { name: all, figure, unit, values: pair.all, ...against('no viewer', pair.all, pair.none), ...more },
  ]
  return {
    id: 'viewers',
    title: 'Operators who look',
    how: `Payments at ${rate} for ${seconds} s, then as long without any; ${viewers} feeds of the operators' page open, or none, in turns. Times by the engine's own meters. ${fleet.sockets * fleet.bandsPerSocket} bands.`,
    rows: [
      ...rows(`p50 at ${rate}`, 'ms', measured.p50Ms),
      ...rows(`p99 at ${rate}`, 'ms', measured.p99Ms, { goal: { of: 'ratio', sign: '≤', value: timesMax } }),
      ...rows('CPU of the engine for one answer', 'µs', measured.cpuUs),
      ...rows('CPU of the engine while nothing is paid', 'ms/s', measured.idleCpuMs),
    ],
    notes: ['Each feed is sent once a second what changed; a test shows that without a viewer no timer runs for it.'],
  }
}
