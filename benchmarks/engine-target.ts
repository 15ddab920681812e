// Ours: `bandpass serve` as an operator starts it, with its journal and its view on disk, in a process of its own. The
// fleet comes in by the operators' import and speaks through hubs, as many sockets as every other target gets.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Admin, openAdmin } from './admin.ts'
import { type Child, startServe } from './child.ts'
import type { Target } from './driver.ts'
import type { FleetShape } from './fixed-targets.ts'
import { fleetBands } from './fleet.ts'
import { type HubLinks, openHub } from './hub-links.ts'
import type { PeerLimits } from './peers/ledger.ts'
import { frameWire } from './requests.ts'

export type EngineOptions = {
  readonly folder: string
  readonly fleet: FleetShape
  readonly limits: PeerLimits
  readonly listener: 'auto' | 'ws'
  /** Further flags of `serve`. */
  readonly flags?: readonly string[]
}

export type EngineTarget = {
  readonly target: Target
  readonly server: Child
  readonly admin: Admin
  /** `uws-compat`, `ws`, … */
  readonly listener: string
  readonly stop: () => Promise<void>
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
  const { fleet, listener, flags = [] } = options
  const folder = join(options.folder, `engine-${listener}`)
  mkdirSync(folder, { recursive: true })
  const server = await startServe([
    ...['--data', folder, '--port', '0', '--listener', listener, '--tokens-local', 'on', '--heartbeat-s', heartbeatS],
    ...['--limits', JSON.stringify({ EUR: limitTable(options.limits) })],
    ...wideFlags,
    ...flags,
  ])
  const port: unknown = Reflect.get(server.ready, 'port')
  if (typeof port !== 'number') throw new TypeError('a port expected')
  const admin = openAdmin(port, folder)
  const bands = fleetBands(fleet.seed, fleet.sockets * fleet.bandsPerSocket)
  await admin.importBands(bands)
  const partner = await admin.partner('bench')
  const hubs: HubLinks[] = []
  for (let at = 0; at < bands.length; at += fleet.bandsPerSocket) {
    hubs.push(await openHub(port, bands.slice(at, at + fleet.bandsPerSocket), (key) => admin.hubToken(key)))
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
    async stop() {
      for (const { socket } of hubs) socket.close()
      await server.kill()
    },
  }
}

function limitTable({ perUseMinor, perDayMinor, perLevelUseMinor }: PeerLimits) {
  return {
    perUseMinor,
    perDayMinor,
    perClassDayMinor: { pay: perDayMinor, receive: perDayMinor },
    perLevelUseMinor,
    perLevelDayMinor: [perDayMinor, perDayMinor, perDayMinor, perDayMinor, perDayMinor],
    verification: [],
    restrictedPerUseMinor: perUseMinor,
    tapAboveMinor: perUseMinor,
  }
}
