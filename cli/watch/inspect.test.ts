import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { armedBand, bandpassProcess, pays, testEngine, testFolder } from '../test-engine.ts'

async function inspectedEngine() {
  const data = testFolder(onTestFinished)
  const engine = await testEngine(onTestFinished, data)
  const member = await armedBand(onTestFinished, engine, 'alice')
  const token = join(data, 'admin-token')
  const inspect = (...args: readonly string[]) =>
    bandpassProcess(onTestFinished, 'inspect', ...args, '--url', engine.server.url, '--admin-token', token).ended
  return { ...engine, ...member, inspect }
}

describe('bandpass inspect', () => {
  it('shows a band by its bid: how it stands, how it is present, and what it paid', async () => {
    const engine = await inspectedEngine()
    const { band, inspect } = engine
    expect(await pays(engine, band)).toMatchObject({ approved: true })
    const { status, stdout, stderr } = await inspect(band.bid)
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).not.toContain('\u001b')
    expect(stdout).toMatch(/^band [0-9a-f]{32} {2}armed {2}awake\n/)
    for (const part of ['account    alic…', 'holds      none', 'present by a phone session', 'pay Coffee', '4.50 EUR'])
      expect(stdout).toContain(part)
    expect(stdout).not.toContain('alice')
  })

  it('prints one JSON line, with as many decisions as were asked for', async () => {
    const engine = await inspectedEngine()
    for (const amountMinor of [101, 102, 103]) await pays(engine, engine.band, amountMinor)
    const { status, stdout } = await engine.inspect('alice', '--json', '--decisions', '2')
    expect([status, stdout.trim().split('\n').length]).toEqual([0, 1])
    const { bid, account, decisions } = JSON.parse(stdout)
    expect([bid, account]).toEqual([engine.band.bid, 'alic…'])
    expect(decisions.map(({ amountMinor }: { amountMinor: number }) => amountMinor)).toEqual([103, 102])
  })

  it('opens the account for a reason, and the journal grows by that act', async () => {
    const { band, inspect, server, logged } = await inspectedEngine()
    const before = server.status().durableLsn
    expect((await inspect(band.bid)).status).toBe(0)
    expect(server.status().durableLsn).toBe(before)
    const { status, stdout } = await inspect(band.bid, '--open', 'ticket 4711')
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^account {4}alice$/m)])
    expect(server.status().durableLsn).toBe(before + 1)
    expect(logged).toContain('info admin.account-opened')
  })

  it('says what is wrong with what was typed, or that there is no such band', async () => {
    const { inspect } = await inspectedEngine()
    const unknown = await inspect('nobody')
    expect(unknown).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringContaining('a band id of 32 hex digits'),
    })
    expect(unknown.stderr).not.toContain('    at ')
    expect(await inspect('a b')).toMatchObject({ status: 2, stderr: expect.stringContaining('or an account') })
    expect(await inspect()).toMatchObject({ status: 2, stderr: expect.stringContaining('BAND is missing') })
    expect(await inspect('alice', '--open', ' ')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('a reason of'),
    })
    const many = await inspect('alice', '--decisions', '101')
    expect(many).toMatchObject({ status: 2, stderr: expect.stringContaining('from 0 to 100') })
  })
})
