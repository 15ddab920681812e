// Starts a peer whole: its database in a process of its own, seeded with the fleet, and the server in front of it.

import { join } from 'node:path'
import { type Child, startBenchChild } from '../driver/child.ts'
import { type FleetShape, connectFixed } from '../driver/fixed-targets.ts'
import { fleetBands } from '../driver/fleet.ts'
import type { PeerLimits } from './ledger.ts'
import type { PeerConfig } from './peer-config.ts'
import { type PostgresTuning, findPostgres, startCluster } from './postgres-cluster.ts'
import { seedPostgres } from './postgres-ledger.ts'
import { findRedis, startRedis } from './redis-process.ts'
import { seedRedis } from './redis-ledger.ts'

export type PeerDatabase = 'postgres' | 'redis'

export type PeerOptions = {
  readonly folder: string
  readonly fleet: FleetShape
  readonly limits: PeerLimits
  readonly connections: number
  readonly postgres: PostgresTuning
}

/** What a peer is without having been measured here. */
export const untuned = {
  postgres: { connections: 32, tuning: { walSyncMethod: 'open_datasync', commitDelayUs: 0 } },
  redis: { connections: 1 },
} as const

/** A database that runs; servers may come and go in front of it. */
export type RunningDatabase = {
  readonly database: PeerDatabase
  readonly child: Child
  readonly place: PeerConfig['place']
  /** As a crash: SIGKILL. */
  readonly kill: () => Promise<void>
}

/** The path of a peer's server program, or undefined: then it is skipped, with a note. */
export function findDatabase(database: PeerDatabase): string | undefined {
  return database === 'postgres' ? findPostgres() : findRedis()
}

/** Starts the database; on a folder that has one already, with what is in it. */
export async function startDatabase(
  database: PeerDatabase,
  options: Pick<PeerOptions, 'folder' | 'fleet' | 'postgres'> & { readonly isNew: boolean },
): Promise<RunningDatabase> {
  const binary = findDatabase(database)
  if (binary === undefined) throw new Error(`no ${database} on this machine: run scripts/install-debian.sh peers`)
  const folder = join(options.folder, database)
  const bands = fleetBands(options.fleet.seed, options.fleet.sockets * options.fleet.bandsPerSocket)
  if (database === 'postgres') {
    const cluster = await startCluster(folder, binary, options.postgres)
    const place = { socketFolder: cluster.socketFolder, user: cluster.user }
    if (options.isNew) await seedPostgres(place, bands, Date.now())
    return { database, child: cluster.child, place, kill: cluster.kill }
  }
  const { socketPath, child } = await startRedis(folder, binary)
  if (options.isNew) await seedRedis(socketPath, bands, Date.now())
  return { database, child, place: { socketFolder: socketPath, user: '' }, kill: child.kill }
}

/** Starts the server in front of a database and connects the fleet to it. */
export async function startPeer(
  running: RunningDatabase,
  options: Pick<PeerOptions, 'fleet' | 'limits' | 'connections'> & { readonly linkEpoch?: number },
) {
  const { fleet, limits, connections, linkEpoch = 1 } = options
  const config: PeerConfig = {
    database: running.database,
    place: running.place,
    connections,
    limits,
    seed: fleet.seed,
    bands: fleet.sockets * fleet.bandsPerSocket,
    linkEpoch,
  }
  const server = await startBenchChild('peers/peer-server.ts', [JSON.stringify(config)])
  const name = running.database === 'postgres' ? 'ws + JSON + PostgreSQL' : 'ws + JSON + Redis'
  const target = await connectFixed(name, 'peer', portOf(server), fleet, linkEpoch)
  return {
    target,
    server,
    async stop() {
      target.close()
      await server.kill()
    },
  }
}

/** Where a child of ours listens. */
export function portOf(child: Child): number {
  const port: unknown = Reflect.get(child.ready, 'port')
  if (typeof port !== 'number') throw new TypeError('a child that says where it listens expected')
  return port
}
