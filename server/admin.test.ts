// The admin API of a running server, over HTTP.

import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { nodePrimitives } from '../crypto/primitives/node-primitives.ts'
import { encodeImport, importBytesMax } from '../protocol/messages/imported-binding.ts'
import { packArray } from '../protocol/messages/msgpack-writer.ts'
import { adminPaths } from './http/admin-answers.ts'
import { auditData } from './data/audit.ts'
import { readConfig } from './settings/config.ts'
import { fitOpenFiles, openFilesAllowed } from './machine/open-files.ts'
import { openDataFolder } from './documents/data-folder.ts'
import { sampleBinding } from './http/test-import.ts'
import { startServer } from './start-server.ts'
import { testFolder, testLog } from './log/test-folder.ts'
import { publicJwk } from './tokens/tokens.ts'

type Asking = { readonly method?: string; readonly body?: Uint8Array<ArrayBuffer> | string; readonly token?: string }

async function started(flags: Record<string, string> = {}, data = testFolder(onTestFinished)) {
  const { log, lines } = testLog()
  const all = { data, port: '0', 'journal-segment-bytes': '131072', 'watchdog-hang-ms': '0', ...flags }
  const server = await startServer(readConfig({ flags: all }), { environment: {}, log })
  onTestFinished(() => server.stop())
  const path = flags['admin-token'] ?? join(data, 'admin-token')
  const token = readFileSync(path, 'utf8').trim()
  const ask = async (path: string, { method = 'GET', body, token: shown = token }: Asking = {}) => {
    const headers = shown === '' ? {} : { authorization: `Bearer ${shown}` }
    const request = body === undefined ? { method, headers } : { method, headers, body }
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, request)
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, body: text === '' ? undefined : JSON.parse(text) }
  }
  const post = (path: string, body: Asking['body'] = '') => ask(path, { method: 'POST', body })
  return { server, data, token, ask, post, lines }
}

const paths = Object.entries(adminPaths).map(([path, method]) => [method, path] as const)

describe('the admin API', () => {
  it.each(['uws', 'ws'])(
    'does nothing for who has no token, and does not say which paths there are (%s)',
    async (listener) => {
      const { ask, server } = await started({ listener })
      const before = server.status()
      for (const [method, path] of [...paths, ['GET', '/admin'], ['POST', '/admin/elsewhere']] as const) {
        const body = method === 'POST' ? { body: encodeImport([sampleBinding(1)]) } : {}
        const answer = await ask(path, { method, token: '', ...body })
        expect([answer.status, answer.body.error, answer.headers.get('www-authenticate')], path).toEqual([
          401,
          'unauthorized',
          'Bearer',
        ])
      }
      expect(server.status()).toMatchObject({ bands: before.bands, appendedLsn: before.appendedLsn })
    },
  )

  it('limits the attempts of an address', async () => {
    const { ask } = await started()
    const statuses = await Promise.all(
      Array.from({ length: 30 }, async () => (await ask('/admin/info', { token: 'x'.repeat(43) })).status),
    )
    expect(new Set(statuses)).toEqual(new Set([401, 429]))
  })

  it('says which paths and methods there are to who has the token', async () => {
    const { ask, post } = await started()
    const missing = await ask('/admin/elsewhere')
    expect(missing.status).toBe(404)
    for (const [, path] of paths) expect(missing.body.message).toContain(path)
    expect((await post('/admin/info')).status).toBe(405)
    expect((await post('/admin/info')).headers.get('allow')).toBe('GET, HEAD')
    expect((await ask('/admin/import')).headers.get('allow')).toBe('POST')
  })

  it('keeps its token from the eyes of others, takes it from another place when told, and logs only where it is', async () => {
    const { data, token, lines } = await started()
    expect(statSync(join(data, 'admin-token')).mode & 0o777).toBe(0o600)
    expect(lines.find((one) => one.event === 'server.started')?.fields['adminTokenIn']).toBe(join(data, 'admin-token'))
    expect(JSON.stringify(lines)).not.toContain(token)
    const elsewhere = join(testFolder(onTestFinished), 'token')
    const other = await started({ 'admin-token': elsewhere })
    expect((await other.ask('/admin/info')).status).toBe(200)
  })

  it('tells what it is and what its limits are', async () => {
    const { ask, server } = await started({ 'heartbeat-s': '600' })
    // Where the system allows fewer open files than the defaults ask for, the limits that are in force are lower.
    const wanted = readConfig({ flags: {} })
    expect(wanted).toMatchObject({ bands: { linksMax: 100_000 }, network: { socketsMax: 100_000 } })
    const { bands, network } = fitOpenFiles(wanted, openFilesAllowed()).config
    expect((await ask('/admin/info')).body).toMatchObject({
      url: server.url,
      listener: server.listener,
      durability: 'disk',
      heartbeatS: 600,
      localTokens: true,
      tokenAudience: 'bandpass',
      limits: {
        import: { bindingsMax: 1_000, bytesMax: importBytesMax },
        linksMax: bands.linksMax,
        network: { socketsMax: network.socketsMax, hub: { frameBytesMax: 16_384 } },
      },
    })
  })

  it('tells its meters with the engine’s status, and begins a new interval when told', async () => {
    const { ask, post } = await started()
    const { body } = await ask('/admin/meters')
    expect(body).toMatchObject({
      sinceMs: expect.any(Number),
      // Nothing was asked yet, so there is nothing to tell of how long it took.
      answered: { count: 0, p50Ms: null, p99Ms: null, p999Ms: null, maxMs: null },
      gate: { count: expect.any(Number) },
      loopDelay: { p50Ms: expect.any(Number), p99Ms: expect.any(Number), maxMs: expect.any(Number) },
      gc: { count: expect.any(Number), totalMs: expect.any(Number), maxMs: expect.any(Number), byKind: {} },
      memory: { rssMb: expect.any(Number), heapUsedMb: expect.any(Number) },
      cpu: { userMs: expect.any(Number), systemMs: expect.any(Number) },
      status: { bands: { armed: 0 }, journal: 'open' },
    })
    expect((await post('/admin/meters/reset')).body).toEqual({ reset: true })
    expect((await ask('/admin/meters')).body.sinceMs).toBeLessThan(body.sinceMs)
  })
})

describe('an import', () => {
  it.each(['uws', 'ws'])('is on disk when it is answered, and there at the next start (%s)', async (listener) => {
    const { post, server, data } = await started({ listener })
    const { appendedLsn } = server.status()
    const { status, body } = await post('/admin/import', encodeImport([sampleBinding(1), sampleBinding(2)]))
    expect([status, body]).toEqual([200, { imported: 2, refused: [] }])
    const { durableLsn, bands } = server.status()
    expect([durableLsn, bands.offWrist]).toEqual([appendedLsn + 2, 2])
    await server.stop()
    const again = await started({}, data)
    expect(again.server.status().bands.offWrist).toBe(2)
    expect((await again.post('/admin/import', encodeImport([sampleBinding(1)]))).body).toEqual({
      imported: 1,
      refused: [],
    })
  })

  it('leaves a view that is row by row what the journal says', async () => {
    const { post, server, data } = await started()
    const nowMs = Date.now()
    const armed = { secret: new Uint8Array(16), armEpoch: 1, wearEpoch: 1, verifiedAtMs: nowMs - 1_000 }
    const bindings = [sampleBinding(1), sampleBinding(2, { armed: { ...armed, armedUntilMs: nowMs + 3_600_000 } })]
    expect((await post('/admin/import', encodeImport(bindings))).body.imported).toBe(2)
    await server.stop()
    const config = readConfig({ flags: { data } })
    const { view } = await auditData(config, openDataFolder(config, {}, false))
    expect(view).toMatchObject({
      type: 'equal',
      rows: { band: 2, bid: 2, ratchet: 2, accountBand: 2, alarm: 1, tally: 2 },
    })
  })

  it('tells of each binding it refuses by its place and why, and takes the others', async () => {
    const { post } = await started()
    const [good, other] = [sampleBinding(1), sampleBinding(2)]
    const bodies = encodeImport([good, { ...other, bandId: good.bandId, bid: other.bid }, other])
    expect((await post('/admin/import', bodies)).body).toEqual({
      imported: 2,
      refused: [{ index: 1, reason: 'band-elsewhere' }],
    })
    const broken = packArray([1, new Uint8Array(5)])
    expect((await post('/admin/import', broken)).body).toEqual({
      imported: 0,
      refused: [{ index: 0, reason: 'malformed' }],
    })
  })

  it('that is none, or is too large, is refused whole', async () => {
    const { post } = await started()
    expect(await post('/admin/import', 'hello')).toMatchObject({ status: 400, body: { error: 'malformed' } })
    const large = await post('/admin/import', new Uint8Array(importBytesMax)).then(({ status }) => status)
    expect(large).toBe(400)
  })

  it('of many requests at once is taken whole', async () => {
    const { post, server } = await started()
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, at) =>
        post('/admin/import', encodeImport(Array.from({ length: 200 }, (_, one) => sampleBinding(1 + at * 200 + one)))),
      ),
    )
    expect(answers.map(({ body }) => body.imported)).toEqual(Array.from({ length: 10 }, () => 200))
    expect(server.status().bands.offWrist).toBe(2_000)
  })
})

const misfits = [
  ['/admin/tokens', '', /JSON/],
  ['/admin/tokens', '[]', /object expected/],
  ['/admin/tokens', '{}', /account: text expected/],
  ['/admin/tokens', '{"account":"a b"}', /an account id/],
  ['/admin/tokens', '{"account":"a","life":5}', /only account, scopes/],
  ['/admin/tokens', '{"account":"a","lifeS":0}', /lifeS: a whole number from 1 to 2592000/],
  ['/admin/tokens', '{"account":"a","lifeS":2592001}', /lifeS: a whole number from 1 to 2592000/],
  ['/admin/tokens', '{"account":"a","sessionKey":"00"}', /a session key is 32 bytes/],
  ['/admin/tokens', '{"account":"a","scopes":"hub"}', /scopes: a list expected/],
  ['/admin/partners', '{}', /name: text expected/],
  ['/admin/partners', '{"name":" "}', /name: text of 1 to 200/],
  ['/admin/partners', JSON.stringify({ name: 'n'.repeat(201) }), /name: text of 1 to 200/],
] as const

describe('tokens and partners', () => {
  it('are made for who may: a token names its account, and a partner is known at once', async () => {
    const { post, data, lines } = await started()
    const { status, body } = await post(
      '/admin/tokens',
      JSON.stringify({ account: 'hub-1', scopes: ['hub'], hubAccounts: ['*'] }),
    )
    expect(status).toBe(200)
    const claims = JSON.parse(Buffer.from(String(body.token).split('.')[1] ?? '', 'base64url').toString())
    expect(claims).toMatchObject({ sub: 'hub-1', scope: 'hub', accounts: ['*'], aud: 'bandpass' })
    const partner = await post('/admin/partners', JSON.stringify({ name: 'Load' }))
    expect(partner.body).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      kid: 1,
      key: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(await post('/admin/partners', JSON.stringify({ name: 'Load' }))).toMatchObject({
      status: 409,
      body: { error: 'conflict' },
    })
    expect(readFileSync(join(data, 'lists', 'partners.json'), 'utf8')).toContain(partner.body.id)
    expect(JSON.stringify(lines)).not.toContain(partner.body.key)
    expect(JSON.stringify(lines)).not.toContain(body.token)
  })

  it('are refused for what does not fit, with what was expected', async () => {
    const { post } = await started()
    for (const [path, body, expected] of misfits) {
      const answer = await post(path, body)
      expect([answer.status, answer.body.error], body).toEqual([400, 'malformed'])
      expect(answer.body.message, body).toMatch(expected)
    }
  })

  it('fail for a list that is damaged on the disk as the server does, not as who asked: logged, and without its path', async () => {
    const { server, token, data, lines } = await started()
    writeFileSync(join(data, 'lists', 'partners.json'), '{"version":1,"partners":[]}\nmac 00\n', { mode: 0o600 })
    const answer = await fetch(`http://127.0.0.1:${server.port}/admin/partners`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ name: 'Load' }),
    })
    expect([answer.status, await answer.text()]).toEqual([500, expect.not.stringContaining(data)])
    const failed = lines.filter(({ event }) => event === 'listener.failed')
    expect(JSON.stringify(failed)).toContain('file-damaged')
  })

  it('of the longest life and the longest name are made', async () => {
    const { post } = await started()
    expect((await post('/admin/tokens', '{"account":"a","lifeS":2592000}')).status).toBe(200)
    expect((await post('/admin/partners', JSON.stringify({ name: 'n'.repeat(200) }))).status).toBe(200)
  })

  it('are not made where another issuer makes tokens, and the answer says what to do', async () => {
    const folder = testFolder(onTestFinished)
    const jwks = join(folder, 'jwks.json')
    const key = publicJwk(nodePrimitives.ed25519PublicKey(new Uint8Array(32).fill(7)))
    writeFileSync(jwks, JSON.stringify({ keys: [key] }))
    const { post, ask } = await started({ 'tokens-issuer': 'me', 'tokens-jwks-file': jwks })
    expect(await post('/admin/tokens', '{"account":"a"}')).toMatchObject({
      status: 409,
      body: { error: 'no-local-issuer', message: expect.stringContaining('--tokens-local on') },
    })
    expect((await ask('/admin/info')).body.localTokens).toBe(false)
  })
})
