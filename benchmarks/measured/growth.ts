// Scalability benchmark: nothing on the road of one frame grows with the number of bindings. The same load against engines that
// hold 10,000, 100,000 and a million. The fleet that speaks is as large each time and spread over all bindings.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { processFigures, startBenchChild } from '../driver/child.ts'
import { wideLimits } from '../targets/contenders.ts'
import { openLoop } from '../driver/driver.ts'
import { type EngineTarget, startEngine } from '../targets/engine-target.ts'
import type { FleetShape } from '../driver/fixed-targets.ts'
import type { Chains } from '../driver/hub-links.ts'
import { median } from '../figures/latencies.ts'
import { type Row, type Section, against } from '../figures/results.ts'

export type GrowthOptions = {
  readonly folder: string
  readonly fleet: FleetShape
  /** How many bindings, rising. */
  readonly sizes: readonly number[]
  readonly perSecond: number
  readonly seconds: number
  readonly rounds: number
  readonly say: (line: string) => void
}

type Grown = {
  readonly bindings: number
  readonly importS: number
  readonly coldStartS: number
  readonly wakeP50Us: number
  readonly wakeP99Us: number
  readonly p99Ms: number[]
  readonly p999Ms: number[]
  /** By the engine's own meters. */
  readonly ownP99Ms: number[]
  readonly ownP999Ms: number[]
  readonly anonMb: number
  readonly mappedMb: number
  readonly heapMb: number
}

const wakes = 20_000

export async function measureGrowth(options: GrowthOptions): Promise<Section> {
  const folder = join(options.folder, 'growth')
  const grown: Grown[] = []
  try {
    const chains: Chains = new Map()
    for (const bindings of options.sizes) {
      const one = await measureSize(bindings, { ...options, folder, chains })
      grown.push(one)
      options.say(
        `${bindings} bindings: imported in ${one.importS.toFixed(1)} s, cold start ${one.coldStartS.toFixed(2)} s, wake p99 ${one.wakeP99Us.toFixed(1)} µs, p99 ${median(one.p99Ms).toFixed(3)} ms`,
      )
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return sectionOf(grown, options)
}

const warmUpS = 5

async function measureSize(bindings: number, options: GrowthOptions & { readonly chains: Chains }): Promise<Grown> {
  const { folder, chains, fleet, perSecond, seconds, rounds, say } = options
  const start = (): Promise<EngineTarget> =>
    startEngine({
      folder,
      fleet,
      limits: wideLimits,
      listener: 'auto',
      bindings,
      chains,
      importedAt: (count) => say(`${count} imported`),
    })
  const importing = await start()
  await importing.end()
  const wake = await startBenchChild('measured/wake-probe.ts', [
    importing.dataFolder,
    fleet.seed,
    String(bindings),
    String(wakes),
  ])
  await wake.gone
  const engine = await start()
  const figures = { p99Ms: [] as number[], p999Ms: [] as number[], ownP99Ms: [] as number[], ownP999Ms: [] as number[] }
  try {
    // Code gets as fast as it will be, and every band has paid; not counted.
    await openLoop(engine.target, { perSecond, seconds: warmUpS })
    for (let round = 0; round < rounds; round++) {
      await engine.admin.resetMeters()
      const { latency } = await openLoop(engine.target, { perSecond, seconds })
      const { answered } = await engine.admin.meters()
      figures.p99Ms.push(latency.p99Ms)
      figures.p999Ms.push(latency.p999Ms)
      if (answered.p99Ms === null || answered.p999Ms === null) continue
      figures.ownP99Ms.push(answered.p99Ms)
      figures.ownP999Ms.push(answered.p999Ms)
    }
    const { memory } = await engine.admin.meters()
    const { anonMb, fileMb } = processFigures(engine.server.pid)
    return {
      bindings,
      importS: importing.importS,
      coldStartS: engine.startS,
      wakeP50Us: 1_000 * numberOf(wake.ready, 'p50Ms'),
      wakeP99Us: 1_000 * numberOf(wake.ready, 'p99Ms'),
      ...figures,
      anonMb,
      mappedMb: fileMb,
      heapMb: memory.heapUsedMb,
    }
  } finally {
    await engine.end()
  }
}

function numberOf(message: object, name: string): number {
  const value: unknown = Reflect.get(message, name)
  return typeof value === 'number' ? value : Number.NaN
}

function sectionOf(grown: readonly Grown[], { perSecond, fleet, seconds }: GrowthOptions): Section {
  const first = grown[0]
  const rate = perSecond.toLocaleString('en-US')
  const rows = grown.flatMap((one): readonly Row[] => {
    const name = `${one.bindings.toLocaleString('en-US')} bindings`
    const isLast = one === grown.at(-1)
    // By the engine's own clock, unless its meters counted nothing: the load's has the noise of the load in it.
    const p99Of = (of: Grown) => (of.ownP99Ms.length > 0 ? of.ownP99Ms : of.p99Ms)
    const ratio =
      first === undefined || one === first
        ? {}
        : {
            ...against(`${first.bindings.toLocaleString('en-US')} bindings`, p99Of(one), p99Of(first)),
            ...(isLast ? { goal: { of: 'ratio', sign: '≤', value: 1.5 } as const } : {}),
          }
    return [
      { name, figure: `p99 at ${rate}/s, by its own meters`, unit: 'ms', values: one.ownP99Ms, ...under(1) },
      { name, figure: `p99.9 at ${rate}/s, by its own meters`, unit: 'ms', values: one.ownP999Ms, ...under(3) },
      { name, figure: `p99 at ${rate}/s, by the load`, unit: 'ms', values: one.p99Ms },
      ...(one === first ? [] : [{ name, figure: `p99 at ${rate}/s`, unit: 'ms', values: p99Of(one), ...ratio }]),
      { name, figure: 'wake of a sleeping band, p50', unit: 'µs', values: [one.wakeP50Us] },
      { name, figure: 'wake of a sleeping band, p99', unit: 'µs', values: [one.wakeP99Us], ...under(100) },
      { name, figure: 'memory of its own', unit: 'MB', values: [one.anonMb] },
      { name, figure: 'of that the JavaScript heap', unit: 'MB', values: [one.heapMb] },
      { name, figure: 'mapped pages of the view', unit: 'MB', values: [one.mappedMb] },
      { name, figure: 'cold start until it listens', unit: 's', values: [one.coldStartS], ...under(3) },
      ...(one.importS < 0.01
        ? []
        : [{ name, figure: 'import until it had them all', unit: 's', values: [one.importS] }]),
    ]
  })
  const live = fleet.sockets * fleet.bandsPerSocket
  return {
    id: 'growth',
    title: 'As bindings grow',
    how: `Open loop at ${rate}/s for ${seconds} s a round after ${warmUpS} s that do not count, ${live.toLocaleString('en-US')} live bands spread over all bindings; waking: ${wakes.toLocaleString('en-US')} bands in no order, from the view.`,
    rows,
    notes: [],
  }
}

function under(value: number): Pick<Row, 'goal'> {
  return { goal: { of: 'figure', sign: '<', value } }
}
