// Pass/fail thresholds of a run: `metric`, a comparison, a value with a unit, such as `p99>1ms` or `achieved<4900`. The units of
// a metric are those of its kind; a figure that was not measured crosses every threshold on it.

/** Kinds of figure, with what their units are worth. */
const units = {
  time: { us: 0.001, ms: 1, s: 1_000 },
  memory: { kb: 1 / 1_024, mb: 1, gb: 1_024 },
  growth: { 'mb/min': 1 },
  share: { '%': 0.01 },
  count: {},
  rate: { '/s': 1 },
} as const
type Kind = keyof typeof units

/** Every metric there is, and what it is. */
export const metrics = {
  p50: { kind: 'time', about: 'half of the answers came within this, from the intended start' },
  p90: { kind: 'time', about: '90 % of them' },
  p99: { kind: 'time', about: '99 % of them' },
  p999: { kind: 'time', about: '99.9 % of them' },
  max: { kind: 'time', about: 'all of them' },
  liveP99: { kind: 'time', about: '99 % of those whose band had its link when they were due' },
  relink: { kind: 'time', about: 'from a storm until every band has its link again' },
  offered: { kind: 'rate', about: 'requests due a second' },
  achieved: { kind: 'rate', about: 'requests decided a second' },
  approved: { kind: 'count', about: 'honest requests approved' },
  denied: { kind: 'count', about: 'honest requests denied' },
  deniedRate: { kind: 'share', about: 'denied of all decided' },
  errors: { kind: 'count', about: 'requests answered with an error' },
  errorRate: { kind: 'share', about: 'errors of all requests' },
  lost: { kind: 'count', about: 'requests never answered' },
  wrong: { kind: 'count', about: 'decisions that cannot be right' },
  attacksApproved: { kind: 'count', about: 'attacks that were approved' },
  socketsLost: { kind: 'count', about: 'sockets that closed unasked' },
  serverP50: { kind: 'time', about: "the server's own clock: frame read to answer written" },
  serverP99: { kind: 'time', about: 'the same, 99 %' },
  serverP999: { kind: 'time', about: 'the same, 99.9 %' },
  serverMax: { kind: 'time', about: 'the same, all' },
  serverRss: { kind: 'memory', about: "the server's resident memory at the end" },
  serverAnonRss: { kind: 'memory', about: 'that without mapped files' },
  serverHeap: { kind: 'memory', about: "the server's JavaScript heap at the end" },
  serverGrowth: { kind: 'growth', about: "what the server's anonymous memory grew by over the second half" },
  serverGcMax: { kind: 'time', about: "the server's longest pause for garbage" },
} as const satisfies Readonly<Record<string, { readonly kind: Kind; readonly about: string }>>
export type Metric = keyof typeof metrics

const comparisons = {
  '>=': (left: number, right: number) => left >= right,
  '<=': (left: number, right: number) => left <= right,
  '>': (left: number, right: number) => left > right,
  '<': (left: number, right: number) => left < right,
} as const
type Comparison = keyof typeof comparisons

/** `limit` in the base unit of the metric: ms, MB, MB a minute, a share, a count, a second. */
export type Threshold = {
  readonly text: string
  readonly metric: Metric
  readonly comparison: Comparison
  readonly limit: number
}

export type Crossed = { readonly text: string; readonly value: number | undefined }

/** Reads a threshold; a text says what was expected instead. */
export function parseThreshold(text: string): Threshold | string {
  const parts = /^\s*([A-Za-z0-9]+)\s*(>=|<=|>|<)\s*(\d+(?:\.\d+)?)\s*([A-Za-z%/]*)\s*$/.exec(text)
  const [, name = '', sign = '', number = '', unit = ''] = parts ?? []
  if (parts === null) return `metric, comparison and value expected, such as p99>1ms or achieved<4900`
  if (!isMetric(name)) return `unknown metric ${name}; one of ${Object.keys(metrics).join(', ')}`
  if (!isComparison(sign)) return 'one of > >= < <= expected'
  const { kind } = metrics[name]
  const known: Readonly<Record<string, number>> = units[kind]
  const scale = unit === '' && kind !== 'time' && kind !== 'memory' ? 1 : known[unit.toLowerCase()]
  if (scale === undefined) return `${name} wants a unit of ${Object.keys(known).join(', ') || 'none'}, got "${unit}"`
  return { text: text.trim(), metric: name, comparison: sign, limit: Number(number) * scale }
}

/** The thresholds that the figures cross. */
export function crossed(
  thresholds: readonly Threshold[],
  figures: Readonly<Record<Metric, number | undefined>>,
): readonly Crossed[] {
  return thresholds.flatMap(({ text, metric, comparison, limit }) => {
    const value = figures[metric]
    const isCrossed = value === undefined || Number.isNaN(value) || comparisons[comparison](value, limit)
    return isCrossed ? [{ text, value }] : []
  })
}

/** The grammar and the metrics, for `--help`. */
export function thresholdHelp(): string {
  const width = Math.max(...Object.keys(metrics).map((name) => name.length))
  return [
    'A threshold is METRIC, one of > >= < <=, and a value: p99>1ms, achieved<4900, serverRss>1gb, errorRate>0.1%.',
    'Times want us, ms or s; memory kb, mb or gb; growth is mb/min; shares may be %. The metrics:',
    ...Object.entries(metrics).map(([name, { about }]) => `  ${name.padEnd(width)}  ${about}`),
  ].join('\n')
}

function isMetric(name: string): name is Metric {
  return Object.hasOwn(metrics, name)
}

function isComparison(sign: string): sign is Comparison {
  return Object.hasOwn(comparisons, sign)
}
