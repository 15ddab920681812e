// Provenance of a benchmark: the machine, versions and commit that a figure was measured with.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { chooseListener } from '../transport/choose-listener.ts'
import { findPostgres, postgresVersion } from './peers/postgres-cluster.ts'
import { findRedis, redisVersion } from './peers/redis-process.ts'
import type { Provenance } from './figures/results.ts'

/** Everything about this run but its sections. `folder` is where data are written. */
export async function provenance(
  folder: string,
  run: { readonly seed: string; readonly rounds: number },
): Promise<Provenance> {
  const { name } = await chooseListener()
  const postgres = findPostgres()
  const redis = findRedis()
  return {
    ...run,
    date: new Date().toISOString().slice(0, 10),
    commit: commit(),
    machine: {
      processor: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${cpus().length} cores`,
      memory: `${Math.round(totalmem() / 1024 ** 3)} GB`,
      kernel: `${process.platform} ${release()}, ${process.arch}`,
      filesystem: filesystemOf(folder),
      node: process.version,
      listener: name === 'ws' ? `ws ${versionOf('ws')}` : `uWebSockets.js ${versionOf(name)} (${name})`,
      lmdb: versionOf('lmdb'),
      PostgreSQL: postgres === undefined ? 'not on this machine' : postgresVersion(postgres),
      Redis: redis === undefined ? 'not on this machine' : redisVersion(redis),
    },
  }
}

/** The type of the file system that a path lies on, by the longest mount point. */
function filesystemOf(path: string): string {
  let best = { at: '', type: 'unknown' }
  for (const line of readFileSync('/proc/mounts', 'utf8').split('\n')) {
    const [, at = '', type = ''] = line.split(' ')
    const isUnder = at === '/' || path === at || path.startsWith(`${at}/`)
    if (at !== '' && isUnder && at.length >= best.at.length) best = { at, type }
  }
  return best.type
}

function versionOf(name: string): string {
  const text = readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')
  const read: unknown = JSON.parse(text)
  return typeof read === 'object' && read !== null && 'version' in read ? String(read.version) : 'unknown'
}

/** With a plus when the checkout differs from it. */
function commit(): string {
  const git = (...args: readonly string[]) =>
    execFileSync('git', args, {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  try {
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '+'}`
  } catch {
    return 'unknown'
  }
}
