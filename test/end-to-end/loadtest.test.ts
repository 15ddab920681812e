// The load tester against a real engine in a process of its own, as a user runs both. On correctness only, never on time:
// no answer lost, no decision that cannot be, the same counts on both ends.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ServingEngine } from '../support/serving-engine.ts'

const launcher = join(import.meta.dirname, '..', '..', 'bin', 'bandpass')
const config = join(import.meta.dirname, '..', '..', 'loadtest', 'server.json')
const folder = mkdtempSync(join(tmpdir(), 'bandpass-loadtest-'))
// On a machine that stands still for a moment it shall be late, not busy: nothing here is about time.
const engine = new ServingEngine(join(folder, 'data'), ['--config', config, '--gate-wait-max-ms', '60000'])

beforeAll(() => engine.start())

afterAll(async () => {
  await engine.stop()
  rmSync(folder, { recursive: true, force: true })
})

type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

function loadtest(...args: readonly string[]): Promise<Ran> {
  return startLoadtest(args, () => undefined)
}

/** Sends the signal a second after stderr says so. */
function interrupted(signal: NodeJS.Signals, when: RegExp, ...args: readonly string[]): Promise<Ran> {
  let isSent = false
  return startLoadtest(args, (child, said) => {
    if (isSent || !when.test(said)) return
    isSent = true
    setTimeout(() => child.kill(signal), 1_500)
  })
}

function startLoadtest(args: readonly string[], heard: (child: ChildProcess, stderr: string) => void): Promise<Ran> {
  const place = ['--url', `ws://127.0.0.1:${engine.port}`, '--admin-token', join(engine.folder, 'admin-token')]
  const child = spawn(launcher, ['loadtest', ...place, ...args])
  const said = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => {
    said.stderr += chunk.toString()
    heard(child, said.stderr)
  })
  return new Promise((resolve) => {
    child.once('close', (code) => resolve({ code, ...said }))
  })
}

const small = ['--bands', '60', '--rate', '200', '--seconds', '2', '--warmup', '0', '--json']
/** What must hold however slow the machine is. */
const right = ['--fail-if', 'lost>0', '--fail-if', 'wrong>0', '--fail-if', 'errors>0', '--fail-if', 'denied>0']

type Result = {
  readonly approved: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
  readonly serverRssMb: number
  readonly serverHeapMb: number
  readonly deniedByReason: Readonly<Record<string, number>>
}

function resultOf(ran: Ran): Result {
  const lines = ran.stdout.trim().split('\n')
  expect(lines, ran.stderr).toHaveLength(1)
  expect(ran.stderr).not.toContain('NOT RIGHT')
  expect(ran.code, ran.stderr).toBe(0)
  return JSON.parse(lines[0] ?? '')
}

describe('bandpass loadtest', () => {
  it('has sixty phones pay over sockets of their own, and loses nothing', async () => {
    const page = join(folder, 'report.html')
    const result = resultOf(await loadtest(...small, '--sessions', 'phone', '--report', page, ...right))
    expect(result).toMatchObject({ bands: 60, sockets: 60, deniedByReason: {}, errorsByCode: {} })
    expect(result.approved).toBeGreaterThan(200)
    expect(result.p50Ms).toBeGreaterThan(0)
    expect(result.p99Ms).toBeGreaterThanOrEqual(result.p50Ms)
    expect(result.maxMs).toBeGreaterThanOrEqual(result.p999Ms)
    expect(result.serverRssMb).toBeGreaterThan(result.serverHeapMb)
    expect(readFileSync(page, 'utf8')).toContain('<svg')
  })

  it('carries a fleet on a few hubs and two threads, whose counts add up to the engine’s', async () => {
    const hubs = ['--sessions', 'hub', '--hubs', '3', '--workers', '2']
    const result = resultOf(await loadtest(...small, ...hubs, '--profile', 'turnstile', ...right))
    expect(result).toMatchObject({ bands: 60, sockets: 3, errorsByCode: {} })
    expect(result.approved).toBeGreaterThan(100)
  })

  it('cuts every socket under load: all bands resume, and every request under way is answered once', async () => {
    const storm = ['--sessions', 'hub', '--profile', 'reconnect-storm', '--fail-if', 'relink>60s']
    const result = resultOf(await loadtest(...small, ...storm, ...right))
    expect(result.approved).toBeGreaterThan(200)
  })

  it('is attacked by replays, forgeries and floods while it pays: nothing of that is approved', async () => {
    const ran = await loadtest(...small, '--sessions', 'hub', '--profile', 'adversary', ...right)
    const result = resultOf(ran)
    expect(result.approved).toBeGreaterThan(200)
    expect(ran.stderr).toMatch(/attacks +[1-9]\d*, 0 approved/)
    expect(Object.keys(result.deniedByReason)).toEqual(expect.arrayContaining(['proof-invalid', 'offer-not-authentic']))
  })

  it('that is interrupted ends with what was done: summary, JSON line, report, and 130', async () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const report = join(folder, `${signal}.html`)
      const ran = await interrupted(
        signal,
        /^loading/m,
        '--bands',
        '20',
        '--rate',
        '50',
        '--seconds',
        '3600',
        '--warmup',
        '0',
        '--json',
        '--report',
        report,
      )
      expect([signal, ran.code, ran.stderr]).toEqual([signal, 130, expect.stringContaining('s of 3600 s were loaded')])
      const result = JSON.parse(ran.stdout)
      expect(result).toMatchObject({ interrupted: true, ofSeconds: 3600 })
      expect(result.seconds).toBeGreaterThan(0.5)
      expect(result.seconds).toBeLessThan(120)
      expect(result.approved).toBeGreaterThan(0)
      expect(result.offeredPerSecond).toBeGreaterThan(20)
      expect(ran.stderr).not.toContain('NOT RIGHT')
      expect(readFileSync(report, 'utf8')).toContain('it was interrupted')
    }
  })

  it('that is interrupted before it measured says how far it came, and claims nothing', async () => {
    const ran = await interrupted(
      'SIGINT',
      /^(provisioning|linking|warming)/m,
      '--bands',
      '20',
      '--rate',
      '50',
      '--seconds',
      '60',
      '--warmup',
      '60',
      '--json',
    )
    expect([ran.code, ran.stderr]).toEqual([130, expect.stringContaining('nothing was measured')])
    expect(JSON.parse(ran.stdout)).toMatchObject({ interrupted: true, seconds: 0 })
  })

  it('fails with 1 when a threshold is crossed, and says which', async () => {
    const ran = await loadtest('--bands', '5', '--rate', '50', '--seconds', '1', '--fail-if', 'approved>1')
    expect(ran.code).toBe(1)
    expect(ran.stdout).toContain('FAILED: approved>1: it is ')
  })

  it('refuses with 2 what does not fit, before it touches the engine', async () => {
    const ran = await loadtest('--bands', '5', '--rate', '50', '--seconds', '1', '--fail-if', 'p98>1ms')
    expect(ran).toMatchObject({ code: 2, stdout: '' })
    expect(ran.stderr).toContain("--fail-if 'p98>1ms': unknown metric p98; one of p50, ")
    expect((await loadtest('--bands', 'many')).code).toBe(2)
  })

  it('brings a fleet of one seed to an engine only once', async () => {
    const once = ['--bands', '5', '--rate', '50', '--seconds', '1', '--warmup', '0', '--seed', 'the same']
    expect((await loadtest(...once)).code).toBe(0)
    const again = await loadtest(...once)
    expect(again.code).toBe(1)
    expect(again.stderr).toContain('give another --seed')
  })

  it('needs the admin token, which only its owner can read', async () => {
    expect(statSync(join(engine.folder, 'admin-token')).mode & 0o777).toBe(0o600)
    const one = ['--bands', '1', '--rate', '1', '--seconds', '1']
    const guessed = join(folder, 'guessed')
    writeFileSync(guessed, 'a'.repeat(43))
    const wrong = await loadtest(...one, '--admin-token', guessed)
    expect(wrong.code).toBe(2)
    expect(wrong.stderr).toContain('expected the token of the engine’s own admin-token file')
    const none = await loadtest(...one, '--admin-token', config)
    expect(none.code).toBe(2)
    expect(none.stderr).toContain('which holds no token')
  })
})
