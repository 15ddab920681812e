// Automatic tuning of a peer, of connections and of how a commit reaches the disk: what a careful operator would find out on the
// machine at hand. Short runs, the best by answers a second. What is found is shown with the results.

import { join } from 'node:path'
import { closedLoop } from '../driver/driver.ts'
import { type PeerDatabase, type PeerOptions, startDatabase, startPeer, untuned } from './start-peer.ts'
import type { PostgresTuning } from './postgres-cluster.ts'

export type Tuned = {
  readonly connections: number
  readonly postgres: PostgresTuning
  /** What was tried, for people. */
  readonly tried: readonly string[]
}

type Candidate = { readonly connections: number; readonly postgres: PostgresTuning }

/** As it comes, without trying anything. */
export function asItComes(database: PeerDatabase): Tuned {
  return { connections: untuned[database].connections, postgres: untuned.postgres.tuning, tried: [] }
}

/** Tries what matters for a database, one thing after the other. */
export async function tunePeer(
  database: PeerDatabase,
  options: Pick<PeerOptions, 'folder' | 'fleet' | 'limits'> & {
    readonly inFlightPerLane: number
    readonly seconds: number
  },
): Promise<Tuned> {
  const tried: string[] = []
  let runs = 0
  const best = async (candidates: readonly Candidate[]): Promise<Candidate> => {
    let found: { readonly candidate: Candidate; readonly perSecond: number } | undefined
    for (const candidate of candidates) {
      const perSecond = await capacity(database, candidate, {
        ...options,
        folder: join(options.folder, `tune-${++runs}`),
      })
      tried.push(`${nameOf(database, candidate)}: ${Math.round(perSecond)}/s`)
      if (found === undefined || perSecond > found.perSecond) found = { candidate, perSecond }
    }
    return found?.candidate ?? asItComes(database)
  }
  const start = { connections: untuned[database].connections, postgres: untuned.postgres.tuning }
  if (database === 'redis')
    return { ...(await best([1, 2, 4].map((connections) => ({ ...start, connections })))), tried }
  const committing = await best(
    (['open_datasync', 'fdatasync'] as const).flatMap((walSyncMethod) =>
      [0, 100].map((commitDelayUs) => ({ ...start, postgres: { walSyncMethod, commitDelayUs } })),
    ),
  )
  return { ...(await best([8, 16, 32, 64, 96].map((connections) => ({ ...committing, connections })))), tried }
}

async function capacity(
  database: PeerDatabase,
  { connections, postgres }: Candidate,
  options: Parameters<typeof tunePeer>[1],
): Promise<number> {
  const { folder, fleet, limits, inFlightPerLane, seconds } = options
  const running = await startDatabase(database, { folder, fleet, postgres, isNew: true })
  const peer = await startPeer(running, { fleet, limits, connections })
  try {
    return (await closedLoop(peer.target, { inFlightPerLane, seconds })).perSecond
  } finally {
    await peer.stop()
    await running.kill()
  }
}

function nameOf(database: PeerDatabase, { connections, postgres }: Candidate): string {
  const pool = `${connections} connection${connections === 1 ? '' : 's'}`
  return database === 'redis' ? pool : `${pool}, ${postgres.walSyncMethod}, commit_delay ${postgres.commitDelayUs}`
}
