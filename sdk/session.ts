// A session that survives its connections: connects, reconnects with jittered waits, takes a new token when the engine
// asks for one, and stops when it is told to. One newer session of the same phone ends it for good (`fenced`).

import type { EngineFrame } from '../protocol/frames.ts'
import type { PhoneId } from '../protocol/ids.ts'
import { readU32 } from '../protocol/bytes.ts'
import type { Primitives } from '../crypto/primitives.ts'
import { backoffMs } from './backoff.ts'
import { type Connection, type WebSocketConstructor, type Welcome, openConnection } from './connection.ts'
import type { PhoneClock } from './phone-clock.ts'
import { PhoneError, afterClose } from './phone-errors.ts'
import type { PhoneKeys } from './phone-keys.ts'
import { Requests } from './requests.ts'

/** Gives the account token. `refused` is the engine's no to the last one: then a new one is needed. */
export type TokenSource = (why: { readonly refused: PhoneError | null }) => Promise<string> | string

export type SessionParts = {
  readonly url: string
  readonly token: TokenSource
  readonly phoneId: PhoneId
  readonly keys: PhoneKeys
  readonly webSocket: WebSocketConstructor
  readonly clock: PhoneClock
  readonly primitives: Primitives
  readonly received: (frame: EngineFrame) => void
  readonly disconnected: (error: PhoneError) => void
  /** Called at every connection, the first included, before anyone who waits for it goes on. */
  readonly connected: (welcome: Welcome) => void
  readonly ended: (error: PhoneError) => void
}

/** A connection that lasted this long was a good one: the next loss starts waiting from the shortest again. */
const goodConnectionMs = 30_000

export class Session {
  readonly requests: Requests
  readonly #parts: SessionParts
  #connection: Connection | undefined
  #resumeToken: Uint8Array | null = null
  #refused: PhoneError | null = null
  #attempt = 0
  #connectedAtMs = 0
  #over: PhoneError | undefined
  #cancelRetry: () => void = () => {}
  #waiting: { readonly resolve: () => void; readonly reject: (error: PhoneError) => void }[] = []

  constructor(parts: SessionParts) {
    this.#parts = parts
    this.requests = new Requests(parts.clock)
  }

  get welcome(): Welcome | undefined {
    return this.#connection?.welcome
  }

  get greeting(): Connection['greeting'] | undefined {
    return this.#connection?.greeting
  }

  get isLive(): boolean {
    return this.#connection !== undefined
  }

  /** The first connection; a refused token is asked for once more. Rejects with a PhoneError, and then it is over. */
  async start(): Promise<void> {
    try {
      await this.#connect()
    } catch (error) {
      const first = asPhoneError(error)
      if (afterClose(first) !== 're-authenticate') throw this.#fail(first)
      this.#refused = first
      try {
        await this.#connect()
      } catch (second) {
        throw this.#fail(asPhoneError(second))
      }
    }
  }

  /** Resolves when the session is live: at once, or after a reconnection. Rejects when it is over. */
  whenLive(): Promise<void> {
    if (this.#over !== undefined) return Promise.reject(this.#over)
    if (this.#connection !== undefined) return Promise.resolve()
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  close(): void {
    this.#fail(new PhoneError('closed'))
  }

  async #connect(): Promise<void> {
    const { url, webSocket, phoneId, keys, clock, primitives, received } = this.#parts
    const refused = this.#refused
    const token = await this.#token(refused)
    const opened: { connection?: Connection } = {}
    const connection = await openConnection({
      url,
      webSocket,
      phoneId,
      keys,
      clock,
      primitives,
      token,
      resumeToken: this.#resumeToken,
      received: (frame) => {
        if (!this.requests.answered(frame)) received(frame)
      },
      closed: (error) => {
        if (opened.connection !== undefined && opened.connection === this.#connection) this.#lost(error)
      },
    })
    if (this.#over !== undefined) {
      connection.close()
      throw this.#over
    }
    const ended = connection.ended()
    if (ended !== undefined) throw ended
    opened.connection = connection
    this.#connection = connection
    this.#resumeToken = connection.welcome.resumeToken.slice()
    this.#refused = null
    this.#connectedAtMs = clock.nowMs()
    this.requests.connected(connection.send)
    this.#parts.connected(connection.welcome)
    for (const waiting of this.#waiting.splice(0)) waiting.resolve()
  }

  async #token(refused: PhoneError | null): Promise<string> {
    try {
      return await this.#parts.token({ refused })
    } catch (error) {
      throw error instanceof PhoneError ? error : new PhoneError('token-invalid', { about: String(error) })
    }
  }

  #lost(error: PhoneError): void {
    this.#connection = undefined
    this.requests.disconnected(error.code === 'closed' ? error : new PhoneError('offline', { about: error.code }))
    if (this.#over !== undefined) return
    this.#parts.disconnected(error)
    if (this.#parts.clock.nowMs() - this.#connectedAtMs > goodConnectionMs) this.#attempt = 0
    this.#again(error)
  }

  #again(error: PhoneError): void {
    const then = afterClose(error)
    const refusedTwice = then === 're-authenticate' && this.#refused !== null
    if (then === 'stop' || refusedTwice) {
      this.#fail(error)
      return
    }
    if (then === 're-authenticate') this.#refused = error
    const { clock, primitives } = this.#parts
    const fraction = readU32(primitives.randomBytes(4), 0) / 0x1_0000_0000
    const waitMs = backoffMs(this.#attempt++, fraction, error.retryAfterMs)
    this.#cancelRetry = clock.after(waitMs, () => void this.#retry())
  }

  async #retry(): Promise<void> {
    try {
      await this.#connect()
    } catch (failure) {
      if (this.#over === undefined) this.#again(asPhoneError(failure))
    }
  }

  #fail(error: PhoneError): PhoneError {
    if (this.#over !== undefined) return this.#over
    this.#over = error
    this.#cancelRetry()
    const connection = this.#connection
    this.#connection = undefined
    connection?.close()
    this.requests.ended(error)
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error)
    this.#parts.ended(error)
    return error
  }
}

function asPhoneError(error: unknown): PhoneError {
  return error instanceof PhoneError ? error : new PhoneError('offline', { about: String(error) })
}
