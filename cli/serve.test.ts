import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { demoWorld } from '../band-sim/demo-world.ts'
import { decodeRecord } from '../engine/ports/records.ts'
import { createPartner } from '../sdk/offers.ts'
import { verifyJournal } from '../store/audit.ts'
import { journalFolderOf } from '../store/data-folder.ts'
import { armedBand, bandpassProcess, pays, testEngine, testFolder } from './test-engine.ts'

const small = ['--port', '0', '--demo', '--journal-segment-bytes', '1048576']

describe('bandpass serve', () => {
  it('answers what is under way when it is told to stop, and approves nothing that is not heard', async () => {
    const data = testFolder()
    const { child, ended, firstLine } = bandpassProcess('serve', '--data', data, ...small)
    expect(JSON.parse(await firstLine)).toMatchObject({ ready: { durability: 'disk', port: expect.any(Number) } })
    const world = demoWorld(readFileSync(join(data, 'demo.json'), 'utf8'))
    const partner = createPartner(world.partner)
    const members = await Promise.all([1, 2, 3, 4].map(() => armedBand({ world })))
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
    expect(approvedIn(data)).toBe(approvals)
  })

  it('ends at once when it is told twice', async () => {
    const data = testFolder()
    const { child, ended, firstLine } = bandpassProcess('serve', '--data', data, ...small)
    await firstLine
    child.kill('SIGSTOP')
    child.kill('SIGTERM')
    child.kill('SIGINT')
    child.kill('SIGCONT')
    expect((await ended).status).toBeOneOf([0, 130])
  })

  it('refuses a folder that another engine has, with a message and without a stack', async () => {
    const data = testFolder()
    await testEngine(data)
    const { status, stderr } = await bandpassProcess('serve', '--data', data, ...small).ended
    expect(status).toBe(1)
    expect(stderr).toMatch(/bandpass: .*held by process \d+/)
    expect(stderr).not.toContain('    at ')
  })

  it('tells its counters when asked, and gives its secrets to nobody it starts', async () => {
    const data = testFolder()
    const { child, ended, firstLine } = bandpassProcess('serve', '--data', data, ...small, '--status-ms', '20')
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
    const data = join(testFolder(), 'not-made')
    expect((await bandpassProcess('serve', '--data', data, '--port', 'x').ended).status).toBe(2)
    expect(existsSync(data)).toBe(false)
  })
})

function approvedIn(data: string): number {
  let approved = 0
  const readRecord = (body: Uint8Array): void => {
    const record = decodeRecord(body)
    if (record.type === 'decision' && record.reason === 0) approved++
    if (record.type === 'reversal') approved--
  }
  expect(verifyJournal(journalFolderOf(data), { readRecord })).toMatchObject({ type: 'whole' })
  return approved
}
