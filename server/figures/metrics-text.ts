// The figures in Prometheus' text format: the door to prom-client. The library can also keep and count metrics, at a map
// and some objects for each observation; ours are counted where they happen, so it is only given what to write.

import { AggregatorRegistry, prometheusContentType } from 'prom-client'
import { type LabelledBuckets, type Labels, type Metric, type MetricSources, metricList } from './metric-list.ts'

/** The content type of `metricsText`. */
export const metricsContentType: string = prometheusContentType

/** A line as the library knows it: `metricName` where it is not the metric's own. */
type Line = { readonly labels: Labels; readonly value: number; readonly metricName?: string }

/** Everything of the list, from what was read at once. */
export function metricsText(from: MetricSources): Promise<string> {
  const families = metricList.map((metric) => ({
    name: metric.name,
    help: metric.help,
    type: metric.type,
    values: linesOf(metric, from),
    // What metrics of several processes would become together; these are those of one.
    aggregator: 'first',
  }))
  return AggregatorRegistry.aggregate([families]).metrics()
}

function linesOf(metric: Metric, from: MetricSources): readonly Line[] {
  if (metric.type !== 'histogram') return metric.read(from)
  return metric.read(from).flatMap((one) => bucketLines(metric.name, one))
}

function bucketLines(name: string, { labels, buckets }: LabelledBuckets): readonly Line[] {
  const { boundsS, count, sumS } = buckets
  const upTo = buckets.cumulative()
  const bucket = (le: string, value: number): Line => ({
    labels: { ...labels, le },
    value,
    metricName: `${name}_bucket`,
  })
  return [
    ...boundsS.map((boundS, at) => bucket(String(boundS), upTo[at] ?? 0)),
    bucket('+Inf', count),
    { labels, value: sumS, metricName: `${name}_sum` },
    { labels, value: count, metricName: `${name}_count` },
  ]
}
