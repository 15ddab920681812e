// The admin API of a running engine, as an operator's tool uses it: bulk import, tokens, partners, meters.

import { Agent, request } from 'node:http'
import { sleep } from './real-time.ts'

/** The engine did not do what was asked; the message says what it said and what to do. */
export class AdminError extends Error {
  override readonly name = 'AdminError'
  readonly status: number

  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

type Durations = {
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
}

/** What the load tester reads of GET /admin/meters; there is more. */
export type ServerMeters = {
  readonly sinceMs: number
  readonly answered: Durations
  readonly gate: Durations
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
    readonly decisions: Readonly<Record<string, number>>
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
  readonly refused: readonly { readonly index: number; readonly reason: string }[]
}

const requestTimeoutMs = 60_000
const triesMax = 60
/** Answers that say: later. */
const laterStatuses: ReadonlySet<number> = new Set([429, 503])

export class AdminClient {
  readonly #base: URL
  readonly #token: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 })

  /** `url` is the engine's, ws:// or http://. Throws a RangeError on one that is none. */
  constructor(url: string, token: string) {
    this.#base = httpUrlOf(url)
    this.#token = token.trim()
  }

  info(): Promise<EngineInfo> {
    return this.#json('GET', '/admin/info', isInfo)
  }

  meters(): Promise<ServerMeters> {
    return this.#json('GET', '/admin/meters', isMeters)
  }

  async resetMeters(): Promise<void> {
    await this.#ask('POST', '/admin/meters/reset', undefined)
  }

  /** A token for an account's phone, or for a hub of all accounts. */
  async token(wanted: {
    readonly account: string
    readonly sessionKey: Uint8Array
    readonly isHub: boolean
    readonly lifeS: number
  }): Promise<string> {
    const { account, sessionKey, isHub, lifeS } = wanted
    const body = {
      account,
      sessionKey: Buffer.from(sessionKey).toString('hex'),
      lifeS,
      ...(isHub ? { scopes: ['hub'], hubAccounts: ['*'] } : {}),
    }
    const answer = await this.#json('POST', '/admin/tokens', isToken, jsonBody(body))
    return answer.token
  }

  /** Lists a new partner. */
  async addPartner(name: string): Promise<{ readonly id: string; readonly kid: number; readonly key: string }> {
    return this.#json('POST', '/admin/partners', isPartner, jsonBody({ name }))
  }

  /** One import request; `bindings` from `encodeImport`. Resolves when all of it is durable. */
  import(bindings: Uint8Array): Promise<ImportAnswer> {
    return this.#json('POST', '/admin/import', isImported, { bytes: bindings, type: 'application/octet-stream' })
  }

  close(): void {
    this.#agent.destroy()
  }

  async #json<Answer>(
    method: 'GET' | 'POST',
    path: string,
    isAnswer: (value: unknown) => value is Answer,
    body?: Body,
  ): Promise<Answer> {
    const text = await this.#ask(method, path, body)
    const parsed: unknown = JSON.parse(text)
    if (!isAnswer(parsed))
      throw new AdminError(`${path} answered what this version does not know: ${text.slice(0, 200)}`, 200)
    return parsed
  }

  async #ask(method: 'GET' | 'POST', path: string, body: Body | undefined): Promise<string> {
    for (let tries = 1; ; tries++) {
      const answer = await this.#once(method, path, body)
      if (answer.status === 200) return answer.text
      if (laterStatuses.has(answer.status) && tries < triesMax) {
        await sleep(Math.max(0.05, answer.retryAfterS) * 1_000)
        continue
      }
      throw new AdminError(
        `${path} answered ${answer.status}: ${answer.text.slice(0, 300).trim()}${adviceOf(answer.status)}`,
        answer.status,
      )
    }
  }

  #once(
    method: 'GET' | 'POST',
    path: string,
    body: Body | undefined,
  ): Promise<{ readonly status: number; readonly text: string; readonly retryAfterS: number }> {
    return new Promise((resolve, reject) => {
      const asked = request(new URL(path, this.#base), {
        method,
        agent: this.#agent,
        timeout: requestTimeoutMs,
        headers: {
          authorization: `Bearer ${this.#token}`,
          ...(method === 'POST' ? { 'content-length': body?.bytes.length ?? 0 } : {}),
          ...(body === undefined ? {} : { 'content-type': body.type }),
        },
      })
      asked.on('response', (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            text: Buffer.concat(chunks).toString(),
            retryAfterS: Number(response.headers['retry-after'] ?? 0),
          })
        })
      })
      asked.on('timeout', () => asked.destroy(new Error(`no answer in ${requestTimeoutMs / 1_000} s`)))
      asked.on('error', (error) => {
        reject(new AdminError(`${new URL(path, this.#base).href}: ${error.message}; does the engine run there?`, 0))
      })
      asked.end(body?.bytes)
    })
  }
}

type Body = { readonly bytes: Uint8Array; readonly type: string }

function jsonBody(value: object): Body {
  return { bytes: Buffer.from(JSON.stringify(value)), type: 'application/json' }
}

function adviceOf(status: number): string {
  switch (status) {
    case 401:
      return '; expected the token of the engine’s own admin-token file'
    case 404:
      return '; expected an engine with the admin API at this address'
    case 409:
      return '; start the engine with --tokens-local on'
    default:
      return ''
  }
}

/** http:// for ws://, without a path. */
function httpUrlOf(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const protocols: Readonly<Record<string, string>> = { 'ws:': 'http:', 'http:': 'http:' }
  const protocol = parsed === undefined ? undefined : protocols[parsed.protocol]
  if (parsed === undefined || protocol === undefined) {
    throw new RangeError(`an address such as ws://127.0.0.1:8484 expected, got ${url}`)
  }
  return new URL(`${protocol}//${parsed.host}`)
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
  return has(value, { imported: 'number', refused: 'object' })
}
