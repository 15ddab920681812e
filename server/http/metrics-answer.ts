// GET /metrics: to who shows the metrics token, to all, or to none, as the setting says. The port is that of the
// phones, so it is not for everybody unless told. Everything is read in the turn of the event loop that answers.

import { getHeapStatistics } from 'node:v8'
import type { Chores } from '../../engine/ports/chores.ts'
import type { Engine } from '../../engine/engine.ts'
import { behindFlushes } from '../../engine/ledger/ledger.ts'
import type { FileJournal } from '../../store/journal/journal.ts'
import type { AnswersLater, HttpAnswer, HttpRequest, ListenerName } from '../../transport/listener.ts'
import { type AccessToken, refusedBy } from './access-token.ts'
import type { ServerMeters } from '../figures/meters.ts'
import type { MetricSources } from '../figures/metric-list.ts'
import { metricsContentType, metricsText } from '../figures/metrics-text.ts'
import { memoryBytes, memoryLimitBytes } from '../figures/process-memory.ts'
import type { Refusals } from '../figures/refusals.ts'
import type { ServerConfig } from '../settings/settings.ts'
import type { TokenIssuers } from '../tokens/token-issuers.ts'
import type { TokenRefusals } from '../tokens/token-refusals.ts'

export type MetricsParts = {
  /** The token to show; undefined when all are let in. */
  readonly token: Pick<AccessToken, 'judge'> | undefined
  readonly config: ServerConfig
  readonly version: string
  /** Known once the listener listens. */
  readonly listener: () => ListenerName
  readonly engine: Pick<Engine, 'status'>
  readonly notReady: () => readonly string[]
  readonly journal: Pick<FileJournal, 'isWitnessed'>
  readonly chores: Pick<Chores, 'failing' | 'failures'>
  readonly failures: { readonly engine: number }
  /** Infinity when nothing says. */
  readonly openFilesAllowed: number
  readonly meters: Pick<ServerMeters, 'totals' | 'loopDelay'>
  readonly refusals: Pick<Refusals, 'totals'>
  readonly tokenRefusals: Pick<TokenRefusals, 'totals'>
  readonly keysAgeMs: TokenIssuers['keysAgeMs']
}

/** However many ask, figures are read so often at most, ms: a scrape takes about a millisecond of the thread that decides. */
const freshMs = 100

/** Answers a request of /metrics. */
export function metricsAnswer(from: MetricsParts): (request: HttpRequest) => HttpAnswer | AnswersLater {
  let made: { readonly atMs: number; readonly text: string } | undefined
  const textNow = (): string => {
    const atMs = performance.now()
    if (made === undefined || atMs - made.atMs >= freshMs) made = { atMs, text: metricsText(sources(from)) }
    return made.text
  }
  return (request) => {
    const refused = from.token === undefined ? undefined : refusedBy(from.token, 'metrics-token', request)
    return refused ?? (() => Promise.resolve({ status: 200, contentType: metricsContentType, body: textNow() }))
  }
}

function sources({
  config,
  version,
  listener,
  engine,
  notReady,
  journal,
  chores,
  failures,
  openFilesAllowed,
  meters,
  refusals,
  tokenRefusals,
  keysAgeMs,
}: MetricsParts): MetricSources {
  const cpu = process.cpuUsage()
  return {
    build: { version, node: process.version, listener: listener(), durability: config.durability },
    status: engine.status(),
    isReady: notReady().length === 0,
    isWitnessed: journal.isWitnessed,
    chores,
    engineFailures: failures.engine,
    openFilesAllowed,
    totals: meters.totals,
    refused: refusals.totals,
    tokensRefused: tokenRefusals.totals,
    keysAgeMs: keysAgeMs() ?? 0,
    limits: {
      gateDepth: config.gate.depthMax,
      links: config.bands.linksMax,
      sessions: config.sessions.max,
      sockets: config.network.socketsMax,
      viewLag: behindFlushes * config.view.flushRecords,
    },
    process: {
      startedAtS: performance.timeOrigin / 1_000,
      cpuS: { user: cpu.user / 1_000_000, system: cpu.system / 1_000_000 },
      loopActiveS: performance.eventLoopUtilization().active / 1_000,
      loopDelay: meters.loopDelay(),
      memory: memoryBytes(),
      memoryLimitBytes: memoryLimitBytes(),
      heapLimitBytes: getHeapStatistics().heap_size_limit,
    },
  }
}
