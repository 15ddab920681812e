// The files in ops/ are for other programs, which nobody here would notice to be wrong: what they name must be there.
import { describe, expect, it, onTestFinished } from 'vitest'
import { metricList } from '../../server/figures/metric-list.ts'
import { quoted } from '../docs/documents.ts'
import { readText } from '../tidy/source-files.ts'
import {
  alertNames,
  alertQueries,
  alertsPath,
  dashboard,
  dashboardPath,
  metricsNamedIn,
  queries,
  shown,
} from './ops-files.ts'
import { namesIn, scrapedServer } from './scraped-server.ts'

const asked = [
  [alertsPath, alertQueries],
  [dashboardPath, queries.map(({ expr }) => expr)],
] as const

describe.each(asked)('%s', (path, exprs) => {
  it('asks only for series that a started server shows, and names no other metric', async () => {
    const server = await scrapedServer((work) => onTestFinished(work))
    const series = namesIn(await server.text())
    expect(series.size).toBeGreaterThan(metricList.length)
    const wanted = metricsNamedIn(exprs.join('\n'))
    expect(wanted.length).toBeGreaterThan(10)
    expect(wanted.filter((name) => !series.has(name))).toEqual([])
    // People are told of a histogram by its own name, under which it has no series.
    const known = new Set([...series, ...metricList.map(({ name }) => name)])
    expect(metricsNamedIn(readText(path)).filter((name) => !known.has(name))).toEqual([])
  })
})

describe('the dashboard', () => {
  it('shows every metric that there is', () => {
    const named = metricsNamedIn(queries.map(({ expr }) => expr).join('\n')).map((name) =>
      name.replace(/_(bucket|sum|count)$/, ''),
    )
    expect(metricList.map(({ name }) => name).filter((name) => !named.includes(name))).toEqual([])
  })

  it('has what Grafana needs to take it: a name of its own, a range of time, a choice of data source and engine', () => {
    expect(dashboard).toMatchObject({ uid: 'bandpass-engine', title: 'Bandpass', time: { to: 'now' } })
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(36)
    expect(dashboard.templating.list.map(({ name, type }) => [name, type])).toEqual([
      ['datasource', 'datasource'],
      ['instance', 'query'],
    ])
  })

  it('has panels that each say what they show, ask the chosen data source, and are told apart', () => {
    const { panels } = dashboard
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length)
    expect(shown.length).toBeGreaterThan(20)
    for (const { title, description = '', targets = [] } of shown) {
      expect(description, title).toMatch(/\.$/)
      expect(targets.length, title).toBeGreaterThan(0)
      expect(new Set(targets.map(({ refId }) => refId)).size, title).toBe(targets.length)
      for (const { expr, datasource } of targets) {
        expect(datasource.uid, title).toBe('${datasource}')
        const series = [...expr.matchAll(/bandpass_\w+/g)].length
        expect([...expr.matchAll(/\{instance=~"\$instance"/g)].length, `${title}: each for the chosen engine`).toBe(
          series,
        )
      }
    }
  })

  it('has no two panels in one place', () => {
    const taken = new Map<string, string>()
    for (const { title, gridPos } of dashboard.panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.get(`${x} ${y}`), `${title} at ${x}, ${y}`).toBeUndefined()
          taken.set(`${x} ${y}`, title)
        }
      }
    }
  })
})

describe('the alerts', () => {
  it('have each a name of their own, a severity, a summary and what to do', () => {
    const text = readText(alertsPath)
    const each = text.split(/^ +- alert: /m).slice(1)
    expect(new Set(alertNames).size).toBe(each.length)
    expect(each.length).toBeGreaterThanOrEqual(10)
    expect(alertQueries).toHaveLength(each.length)
    for (const alert of each) {
      expect(alert).toMatch(/^ +severity: (critical|warning)$/m)
      expect(alert).toMatch(/^ +summary: \S/m)
      expect(alert).toMatch(/^ +action: \S/m)
    }
  })

  it('send people to settings that exist', () => {
    const settings = readText('docs/operating.md')
    const named = readText(alertsPath).match(/\b(?:bands|sessions|view|gate|watchdog|network)\.\w+(?:\.\w+)?\b/g) ?? []
    expect(named.length).toBeGreaterThan(3)
    const known = quoted(settings)
    for (const name of named)
      expect(
        known.some((one) => one === name || one.startsWith(`${name}.`)),
        name,
      ).toBe(true)
  })
})
