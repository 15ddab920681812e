// Benchmark that compares floors, ours and peers over the network, interleaved: capacity in a closed loop, latency at a rate in
// an open one. Round by round they take turns (A B C, A B C, …), so that whatever else the machine does hits all alike.

import type { MeteredTimes } from '../../sdk/admin/admin-client.ts'
import type { Admin } from '../driver/admin.ts'
import { type Contender, type ContenderName, type ContenderOptions, startContender } from '../targets/contenders.ts'
import { type LoadResult, closedLoop, openLoop } from '../driver/driver.ts'
import { type Row, type Section, against } from '../figures/results.ts'

export type ComparisonOptions = ContenderOptions & {
  readonly names: readonly ContenderName[]
  readonly rounds: number
  readonly seconds: number
  /** Rates of the open loop, a second. Those who cannot keep up show it. */
  readonly rates: readonly number[]
  readonly say: (line: string) => void
}

/** What one contender did, a value for each round. */
export type Compared = {
  readonly name: ContenderName
  readonly title: string
  readonly note: string | undefined
  readonly perSecond: number[]
  readonly serverCpuUs: number[]
  readonly driverCpu: number[]
  /** By rate. */
  readonly atRate: Map<number, RateFigures>
  /** Anything but approvals, and requests without an answer, over all rounds. */
  readonly others: Map<string, number>
}

type RateFigures = {
  readonly p50Ms: number[]
  readonly p99Ms: number[]
  readonly p999Ms: number[]
  readonly own: MeteredTimes[]
}

export type Comparison = { readonly compared: readonly Compared[]; readonly missing: readonly ContenderName[] }

/** Starts all, measures all in turns, stops all. */
export async function compare(options: ComparisonOptions): Promise<Comparison> {
  const { names, rounds, rates, say } = options
  const contenders: Contender[] = []
  const missing: ContenderName[] = []
  try {
    for (const name of names) {
      const contender = await startContender(name, options)
      if (contender === undefined) missing.push(name)
      else contenders.push(contender)
      say(contender === undefined ? `${name}: not on this machine` : `${contender.target.name}: ready`)
    }
    const compared = new Map(contenders.map((contender) => [contender, emptyOf(contender)]))
    const warm = new Map<Contender, number>()
    for (const contender of contenders) {
      const { inFlightPerLane } = options
      const { perSecond } = await closedLoop(contender.target, { inFlightPerLane, seconds: warmUpS })
      warm.set(contender, perSecond)
    }
    for (let round = 1; round <= rounds; round++) {
      for (const [contender, into] of compared) {
        const one = await capacity(contender, into, warm.get(contender), options)
        say(`round ${round}, capacity, ${into.title}: ${lineOf(one)}`)
      }
    }
    for (const rate of rates) {
      for (let round = 1; round <= rounds; round++) {
        for (const [contender, into] of compared) {
          const one = await atRate(contender, into, rate, options)
          say(`round ${round}, ${rate}/s, ${into.title}: ${lineOf(one)}`)
        }
      }
    }
    return { compared: [...compared.values()], missing }
  } finally {
    for (const contender of contenders) await contender.stop()
  }
}

function emptyOf({ name, target, note }: Contender): Compared {
  return {
    name,
    title: target.name,
    note,
    perSecond: [],
    serverCpuUs: [],
    driverCpu: [],
    atRate: new Map(),
    others: new Map(),
  }
}

/** Warm-up: code gets as fast as it will be; not counted. */
const warmUpS = 1

async function capacity(
  contender: Contender,
  into: Compared,
  warmPerSecond: number | undefined,
  options: ComparisonOptions,
): Promise<LoadResult> {
  const { inFlightPerLane, seconds } = options
  const one = await closedLoop(contender.target, {
    inFlightPerLane,
    seconds,
    expectPerSecond: into.perSecond.at(-1) ?? warmPerSecond,
    serverCpuMs: contender.cpuMs,
  })
  into.perSecond.push(one.perSecond)
  into.serverCpuUs.push(one.serverCpuUs)
  into.driverCpu.push(one.driverCpu)
  countOthers(into, one)
  return one
}

async function atRate(
  contender: Contender,
  into: Compared,
  rate: number,
  { seconds }: ComparisonOptions,
): Promise<LoadResult> {
  await contender.admin?.resetMeters()
  const one = await openLoop(contender.target, { perSecond: rate, seconds })
  const figures = into.atRate.get(rate) ?? { p50Ms: [], p99Ms: [], p999Ms: [], own: [] }
  into.atRate.set(rate, figures)
  figures.p50Ms.push(one.latency.p50Ms)
  figures.p99Ms.push(one.latency.p99Ms)
  figures.p999Ms.push(one.latency.p999Ms)
  figures.own.push(...(await answeredOf(contender.admin)))
  countOthers(into, one)
  return one
}

async function answeredOf(admin: Admin | undefined): Promise<readonly MeteredTimes[]> {
  if (admin === undefined) return []
  const { answered } = await admin.meters()
  return answered.count === 0 ? [] : [answered]
}

function countOthers(into: Compared, { others, lost }: LoadResult): void {
  const all = lost === 0 ? others : { ...others, 'without an answer': lost }
  for (const [name, count] of Object.entries(all)) into.others.set(name, (into.others.get(name) ?? 0) + count)
}

function lineOf({ perSecond, latency, others, lost, driverCpu, serverCpuUs }: LoadResult): string {
  const cpu = serverCpuUs === 0 ? '' : `, ${serverCpuUs.toFixed(1)} µs server CPU each`
  const wrong = Object.entries(others).map(([name, count]) => `, ${count} ${name}`)
  const none = lost === 0 ? '' : `, ${lost} without an answer`
  return `${Math.round(perSecond)}/s, p50 ${latency.p50Ms.toFixed(3)} ms, p99 ${latency.p99Ms.toFixed(3)} ms${cpu}, driver ${Math.round(100 * driverCpu)} %${wrong.join('')}${none}`
}

/** Our share of the echo that opens and seals, and how many times a peer's answers, that the design asks for. */
const shareOfSealedMin = 0.5
const timesMin: Partial<Record<ContenderName, number>> = { postgres: 5, redis: 2 }

/** The floors of the network as rows of the section `floors`. */
export function floorRows({ compared }: Comparison): readonly Row[] {
  const ours = compared.find(({ name }) => name === 'engine')
  const rows = compared.filter(({ name }) => name === 'echo' || name === 'sealed').flatMap(capacityRows)
  if (ours === undefined) return rows
  const fractions = compared
    .filter(({ name }) => name === 'echo' || name === 'sealed')
    .map((floor): Row => ({
      name: ours.title,
      figure: 'answers',
      unit: '/s',
      values: ours.perSecond,
      ...against(floor.title, ours.perSecond, floor.perSecond),
      ...(floor.name === 'sealed' ? { goal: { of: 'ratio', sign: '≥', value: shareOfSealedMin } } : {}),
    }))
  return [...rows, ...fractions, cpuRow(ours)]
}

/** Ours and the peers as a section of their own. */
export function peersSection({ compared, missing }: Comparison, options: ComparisonOptions): Section {
  const ours = compared.find(({ name }) => name === 'engine')
  const shownOnes = compared.filter(({ name }) => name !== 'echo' && name !== 'sealed')
  const rows = shownOnes.flatMap((one): readonly Row[] => [
    ...capacityRows(one),
    ...[...one.atRate].flatMap(([rate, figures]) => latencyRows(one, rate, figures)),
  ])
  const ratios = shownOnes
    .filter(({ name }) => name !== 'engine' && ours !== undefined)
    .map((peer): Row => {
      const values = ours?.perSecond ?? []
      const min = timesMin[peer.name]
      return {
        name: ours?.title ?? '',
        figure: 'answers',
        unit: '/s',
        values,
        ...against(peer.title, values, peer.perSecond),
        ...(min === undefined ? {} : { goal: { of: 'ratio', sign: '≥', value: min } }),
      }
    })
  const { sockets, bandsPerSocket } = options.fleet
  return {
    id: 'peers',
    title: 'What one would build instead',
    how: `The same requests with the same proofs, decided, remembered on disk and answered sealed: ${sockets} sockets, ${sockets * bandsPerSocket} bands, each with an account of its own. Capacity: closed loop, ${options.inFlightPerLane} in flight on each socket, ${options.seconds} s a round. Latency: open loop, from the intended start.`,
    rows: [...rows, ...ratios],
    notes: [
      ...shownOnes.flatMap(({ note, title }) => (note === undefined ? [] : [`${title}: ${note}.`])),
      ...missing.map(
        (name) => `${name} is not on this machine and was left out (scripts/install-debian.sh peers brings it).`,
      ),
      ...shownOnes.flatMap(({ title, others }) =>
        [...others].map(([name, count]) => `${title}: ${count} answers were not approvals (${name}).`),
      ),
    ],
  }
}

function capacityRows(one: Compared): readonly Row[] {
  return [{ name: one.title, figure: 'answers', unit: '/s', values: one.perSecond, ...driverNote(one) }, cpuRow(one)]
}

function cpuRow({ title, serverCpuUs }: Compared): Row {
  return { name: title, figure: 'CPU of its processes for one answer', unit: 'µs', values: serverCpuUs }
}

/** From here on the load itself may be what bounds a figure. */
const driverBusyShare = 0.9

function driverNote({ driverCpu }: Compared): { readonly note?: string } {
  const most = Math.max(...driverCpu)
  return most < driverBusyShare ? {} : { note: `bounded by the load, which used ${Math.round(100 * most)} % of a core` }
}

function latencyRows(one: Compared, rate: number, figures: RateFigures): readonly Row[] {
  const at = `at ${rate.toLocaleString('en-US')}/s`
  return [
    { name: one.title, figure: `p50 ${at}`, unit: 'ms', values: figures.p50Ms },
    { name: one.title, figure: `p99 ${at}`, unit: 'ms', values: figures.p99Ms },
    { name: one.title, figure: `p99.9 ${at}`, unit: 'ms', values: figures.p999Ms },
    ...(figures.own.length === 0
      ? []
      : [
          {
            name: one.title,
            figure: `p99 ${at}, by its own meters`,
            unit: 'ms',
            values: figures.own.map(({ p99Ms }) => p99Ms ?? Number.NaN),
          },
        ]),
  ]
}
