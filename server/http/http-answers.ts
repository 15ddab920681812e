// Health, readiness and public keys over HTTP. Plain HTTP beside the sockets: is the process alive, can it serve, how is it doing, and which
// keys sign its receipts.

import { durationText } from '../../engine/ledger/engine-time.ts'
import type { EngineStatus } from '../../engine/engine.ts'
import { acceptBehindText } from '../../engine/ledger/rewind.ts'
import type { AnswersLater, HttpAnswer, HttpHandler, HttpRequest } from '../../transport/listener.ts'
import type { ReceiptKey } from '../documents/engine-keys.ts'
import { publicJwk } from '../tokens/tokens.ts'

export type HttpSources = {
  readonly version: string
  /** Why new work cannot be served now; empty when it can. */
  readonly notReady: () => readonly string[]
  /** What is wrong without keeping it from serving; empty when nothing is. */
  readonly notes: () => readonly string[]
  readonly receiptKeys: () => readonly ReceiptKey[]
  /** Answers /metrics; undefined when it is off. */
  readonly metrics: ((request: HttpRequest) => HttpAnswer | AnswersLater) | undefined
  /** Where the operators' page is; undefined when there is none. */
  readonly operatorsUrl: () => string | undefined
  /** Answers what is under /admin/. */
  readonly admin: (request: HttpRequest) => HttpAnswer | AnswersLater | undefined
}

/** Answers /healthz, /readyz, /metrics, /.well-known/jwks.json and /. */
export function httpAnswers(from: HttpSources): HttpHandler {
  return (request) => {
    const health = healthAnswer(request.path, from)
    if (health !== undefined) return health
    switch (request.path) {
      case '/.well-known/jwks.json':
        return jwks(from.receiptKeys())
      case '/metrics':
        return from.metrics === undefined ? notFound(from) : from.metrics(request)
      case '/':
        return toOperators(from, request) ?? text(200, about(from))
      default:
        return from.admin(request) ?? notFound(from)
    }
  }
}

/** Answers /healthz and /readyz alone. */
export function healthAnswer(path: string, from: Pick<HttpSources, 'notReady' | 'notes'>): HttpAnswer | undefined {
  if (path === '/healthz') return text(200, 'alive\n')
  return path === '/readyz' ? readiness(from.notReady(), from.notes()) : undefined
}

/** A browser on this machine is led to the operators' page; what is not one, or not here, is told what this port is. */
function toOperators({ operatorsUrl }: HttpSources, { header, remoteAddress }: HttpRequest): HttpAnswer | undefined {
  const isHere = remoteAddress === '::1' || remoteAddress.startsWith('127.')
  const location = isHere && header('accept').includes('text/html') ? operatorsUrl() : undefined
  return location === undefined ? undefined : { ...text(302, `${location}\n`), headers: { location } }
}

/** Why an engine in this status serves nothing new. */
export function notReadyReasons(status: EngineStatus): readonly string[] {
  const reasons: string[] = []
  if (status.journal === 'full') reasons.push('the disk is full: only what takes rights away is recorded')
  else if (status.journal !== 'open') reasons.push(`the journal is ${status.journal}: restart after checking the disk`)
  if (!status.clockCertain) reasons.push(clockReason(status))
  if (status.view === 'checking')
    reasons.push('the view is being checked after a crash: nothing is approved before it was found whole')
  return reasons
}

function clockReason({ wallAheadMs, journalAheadMs, startedLsn }: EngineStatus): string {
  const distance = durationText(wallAheadMs)
  if (wallAheadMs < 0 && journalAheadMs > 0) {
    return (
      `the journal is ahead of the clock: its newest record is ${distance} later than the clock of this machine; nothing is approved before the ` +
      `clock gets there. Put the clock right; if it is right, stop, and ${acceptBehindText(startedLsn)}`
    )
  }
  const way = wallAheadMs < 0 ? 'behind' : 'ahead of'
  return (
    `the clock is uncertain: the wall clock is ${distance} ${way} the time that this engine began with; nothing is approved. It was set, or the ` +
    'machine slept: put it right, or restart if it is right'
  )
}

function readiness(reasons: readonly string[], notes: readonly string[]): HttpAnswer {
  const noted = notes.length === 0 ? {} : { notes }
  const body = JSON.stringify(reasons.length === 0 ? { ready: true, ...noted } : { ready: false, reasons, ...noted })
  return { status: reasons.length === 0 ? 200 : 503, contentType: 'application/json', body: `${body}\n` }
}

/** Verifiers may keep the set for a while: keys overlap for far longer. */
function jwks(keys: readonly ReceiptKey[]): HttpAnswer {
  const body = JSON.stringify({ keys: keys.map((key) => publicJwk(key.publicKey)) })
  return {
    status: 200,
    contentType: 'application/jwk-set+json',
    body,
    headers: { 'cache-control': 'public, max-age=300' },
  }
}

function notFound({ metrics }: HttpSources): HttpAnswer {
  const paths = ['/', '/healthz', '/readyz', ...(metrics === undefined ? [] : ['/metrics']), '/.well-known/jwks.json']
  return text(404, `expected ${paths.join(', ')}, or a WebSocket at /phone or /hub\n`)
}

function about({ version, metrics }: HttpSources): string {
  const figures = '  /metrics                 figures for Prometheus: with the metrics token, unless it is open'
  return [
    `Bandpass ${version}: a real-time authorization engine for wearables.`,
    '',
    '  /phone                   WebSocket of phones, subprotocol bandpass.v1',
    '  /hub                     WebSocket of hubs',
    '  /healthz                 is the process alive',
    '  /readyz                  can it serve, and if not why',
    ...(metrics === undefined ? [] : [figures]),
    '  /.well-known/jwks.json   keys that sign receipts',
    '  /admin/...               import, meters, bands, tokens, partners: with the admin token',
    '',
  ].join('\n')
}

function text(status: number, body: string): HttpAnswer {
  return { status, contentType: 'text/plain; charset=utf-8', body }
}
