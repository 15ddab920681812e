// Signals whenever they come: an order to end is obeyed in the middle of a start too, SIGHUP ends nothing, SIGUSR1 opens nothing, and a
// reader that goes away is no bug.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { seededChance } from '../../store/journal/test-disk.ts'
import { Contained } from '../support/container.ts'

const launcher = join(import.meta.dirname, '..', '..', 'bin', 'bandpass')
const small = ['--port', '0', '--operators-port', 'off', '--journal-segment-bytes', '1048576'] as const

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bandpass-signals-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Under the launcher, as an operator starts it. */
function started(...args: string[]) {
  const child = spawn(launcher, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const said = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text))
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal))
  })
  return { child, said, ended }
}

async function isUp({ child, said }: { child: ChildProcess; said: { stdout: string } }): Promise<void> {
  await expect.poll(() => said.stdout.includes('"ready"') || child.exitCode !== null, { timeout: 60_000 }).toBe(true)
  expect(said.stdout).toContain('"ready"')
}

/** signal(7), on x86 and ARM. */
const sigusr1 = 10

/** Whether the process blocks, ignores or catches this signal at this moment (proc(5)). */
function isOutlived(pid: number, signal: number): boolean {
  const masks = readFileSync(`/proc/${pid}/status`, 'utf8').matchAll(/^Sig(?:Blk|Ign|Cgt):\s*(?<mask>[0-9a-f]+)$/gm)
  const bit = 1n << BigInt(signal - 1)
  return [...masks].some(({ groups }) => (BigInt(`0x${groups?.['mask'] ?? '0'}`) & bit) !== 0n)
}

/** The ports of TCP that this process listens on. */
function listeningPorts(pid: number): readonly number[] {
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${fd}`)]
      } catch {
        return []
      }
    }),
  )
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode]) => state === '0A' && sockets.has(`socket:[${inode}]`))
      .map(([, local = '']) => Number.parseInt(local.split(':')[1] ?? '', 16)),
  )
}

describe('SIGUSR1', () => {
  it('opens nothing in an engine and nothing in a command, and ends neither', async () => {
    const data = newFolder()
    const engine = started('serve', '--data', data, ...small)
    await isUp(engine)
    const token = join(data, 'admin-token')
    const { port } = JSON.parse(engine.said.stdout).ready as { port: number }
    const command = started('import', '-', '--url', `http://127.0.0.1:${port}`, '--admin-token', token)
    const { pid = 0 } = engine.child
    engine.child.kill('SIGUSR1')
    // No program can prepare for a signal that comes before its own first line: a fraction of a millisecond here.
    await expect.poll(() => isOutlived(command.child.pid ?? 0, sigusr1), { interval: 1 }).toBe(true)
    command.child.kill('SIGUSR1')
    await wait(3_000)
    command.child.kill('SIGUSR1')
    await wait(500)
    expect([command.child.exitCode, command.child.signalCode]).toEqual([null, null])
    expect(listeningPorts(command.child.pid ?? 0)).toEqual([])
    expect(listeningPorts(pid)).toEqual([port])
    expect(`${engine.said.stderr}${command.said.stderr}`).not.toContain('Debugger')
    engine.child.kill('SIGTERM')
    expect(await engine.ended).toBe(0)
  })
})

describe('an order to end', () => {
  const seed = 41
  const instantsMs = (count: number, salt: number) => {
    const chance = seededChance(seed + salt)
    return Array.from({ length: count }, (_, at) => Math.round(((at + chance()) * 3_000) / count))
  }

  it(`is obeyed at whatever instant of a start it comes (seed ${seed})`, async () => {
    for (const atMs of instantsMs(4, 0)) {
      const engine = started('serve', '--data', newFolder(), ...small)
      await wait(atMs)
      engine.child.kill('SIGTERM')
      expect([0, 'SIGTERM'], `after ${atMs} ms`).toContain(await engine.ended)
    }
  })

  it(`is obeyed at whatever instant by a process 1, which gets no signal that it does not catch (seed ${seed})`, async () => {
    for (const atMs of instantsMs(4, 1)) {
      const engine = new Contained('web', ['serve', '--data', newFolder(), ...small])
      onTestFinished(() => void engine.child.kill('SIGKILL'))
      // From when the shell has become the launcher: before that it is the container's own shell.
      await expect
        .poll(() => {
          const { pid } = engine
          return pid === undefined ? '' : readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        })
        .toMatch(/^[^\0]*sh\0[^\0]*bin\/bandpass/)
      await wait(10 + atMs)
      engine.signal('SIGTERM')
      expect([0, 143], `after ${atMs} ms`).toContain(await engine.ended)
    }
  })

  it.for([
    ['inspect', 'at once, as one that has no order of its own', [143, 'SIGTERM']],
    ['import', 'in its own order', [130]],
  ] as const)('ends %s %s; SIGHUP does not', async ([name, , codes]) => {
    const token = join(newFolder(), 'token')
    writeFileSync(token, 'a'.repeat(43), { mode: 0o600 })
    // It takes the question, and never answers.
    const silent = createServer()
    const asked = new Promise((resolve) => silent.once('connection', resolve))
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    onTestFinished(() => void silent.close())
    const address = silent.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const what = name === 'inspect' ? 'd0189313' : '-'
    const command = started(name, what, '--url', `http://127.0.0.1:${port}`, '--admin-token', token)
    // An import waits for its lines.
    if (name === 'inspect') await asked
    else await wait(3_000)
    command.child.kill('SIGHUP')
    await wait(200)
    expect([command.child.exitCode, command.child.signalCode]).toEqual([null, null])
    command.child.kill('SIGTERM')
    expect(codes).toContain(await command.ended)
  })

  it('that comes twice during a start ends it at once', async () => {
    const engine = started('serve', '--data', newFolder(), ...small)
    await expect.poll(() => engine.said.stderr, { timeout: 60_000, interval: 5 }).not.toBe('')
    engine.child.kill('SIGTERM')
    engine.child.kill('SIGINT')
    expect([0, 130]).toContain(await engine.ended)
  })
})

describe('SIGHUP', () => {
  it('ends nothing: during a start it is kept, and the lists are read once it is up', async () => {
    const data = newFolder()
    const engine = started('serve', '--data', data, ...small)
    const isCaught = () =>
      /SigCgt:\s*[0-9a-f]*[13579bdf]\b/.test(readFileSync(`/proc/${engine.child.pid}/status`, 'utf8'))
    await expect.poll(isCaught, { interval: 5, timeout: 20_000 }).toBe(true)
    for (let at = 0; at < 20; at++) {
      engine.child.kill('SIGHUP')
      await wait(50)
    }
    await isUp(engine)
    engine.child.kill('SIGHUP')
    engine.child.kill('SIGTERM')
    expect(await engine.ended).toBe(0)
  })

  it('is passed on to an engine that is behind process 1, and ends neither', async () => {
    const engine = new Contained('web', ['serve', '--data', newFolder(), ...small])
    onTestFinished(() => void engine.child.kill('SIGKILL'))
    for (let at = 0; at < 10; at++) {
      engine.signal('SIGHUP')
      await wait(100)
    }
    await engine.ready()
    engine.signal('SIGTERM')
    expect(await engine.ended).toBe(0)
  })
})

describe('a reader that goes away', () => {
  it.for(['--help', 'serve --help', 'demo --bands 2 --seconds 60'])('ends %s without a stack', (args) => {
    const { status, stderr } = spawnSync('bash', ['-c', `"$0" ${args} | head -1; exit "\${PIPESTATUS[0]}"`, launcher], {
      encoding: 'utf8',
      timeout: 60_000,
    })
    expect(stderr).not.toContain('    at ')
    expect([0, 130, 141]).toContain(status)
  })
})
