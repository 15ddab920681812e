import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { armedBand, bandpassProcess, pays, testEngine, testFolder } from '../test-engine.ts'

async function watchedEngine() {
  const data = testFolder(onTestFinished)
  const engine = await testEngine(onTestFinished, data)
  const token = join(data, 'admin-token')
  const top = (...args: readonly string[]) =>
    bandpassProcess(onTestFinished, 'top', '--url', engine.server.url, '--admin-token', token, ...args).ended
  return { ...engine, data, token, top }
}

describe('bandpass top', () => {
  it('prints one plain picture where there is no terminal, and with --once', async () => {
    const { top } = await watchedEngine()
    for (const args of [[], ['--once']]) {
      const { status, stdout, stderr } = await top(...args)
      expect([status, stderr]).toEqual([0, ''])
      expect(stdout).not.toContain('\u001b')
      expect(stdout).toMatch(/^Bandpass \S+ at ws:\/\/127\.0\.0\.1:\d+\/phone, up \d+ s\n/)
      for (const part of [
        'durability disk, ready',
        'approved',
        'budget',
        'journal     open: appended',
        'memory',
        'cpu',
      ])
        expect(stdout).toContain(part)
    }
  })

  it('prints one JSON line, in which what was decided shows up', async () => {
    const engine = await watchedEngine()
    const { band } = await armedBand(onTestFinished, engine)
    const untilMs = performance.now() + 20_000
    let line: { second: { decisions: { approved?: number } } | null } | undefined
    // It is told of the second that has just ended: on a busy machine that one began after the command, so payments go on meanwhile.
    const world = { isOver: false }
    const paying = (async () => {
      while (!world.isOver) {
        await pays(engine, band, 1)
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
    })()
    while ((line?.second?.decisions.approved ?? 0) === 0 && performance.now() < untilMs) {
      const { status, stdout } = await engine.top('--json')
      expect([status, stdout.trim().split('\n').length]).toEqual([0, 1])
      line = JSON.parse(stdout)
    }
    world.isOver = true
    await paying
    expect(line).toMatchObject({
      durability: 'disk',
      notReady: [],
      second: { forMs: expect.any(Number), answered: { p99Ms: expect.any(Number) } },
      minute: { answered: { count: expect.any(Number) }, gate: { p50Ms: expect.any(Number) } },
      status: { bands: { armed: 1 }, sessions: { live: 1 }, links: 1 },
      memory: { heapUsedMb: expect.any(Number) },
    })
  })

  it('says what is wrong with what was typed, or with the engine', async () => {
    const { data, token, server } = await watchedEngine()
    const run = (...args: readonly string[]) => bandpassProcess(onTestFinished, 'top', ...args).ended
    expect(await run('--admin-token', token)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('--url is missing'),
    })
    const mistyped = await run('--url', 'localhost', '--admin-token', token)
    expect(mistyped).toMatchObject({ status: 2, stderr: expect.stringContaining('http://localhost:8484 expected') })
    const nobody = await run('--url', 'http://127.0.0.1:1', '--admin-token', token)
    expect(nobody).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('cannot be reached') })
    const none = await run('--url', server.url, '--admin-token', join(data, 'none'))
    expect(none).toMatchObject({ status: 1, stderr: expect.stringContaining('there is none') })
  })
})
