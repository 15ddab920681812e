// One band, and the last minute, over HTTP.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { encodeImport } from '../protocol/messages/imported-binding.ts'
import { auditData } from './data/audit.ts'
import { readConfig } from './settings/config.ts'
import { openDataFolder } from './documents/data-folder.ts'
import { sampleBinding } from './http/test-import.ts'
import { startServer } from './start-server.ts'
import { testFolder, testLog } from './log/test-folder.ts'

async function started(flags: Record<string, string> = {}) {
  const data = testFolder(onTestFinished)
  const { log, lines } = testLog()
  const all = { data, port: '0', 'journal-segment-bytes': '131072', 'watchdog-hang-ms': '0', ...flags }
  const server = await startServer(readConfig({ flags: all }), { environment: {}, log })
  onTestFinished(() => server.stop())
  const authorization = `Bearer ${readFileSync(join(data, 'admin-token'), 'utf8').trim()}`
  const at = `http://127.0.0.1:${server.port}/admin`
  const ask = async (path: string, method = 'GET') => {
    const answer = await fetch(`${at}/${path}`, { method, headers: { authorization } })
    const text = await answer.text()
    return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) }
  }
  const binding = sampleBinding(1)
  const body = encodeImport([binding])
  await fetch(`${at}/import`, { method: 'POST', headers: { authorization }, body })
  return { server, data, ask, binding, lines }
}

describe('GET /admin/bands/<name>', () => {
  it.each(['uws', 'ws'])('tells of one band by any of its names (%s)', async (listener) => {
    const { ask, binding } = await started({ listener })
    const { bandId, bid, account, generation, vendor, model, batch } = binding
    for (const name of [bandId, bandId.toUpperCase(), bid, account]) {
      const { status, body } = await ask(`bands/${name}`)
      expect([status, body.bandId], name).toEqual([200, bandId])
      expect(body).toMatchObject({
        type: 'band',
        bid,
        state: 'offWrist',
        generation,
        hardware: { vendor, model, batch },
      })
      expect(body.account).toMatch(/^.{1,4}…$/)
    }
    expect(await ask(`bands/${bid}`, 'HEAD')).toEqual({ status: 200, body: undefined })
    expect((await ask(`bands/${bid}`, 'POST')).status).toBe(405)
  })

  it('answers 404 to a band that is not here, 400 to what can be no name, with what was expected', async () => {
    const { ask } = await started()
    for (const name of ['00'.repeat(16), '00'.repeat(8), 'nobody']) {
      expect(await ask(`bands/${name}`)).toMatchObject({
        status: 404,
        body: { error: 'unknown-band', message: expect.stringContaining('32 hex digits, a bid of 16, or an account') },
      })
    }
    for (const name of ['', 'a%20b', 'x'.repeat(65), '%ff', 'alice?opn=x', 'alice?decisions=101', 'alice?open=']) {
      const { status, body } = await ask(`bands/${name}`)
      expect([status, body.error], name).toEqual([400, 'malformed'])
      expect(body.message, name).toContain('expected')
    }
  })

  it.each(['uws', 'ws'])(
    'opens the account for a reason, which the journal and the log have (%s)',
    async (listener) => {
      const { ask, binding, server, data, lines } = await started({ listener })
      const before = server.status().durableLsn
      const { status, body } = await ask(`bands/${binding.bid}?open=${encodeURIComponent('ticket 4711: lost & found')}`)
      expect([status, body.account]).toEqual([200, binding.account])
      expect(server.status().durableLsn).toBe(before + 1)
      const [told] = lines.filter(({ event }) => event === 'admin.account-opened')
      expect(told?.fields).toEqual({
        bandId: binding.bandId,
        by: 'operator:admin-token',
        reason: 'ticket 4711: lost & found',
      })
      await server.stop()
      const config = readConfig({ flags: { data } })
      expect(await auditData(config, openDataFolder(config, {}, false))).toMatchObject({
        journal: { type: 'whole', lastLsn: before + 1 },
        view: { type: 'equal' },
      })
    },
  )
})

describe('GET /admin/last-minute', () => {
  it('tells the seconds that a viewer has not seen, and how things stand', async () => {
    const { ask } = await started()
    const first = await ask('last-minute')
    expect(first.body).toMatchObject({
      upMs: expect.any(Number),
      notReady: [],
      minute: { answered: { count: 0, p99Ms: null }, gate: { count: expect.any(Number) } },
      status: { bands: { offWrist: 1 }, journal: 'open', gateDepth: 0 },
      memory: { rssMb: expect.any(Number) },
    })
    await expect
      .poll(async () => (await ask('last-minute')).body.seconds.length, { timeout: 10_000 })
      .toBeGreaterThan(0)
    const { seconds } = (await ask('last-minute')).body
    expect(seconds[0]).toMatchObject({ forMs: expect.any(Number), decisions: {}, cpu: { userMs: expect.any(Number) } })
    const later = await ask(`last-minute?afterMs=${seconds.at(-1).atMs}`)
    expect(later.body.seconds.every(({ atMs }: { atMs: number }) => atMs > seconds.at(-1).atMs)).toBe(true)
    expect(await ask('last-minute?afterMs=x')).toMatchObject({ status: 400, body: { error: 'malformed' } })
  })

  it('goes on when whoever measures begins a new interval of the meters', async () => {
    const { ask, server } = await started()
    await expect
      .poll(async () => (await ask('last-minute')).body.seconds.length, { timeout: 10_000 })
      .toBeGreaterThan(0)
    const before = (await ask('last-minute')).body
    expect((await ask('meters/reset', 'POST')).status).toBe(200)
    const after = (await ask('last-minute')).body
    expect(after.seconds.slice(0, before.seconds.length)).toEqual(before.seconds)
    expect(after.upMs).toBeGreaterThan(before.upMs)
    expect(after.status.appendedLsn).toBe(server.status().appendedLsn)
  })
})
