// /metrics of a running server, over HTTP: who may read it, what it shows, and what it must never show.

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { encodeImport } from '../protocol/messages/imported-binding.ts'
import { choreNames } from '../engine/ports/chores.ts'
import { tokenRefusals } from '../engine/ports/surroundings.ts'
import { namesOf } from '../base/names.ts'
import { reasons } from '../protocol/reasons.ts'
import { bandStates, sessionStates } from '../protocol/states.ts'
import { refusingLimits } from '../transport/listener.ts'
import { readConfig } from './settings/config.ts'
import { metricList } from './figures/metric-list.ts'
import { sampleBinding } from './http/test-import.ts'
import { startServer } from './start-server.ts'
import { testFolder, testLog } from './log/test-folder.ts'

type Asking = { readonly method?: string; readonly token?: string | undefined }

async function started(flags: Record<string, string> = {}) {
  const data = testFolder(onTestFinished)
  const { log, lines } = testLog()
  const all = { data, port: '0', 'journal-segment-bytes': '131072', 'watchdog-hang-ms': '0', ...flags }
  const server = await startServer(readConfig({ flags: all }), { environment: {}, log })
  onTestFinished(() => server.stop())
  const tokenPath = join(data, 'metrics-token')
  const token = existsSync(tokenPath) ? readFileSync(tokenPath, 'utf8').trim() : undefined
  const http = `http://127.0.0.1:${server.port}`
  const ask = ({ method = 'GET', token: shown = token }: Asking = {}) =>
    fetch(`${http}/metrics`, { method, headers: shown === undefined ? {} : { authorization: `Bearer ${shown}` } })
  const scrape = async () => (await ask()).text()
  const admin = async (path: string, body: Uint8Array<ArrayBuffer> | string) => {
    const adminToken = readFileSync(join(data, 'admin-token'), 'utf8').trim()
    const headers = { authorization: `Bearer ${adminToken}` }
    const answer = await fetch(`${http}${path}`, { method: 'POST', headers, body })
    expect(answer.status, path).toBe(200)
  }
  return { server, data, token, tokenPath, http, ask, scrape, admin, lines }
}

/** The status of a GET that brings a body, which fetch would not send. */
function statusWithBody(url: string, bytes: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method: 'GET', headers: { 'content-length': bytes } }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    asked.on('error', reject)
    asked.end(Buffer.alloc(bytes))
  })
}

type Line = {
  readonly series: string
  readonly name: string
  readonly labels: ReadonlyMap<string, string>
  readonly value: number
}

/** The samples of a text in Prometheus' format (the escapes of label values are not undone: none of ours has any). */
function linesOf(text: string): readonly Line[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, series = '', name = '', inside = '', value = ''] = /^((\w+)(?:\{(.*)\})?) (\S+)$/.exec(line) ?? []
      const labels = [...inside.matchAll(/(\w+)="([^"]*)"/g)].map((found) => [found[1] ?? '', found[2] ?? ''] as const)
      return { series, name, labels: new Map(labels), value: value === '+Inf' ? Infinity : Number(value) }
    })
}

function valueOf(text: string, series: string): number | undefined {
  return linesOf(text).find((line) => line.series === series)?.value
}

describe.each(['uws', 'ws'])('A scrape by %s', (listener) => {
  it('may bring no body: what waits for an answer must not fill the memory', async () => {
    const { http, ask } = await started({ metrics: 'open', listener })
    expect(await statusWithBody(`${http}/metrics`, 1)).toBe(413)
    expect((await ask()).status).toBe(200)
  })
})

describe('who may read /metrics', () => {
  it.each(['uws', 'ws'])('is who shows its token, and no one else, by GET and by HEAD (%s)', async (listener) => {
    const { ask, data, token } = await started({ listener })
    const admitted = await ask()
    expect([admitted.status, admitted.headers.get('content-type')]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
    ])
    expect(await admitted.text()).toContain('bandpass_ready 1\n')
    const head = await ask({ method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
    const adminToken = readFileSync(join(data, 'admin-token'), 'utf8').trim()
    for (const wrong of ['', 'x'.repeat(43), `${token}x`, adminToken]) {
      const refused = await ask({ token: wrong })
      expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
      expect(await refused.text()).not.toContain('bandpass_')
    }
    expect((await fetch(admitted.url)).status).toBe(401)
    expect((await ask({ method: 'POST' })).status).toBe(405)
  })

  it('is not who shows it to the admin API: the token opens nothing else', async () => {
    const { http, token } = await started()
    const headers = { authorization: `Bearer ${token}` }
    expect((await fetch(`${http}/admin/info`, { headers })).status).toBe(401)
  })

  it('may not guess: the attempts of an address are limited', async () => {
    const { ask } = await started()
    const statuses = await Promise.all(Array.from({ length: 30 }, async () => (await ask({ token: 'guess' })).status))
    expect(new Set(statuses)).toEqual(new Set([401, 429]))
  })

  it('is who has another token within a second after the file was given one', async () => {
    const { ask, tokenPath } = await started()
    const other = 'n'.repeat(32)
    writeFileSync(tokenPath, `${other}\n`)
    await vi.waitFor(async () => expect((await ask({ token: other })).status).toBe(200), {
      timeout: 10_000,
      interval: 1_100,
    })
  })

  it('is everybody where it is open, and then there is no token', async () => {
    const { ask, token } = await started({ metrics: 'open' })
    expect(token).toBeUndefined()
    expect((await ask()).status).toBe(200)
  })

  it('is nobody where it is off, and the server does not say that it could be on', async () => {
    const { ask, http, token } = await started({ metrics: 'off' })
    expect(token).toBeUndefined()
    const answer = await ask({ token: 'x'.repeat(43) })
    expect(answer.status).toBe(404)
    expect(await answer.text()).not.toContain('/metrics')
    expect(await (await fetch(http)).text()).not.toContain('/metrics')
  })

  it('finds it in what the server says of itself, and its token in a file of the owner’s alone that the log names', async () => {
    const { http, tokenPath, token = '', lines } = await started()
    expect(await (await fetch(http)).text()).toContain('/metrics')
    expect(await (await fetch(`${http}/elsewhere`)).text()).toContain('/metrics')
    expect(statSync(tokenPath).mode & 0o777).toBe(0o600)
    expect(token).toMatch(/^[\w-]{43}$/)
    expect(lines.find((one) => one.event === 'server.started')?.fields['metricsTokenIn']).toBe(tokenPath)
    expect(JSON.stringify(lines)).not.toContain(token)
  })
})

describe('what /metrics shows', () => {
  it('is every metric of the list, each with its help and its type, once', async () => {
    const { scrape } = await started()
    const text = await scrape()
    const types = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map((found) => [found[1], found[2]])
    expect(types).toEqual(metricList.map(({ name, type }) => [name, type]))
    for (const { name, help } of metricList) expect(text).toContain(`# HELP ${name} ${help}\n`)
    const series = linesOf(text).map((line) => line.series)
    expect(new Set(series).size).toBe(series.length)
    expect(linesOf(text).filter(({ value }) => Number.isNaN(value))).toEqual([])
  })

  it('agrees with what the engine says of itself', async () => {
    const { scrape, server, admin } = await started()
    await admin('/admin/import', encodeImport([sampleBinding(1), sampleBinding(2)]))
    const { bands, journal, appendedLsn, durableLsn, clockCertain } = server.status()
    const text = await scrape()
    for (const [state, count] of Object.entries(bands)) {
      expect(valueOf(text, `bandpass_bands{state="${state}"}`), state).toBe(count)
    }
    expect(bands.offWrist).toBe(2)
    expect([valueOf(text, 'bandpass_journal_appended_lsn'), valueOf(text, 'bandpass_journal_durable_lsn')]).toEqual([
      appendedLsn,
      durableLsn,
    ])
    expect(valueOf(text, `bandpass_journal_state{state="${journal}"}`)).toBe(1)
    expect(valueOf(text, 'bandpass_journal_state{state="failed"}')).toBe(0)
    expect(valueOf(text, 'bandpass_clock_certain')).toBe(Number(clockCertain))
    expect(valueOf(text, 'bandpass_gate_depth_limit')).toBe(20_000)
    expect(valueOf(text, 'bandpass_view_lag_limit')).toBe(75_000)
  })

  it('starts every counter at 0, so that the first of a kind is seen as an increase', async () => {
    const text = await (await started()).scrape()
    for (const reason of namesOf(reasons)) {
      const outcome = reason === 'approved' ? 'approved' : 'denied'
      expect(valueOf(text, `bandpass_decisions_total{outcome="${outcome}",reason="${reason}"}`), reason).toBe(0)
    }
    for (const limit of refusingLimits)
      expect(valueOf(text, `bandpass_refusals_total{limit="${limit}"}`), limit).toBe(0)
  })

  it('has histograms whose buckets only rise, up to the count', async () => {
    const text = await (await started()).scrape()
    for (const { name, type, labels } of metricList) {
      if (type !== 'histogram') continue
      const all = linesOf(text).filter((line) => line.name === `${name}_bucket`)
      const groups = Map.groupBy(all, (line) => labels.map((label) => line.labels.get(label)).join())
      expect(groups.size, name).toBeGreaterThan(0)
      for (const lines of groups.values()) {
        const bounds = lines.map((line) => Number(line.labels.get('le')?.replace('+Inf', 'Infinity')))
        expect(bounds).toEqual(bounds.toSorted((left, right) => left - right))
        const counts = lines.map((line) => line.value)
        expect(counts).toEqual(counts.toSorted((left, right) => left - right))
        expect(bounds.at(-1)).toBe(Infinity)
      }
      const sums = linesOf(text).filter((line) => line.name === `${name}_count` || line.name === `${name}_sum`)
      expect(sums, name).toHaveLength(2 * groups.size)
    }
  })

  it('tells the limits that turned somebody away', async () => {
    const { ask, scrape, http } = await started({
      'network-address-requests-burst': '5',
      'network-address-requests-per-second': '1',
    })
    await Promise.all(Array.from({ length: 20 }, () => fetch(`${http}/healthz`)))
    await vi.waitFor(async () => expect((await ask()).status).toBe(200), { timeout: 20_000, interval: 1_500 })
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(valueOf(await scrape(), 'bandpass_refusals_total{limit="requestsPerAddress"}')).toBeGreaterThan(10)
  })

  it('never falls where it counts, not even when the meters are reset', async () => {
    const { scrape, admin } = await started()
    const counters = new Set(metricList.filter(({ type }) => type !== 'gauge').map(({ name }) => name))
    const counted = (text: string) =>
      linesOf(text).filter(({ name }) => counters.has(name.replace(/_(bucket|sum|count)$/, '')) || counters.has(name))
    // So that there is something to lose: the collector ran at least once.
    const before = await vi.waitFor(
      async () => {
        let kept: unknown[] = []
        for (let at = 0; at < 300_000; at++) kept = [{ at }, kept.length]
        expect(kept).toHaveLength(2)
        const text = await scrape()
        expect(valueOf(text, 'bandpass_gc_pause_seconds_count{kind="minor"}')).toBeGreaterThan(0)
        return text
      },
      { timeout: 10_000, interval: 20 },
    )
    await admin('/admin/meters/reset', '')
    const after = new Map(linesOf(await scrape()).map(({ series, value }) => [series, value]))
    expect(counted(before).length).toBeGreaterThan(50)
    for (const { series, value } of counted(before)) expect(after.get(series), series).toBeGreaterThanOrEqual(value)
  })

  it('computes nothing for nobody: the delay of the event loop is sampled from the first scrape on', async () => {
    const { scrape } = await started()
    expect(valueOf(await scrape(), 'bandpass_event_loop_delay_max_seconds')).toBe(0)
    await vi.waitFor(
      async () => {
        const untilMs = performance.now() + 50
        while (performance.now() < untilMs) void 0
        expect(valueOf(await scrape(), 'bandpass_event_loop_delay_max_seconds')).toBeGreaterThan(0.02)
      },
      { timeout: 10_000, interval: 30 },
    )
  })
})

describe('the series of /metrics', () => {
  /** Every value that a label may have; those of the build are one each. */
  const closed: Readonly<Record<string, readonly string[]>> = {
    state: [...namesOf(bandStates), ...sessionStates, 'open', 'full', 'failed', 'closed'],
    outcome: ['approved', 'denied'],
    answer: ['linked', 'refused'],
    chore: ['none', ...choreNames],
    reason: [...namesOf(reasons), ...tokenRefusals],
    limit: refusingLimits,
    kind: ['minor', 'major', 'incremental', 'weakCallbacks', 'other', 'anonymous', 'mapped'],
    mode: ['user', 'system'],
  }
  const ofBuild = ['version', 'node', 'listener', 'durability']

  it('have labels of closed lists only', async () => {
    const lines = linesOf(await (await started()).scrape())
    for (const { name, labels } of lines) {
      for (const [label, value] of labels) {
        if (ofBuild.includes(label)) expect(name).toBe('bandpass_build_info')
        else if (label === 'le') expect(value).toMatch(/^(0\.\d+|1|\+Inf)$/)
        else expect(closed[label], `${label} of ${name}`).toContain(value)
      }
    }
    const known = [...Object.keys(closed), ...ofBuild]
    expect(metricList.flatMap((one) => one.labels).filter((label) => !known.includes(label))).toEqual([])
  })

  it('are the same for three hundred bands of as many accounts and a new partner as for none', async () => {
    const { scrape, admin, server } = await started()
    const seriesOf = (text: string) => linesOf(text).map(({ series }) => series)
    const before = seriesOf(await scrape())
    // docs/operating.md says so.
    expect(before.length).toBeLessThan(200)
    await admin('/admin/import', encodeImport(Array.from({ length: 300 }, (_, at) => sampleBinding(at + 1))))
    await admin('/admin/partners', JSON.stringify({ name: 'Corner shop' }))
    expect(server.status().bands.offWrist).toBe(300)
    const text = await scrape()
    expect(seriesOf(text)).toEqual(before)
    const { bandId, bid, account } = sampleBinding(7)
    for (const secret of [bandId, bid, account, 'Corner shop', '127.0.0.1']) expect(text).not.toContain(secret)
  })
})

describe('the names of /metrics', () => {
  it('are those of Prometheus: a prefix, base units, _total for what only grows and nothing else', () => {
    for (const { name, type, unit } of metricList) {
      expect(name).toMatch(/^bandpass_[a-z][a-z0-9]*(_[a-z0-9]+)*$/)
      expect(name.endsWith('_total'), name).toBe(type === 'counter')
      expect(/_seconds(_total)?$/.test(name), name).toBe(unit === 'seconds')
      expect(/_bytes(_total)?$/.test(name), name).toBe(unit === 'bytes')
      expect(name).not.toMatch(/(milli|micro|nano)seconds|(kilo|mega)bytes|_ms\b|_mb\b|_percent/)
    }
    expect(new Set(metricList.map(({ name }) => name)).size).toBe(metricList.length)
  })
})
