// A temporary PostgreSQL cluster of the benchmark's own: a new one in a temporary folder, its socket in that folder, nothing on
// TCP. As root it runs as the user `postgres` (the server refuses root).

import { execFileSync } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { type Child, startProgram } from '../driver/child.ts'
import type { PostgresPlace } from './postgres-ledger.ts'

/** Folder of `initdb` and `postgres`: where Debian has them, else where PATH says. Undefined when there is no server. */
export function findPostgres(): string | undefined {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((left, right) => Number(right) - Number(left)) : []
  const folders = [...versions.map((version) => `${debian}/${version}/bin`), ...(process.env['PATH'] ?? '').split(':')]
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
}

/** `PostgreSQL 15.18`. */
export function postgresVersion(binaries: string): string {
  return /[\d.]+/.exec(execFileSync(join(binaries, 'postgres'), ['--version'], { encoding: 'utf8' }))?.[0] ?? ''
}

/**
 * What a careful operator sets for this load on this machine. Durability is not given away: fsync, full_page_writes and
 * synchronous_commit are on. Checkpoints stay out of a run that lasts minutes: a WAL that is large enough, and recycled.
 */
const postgresSettings = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  shared_buffers: '1GB',
  wal_buffers: '64MB',
  max_wal_size: '8GB',
  min_wal_size: '1GB',
  checkpoint_timeout: '30min',
  wal_compression: 'lz4',
  max_connections: '200',
  jit: 'off',
  listen_addresses: '',
  logging_collector: 'off',
  autovacuum_naptime: '1h',
} as const

export type PostgresTuning = {
  /** How a commit reaches the disk; open_datasync is what our journal does. */
  readonly walSyncMethod: 'fdatasync' | 'open_datasync'
  /** µs that a commit waits for others to join its flush. */
  readonly commitDelayUs: number
}

export type Cluster = PostgresPlace & {
  readonly child: Child
  /** Ends it at once, as a crash would. */
  readonly kill: () => Promise<void>
}

/** Makes a cluster in `folder` unless there is one, and starts it. */
export async function startCluster(folder: string, binaries: string, tuning: PostgresTuning): Promise<Cluster> {
  const who = runsAs()
  const data = join(folder, 'data')
  mkdirSync(folder, { recursive: true })
  if (who.uid !== undefined && who.gid !== undefined) chownSync(folder, who.uid, who.gid)
  if (!existsSync(data)) {
    const args = ['-D', data, '-U', who.name, '--auth=trust', '--no-sync', '--locale=C', '--encoding=UTF8']
    execFileSync(join(binaries, 'initdb'), args, { ...idsOf(who), cwd: folder, stdio: 'pipe' })
  }
  // Left by a server that was killed: the next one finds out by itself, only our question whether it is ready must not.
  rmSync(join(folder, '.s.PGSQL.5432'), { force: true })
  const settings = {
    ...postgresSettings,
    unix_socket_directories: folder,
    wal_sync_method: tuning.walSyncMethod,
    commit_delay: String(tuning.commitDelayUs),
  }
  const child = await startProgram(
    join(binaries, 'postgres'),
    ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    { ...idsOf(who), cwd: folder, isReady: () => Promise.resolve(answers(binaries, folder)) },
  )
  return { socketFolder: folder, user: who.name, child, kill: () => killFamily(child) }
}

function answers(binaries: string, folder: string): boolean {
  try {
    execFileSync(join(binaries, 'pg_isready'), ['-h', folder, '-q'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Its processes end when they see that the first one is gone; the next start must not come before that. */
async function killFamily(child: Child): Promise<void> {
  const family = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => parentOf(name) === child.pid)
  await child.kill()
  while (family.some((pid) => existsSync(`/proc/${pid}`))) await new Promise((resolve) => setTimeout(resolve, 20))
}

function parentOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return undefined
  }
}

type Who = { readonly name: string; readonly uid: number | undefined; readonly gid: number | undefined }

function runsAs(): Who {
  const { uid, username } = userInfo()
  if (uid !== 0) return { name: username, uid: undefined, gid: undefined }
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((one) => one.startsWith('postgres:'))
  const [name = '', , id, group] = line?.split(':') ?? []
  if (name === '') throw new Error('PostgreSQL refuses to run as root, and there is no user postgres')
  return { name, uid: Number(id), gid: Number(group) }
}

function idsOf({ uid, gid }: Who): { readonly uid?: number; readonly gid?: number } {
  return uid === undefined || gid === undefined ? {} : { uid, gid }
}
