// Result of a stretch of load with its consistency check, as both ends saw it: every request answered, no decision that cannot
// be, and the engine's own counts equal to ours.

import type { RecordableHistogram } from 'node:perf_hooks'
import type { EngineInfo, ServerMeters } from '../../sdk/admin/admin-client.ts'
import type { LoadCounters } from './counters.ts'
import type { Metric } from '../profile/thresholds.ts'
import type { FleetOptions, MeasureOptions } from '../profile/load-options.ts'

/** One second of a run, or a longer piece of a long one. */
export type Sample = {
  readonly atMs: number
  readonly offeredPerSecond: number
  readonly achievedPerSecond: number
  readonly errorsPerSecond: number
  /** So far. */
  readonly offered: number
  readonly errors: number
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  readonly linked: number
  /** As it was a moment before; the histograms of its meters run from the start of the stretch. */
  readonly server: {
    readonly rssMb: number
    readonly anonRssMb: number
    readonly heapMb: number
    readonly gcTotalMs: number
    readonly gcMaxMs: number
    readonly cpuMs: number
    readonly p99Ms: number | null
  } | null
}

/** Milliseconds; null when nothing was measured. */
type Percentiles = {
  readonly count: number
  readonly p50Ms: number | null
  readonly p90Ms: number | null
  readonly p99Ms: number | null
  readonly p999Ms: number | null
  readonly maxMs: number | null
}

export type LoadResult = {
  readonly profile: string
  readonly about: string
  readonly seed: string
  readonly bands: number
  readonly sessions: 'phone' | 'hub'
  readonly sockets: number
  readonly workers: number
  /** How long it truly was. */
  readonly seconds: number
  /** How long it was to be, when it was interrupted; null when it came to its end. */
  readonly interruptedOfSeconds: number | null
  readonly offeredPerSecond: number
  readonly achievedPerSecond: number
  readonly requests: number
  readonly answered: number
  readonly approved: number
  readonly denied: number
  readonly errors: number
  readonly lost: number
  readonly wrong: number
  readonly retried: number
  readonly waited: number
  readonly attacks: number
  readonly attacksApproved: number
  readonly replaysRecognized: number
  readonly floodFrames: number
  readonly vandals: number
  readonly heartbeats: number
  readonly socketsLost: number
  /** From the intended start to the answer, honest requests. */
  readonly latency: Percentiles
  /** Those of them whose band had its link when they were due. */
  readonly liveLatency: Percentiles
  /** Share of answers (0 to 1) that came within so many ms, for a picture. */
  readonly distribution: readonly { readonly share: number; readonly ms: number }[]
  /** All that were answered, attacks included, by reason. */
  readonly decisions: Readonly<Record<string, number>>
  readonly deniedByReason: Readonly<Record<string, number>>
  readonly errorsByCode: Readonly<Record<string, number>>
  readonly relinkMs: number | null
  readonly provisionMs: number
  readonly linkMs: number
  readonly server: ServerMeters & { readonly info: EngineInfo; readonly growthMbPerMinute: number | null }
  /** CPU time of the load itself, and for each request. */
  readonly clientCpuMs: number
  readonly clientCpuUsPerRequest: number
  readonly samples: readonly Sample[]
  /** Why the run cannot be trusted; empty when it can. */
  readonly problems: readonly string[]
}

export type Measured = {
  readonly fleet: FleetOptions
  readonly measured: MeasureOptions
  readonly sessions: 'phone' | 'hub'
  readonly sockets: number
  readonly info: EngineInfo
  readonly counters: LoadCounters
  readonly latencies: { readonly all: RecordableHistogram; readonly live: RecordableHistogram }
  readonly tookMs: number
  readonly interruptedOfSeconds?: number
  readonly relinkMs: number | null
  readonly samples: readonly Sample[]
  readonly server: { readonly before: ServerMeters; readonly after: ServerMeters }
  readonly cpuMs: number
  readonly provisionMs: number
  readonly linkMs: number
}

/** The figures of a stretch. */
export function resultOf(measured: Measured): LoadResult {
  const { counters, fleet, latencies, server, samples } = measured
  const { profile, seconds } = measured.measured
  const count = (name: Parameters<LoadCounters['get']>[0]): number => counters.get(name)
  const decisions = counters.decisions()
  const { approved: _approved, ...deniedByReason } = decisions
  const requests = count('requests')
  return {
    profile: profile.name,
    about: profile.about,
    seed: fleet.seed,
    bands: fleet.bands,
    sessions: measured.sessions,
    sockets: measured.sockets,
    workers: fleet.workers,
    seconds: rounded(seconds),
    interruptedOfSeconds: measured.interruptedOfSeconds ?? null,
    offeredPerSecond: seconds === 0 ? 0 : count('offered') / seconds,
    achievedPerSecond: measured.tookMs === 0 ? 0 : (1_000 * (count('approved') + count('denied'))) / measured.tookMs,
    requests,
    answered: count('answered'),
    approved: count('approved'),
    denied: count('denied'),
    errors: count('errors'),
    lost: count('lost'),
    wrong: count('wrong'),
    retried: count('retried'),
    waited: count('waited'),
    attacks: count('attacks'),
    attacksApproved: count('attacksApproved'),
    replaysRecognized: count('replaysRecognized'),
    floodFrames: count('floodFrames'),
    vandals: count('vandals'),
    heartbeats: count('heartbeats'),
    socketsLost: count('socketsLost'),
    latency: percentilesOf(latencies.all),
    liveLatency: percentilesOf(latencies.live),
    distribution: distributionOf(latencies.all),
    decisions,
    deniedByReason,
    errorsByCode: counters.errorsByCode(),
    relinkMs: measured.relinkMs,
    provisionMs: measured.provisionMs,
    linkMs: measured.linkMs,
    server: { ...server.after, info: measured.info, growthMbPerMinute: growthOf(samples) },
    clientCpuMs: measured.cpuMs,
    clientCpuUsPerRequest: requests === 0 ? 0 : (1_000 * measured.cpuMs) / requests,
    samples,
    problems: [...problemsOf(counters), ...differencesOf(counters, server.before, server.after)],
  }
}

/** What thresholds compare; undefined where nothing was measured. */
export function metricsOf(result: LoadResult): Readonly<Record<Metric, number | undefined>> {
  const { latency, server } = result
  const decided = result.approved + result.denied
  return {
    p50: latency.p50Ms ?? undefined,
    p90: latency.p90Ms ?? undefined,
    p99: latency.p99Ms ?? undefined,
    p999: latency.p999Ms ?? undefined,
    max: latency.maxMs ?? undefined,
    liveP99: result.liveLatency.p99Ms ?? undefined,
    relink: result.relinkMs ?? undefined,
    offered: result.offeredPerSecond,
    achieved: result.achievedPerSecond,
    approved: result.approved,
    denied: result.denied,
    deniedRate: decided === 0 ? undefined : result.denied / decided,
    errors: result.errors,
    errorRate: result.requests === 0 ? undefined : result.errors / result.requests,
    lost: result.lost,
    wrong: result.wrong,
    attacksApproved: result.attacksApproved,
    socketsLost: result.socketsLost,
    serverP50: server.answered.p50Ms ?? undefined,
    serverP99: server.answered.p99Ms ?? undefined,
    serverP999: server.answered.p999Ms ?? undefined,
    serverMax: server.answered.maxMs ?? undefined,
    serverRss: server.memory.rssMb,
    serverAnonRss: server.memory.anonRssMb,
    serverHeap: server.memory.heapUsedMb,
    serverGrowth: server.growthMbPerMinute ?? undefined,
    serverGcMax: server.gc.maxMs,
  }
}

/** The line of `--json`. */
export function jsonOf(result: LoadResult): object {
  const { latency, server } = result
  const ms = (value: number | null): number | null => (value === null ? null : rounded(value))
  const { interruptedOfSeconds, seconds } = result
  return {
    ...(interruptedOfSeconds === null ? {} : { interrupted: true, seconds, ofSeconds: interruptedOfSeconds }),
    offeredPerSecond: rounded(result.offeredPerSecond),
    achievedPerSecond: rounded(result.achievedPerSecond),
    bands: result.bands,
    sockets: result.sockets,
    approved: result.approved,
    p50Ms: ms(latency.p50Ms),
    p99Ms: ms(latency.p99Ms),
    p999Ms: ms(latency.p999Ms),
    maxMs: ms(latency.maxMs),
    deniedByReason: result.deniedByReason,
    errorsByCode: result.errorsByCode,
    serverP50Ms: server.answered.p50Ms,
    serverP99Ms: server.answered.p99Ms,
    serverP999Ms: server.answered.p999Ms,
    serverRssMb: rounded(server.memory.rssMb),
    serverHeapMb: rounded(server.memory.heapUsedMb),
    serverGcMaxMs: rounded(server.gc.maxMs),
  }
}

function problemsOf(counters: LoadCounters): readonly string[] {
  const problems: string[] = []
  const [requests, answered] = [counters.get('requests'), counters.get('answered')]
  const [errors, lost] = [counters.get('errors'), counters.get('lost')]
  if (requests !== answered + errors + lost) {
    problems.push(`${requests} requests, but ${answered} answers, ${errors} errors and ${lost} lost`)
  }
  if (requests === 0) problems.push('nothing was asked: a longer run or a higher --rate is needed')
  if (lost > 0) problems.push(`${lost} requests were never answered`)
  const wrong = counters.get('wrong')
  if (wrong > 0) problems.push(`${wrong} decisions cannot be right: ${countsText(counters.decisions())}`)
  const attacks = counters.get('attacksApproved')
  if (attacks > 0) problems.push(`${attacks} attacks were approved`)
  const bad = counters.get('badRecords')
  if (bad > 0) problems.push(`${bad} records or frames of the engine could not be read`)
  return problems
}

/**
 * The engine counts each decision it answers. A socket that was lost takes answers along that were counted there, and its
 * requests are asked and counted again: only then may the engine have counted more.
 */
function differencesOf(counters: LoadCounters, before: ServerMeters, after: ServerMeters): readonly string[] {
  const ours = counters.decisions()
  const mayBeMore = counters.get('retried') + counters.get('lost') + (counters.errorsByCode()['socket-lost'] ?? 0)
  const problems: string[] = []
  const names = new Set([...Object.keys(ours), ...Object.keys(after.status.decisions)])
  let more = 0
  for (const name of names) {
    const theirs = (after.status.decisions[name] ?? 0) - (before.status.decisions[name] ?? 0)
    const difference = theirs - (ours[name] ?? 0)
    more += difference
    const isFair = mayBeMore > 0 ? difference >= 0 : difference === 0
    if (!isFair) problems.push(`the engine counted ${theirs} ${name}, here ${ours[name] ?? 0} arrived`)
  }
  if (problems.length === 0 && more > mayBeMore) {
    problems.push(
      `the engine counted ${more} decisions more than arrived, ${mayBeMore} can be explained by lost sockets`,
    )
  }
  return problems
}

/** Figures of a histogram of nanoseconds. */
function percentilesOf(latencies: RecordableHistogram): Percentiles {
  const ms = (ns: number): number | null => (latencies.count === 0 ? null : ns / 1e6)
  return {
    count: latencies.count,
    p50Ms: ms(latencies.percentile(50)),
    p90Ms: ms(latencies.percentile(90)),
    p99Ms: ms(latencies.percentile(99)),
    p999Ms: ms(latencies.percentile(99.9)),
    maxMs: ms(latencies.max),
  }
}

function distributionOf(latencies: RecordableHistogram): LoadResult['distribution'] {
  if (latencies.count === 0) return []
  return [...latencies.percentiles].map(([percentile, ns]) => ({ share: percentile / 100, ms: ns / 1e6 }))
}

/** Memory leak estimate: the slope of anonymous memory over the second half, by least squares; null for less than ten samples. */
function growthOf(samples: readonly Sample[]): number | null {
  const points = samples
    .slice(Math.floor(samples.length / 2))
    .flatMap(({ atMs, server }) => (server === null ? [] : [{ x: atMs / 60_000, y: server.anonRssMb }]))
  if (points.length < 10) return null
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / points.length
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / points.length
  const above = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0)
  const below = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0)
  return below === 0 ? null : above / below
}

/** `a 3, b 2`, the largest first. */
export function countsText(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .sort(([, left], [, right]) => right - left)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000
}
