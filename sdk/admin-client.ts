// The admin API of a running engine, as an operator's tool uses it: bulk import, tokens, partners, meters. Asks again while the
// engine says that asking again may help.

import { type Bytes, toHex } from '../protocol/bytes.ts'
import { systemClock } from './phone-clock.ts'

/** The engine did not do what was asked; the message says what it said and what to do. */
export class AdminError extends Error {
  override readonly name = 'AdminError'
  /** Of the HTTP answer; 0 when there was none. */
  readonly status: number

  constructor(message: string, status: number, options?: ErrorOptions) {
    super(message, options)
    this.status = status
  }
}

export type MeteredTimes = {
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
}

/** What tools read of GET /admin/meters; there is more. */
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

/** An import waits behind others, and for the disk. */
const requestTimeoutMs = 300_000
const triesMax = 60
/** When an answer says later, but not when. */
const waitUnlessToldS = 1
const waitMaxS = 10
/** Answers that say: later. */
const laterStatuses: ReadonlySet<number> = new Set([429, 503])

export class AdminClient {
  readonly #base: URL
  readonly #token: string

  /** `url` is where the engine listens: http:, https:, or the ws: of its phones. Throws a RangeError on what is no such address. */
  constructor(url: string, token: string) {
    this.#base = httpUrlOf(url)
    this.#token = token.trim()
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
    throw new AdminError(`${at.href} answered ${text.length} characters that this version does not know`, 200)
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
      if (laterStatuses.has(answer.status) && tries < triesMax) {
        await wait(1_000 * Math.min(waitMaxS, answer.retryAfterS || waitUnlessToldS))
        continue
      }
      const said = answer.text.slice(0, 300).trim()
      throw new AdminError(
        `${at.href} answered ${answer.status}: ${said}${adviceOf(answer.status, name)}`,
        answer.status,
      )
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
        signal: AbortSignal.timeout(requestTimeoutMs),
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
      throw new AdminError(`${at.href} cannot be reached: ${said}; does the engine run there?`, 0, { cause: error })
    }
  }
}

type Body = { readonly content: Uint8Array<ArrayBuffer> | string; readonly type: string }

function jsonBody(value: object): Body {
  return { content: JSON.stringify(value), type: 'application/json' }
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

/** Of a connection that was tried at several addresses there is no message, only a code. */
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
