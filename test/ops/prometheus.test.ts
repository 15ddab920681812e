// A real Prometheus scrapes a started server as ops/prometheus.yml tells it to, with the token from the server's own file,
// loads ops/alerts.yml, and takes every query of the alerts and of the dashboard.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { demoWorld } from '../../band-sim/demo-world.ts'
import { createPartner } from '../../sdk/offers.ts'
import { PhoneClient } from '../../sdk/phone-client.ts'
import { metricList } from '../../server/figures/metric-list.ts'
import { testFolder } from '../../server/log/test-folder.ts'
import { readText, root } from '../tidy/source-files.ts'
import { alertNames, alertsPath, queries } from './ops-files.ts'
import { OwnPrometheus, hasPrometheus, promtool } from './prometheus-tools.ts'
import { type ScrapedServer, namesIn, scrapedServer } from './scraped-server.ts'

type Vector = readonly {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}[]
type Rule = { readonly name: string; readonly query: string; readonly health: string; readonly lastError?: string }
type Rules = { readonly groups: readonly { readonly rules: readonly Rule[] }[] }
type Targets = { readonly activeTargets: readonly { readonly health: string; readonly lastError: string }[] }

const scrapeWithinMs = 60_000

/** The example, for this server: nothing else of it is changed. */
function configFor(server: ScrapedServer): string {
  const changes: Readonly<Record<string, string>> = {
    'localhost:8484': `127.0.0.1:${server.port}`,
    '/etc/prometheus/bandpass-metrics-token': server.tokenPath,
    '- alerts.yml': `- ${join(root, alertsPath)}`,
    'scrape_interval: 15s': 'scrape_interval: 1s',
    'evaluation_interval: 15s': 'evaluation_interval: 1s',
  }
  return Object.entries(changes).reduce((text, [from, to]) => {
    expect(text).toContain(from)
    return text.replace(from, to)
  }, readText('ops/prometheus.yml'))
}

/** A band pays, as in examples/pay.ts. */
async function payOnce(server: ScrapedServer): Promise<boolean> {
  const demo = demoWorld(readFileSync(join(server.data, 'demo.json'), 'utf8'))
  const { wearer, radio } = demo.newBand()
  const phone = await PhoneClient.connect(demo.phone())
  wearer.taps()
  const band = await phone.pair(radio.phone, { packageSecret: wearer.band.device.packageSecret })
  wearer.putsOn()
  await band.whenWorn()
  await band.arm()
  const order = { action: 'pay', resource: '0b'.repeat(16), amountMinor: 450, currency: 978, label: 'Coffee' } as const
  const offer = createPartner(demo.partner).offer({ ...order, expiresAtMs: Date.now() + 60_000 })
  const { approved } = await band.pay(offer.bytes)
  phone.close()
  wearer.band.powerOff()
  return approved
}

describe.skipIf(!hasPrometheus())('a Prometheus', { timeout: 60_000 }, () => {
  const undo: (() => Promise<void> | void)[] = []
  let server: ScrapedServer
  let prometheus: OwnPrometheus

  const ask = async (query: string): Promise<Vector> => {
    const { result } = (await prometheus.ask('query', { query })) as { readonly result: Vector }
    return result
  }

  beforeAll(async () => {
    const folder = testFolder((work) => undo.push(work))
    server = await scrapedServer((work) => undo.push(work))
    const configPath = join(folder, 'prometheus.yml')
    writeFileSync(configPath, configFor(server))
    const checked = promtool(['check', 'config', configPath])
    expect(checked.status, checked.said).toBe(0)
    prometheus = await OwnPrometheus.start(configPath, join(folder, 'data'))
    undo.push(() => prometheus.stop())
    // Two scrapes before the payment and two after it: a rate needs two samples that differ.
    await scrapes(2)
    expect(await payOnce(server)).toBe(true)
    await scrapes(4)
  }, 150_000)

  afterAll(async () => {
    for (const step of undo.toReversed()) await step()
  })

  async function scrapes(count: number): Promise<void> {
    await vi.waitFor(
      async () => {
        const [found] = await ask('count_over_time(up{job="bandpass"}[10m])')
        expect(Number(found?.value[1]), prometheus.said.slice(-2_000)).toBeGreaterThanOrEqual(count)
      },
      { timeout: scrapeWithinMs, interval: 200 },
    )
  }

  it('finds nothing to complain about in what the server says', async () => {
    const { status, said } = promtool(['check', 'metrics'], await server.text())
    expect(said).toBe('')
    expect(status).toBe(0)
  })

  it('scrapes it without an error, with the token of its file', async () => {
    const { activeTargets } = (await prometheus.ask('targets')) as Targets
    expect(activeTargets.map(({ health, lastError }) => [health, lastError])).toEqual([['up', '']])
  })

  it('has every series that the server shows', async () => {
    for (const name of namesIn(await server.text())) expect((await ask(name)).length, name).toBeGreaterThan(0)
  })

  it('knows each metric by its type and its help', async () => {
    const known = (await prometheus.ask('metadata')) as Record<string, readonly { type: string; help: string }[]>
    for (const { name, type, help } of metricList) expect(known[name], name).toMatchObject([{ type, help }])
  })

  it('has seen the payment: one approval, its answer in the histogram, a band, a journal that grew', async () => {
    const value = async (query: string) => Number((await ask(query))[0]?.value[1])
    expect(await value('sum(bandpass_decisions_total{outcome="approved"})')).toBe(1)
    expect(await value('sum(increase(bandpass_decisions_total[10m]))')).toBeGreaterThan(0)
    expect(await value('bandpass_answer_duration_seconds_count')).toBe(1)
    expect(await value('bandpass_gate_duration_seconds_bucket{le="+Inf"}')).toBe(1)
    const p99 = await value('histogram_quantile(0.99, rate(bandpass_answer_duration_seconds_bucket[10m]))')
    expect(p99).toBeGreaterThan(0)
    expect(p99).toBeLessThanOrEqual(1)
    expect(await value('sum(bandpass_bands)')).toBe(1)
    expect(await value('bandpass_journal_durable_lsn')).toBeGreaterThan(5)
  })

  it('evaluates every alert', async () => {
    const { groups } = (await prometheus.ask('rules')) as Rules
    const rules = groups.flatMap((group) => group.rules)
    expect(rules.map(({ name }) => name)).toEqual(alertNames)
    for (const { name, query, health, lastError } of rules) {
      expect([health, lastError], name).toEqual(['ok', undefined])
      await expect(ask(query), name).resolves.toBeInstanceOf(Array)
    }
  })

  it.for(queries)('takes the query of "$title" as it stands, and finds series by it: $expr', async ({ expr }) => {
    await expect(ask(expr)).resolves.toBeInstanceOf(Array)
    // As Grafana does when all engines are chosen.
    expect((await ask(expr.replaceAll('$instance', '.+'))).length).toBeGreaterThan(0)
  })
})
