// Registry of the sections of `make bench`, by the names of `--only`: what each needs, and what it makes of a run's settings.

import { join } from 'node:path'
import { type ComparisonOptions, compare, floorRows, peersSection } from './measured/comparison.ts'
import type { ContenderName } from './targets/contenders.ts'
import { measureApprovals } from './measured/approvals.ts'
import type { FleetShape } from './driver/fixed-targets.ts'
import { type DiskFloors, diskFloorRows, measureDiskFloors } from './measured/floors.ts'
import { measureGrowth } from './measured/growth.ts'
import { measureMillion } from './measured/million.ts'
import { measureOverload } from './measured/overload.ts'
import type { Row, Section } from './figures/results.ts'
import { measureSteps } from './measured/steps.ts'
import { measureViewers } from './measured/viewers.ts'

export const sectionIds = [
  'floors',
  'peers',
  'steps',
  'approvals',
  'growth',
  'million',
  'storm',
  'overload',
  'viewers',
] as const
export type SectionId = (typeof sectionIds)[number]

export type RunSettings = {
  readonly folder: string
  readonly seed: string
  readonly isQuick: boolean
  readonly rounds: number
  /** Length of one measured stretch, s. */
  readonly seconds: number
  readonly rates: readonly number[]
  readonly fleet: FleetShape
  readonly inFlightPerLane: number
  /** Bindings of the section growth, rising. */
  readonly sizes: readonly number[]
  /** Live bands of the sections million and storm. */
  readonly bands: number
  readonly say: (line: string) => void
}

/** Runs what was asked for, one after the other, but for what takes turns; tells each section when it is there. */
export async function runSections(
  wanted: ReadonlySet<SectionId>,
  settings: RunSettings,
  done: (section: Section) => void,
): Promise<void> {
  if (wanted.has('floors') || wanted.has('peers')) for (const one of await compared(wanted, settings)) done(one)
  if (wanted.has('steps')) done(await steps())
  if (wanted.has('approvals')) done(await approvals(settings))
  if (wanted.has('growth')) done(await growth(settings))
  if (wanted.has('million') || wanted.has('storm')) for (const one of await million(wanted, settings)) done(one)
  if (wanted.has('overload')) done(await overload(settings))
  if (wanted.has('viewers')) done(await viewers(settings))
}

/** A rate at which even the slowest keeps up, so that latencies can be compared; the design's rate comes with the others. */
const comparedRatesMax = 5_000

async function compared(wanted: ReadonlySet<SectionId>, settings: RunSettings): Promise<readonly Section[]> {
  const { isQuick, rates } = settings
  const floors: readonly ContenderName[] = ['echo', 'sealed']
  const peers: readonly ContenderName[] = ['engine-ws', 'postgres', 'redis']
  const options: ComparisonOptions = {
    ...settings,
    names: [...(wanted.has('floors') ? floors : []), 'engine', ...(wanted.has('peers') ? peers : [])],
    rates: wanted.has('peers') ? rates.filter((rate) => rate <= comparedRatesMax) : [],
    tuneS: isQuick || !wanted.has('peers') ? undefined : 2,
  }
  const disk: DiskFloors[] = []
  for (let round = 0; wanted.has('floors') && round < settings.rounds; round++) {
    disk.push(
      await measureDiskFloors({
        folder: settings.folder,
        syncs: isQuick ? 300 : 2_000,
        rows: isQuick ? 10_000 : 100_000,
        gets: 50_000,
      }),
    )
  }
  const comparison = await compare(options)
  const sections: Section[] = []
  if (wanted.has('floors')) {
    sections.push({
      id: 'floors',
      title: 'Floors',
      how: `What nothing on this machine can beat. Echoes: ${options.fleet.sockets} sockets with ${options.inFlightPerLane} requests in flight on each; the second one does the cryptography of an authorization and nothing else. Disk: one file, preallocated.`,
      rows: [...floorRows(comparison), ...diskFloorRows(disk)],
      notes: comparison.compared.flatMap(({ title, others }) =>
        [...others].map(([name, count]) => `${title}: ${count} answers were ${name}.`),
      ),
    })
  }
  if (wanted.has('peers')) sections.push(peersSection(comparison, options))
  return sections
}

async function steps(): Promise<Section> {
  const rows = (await measureSteps()).flatMap(({ name, p50Us, p99Us, spreadPercent }): readonly Row[] => [
    { name, figure: 'p50', unit: 'µs', values: [p50Us], note: `± ${spreadPercent.toFixed(1)} %` },
    { name, figure: 'p99', unit: 'µs', values: [p99Us] },
  ])
  return {
    id: 'steps',
    title: "The steps of a frame's road",
    how: 'Each step by itself, in one process, half a second each; the journal without a sync.',
    rows,
    notes: [],
  }
}

/** With phones of their own instead of hubs, so that a session per account is measured as well. */
async function approvals({ isQuick, rates, rounds, seconds }: RunSettings): Promise<Section> {
  const bands = isQuick ? 50 : 300
  const rows: Row[] = []
  for (const perSecond of rates) {
    const measured = await measureApprovals({ bands, perSecond, seconds, rounds, listener: 'auto', durability: 'disk' })
    const name = `${perSecond.toLocaleString('en-US')}/s`
    const add = (figure: string, unit: string, pick: (one: (typeof measured.rounds)[number]) => number): void => {
      rows.push({ name, figure, unit, values: measured.rounds.map(pick) })
    }
    add('engine p50', 'ms', (one) => one.engine.p50Ms)
    add('engine p99', 'ms', (one) => one.engine.p99Ms)
    add('engine p99.9', 'ms', (one) => one.engine.p999Ms)
    add('phone p50', 'ms', (one) => one.client.p50Ms)
    add('phone p99', 'ms', (one) => one.client.p99Ms)
    add('CPU of the engine', '%', (one) => 100 * one.cpuShare)
    add('not approved', '', (one) => one.other)
  }
  return {
    id: 'approvals',
    title: 'Approvals by phones',
    how: `${bands} phones, each with its band as the simulator has them, durable, open loop, ${seconds} s a round. Engine: from the frame to its answer written. Phone: from the intended start, the band's own work included.`,
    rows,
    notes: ['The phones and bands are the real clients of one process, which is busier than the engine.'],
  }
}

/** Live bands that speak in the section growth: more than stay in any cache by chance. */
const spreadBandsPerSocket = { quick: 16, full: 256 } as const

function growth(settings: RunSettings): Promise<Section> {
  const { isQuick, fleet } = settings
  const bandsPerSocket = isQuick ? spreadBandsPerSocket.quick : spreadBandsPerSocket.full
  return measureGrowth({
    ...settings,
    folder: join(settings.folder, 'growth'),
    fleet: { ...fleet, sockets: isQuick ? 16 : 32, bandsPerSocket },
    perSecond: Math.max(...settings.rates),
  })
}

function million(wanted: ReadonlySet<SectionId>, settings: RunSettings): Promise<readonly Section[]> {
  return measureMillion({
    ...settings,
    perSecond: Math.max(...settings.rates),
    // Long enough that a storm of all of them is over within it on a machine that meets its goal.
    seconds: settings.isQuick ? settings.seconds : Math.max(30, settings.seconds),
    wanted: { million: wanted.has('million'), storm: wanted.has('storm') },
  })
}

function overload(settings: RunSettings): Promise<Section> {
  return measureOverload({ ...settings, times: 3 })
}

/** As many operators as look at once on a busy day. */
const viewersCount = 10

function viewers(settings: RunSettings): Promise<Section> {
  return measureViewers({ ...settings, viewers: viewersCount, perSecond: Math.max(...settings.rates) })
}
