// The contenders of a comparison over the network, started side by side, each with the same number of sockets and bands. One that
// runs and is not its turn costs nothing but memory.

import { type Child, processFigures, startBenchChild } from '../driver/child.ts'
import type { Admin } from '../driver/admin.ts'
import type { Target } from '../driver/driver.ts'
import { startEngine } from './engine-target.ts'
import { type FleetShape, connectFixed } from '../driver/fixed-targets.ts'
import type { PeerLimits } from '../peers/ledger.ts'
import { type Tuned, asItComes, tunePeer } from '../peers/peer-tuning.ts'
import { type PeerDatabase, findDatabase, portOf, startDatabase, startPeer } from '../peers/start-peer.ts'

export const contenderNames = ['echo', 'sealed', 'engine', 'engine-ws', 'postgres', 'redis'] as const
export type ContenderName = (typeof contenderNames)[number]

export type Contender = {
  readonly name: ContenderName
  readonly target: Target
  /** CPU time of all its processes so far, ms. */
  readonly cpuMs: () => number
  /** Ours has meters of its own. */
  readonly admin: Admin | undefined
  /** For the reader: how it was set up. */
  readonly note: string | undefined
  readonly stop: () => Promise<void>
}

export type ContenderOptions = {
  readonly folder: string
  readonly fleet: FleetShape
  readonly inFlightPerLane: number
  /** Whether peers are tuned first, and how long each try lasts, s; undefined: as they come. */
  readonly tuneS: number | undefined
}

/** Amounts are 1 minor unit: no limit is met in a benchmark, but every one is checked. */
const never = 1_000_000_000_000
export const wideLimits: PeerLimits = {
  perUseMinor: never,
  perDayMinor: never,
  perLevelUseMinor: [never, never, never, never, never],
}

/** Starts one; undefined when this machine has no server program for it. */
export async function startContender(name: ContenderName, options: ContenderOptions): Promise<Contender | undefined> {
  switch (name) {
    case 'echo':
    case 'sealed':
      return startEcho(name, options.fleet)
    case 'engine':
      return startOurs(name, 'auto', options)
    case 'engine-ws':
      return startOurs(name, 'ws', options)
    case 'postgres':
    case 'redis':
      return findDatabase(name) === undefined ? undefined : startTuned(name, options)
  }
}

async function startEcho(name: 'echo' | 'sealed', fleet: FleetShape): Promise<Contender> {
  const bandsCount = fleet.sockets * fleet.bandsPerSocket
  const server = await startBenchChild('targets/echo-server.ts', [
    name === 'echo' ? 'bare' : name,
    fleet.seed,
    String(bandsCount),
  ])
  const target = await connectFixed(
    name === 'echo' ? 'bare echo' : 'echo that opens and seals',
    'echo',
    portOf(server),
    fleet,
  )
  return {
    name,
    target,
    cpuMs: cpuOf(server),
    admin: undefined,
    note: undefined,
    async stop() {
      target.close()
      await server.kill()
    },
  }
}

/** What is compared has the same priority for its turns. */
const asTheOthers = ['--thread-goes-first', 'false'] as const

async function startOurs(name: ContenderName, listener: 'auto' | 'ws', options: ContenderOptions): Promise<Contender> {
  const { folder, fleet } = options
  const engine = await startEngine({ folder, fleet, limits: wideLimits, listener, flags: asTheOthers })
  const { target, server, admin, stop } = engine
  return { name, target, cpuMs: cpuOf(server), admin, note: `listener ${engine.listener}`, stop }
}

async function startTuned(database: PeerDatabase, options: ContenderOptions): Promise<Contender> {
  const { folder, fleet, inFlightPerLane, tuneS } = options
  const limits = wideLimits
  const tuned =
    tuneS === undefined
      ? asItComes(database)
      : await tunePeer(database, { folder, fleet, limits, inFlightPerLane, seconds: tuneS })
  const running = await startDatabase(database, { folder, fleet, postgres: tuned.postgres, isNew: true })
  const peer = await startPeer(running, { fleet, limits, connections: tuned.connections })
  return {
    name: database,
    target: peer.target,
    cpuMs: cpuOf(peer.server, running.child),
    admin: undefined,
    note: noteOf(database, tuned),
    async stop() {
      await peer.stop()
      await running.kill()
    },
  }
}

function noteOf(database: PeerDatabase, { connections, postgres, tried }: Tuned): string {
  const pool = `${connections} pipelined connection${connections === 1 ? '' : 's'}`
  const used =
    database === 'redis'
      ? `Redis: ${pool}, appendfsync always`
      : `PostgreSQL: ${pool}, synchronous_commit on, wal_sync_method ${postgres.walSyncMethod}, commit_delay ${postgres.commitDelayUs} µs`
  return tried.length === 0 ? `${used} (not tuned in this run)` : `${used}; tried ${tried.join('; ')}`
}

function cpuOf(...children: readonly Child[]): () => number {
  return () => children.reduce((sum, { pid }) => sum + processFigures(pid).cpuMs, 0)
}
