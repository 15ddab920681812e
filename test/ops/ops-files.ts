// Parsers for the files of ops/: alert rules and dashboards, as the tests beside this file read them.

import { readText } from '../tidy/source-files.ts'

export const alertsPath = 'ops/alerts.yml'
export const dashboardPath = 'ops/grafana-dashboard.json'

type Target = { readonly refId: string; readonly expr: string; readonly datasource: { readonly uid: string } }
export type Panel = {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>
  readonly targets?: readonly Target[]
}
type Dashboard = {
  readonly uid: string
  readonly title: string
  readonly schemaVersion: number
  readonly time: { readonly from: string; readonly to: string }
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] }
  readonly panels: readonly Panel[]
}

export const dashboard = JSON.parse(readText(dashboardPath)) as Dashboard

/** The panels that show something: rows are headings. */
export const shown: readonly Panel[] = dashboard.panels.filter(({ type }) => type !== 'row')

/** Every query of the dashboard with the panel it is in. */
export const queries = shown.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })))

/** The engine's metrics that a text names. */
export function metricsNamedIn(text: string): readonly string[] {
  return [...new Set(text.match(/\bbandpass_\w+/g))]
}

/** What stands between `expr:` and the next key of each alert. */
export const alertQueries: readonly string[] = [
  ...readText(alertsPath).matchAll(/^ +expr: ([\s\S]*?)^ +(?:for|labels):/gm),
].map((found) => found[1] ?? '')

/** The names of the alerts, in their order. */
export const alertNames: readonly string[] = [...readText(alertsPath).matchAll(/^ +- alert: (\w+)$/gm)].map(
  (found) => found[1] ?? '',
)
