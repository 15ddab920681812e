// Reconnecting session that survives its connections: reconnects with jittered backoff, takes a new token when the engine
// asks for one, and stops when it is told to. One newer session of the same phone ends it for good (`fenced`).

import type { EngineFrame } from '../../protocol/messages/frames.ts'
import type { PhoneId } from '../../protocol/ids.ts'
import { tokenBytesMax } from '../../protocol/limits.ts'
import { readU32 } from '../../base/bytes.ts'
import type { Primitives } from '../../crypto/primitives/primitives.ts'
import { backoffMs } from './backoff.ts'
import { type Connection, type WebSocketConstructor, type Welcome, openConnection } from './connection.ts'
import { type Liveness, watchLiveness } from './liveness.ts'
import type { PhoneClock } from './phone-clock.ts'
import { PhoneError, afterClose, asPhoneError, textOf } from './phone-errors.ts'
import type { PhoneKeys } from './phone-keys.ts'
import { type PhoneTimeouts, answerWithin } from './phone-timeouts.ts'
import { Requests } from './requests.ts'

/**
 * Gives the account token. `refused` is the engine's no to the last one: then a new one is needed. Where it throws, rejects, hangs or
 * gives what is no token, it is asked again later, as after any loss.
 */
export type TokenSource = (why: { readonly refused: PhoneError | null }) => Promise<string> | string

export type SessionParts = {
  readonly url: string
  readonly token: TokenSource
  readonly phoneId: PhoneId
  readonly keys: PhoneKeys
  readonly webSocket: WebSocketConstructor
  readonly clock: PhoneClock
  readonly primitives: Primitives
  readonly timeouts: PhoneTimeouts
  readonly received: (frame: EngineFrame) => void
  readonly disconnected: (error: PhoneError) => void
  /** Called at every connection, the first included, before any caller that waits for it goes on. */
  readonly connected: (welcome: Welcome) => void
  readonly ended: (error: PhoneError) => void
}

/** A connection that lasted this long was a good one: the next loss starts waiting from the shortest again. */
const goodConnectionMs = 30_000
/** Tokens that the engine says no to in a row, each fetched anew, before the session is over. */
const refusedTokensMax = 2

/** `refused`: the engine said no to this token. `lost`: there was no answer to it, or no token at all. */
type Attempt = { readonly type: 'live' } | { readonly type: 'refused' | 'lost'; readonly error: PhoneError }

export class Session {
  readonly requests: Requests
  readonly #parts: SessionParts
  #connection: Connection | undefined
  #liveness: Liveness | undefined
  #resumeToken: Uint8Array | null = null
  #refused: PhoneError | null = null
  #refusedCount = 0
  #attempt = 0
  #connectedAtMs = 0
  #over: PhoneError | undefined
  #cancelRetry: () => void = () => {}
  readonly #waiting = new Set<{ readonly resolve: () => void; readonly reject: (error: PhoneError) => void }>()

  constructor(parts: SessionParts) {
    this.#parts = parts
    this.requests = new Requests(parts.clock, parts.timeouts.answerMs)
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
    for (;;) {
      const attempt = await this.#connect()
      if (attempt.type === 'live') return
      const isLastTry = attempt.type === 'lost' || this.#refusedCount >= refusedTokensMax
      if (isLastTry) throw this.#fail(attempt.error)
    }
  }

  /** Resolves when the session is live: at once, or after a reconnection within `withinMs`. Rejects when it is over. */
  whenLive(withinMs: number): Promise<void> {
    if (this.#over !== undefined) return Promise.reject(this.#over)
    if (this.#connection !== undefined) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const settle = (work: () => void): void => {
        cancel()
        this.#waiting.delete(waiting)
        work()
      }
      const waiting = {
        resolve: () => settle(resolve),
        reject: (error: PhoneError) => settle(() => reject(error)),
      }
      const late = new PhoneError('offline', { about: `not back within ${withinMs} ms` })
      const cancel = this.#parts.clock.after(withinMs, () => waiting.reject(late))
      this.#waiting.add(waiting)
    })
  }

  close(): void {
    this.#fail(new PhoneError('closed'))
  }

  async #connect(): Promise<Attempt> {
    const token = await this.#token(this.#refused)
    if (token instanceof PhoneError) return { type: 'lost', error: token }
    if (this.#over !== undefined) return { type: 'lost', error: this.#over }
    try {
      await this.#open(token)
      return { type: 'live' }
    } catch (failure) {
      const error = asPhoneError(failure, 'offline')
      if (!isNoToToken(error)) return { type: 'lost', error }
      this.#refused = error
      this.#refusedCount += 1
      return { type: 'refused', error }
    }
  }

  async #open(token: string): Promise<void> {
    const { url, webSocket, phoneId, keys, clock, primitives, timeouts, received } = this.#parts
    const opened: { connection?: Connection } = {}
    const connection = await openConnection({
      url,
      webSocket,
      phoneId,
      keys,
      clock,
      primitives,
      token,
      helloMs: timeouts.helloMs,
      resumeToken: this.#resumeToken,
      received: (frame) => {
        this.#liveness?.heard()
        if (!this.requests.answered(frame)) received(frame)
      },
      closed: (error) => {
        if (opened.connection !== undefined && opened.connection === this.#connection) this.#lost(error)
      },
    })
    if (this.#over !== undefined) {
      connection.close(this.#over)
      throw this.#over
    }
    const ended = connection.ended()
    if (ended !== undefined) throw ended
    opened.connection = connection
    this.#live(connection)
  }

  #live(connection: Connection): void {
    const { clock, timeouts } = this.#parts
    this.#connection = connection
    this.#resumeToken = connection.welcome.resumeToken.slice()
    this.#refused = null
    this.#refusedCount = 0
    this.#connectedAtMs = clock.nowMs()
    this.requests.connected(connection.send, connection.close)
    this.#liveness = watchLiveness(clock, timeouts.pingAfterMs, () => this.#ping())
    this.#parts.connected(connection.welcome)
    for (const waiting of this.#waiting) waiting.resolve()
  }

  // An unused challenge is the cheapest question that every session may ask. Any answer will do.
  #ping(): void {
    this.requests.ask({ type: 'challenge' }, 'challengeAnswer').catch(() => undefined)
  }

  /** The token, or why there is none. */
  async #token(refused: PhoneError | null): Promise<string | PhoneError> {
    const { token: source, clock, timeouts } = this.#parts
    const late = new PhoneError('token-invalid', { about: `the token source did not answer in ${timeouts.tokenMs} ms` })
    try {
      const token: unknown = await answerWithin(clock, timeouts.tokenMs, late, () => source({ refused }))
      return isToken(token)
        ? token
        : noToken(`gave ${typeof token === 'string' ? 'an empty or too long text' : typeof token}`)
    } catch (error) {
      return error === late ? late : noToken(`failed: ${textOf(error)}`, error)
    }
  }

  #lost(error: PhoneError): void {
    this.#connection = undefined
    this.#liveness?.stop()
    this.requests.disconnected(error.code === 'closed' ? error : new PhoneError('offline', { about: error.code }))
    if (this.#over !== undefined) return
    this.#parts.disconnected(error)
    if (Math.abs(this.#parts.clock.nowMs() - this.#connectedAtMs) > goodConnectionMs) this.#attempt = 0
    // An old token's end is no judgement of the next one.
    if (isNoToToken(error)) this.#refused = error
    this.#again(error)
  }

  #again(error: PhoneError): void {
    if (this.#over !== undefined) return
    if (afterClose(error) === 'stop' || this.#refusedCount >= refusedTokensMax) {
      this.#fail(error)
      return
    }
    const { clock, primitives } = this.#parts
    const fraction = readU32(primitives.randomBytes(4), 0) / 0x1_0000_0000
    const waitMs = backoffMs(this.#attempt++, fraction, error.retryAfterMs)
    this.#cancelRetry = clock.after(waitMs, () => void this.#retry())
  }

  async #retry(): Promise<void> {
    const attempt = await this.#connect()
    if (attempt.type !== 'live') this.#again(attempt.error)
  }

  #fail(error: PhoneError): PhoneError {
    if (this.#over !== undefined) return this.#over
    this.#over = error
    this.#cancelRetry()
    this.#liveness?.stop()
    const connection = this.#connection
    this.#connection = undefined
    connection?.close(error)
    this.requests.ended(error)
    for (const waiting of this.#waiting) waiting.reject(error)
    this.#parts.ended(error)
    return error
  }
}

/** Did the engine judge the token? A sign-in that took too long says nothing of it. */
function isNoToToken(error: PhoneError): boolean {
  return afterClose(error) === 're-authenticate' && error.code !== 'auth-timeout'
}

function isToken(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && new TextEncoder().encode(value).length <= tokenBytesMax
}

function noToken(how: string, cause?: unknown): PhoneError {
  const about = `the token source ${how}; a token is 1 to ${tokenBytesMax} bytes of text`
  return new PhoneError('token-invalid', { about, ...(cause === undefined ? {} : { cause }) })
}
