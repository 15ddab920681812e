// HTTP client of a running engine's admin API, for operators' tools: bulk import, tokens, partners, meters, the last minute, one
// band. Retries while the engine says that asking again may help.

import { type Bytes, toHex } from '../../base/bytes.ts'
import type { AccountBands, BandReport, LastMinute, SeveralBands } from './admin-reports.ts'
import { systemClock } from '../phone/phone-clock.ts'

type Refusal = { readonly error: string; readonly message: string }

/** Error of an admin request: the engine did not do what was asked; the message says what it said and what to do. */
export class AdminError extends Error {
  override readonly name = 'AdminError'
  /** Of the HTTP answer; 0 when there was none. */
  readonly status: number
  /** The engine's refusal, as a stable code with its words for people; undefined when it was not the engine that answered. */
  readonly refusal: Refusal | undefined

  constructor(message: string, status: number, options: ErrorOptions & { readonly refusal?: Refusal } = {}) {
    super(message, options)
    this.status = status
    this.refusal = options.refusal
  }
}

/** Milliseconds; null when nothing was measured. */
export type MeteredTimes = {
  readonly count: number
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  readonly p999Ms: number | null
  readonly maxMs: number | null
}

/** Metrics: what tools read of GET /admin/meters; there is more. */
export type ServerMeters = {
  readonly sinceMs: number
  /** From a frame read off its socket to its answer written. */
  readonly answered: MeteredTimes
  /** From a record appended to it durable. */
  readonly gate: MeteredTimes
  readonly loopDelay: { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number }
  readonly gc: { readonly count: number; readonly totalMs: number; readonly maxMs: number }
  readonly memory: {
    readonly rssMb: number
    readonly anonRssMb: number
    readonly mappedMb: number
    readonly heapUsedMb: number
  }
  readonly cpu: { readonly userMs: number; readonly systemMs: number }
  readonly status: {
    /** Bands by state. */
    readonly bands: Readonly<Record<string, number>>
    readonly decisions: Readonly<Record<string, number>>
    /** Live links. */
    readonly links: number
    readonly bandsAwake: number
  }
}

export type EngineInfo = {
  readonly version: string
  readonly durability: string
  readonly listener: string
  readonly heartbeatS: number
  readonly localTokens: boolean
  readonly limits?: { readonly network?: { readonly socketsPerAddressMax?: number } }
}

export type ImportAnswer = {
  readonly imported: number
  /** `index` counts the bindings of the request. */
  readonly refused: readonly { readonly index: number; readonly reason: string }[]
}

/** Request timeout, ms. */
const answerWithinMs = 30_000
/** Request timeout of an import, which waits behind others, and for the disk, ms. */
const importWithinMs = 300_000
const triesMax = 60
/** Retry delay when an answer says later, but not when, s. */
const waitUnlessToldS = 1
const waitMaxS = 10
/** HTTP statuses that are retried: too many requests, unavailable. */
const laterStatuses: ReadonlySet<number> = new Set([429, 503])

export class AdminClient {
  readonly #base: URL
  readonly #token: string
  readonly #timeoutMs: number | undefined
  readonly #triesMax: number

  /**
   * `url` is where the engine listens: http:, https:, or the ws: of its phones; `timeoutMs` is for one answer (30 s, an import 5 minutes),
   * `triesMax` for answers that say: later. Throws a RangeError on what is no such address.
   */
  constructor(url: string, token: string, options: { readonly timeoutMs?: number; readonly triesMax?: number } = {}) {
    this.#base = httpUrlOf(url)
    this.#token = token.trim()
    this.#timeoutMs = options.timeoutMs
    this.#triesMax = options.triesMax ?? triesMax
  }

  info(): Promise<EngineInfo> {
    return this.#json('GET', 'info', isInfo)
  }

  meters(): Promise<ServerMeters> {
    return this.#json('GET', 'meters', isMeters)
  }

  async resetMeters(): Promise<void> {
    await this.#ask('POST', 'meters/reset', undefined)
  }

  /** Metrics by second: the seconds that ended after `afterMs`, of the last sixty; 0 = all of them. Takes nothing from others. */
  lastMinute(afterMs: number): Promise<LastMinute> {
    return this.#json('GET', `last-minute?afterMs=${afterMs}`, isLastMinute)
  }

  /**
   * One band, or the bands of an account that has several; `name` is a band id, a bid or an account,
   * or the beginning of one, which may be that of several bands. With `openReason` the
   * account's id is told whole, and the engine journals who asked and why. Rejects with the refusal `unknown-band`, or
   * `malformed` for what can be no name.
   */
  inspectBand(
    name: string,
    { decisionsMax, openReason }: { readonly decisionsMax: number; readonly openReason: string | undefined },
  ): Promise<BandReport | AccountBands | SeveralBands> {
    const query = new URLSearchParams({ decisions: String(decisionsMax) })
    if (openReason !== undefined) query.set('open', openReason)
    return this.#json('GET', `bands/${encodeURIComponent(name)}?${query.toString()}`, isBandAnswer)
  }

  /** A token for an account's phone, or for a hub of all accounts. */
  async token(wanted: {
    readonly account: string
    readonly sessionKey: Bytes
    readonly isHub: boolean
    readonly lifeS: number
  }): Promise<string> {
    const { account, sessionKey, isHub, lifeS } = wanted
    const body = {
      account,
      sessionKey: toHex(sessionKey),
      lifeS,
      ...(isHub ? { scopes: ['hub'], hubAccounts: ['*'] } : {}),
    }
    const answer = await this.#json('POST', 'tokens', isToken, jsonBody(body))
    return answer.token
  }

  /** Lists a new partner; `key` is 64 hex digits. */
  async addPartner(name: string): Promise<{ readonly id: string; readonly kid: number; readonly key: string }> {
    return this.#json('POST', 'partners', isPartner, jsonBody({ name }))
  }

  /** One import request; `bindings` from `encodeImport`. Resolves when all of it is durable. */
  import(bindings: Uint8Array<ArrayBuffer>): Promise<ImportAnswer> {
    return this.#json('POST', 'import', isImported, { content: bindings, type: 'application/octet-stream' })
  }

  async #json<Answer>(
    method: 'GET' | 'POST',
    name: string,
    isAnswer: (value: unknown) => value is Answer,
    body?: Body,
  ): Promise<Answer> {
    const { at, text } = await this.#ask(method, name, body)
    const parsed = parsedJson(text)
    if (isAnswer(parsed)) return parsed
    // Not quoted: it may hold a token or a key.
    throw new AdminError(`${placeOf(at)} answered ${text.length} characters that this version does not know`, 200)
  }

  async #ask(
    method: 'GET' | 'POST',
    name: string,
    body: Body | undefined,
  ): Promise<{ readonly at: URL; readonly text: string }> {
    const at = new URL(`/admin/${name}`, this.#base)
    for (let tries = 1; ; tries++) {
      const answer = await this.#once(method, at, body)
      if (answer.status === 200) return { at, text: answer.text }
      if (laterStatuses.has(answer.status) && tries < this.#triesMax) {
        await wait(1_000 * Math.min(waitMaxS, Math.max(waitUnlessToldS, answer.retryAfterS)))
        continue
      }
      throw refused(at, name, answer.status, answer.text)
    }
  }

  async #once(
    method: 'GET' | 'POST',
    at: URL,
    body: Body | undefined,
  ): Promise<{ readonly status: number; readonly text: string; readonly retryAfterS: number }> {
    try {
      const response = await fetch(at, {
        method,
        signal: AbortSignal.timeout(
          this.#timeoutMs ?? (at.pathname === '/admin/import' ? importWithinMs : answerWithinMs),
        ),
        headers: {
          authorization: `Bearer ${this.#token}`,
          ...(body === undefined ? {} : { 'content-type': body.type }),
        },
        ...(body === undefined ? {} : { body: body.content }),
      })
      const text = await response.text()
      return { status: response.status, text, retryAfterS: Number(response.headers.get('retry-after')) || 0 }
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
      const said = cause instanceof Error ? cause.message || codeOf(cause) : String(cause)
      throw new AdminError(`${placeOf(at)} cannot be reached: ${said}; does the engine run there?`, 0, { cause: error })
    }
  }
}

type Body = { readonly content: Uint8Array<ArrayBuffer> | string; readonly type: string }

function jsonBody(value: object): Body {
  return { content: JSON.stringify(value), type: 'application/json' }
}

function refused(at: URL, name: string, status: number, text: string): AdminError {
  const refusal = refusalOf(text)
  const said = oneLine(refusal === undefined ? text.slice(0, 300) : `${refusal.error}: ${refusal.message}`)
  const isOfPath = status === 404 && refusal !== undefined && refusal.error !== 'not-found'
  const message = `${placeOf(at)} answered ${status}: ${said}${isOfPath ? '' : adviceOf(status, name)}`
  return new AdminError(message, status, refusal === undefined ? {} : { refusal })
}

/** Sanitizes an answer, of a proxy say, to one line without terminal control characters. */
function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim()
}

/** Without the query, in which an operator's own words may stand. */
function placeOf(at: URL): string {
  return `${at.origin}${at.pathname}`
}

function refusalOf(text: string): Refusal | undefined {
  const parsed = parsedJson(text)
  return isRefusal(parsed) ? parsed : undefined
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    systemClock.after(ms, resolve)
  })
}

function adviceOf(status: number, name: string): string {
  if (status === 401) return '; expected the token of the engine’s own admin-token file'
  if (status === 404) return '; expected an engine with the admin API at this address'
  if (status === 409 && name === 'tokens') return '; start the engine with --tokens-local on'
  return ''
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Error code of a failed connection: one that was tried at several addresses has no message, only a code. */
function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.name
}

const httpProtocols: ReadonlyMap<string, string> = new Map([
  ['http:', 'http:'],
  ['https:', 'https:'],
  ['ws:', 'http:'],
  ['wss:', 'https:'],
])

/** The place of the HTTP answers beside a WebSocket, without a path. */
function httpUrlOf(written: string): URL {
  const url = URL.canParse(written) ? new URL(written) : undefined
  const protocol = url === undefined ? undefined : httpProtocols.get(url.protocol)
  if (url === undefined || protocol === undefined) {
    throw new RangeError(`an address such as http://localhost:8484 expected, got ${JSON.stringify(written)}`)
  }
  return new URL(`${protocol}//${url.host}`)
}

function has(value: unknown, members: Readonly<Record<string, 'string' | 'number' | 'object' | 'boolean'>>): boolean {
  if (typeof value !== 'object' || value === null) return false
  const found: Readonly<Record<string, unknown>> = Object.fromEntries(Object.entries(value))
  return Object.entries(members).every(([name, type]) => typeof found[name] === type && found[name] !== null)
}

function isInfo(value: unknown): value is EngineInfo {
  return has(value, {
    version: 'string',
    durability: 'string',
    listener: 'string',
    heartbeatS: 'number',
    localTokens: 'boolean',
  })
}

function isMeters(value: unknown): value is ServerMeters {
  return has(value, {
    answered: 'object',
    gate: 'object',
    loopDelay: 'object',
    gc: 'object',
    memory: 'object',
    cpu: 'object',
    status: 'object',
  })
}

function isRefusal(value: unknown): value is Refusal {
  return has(value, { error: 'string', message: 'string' })
}

function isLastMinute(value: unknown): value is LastMinute {
  return has(value, { upMs: 'number', seconds: 'object', minute: 'object', status: 'object', memory: 'object' })
}

function isBandAnswer(value: unknown): value is BandReport | AccountBands | SeveralBands {
  const isBand = has(value, {
    type: 'string',
    bandId: 'string',
    hardware: 'object',
    arm: 'object',
    decisions: 'object',
  })
  return isBand || has(value, { type: 'string', bands: 'object' })
}

function isToken(value: unknown): value is { readonly token: string } {
  return has(value, { token: 'string' })
}

function isPartner(value: unknown): value is { readonly id: string; readonly kid: number; readonly key: string } {
  return has(value, { id: 'string', kid: 'number', key: 'string' })
}

function isImported(value: unknown): value is ImportAnswer {
  if (!has(value, { imported: 'number', refused: 'object' })) return false
  const refused: unknown = Reflect.get(Object(value), 'refused')
  return Array.isArray(refused) && refused.every((one) => has(one, { index: 'number', reason: 'string' }))
}
