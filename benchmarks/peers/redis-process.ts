// A temporary Redis process of the benchmark's own, in a temporary folder, on a unix socket.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { type Child, startProgram } from '../driver/child.ts'

/** The server's path; undefined when there is none on PATH. */
export function findRedis(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/bin', '/usr/local/bin']
  return folders.map((folder) => join(folder, 'redis-server')).find((path) => existsSync(path))
}

export function redisVersion(binary: string): string {
  return /v=([\d.]+)/.exec(execFileSync(binary, ['--version'], { encoding: 'utf8' }))?.[1] ?? ''
}

/**
 * Durable like ours: the append-only file is synced before an answer leaves. Snapshots and rewrites of that file are off:
 * a run lasts minutes, and they would only slow it down.
 */
const redisSettings = {
  port: '0',
  appendonly: 'yes',
  appendfsync: 'always',
  save: '',
  'auto-aof-rewrite-percentage': '0',
  hz: '10',
  daemonize: 'no',
} as const

export type RedisProcess = { readonly socketPath: string; readonly child: Child }

/** Starts it on the folder's append-only file, when there is one. */
export async function startRedis(folder: string, binary: string): Promise<RedisProcess> {
  mkdirSync(folder, { recursive: true })
  const socketPath = join(folder, 'redis.sock')
  rmSync(socketPath, { force: true })
  const settings = { ...redisSettings, dir: folder, unixsocket: socketPath, unixsocketperm: '700' }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  const child = await startProgram(binary, args, { cwd: folder, isReady: () => answers(socketPath) })
  return { socketPath, child }
}

/** PONG only comes once the file is loaded. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path, () => socket.write('PING\r\n'))
    socket.setTimeout(500, () => socket.destroy())
    socket.once('data', (chunk) => {
      resolve(chunk.toString().startsWith('+PONG'))
      socket.destroy()
    })
    socket.on('error', () => resolve(false))
    socket.on('close', () => resolve(false))
  })
}
