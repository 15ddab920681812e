// Prometheus' text exposition format, version 0.0.4: every metric of the list, written from what was counted where it happened.

import { type LabelledBuckets, type Labels, type Metric, type MetricSources, metricList } from './metric-list.ts'

/** The content type of `metricsText`. */
export const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8'

/** `name` where it is not the metric's own. */
type Line = { readonly labels: Labels; readonly value: number; readonly name?: string }

/** Everything of the list, from what was read at once. */
export function metricsText(from: MetricSources): string {
  return metricList.map((metric) => familyText(metric, linesOf(metric, from))).join('\n')
}

/** A metric with its comments and lines, each ended by a line feed. */
export function familyText(
  { name, help, type }: Pick<Metric, 'name' | 'help' | 'type'>,
  lines: readonly Line[],
): string {
  const written = lines.map((line) => `${line.name ?? name}${labelsText(line.labels)} ${valueText(line.value)}\n`)
  return `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${type}\n${written.join('')}`
}

function linesOf(metric: Metric, from: MetricSources): readonly Line[] {
  if (metric.type !== 'histogram') return metric.read(from)
  return metric.read(from).flatMap((one) => bucketLines(metric.name, one))
}

function bucketLines(metric: string, { labels, buckets }: LabelledBuckets): readonly Line[] {
  const { boundsS, count, sumS } = buckets
  const upTo = buckets.cumulative()
  const bucket = (le: string, value: number): Line => ({ labels: { ...labels, le }, value, name: `${metric}_bucket` })
  return [
    ...boundsS.map((boundS, at) => bucket(String(boundS), upTo[at] ?? 0)),
    bucket('+Inf', count),
    { labels, value: sumS, name: `${metric}_sum` },
    { labels, value: count, name: `${metric}_count` },
  ]
}

function labelsText(labels: Labels): string {
  const written = Object.entries(labels).map(([label, value]) => `${label}="${escaped(value).replaceAll('"', '\\"')}"`)
  return written.length === 0 ? '' : `{${written.join(',')}}`
}

/** Backslashes and line feeds would end the line or mean something else. */
function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function valueText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  return Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : '-Inf'
}
