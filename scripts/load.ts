// `make load`: a server of its own with the limits a load needs, a load on it, a page about it, and nothing left behind.
// What is given goes to `bandpass loadtest`, after what stands here.

import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const root = join(import.meta.dirname, '..')
const bandpass = join(root, 'bin', 'bandpass')
const startWithinMs = 30_000
const stopWithinMs = 30_000

process.exitCode = await load(process.argv.slice(2))

async function load(given: readonly string[]): Promise<number> {
  const build = join(root, '.build')
  mkdirSync(build, { recursive: true })
  // Beside the sources, not in a tmpfs: an answer waits for a disk.
  const data = mkdtempSync(join(build, 'load-'))
  // Ctrl-C reaches the load as well, which ends; then the server is stopped in order.
  process.on('SIGINT', () => undefined)
  process.on('SIGHUP', () => undefined)
  const config = join(root, 'loadtest', 'server.json')
  const server = spawn(bandpass, ['serve', '--config', config, '--data', data, '--host', '127.0.0.1', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let said = ''
  server.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4_000)
  })
  const gone = new Promise<void>((resolve) => {
    server.once('exit', () => resolve())
  })
  try {
    const url = await urlOf(createInterface({ input: server.stdout }), gone).catch((error: unknown) => {
      throw new Error(`${error instanceof Error ? error.message : String(error)}\n${said}`)
    })
    const standing = ['--url', url, '--admin-token', join(data, 'admin-token'), '--report', join(build, 'load.html')]
    const usual = ['--bands', '10000', '--rate', '1000', '--seconds', '15']
    return await exitOf(['loadtest', ...standing, ...usual, ...given])
  } finally {
    server.kill('SIGTERM')
    const timer = setTimeout(() => server.kill('SIGKILL'), stopWithinMs)
    await gone
    clearTimeout(timer)
    rmSync(data, { recursive: true, force: true })
  }
}

/** The address in the server's first line. */
function urlOf(lines: AsyncIterable<string>, gone: Promise<void>): Promise<string> {
  const read = async (): Promise<string> => {
    for await (const line of lines) {
      const parsed: unknown = JSON.parse(line)
      const ready = typeof parsed === 'object' && parsed !== null && 'ready' in parsed ? parsed.ready : undefined
      const port = typeof ready === 'object' && ready !== null && 'port' in ready ? ready.port : undefined
      if (typeof port === 'number') return `ws://127.0.0.1:${port}`
    }
    throw new Error('the server ended before it was ready')
  }
  const late = new Promise<never>((_resolve, reject) => {
    setTimeout(() => reject(new Error(`the server was not ready in ${startWithinMs} ms`)), startWithinMs).unref()
    void gone.then(() => reject(new Error('the server ended before it was ready')))
  })
  return Promise.race([read(), late])
}

function exitOf(args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(bandpass, args, { stdio: 'inherit' })
    // It ends in its own order, and what stands around it after it.
    process.on('SIGTERM', () => void child.kill('SIGTERM'))
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 130))
  })
}
