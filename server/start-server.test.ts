import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { journalFolderOf } from '../store/files/data-folder.ts'
import { readConfig } from './settings/config.ts'
import { type RunningServer, startServer } from './start-server.ts'
import { testFolder, testLog } from './log/test-folder.ts'

type Started = {
  readonly server: RunningServer
  readonly data: string
  readonly http: string
  readonly events: () => string[]
}

async function started(flags: Record<string, string> = {}, data = testFolder(onTestFinished)): Promise<Started> {
  const { log, lines } = testLog()
  const all = { data, port: '0', 'journal-segment-bytes': '131072', 'watchdog-hang-ms': '0', ...flags }
  const server = await startServer(readConfig({ flags: all }), { environment: {}, log })
  onTestFinished(() => server.stop())
  return { server, data, http: `http://127.0.0.1:${server.port}`, events: () => lines.map((one) => one.event) }
}

describe('a server', () => {
  it('tells that it is alive and ready, and which keys sign its receipts', async () => {
    const { http } = await started()
    expect((await fetch(`${http}/healthz`)).status).toBe(200)
    const ready = await fetch(`${http}/readyz`)
    expect([ready.status, await ready.json()]).toEqual([200, { ready: true }])
    const jwks = await fetch(`${http}/.well-known/jwks.json`)
    expect(jwks.headers.get('content-type')).toBe('application/jwk-set+json')
    const { keys } = (await jwks.json()) as { keys: Record<string, string>[] }
    expect(keys).toMatchObject([{ kty: 'OKP', crv: 'Ed25519', use: 'sig', alg: 'EdDSA' }])
    expect(keys.some((key) => 'd' in key)).toBe(false)
    expect(await (await fetch(http)).text()).toContain('Bandpass')
    expect((await fetch(`${http}/elsewhere`)).status).toBe(404)
  })

  it('keeps everything it makes from the eyes of others', async () => {
    const { data } = await started({ demo: 'true' })
    for (const name of ['master.key', 'keys.json', 'demo.json', 'lists/partners.json', 'lists/vendors.json']) {
      expect(statSync(join(data, name)).mode & 0o077, name).toBe(0)
    }
  })

  it('makes a demo world once: its partner, vendor and keys stay the same at the next start', async () => {
    const first = await started({ demo: 'true' })
    const read = () => {
      const { url, ...world } = JSON.parse(readFileSync(join(first.data, 'demo.json'), 'utf8'))
      // Each start listens on a free port of its own: its addresses follow that port, and only the port may differ.
      const keySet = new URL(world.receipts.keySet)
      expect(keySet.port).toBe(new URL(url).port)
      keySet.port = ''
      return { ...world, receipts: { ...world.receipts, keySet: keySet.href } }
    }
    const before = read()
    await first.server.stop()
    await started({ demo: 'true' }, first.data)
    expect(read()).toEqual(before)
  })

  it('refuses a data folder that another engine has, and says whose it is', async () => {
    const { data, server } = await started()
    await expect(started({}, data)).rejects.toThrow(/held by process \d+.*Stop that engine first/s)
    await server.stop()
    await started({}, data)
  })

  it('refuses a port that is taken, and leaves the data folder free again', async () => {
    const { server } = await started()
    const data = testFolder(onTestFinished)
    await expect(started({ port: String(server.port) }, data)).rejects.toThrow(/cannot listen/)
    await started({}, data)
  })

  it('says so when it does not sync what it answers', async () => {
    const { events, server } = await started({ durability: 'process' })
    expect(events()).toContain('durability.process')
    expect(server.durability).toBe('process')
  })

  it('stops once, however often it is told, and then its port is closed', async () => {
    const { server, http, events } = await started()
    await Promise.all([server.stop(), server.stop()])
    await server.stop()
    expect(await server.ended).toBeUndefined()
    expect(events().filter((one) => one === 'server.stopped')).toHaveLength(1)
    await expect(fetch(`${http}/healthz`)).rejects.toThrow('fetch failed')
  })

  it('starts again on what it left behind, with the epoch after', async () => {
    const { data, server } = await started()
    const { appendedLsn } = server.status()
    await server.stop()
    const again = await started({}, data)
    expect(again.server.status().appendedLsn).toBe(appendedLsn + 1)
  })

  it('builds a damaged view anew from the journal', async () => {
    const { data, server } = await started()
    await server.stop()
    const path = join(data, 'view', 'view.lmdb')
    const bytes = readFileSync(path)
    bytes.fill(0xff, 100, 5_000)
    writeFileSync(path, bytes)
    const again = await started({}, data)
    expect(again.events()).toContain('view.damaged')
    expect(again.server.status()).toMatchObject({ journal: 'open', appliedLsn: expect.any(Number) })
  })

  it('does not start on a damaged journal, and does not touch it', async () => {
    const { data, server } = await started()
    await server.stop()
    const path = join(journalFolderOf(data), '00000000000001.segment')
    const bytes = readFileSync(path)
    bytes[520] = (bytes[520] ?? 0) ^ 1
    writeFileSync(path, bytes)
    await expect(started({}, data)).rejects.toThrow(/journal segment/)
    expect(readFileSync(path).equals(bytes)).toBe(true)
  })

  it('insists on a native listener when it is told to', async () => {
    const { server } = await started({ listener: 'uws' })
    expect(server.listener).toMatch(/^uws-/)
  })

  it('takes ws when it is told to', async () => {
    const { server, http } = await started({ listener: 'ws' })
    expect(server.listener).toBe('ws')
    expect((await fetch(`${http}/readyz`)).status).toBe(200)
  })

  it('refuses token keys that cannot be read, before anything else is open', async () => {
    const data = testFolder(onTestFinished)
    const flags = { 'tokens-issuer': 'me', 'tokens-jwks-file': join(data, 'none.json') }
    await expect(started(flags, data)).rejects.toThrow(/none\.json/)
    await started({}, data)
  })
})
