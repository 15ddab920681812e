import { spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { trace } from '@opentelemetry/api'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { armedBand, pays, testEngine, testFolder } from '../../cli/test-engine.ts'
import type { WatchEvent } from '../../engine/core/watch.ts'
import { encodeImport } from '../../protocol/messages/imported-binding.ts'
import { backupData } from '../../server/data/backup-data.ts'
import { openDataFolder } from '../../server/documents/data-folder.ts'
import { sampleBinding } from '../../server/http/test-import.ts'
import {
  decisionSpansPerSecond,
  slowMs,
  traceDecisions,
  tracedAdmin,
  tracedImport,
  tracedView,
} from '../../server/traced.ts'
import { flushTraces, openTraces, spanned } from '../../server/figures/traces.ts'
import { freePort } from '../support/free-port.ts'
import { type KeptSpan, MemorySpans } from './memory-spans.ts'

const patience = { timeout: 20_000, interval: 50 }
const root = join(import.meta.dirname, '..', '..')

/** As an SDK registers itself. */
function withSdk(): MemorySpans {
  const spans = new MemorySpans()
  expect(trace.setGlobalTracerProvider(spans)).toBe(true)
  onTestFinished(() => trace.disable())
  return spans
}

describe('without an SDK', () => {
  it('nothing is wrapped, watched or measured: what runs is what ran before', async () => {
    expect(openTraces()).toBeUndefined()
    const admin = { get: () => undefined, post: () => undefined }
    const imports = () => Promise.resolve({ type: 'stopped', error: 'busy' } as const)
    const view = {
      appliedLsn: 0,
      isProven: true,
      get: () => undefined,
      range: () => [],
      write: () => Promise.resolve(),
      close: () => Promise.resolve(),
    }
    expect(tracedAdmin(undefined, admin, Date.now)).toBe(admin)
    expect(tracedImport(undefined, imports)).toBe(imports)
    expect(tracedView(undefined, view)).toBe(view)
    let watchers = 0
    traceDecisions(undefined, () => (watchers++, () => undefined), Date.now)
    expect(watchers).toBe(0)
    expect(await spanned(undefined, 'work', async (span) => span.during('more', async () => 'done'))).toBe('done')
    await flushTraces()
  })
})

describe('with an SDK', () => {
  it('its start, admin requests, imports, flushes of the view, backups and some decisions have spans', async () => {
    const spans = withSdk()
    const data = testFolder(onTestFinished)
    const engine = await testEngine(onTestFinished, data)
    const member = await armedBand(onTestFinished, engine)
    expect((await pays(engine, member.band)).approved).toBe(true)
    expect((await pays(engine, member.band, 99_999_999)).approved).toBe(false)
    const token = readFileSync(join(data, 'admin-token'), 'utf8').trim()
    const ask = async (path: string, shown: string, body?: Uint8Array<ArrayBuffer> | string) => {
      const sent = body === undefined ? {} : { method: 'POST', body }
      const url = `http://127.0.0.1:${engine.server.port}${path}`
      const { status } = await fetch(url, { ...sent, headers: { authorization: `Bearer ${shown}` } })
      return status
    }
    const bandId = member.wearer.band.device.bandId
    expect(await ask(`/admin/bands/${bandId}?open=because`, token)).toBe(200)
    expect(await ask('/admin/info', token)).toBe(200)
    expect(await ask('/admin/nowhere', token)).toBe(404)
    expect(await ask('/admin/tokens', token, '{"account":3}')).toBe(400)
    expect(await ask('/admin/import', token, encodeImport([sampleBinding(1), sampleBinding(2)]))).toBe(200)
    expect(await ask('/admin/info', 'a-wrong-token')).toBe(401)
    await backupData(engine.config, openDataFolder(engine.config, {}, false), join(testFolder(onTestFinished), 'copy'))
    await vi.waitFor(() => expect(spans.named('view.flush').length).toBeGreaterThan(0), patience)

    expect(spans.named('server.start')).toMatchObject([{ parent: undefined, failed: false }])
    expect(spans.named('store.open')).toMatchObject([{ parent: 'server.start' }])
    expect(spans.named('engine.recover')).toMatchObject([
      { parent: 'server.start', attributes: { 'bandpass.records': 0 } },
    ])
    const http = spans.kept.filter((span) => span.kind === 'SERVER')
    expect(http.map((span) => [span.name, span.attributes['http.response.status_code']])).toEqual([
      ['GET /admin/bands/<name>', 200],
      ['GET /admin/info', 200],
      ['GET', 404],
      ['POST /admin/tokens', 400],
      ['POST /admin/import', 200],
    ])
    expect(spans.named('import')).toMatchObject([
      { attributes: { 'bandpass.imported': 2, 'bandpass.refused': 0 }, parent: undefined },
    ])
    expect(spans.named('backup')).toMatchObject([{ attributes: { 'bandpass.first_lsn': 1 }, failed: false }])
    expect(spans.named('decision').map((span) => span.attributes)).toEqual([
      { 'bandpass.reason': 'approved', 'bandpass.approved': true },
      { 'bandpass.reason': 'over-use-limit', 'bandpass.approved': false },
    ])
    for (const { tookMs } of spans.named('decision')) expect(tookMs).toBeGreaterThan(0)
    expect(engine.logged).toContain('info traces.started')

    // Nothing in them says whose band it was, or what was shown.
    const told = JSON.stringify(spans.kept)
    for (const secret of [token, bandId, member.band.bid, 'because', 'demo-', 'account-1']) {
      expect(told).not.toContain(secret)
    }
  })

  it('a second start says how many records it had to recover', async () => {
    const data = testFolder(onTestFinished)
    const first = await testEngine(onTestFinished, data)
    await first.server.stop()
    const spans = withSdk()
    await testEngine(onTestFinished, data)
    const [recovered] = spans.named('engine.recover')
    expect(recovered?.attributes['bandpass.durable_lsn']).toBeGreaterThan(0)
  })

  it('what fails is marked, by its kind and without its message', async () => {
    const spans = withSdk()
    const failing = spanned(openTraces(), 'work', () => Promise.reject(new TypeError('with a secret in it')))
    await expect(failing).rejects.toThrow(TypeError)
    expect(spans.named('work')).toMatchObject([{ failed: true, attributes: { 'error.type': 'TypeError' } }])
    expect(JSON.stringify(spans.kept)).not.toContain('secret')
    const admin = tracedAdmin(
      openTraces(),
      { get: () => () => Promise.resolve({ status: 503, contentType: 'text/plain', body: '' }), post: () => undefined },
      Date.now,
    )
    const request = { method: 'GET', path: '/admin/info', query: '', remoteAddress: '', header: () => '' } as const
    const answer = admin.get(request)
    if (typeof answer === 'function') await answer()
    expect(spans.named('GET /admin/info')).toMatchObject([{ failed: true }])
  })

  it('of many decisions some have spans, and as many of the slow ones, whatever the load', () => {
    const spans = withSdk()
    let nowMs = 1_800_000_000_000
    let watcher: (event: WatchEvent) => void = () => undefined
    traceDecisions(
      openTraces(),
      (heard) => {
        watcher = heard
        return () => undefined
      },
      () => nowMs,
    )
    const decide = (tookMs: number, times: number) => {
      for (let n = 0; n < times; n++) watcher({ type: 'decided', reason: 'approved', tookMs })
    }
    decide(slowMs, 5_000)
    expect(spans.named('decision')).toHaveLength(decisionSpansPerSecond)
    decide(slowMs + 1, 5_000)
    expect(spans.named('decision')).toHaveLength(2 * decisionSpansPerSecond)
    nowMs += 1_000
    decide(slowMs, 1)
    expect(spans.named('decision')).toHaveLength(2 * decisionSpansPerSecond + 1)
    expect(spans.named('decision').at(-1)?.tookMs).toBe(slowMs)
  })

  it('spans that an SDK holds back leave before the process ends, unless it takes too long or fails', async () => {
    const spans = withSdk()
    await flushTraces()
    expect(spans.flushes).toBe(1)
    spans.forceFlush = () => Promise.reject(new Error('nobody collects'))
    await flushTraces()
  })

  it('an engine whose Node loads ops/otel.mjs first tells the SDK, once, and all is told when it has stopped', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bandpass-traces-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const told = join(folder, 'spans.json')
    copyFileSync(join(root, 'ops', 'otel.mjs'), join(folder, 'otel.mjs'))
    installSdk(folder, told)
    const place = [
      '--data',
      join(folder, 'data'),
      '--port',
      `${await freePort()}`,
      '--journal-segment-bytes',
      '1048576',
    ]
    const child = spawn(join(root, 'bin', 'bandpass'), ['serve', ...place], {
      env: { ...process.env, NODE_OPTIONS: `--import=${join(folder, 'otel.mjs')}` },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    let log = ''
    child.stderr.on('data', (text: Buffer) => (log += text.toString()))
    await new Promise((resolve) => child.stdout.once('data', resolve))
    child.kill('SIGTERM')
    expect(await new Promise((resolve) => child.once('exit', resolve)), log).toBe(0)
    const spans = JSON.parse(readFileSync(told, 'utf8')) as readonly KeptSpan[]
    expect(spans.map((one) => one.name)).toEqual(
      expect.arrayContaining(['server.start', 'store.open', 'engine.recover', 'view.flush']),
    )
    // Its threads load the file too, and leave the SDK alone.
    expect(readFileSync(`${told}.threads`, 'utf8')).toMatch(/^0+$/)
    expect(log).toContain('"event":"traces.started"')
  })
})

/** The least that an SDK is, as the package that the example loads: it registers with the API, and sends to a file. */
function installSdk(folder: string, told: string): void {
  const place = join(folder, 'node_modules', '@opentelemetry', 'sdk-node')
  mkdirSync(place, { recursive: true })
  const from = (path: string) => JSON.stringify(new URL(path, import.meta.url).href)
  const code = `
    import { appendFileSync, writeFileSync } from 'node:fs'
    import { threadId } from 'node:worker_threads'
    import { trace } from ${JSON.stringify(import.meta.resolve('@opentelemetry/api'))}
    import { MemorySpans } from ${from('./memory-spans.ts')}
    export class NodeSDK {
      start() {
        appendFileSync(${JSON.stringify(`${told}.threads`)}, String(threadId))
        const spans = new MemorySpans()
        spans.forceFlush = async () => writeFileSync(${JSON.stringify(told)}, JSON.stringify(spans.kept))
        trace.setGlobalTracerProvider(spans)
      }
    }`
  writeFileSync(join(place, 'index.mjs'), code)
  writeFileSync(
    join(place, 'package.json'),
    JSON.stringify({ name: '@opentelemetry/sdk-node', exports: './index.mjs' }),
  )
}
