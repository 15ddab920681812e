// The engine as a benchmark target: `bandpass serve` as an operator starts it, with its journal and its view on disk, in a
// process of its own. The fleet comes in by the operators' import and speaks through hubs, as many sockets as every other target
// gets.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Admin, openAdmin } from '../driver/admin.ts'
import { type Child, startServe } from '../driver/child.ts'
import type { Target } from '../driver/driver.ts'
import type { FleetShape } from '../driver/fixed-targets.ts'
import { fleetBand, fleetBands } from '../driver/fleet.ts'
import { type Chains, type HubLinks, openHub } from '../driver/hub-links.ts'
import type { PeerLimits } from '../peers/ledger.ts'
import { frameWire } from '../driver/requests.ts'

export type EngineOptions = {
  readonly folder: string
  readonly fleet: FleetShape
  readonly limits: PeerLimits
  readonly listener: 'auto' | 'ws'
  /** Further flags of `serve`. */
  readonly flags?: readonly string[]
  /** How many bindings the engine holds; the fleet's bands are spread over them. As many as speak unless told. */
  readonly bindings?: number
  /** Where the bands are in their chains, when the engine of this folder has had them before. */
  readonly chains?: Chains
  /** Called now and then during a long import. */
  readonly importedAt?: (count: number) => void
}

export type EngineTarget = {
  readonly target: Target
  readonly server: Child
  readonly admin: Admin
  /** `uws-compat`, `ws`, … */
  readonly listener: string
  readonly dataFolder: string
  /** From the start of the process to its word that it is ready, s. */
  readonly startS: number
  /** How long it took to bring the bindings in; 0 when it had them. */
  readonly importS: number
  /** At once. */
  readonly stop: () => Promise<void>
  /** In order: it writes everything and closes. */
  readonly end: () => Promise<void>
}

/** One address carries what a carrier network would: the limits per address and hub are as wide as a benchmark needs. */
const wide = '100000000'
export const wideFlags: readonly string[] = [
  ...['account-frames', 'network-hub-frames', 'network-hub-bytes', 'network-address-frames'].flatMap((name) => [
    `--${name}-per-second`,
    wide,
    `--${name}-burst`,
    wide,
  ]),
  '--network-address-sockets-max',
  '100000',
]

/** Heartbeats are not what is measured here: the lease lasts three of the longest, 15 minutes. */
const heartbeatS = '300'

export async function startEngine(options: EngineOptions): Promise<EngineTarget> {
  const { fleet, listener, flags = [], chains = new Map() } = options
  const folder = join(options.folder, `engine-${listener}`)
  mkdirSync(folder, { recursive: true })
  const startedMs = performance.now()
  const server = await startServe([
    '--data',
    folder,
    '--port',
    '0',
    '--listener',
    listener,
    '--tokens-local',
    'on',
    '--heartbeat-s',
    heartbeatS,
    ...limitsFlag(options.limits),
    ...wideFlags,
    ...flags,
  ])
  const port: unknown = Reflect.get(server.ready, 'port')
  if (typeof port !== 'number') throw new TypeError('a port expected')
  const startS = (performance.now() - startedMs) / 1_000
  const admin = openAdmin(port, folder)
  const live = fleet.sockets * fleet.bandsPerSocket
  const { bindings = live } = options
  if (bindings < live) throw new RangeError(`${live} bands speak, so as many bindings are needed, not ${bindings}`)
  const importS = await importMissing(admin, fleet.seed, bindings, options.importedAt)
  const bands = fleetBands(fleet.seed, live, Math.floor(bindings / live))
  const partner = await admin.partner(`bench-${process.pid}-${Date.now()}`)
  const hubs: HubLinks[] = []
  for (let at = 0; at < bands.length; at += fleet.bandsPerSocket) {
    hubs.push(await openHub(port, bands.slice(at, at + fleet.bandsPerSocket), (key) => admin.hubToken(key), chains))
  }
  const name = String(Reflect.get(server.ready, 'listener'))
  return {
    target: {
      name: `Bandpass on ${name === 'ws' ? 'ws' : 'uWebSockets'}`,
      wire: frameWire,
      partner,
      lanes: hubs.map(({ socket, links }) => ({ socket, bands: links })),
      refresh: async () => {
        await Promise.all(hubs.map((hub) => hub.refresh()))
      },
      isStateless: false,
    },
    server,
    admin,
    listener: name,
    dataFolder: folder,
    startS,
    importS,
    async stop() {
      for (const { socket } of hubs) socket.close()
      await server.kill()
    },
    async end() {
      for (const { socket } of hubs) socket.close()
      await server.end()
    },
  }
}

const importChunk = 1_000
const importsUnderWay = 4
const tellEvery = 100_000

/** Brings in what the engine does not have yet; importing again would change nothing, but cost as much. */
async function importMissing(
  admin: Admin,
  seed: string,
  bindings: number,
  told: (count: number) => void = () => {},
): Promise<number> {
  const had = await admin.bandsCount()
  const startedMs = performance.now()
  let next = had
  let done = had
  const work = async (): Promise<void> => {
    while (next < bindings) {
      const first = next
      const count = Math.min(importChunk, bindings - first)
      next += count
      await admin.importBands(Array.from({ length: count }, (_, index) => fleetBand(seed, first + index)))
      done += count
      if (Math.floor(done / tellEvery) > Math.floor((done - count) / tellEvery)) told(done)
    }
  }
  await Promise.all(Array.from({ length: importsUnderWay }, work))
  return next === had ? 0 : (performance.now() - startedMs) / 1_000
}

/** The limits of peers as the engine is told them. */
export function limitsFlag({ perUseMinor, perDayMinor, perLevelUseMinor }: PeerLimits): readonly string[] {
  const table = {
    perUseMinor,
    perDayMinor,
    perClassDayMinor: { pay: perDayMinor, receive: perDayMinor },
    perLevelUseMinor,
    perLevelDayMinor: [perDayMinor, perDayMinor, perDayMinor, perDayMinor, perDayMinor],
    verification: [],
    restrictedPerUseMinor: perUseMinor,
    tapAboveMinor: perUseMinor,
  }
  return ['--limits', JSON.stringify({ EUR: table })]
}
