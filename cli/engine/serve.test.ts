import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { demoWorld } from '../../band-sim/demo-world.ts'
import { createPartner } from '../../sdk/offers.ts'
import { PhoneClient } from '../../sdk/phone-client.ts'
import { armedBand, bandpassProcess, pays, testEngine, testFolder } from '../test-engine.ts'

type Member = Awaited<ReturnType<typeof armedBand>>

const small = ['--port', '0', '--demo', '--journal-segment-bytes', '1048576']

describe('bandpass serve', () => {
  it('answers what is under way when it is told to stop, and approves nothing that is not heard', async () => {
    const data = testFolder(onTestFinished)
    const { child, ended, firstLine } = bandpassProcess(onTestFinished, 'serve', '--data', data, ...small)
    expect(JSON.parse(await firstLine)).toMatchObject({ ready: { durability: 'disk', port: expect.any(Number) } })
    const world = demoWorld(readFileSync(join(data, 'demo.json'), 'utf8'))
    const partner = createPartner(world.partner)
    const members = await Promise.all([1, 2, 3, 4].map(() => armedBand(onTestFinished, { world })))
    let approvals = 0
    const paying = members.map(async ({ client, band }) => {
      client.on('disconnected', () => client.close())
      for (;;) {
        const decision = await pays({ partner }, band).catch(() => undefined)
        if (decision === undefined) return
        if (decision.approved && ++approvals === 40) child.kill('SIGTERM')
      }
    })
    await Promise.all(paying)
    const { status, stderr } = await ended
    expect(status).toBe(0)
    expect(stderr).toContain('"event":"server.draining"')
    expect(stderr).toContain('"event":"server.stopped"')
    expect(approvals).toBeGreaterThanOrEqual(40)
    expect(await approvedIn(data, members)).toBe(approvals)
  })

  it('ends at once when it is told twice', async () => {
    const data = testFolder(onTestFinished)
    const { child, ended, firstLine } = bandpassProcess(onTestFinished, 'serve', '--data', data, ...small)
    await firstLine
    child.kill('SIGSTOP')
    child.kill('SIGTERM')
    child.kill('SIGINT')
    child.kill('SIGCONT')
    expect((await ended).status).toBeOneOf([0, 130])
  })

  it('refuses a folder that another engine has, with a message and without a stack', async () => {
    const data = testFolder(onTestFinished)
    await testEngine(onTestFinished, data)
    const { status, stderr } = await bandpassProcess(onTestFinished, 'serve', '--data', data, ...small).ended
    expect(status).toBe(1)
    expect(stderr).toMatch(/bandpass: .*held by process \d+/)
    expect(stderr).not.toContain('    at ')
  })

  it('tells its counters when asked, and gives its secrets to nobody it starts', async () => {
    const data = testFolder(onTestFinished)
    const { child, ended, firstLine } = bandpassProcess(
      onTestFinished,
      'serve',
      '--data',
      data,
      ...small,
      '--status-ms',
      '20',
    )
    await firstLine
    await new Promise<void>((resolve) =>
      child.stdout.on('data', (text: string) => text.includes('"status"') && resolve()),
    )
    child.kill('SIGTERM')
    const lines = (await ended).stdout.trim().split('\n').slice(1)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      status: { bands: { armed: 0 }, journal: 'open', took: { p50Ms: null } },
    })
  })

  it('makes no data folder when its configuration is wrong', async () => {
    const data = join(testFolder(onTestFinished), 'not-made')
    expect((await bandpassProcess(onTestFinished, 'serve', '--data', data, '--port', 'x').ended).status).toBe(2)
    expect(existsSync(data)).toBe(false)
  })
})

/** What the wearers find in their ledgers at the next start. */
async function approvedIn(data: string, members: readonly Member[]): Promise<number> {
  const { server } = await testEngine(onTestFinished, data)
  let approved = 0
  for (const { options } of members) {
    const client = await PhoneClient.connect({ ...options, url: server.url })
    for await (const entry of client.history()) if (entry.reason === 'approved') approved++
    client.close()
  }
  return approved
}
