// Connection adapter of a socket. One socket, whichever library carries it: what the engine sees of it (`Connection`), the limits that run
// before the engine sees a frame, and the promise that `closed` is called exactly once, never from inside a call the engine makes.

import type { Acceptor, Connection, ConnectionEvents, ConnectionKind } from '../engine/ports/connection.ts'
import { closeCodes } from '../protocol/errors.ts'
import type { CloseCode } from '../protocol/errors.ts'
import type { AddressUse } from './address-table.ts'
import type { Pass } from './gate.ts'
import type { KindLimits } from './limits.ts'
import type { ListenOptions, RefusedBy } from './listener.ts'
import { TokenBucket } from '../base/token-bucket.ts'

/** Close codes of RFC 6455 §7.4.1 that a listener uses beside those of `protocol/errors.ts`. */
const standardCloseCodes = {
  /** A text message: only binary ones are spoken. */
  'text-refused': 1003,
  /** A message above the largest. */
  'too-big': 1009,
} as const
type StandardClose = keyof typeof standardCloseCodes

/** What a library's socket can do; bytes are copied or sent before `send` returns. */
export type RawSocket = {
  /** Sends one binary message, or says `dropped`. */
  readonly send: (bytes: Uint8Array) => 'taken' | 'dropped'
  /** Bytes taken that the system has not taken yet. */
  readonly bufferedBytes: () => number
  /** Sends a close frame, and ends the socket in bounded time whatever the peer does. */
  readonly end: (code: number, reason: string) => void
  /** Runs `work` so that what it sends leaves in one write. */
  readonly cork: (work: () => void) => void
}

export class SocketConnection implements Connection {
  readonly kind: ConnectionKind
  readonly remoteAddress: string
  readonly host: string
  readonly #raw: RawSocket
  readonly #options: ListenOptions
  readonly #limits: KindLimits
  readonly #address: AddressUse
  readonly #frames: TokenBucket
  readonly #bytes: TokenBucket
  #events: ConnectionEvents | undefined
  #isOpen = true
  #heardAtMs: number
  #corks = 0
  #endAfterCork: (() => void) | undefined

  constructor(raw: RawSocket, pass: Pass, options: ListenOptions) {
    this.kind = pass.kind
    this.remoteAddress = pass.remoteAddress
    this.host = pass.host
    this.#raw = raw
    this.#options = options
    this.#limits = options.limits.kinds[pass.kind]
    this.#address = pass.use
    const nowMs = options.clock.monotonicMs()
    this.#heardAtMs = nowMs
    this.#frames = new TokenBucket(this.#limits.frames, nowMs)
    this.#bytes = new TokenBucket(this.#limits.bytes, nowMs)
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** For the listener, once: hands the socket to the engine. */
  start(accept: Acceptor): void {
    try {
      this.#events = accept(this)
    } catch (error) {
      this.#failed('accept', error)
    }
  }

  /** For the listener: a message came. The bytes are borrowed. */
  received(bytes: Uint8Array, isBinary: boolean): void {
    if (!this.#isOpen || !this.#withinRates(bytes.length)) return
    if (!isBinary) {
      this.#end(standardCloseCodes['text-refused'], 'text-refused')
      return
    }
    try {
      this.#events?.receive(bytes)
    } catch (error) {
      this.#failed('receive', error)
    }
  }

  /** For the listener: a ping or pong came; it costs what a frame costs. */
  receivedControl(): void {
    if (this.#isOpen) this.#withinFrameRates()
  }

  /** How long it has said nothing whole, neither message nor ping nor pong. */
  silentMs(): number {
    return this.#options.clock.monotonicMs() - this.#heardAtMs
  }

  /** For the listener: the socket is gone, whichever side ended it. May be called again. */
  gone(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#tellClosed()
  }

  readonly send = (bytes: Uint8Array): void => {
    if (!this.#isOpen) return
    if (this.#raw.send(bytes) === 'dropped') this.#refuse('bufferedBytesMax')
    else this.#checkBuffered()
  }

  readonly close = (code: CloseCode): void => {
    this.#end(closeCodes[code].number, code)
  }

  readonly cork = (work: () => void): void => {
    if (!this.#isOpen) {
      work()
      return
    }
    this.#corks += 1
    try {
      this.#raw.cork(work)
    } finally {
      this.#corks -= 1
      if (this.#corks === 0) this.#endAfterCork?.()
      this.#checkBuffered()
    }
  }

  /** Not while corked: then everything waits, and nothing says yet that the peer does not read. */
  #checkBuffered(): void {
    if (!this.#isOpen || this.#corks > 0) return
    if (this.#raw.bufferedBytes() > this.#options.limits.bufferedBytesMax) this.#refuse('bufferedBytesMax')
  }

  #withinRates(length: number): boolean {
    const nowMs = this.#withinFrameRates()
    if (nowMs === undefined) return false
    if (length > this.#limits.frameBytesMax) return this.#refuse('frameBytesMax')
    return this.#bytes.take(length, nowMs) || this.#refuse('bytesPerSocket')
  }

  /** The time it read, or undefined when the socket had to be closed. */
  #withinFrameRates(): number | undefined {
    const nowMs = this.#options.clock.monotonicMs()
    this.#heardAtMs = nowMs
    if (!this.#frames.take(1, nowMs)) this.#refuse('framesPerSocket')
    else if (!this.#address.frames.take(1, nowMs)) this.#refuse('framesPerAddress')
    else return nowMs
    return undefined
  }

  #refuse(limit: RefusedBy): false {
    this.#options.observe.refused(limit)
    if (limit === 'frameBytesMax') this.#end(standardCloseCodes['too-big'], 'too-big')
    else this.close(limit === 'bufferedBytesMax' ? 'slow-reader' : 'rate-limited')
    return false
  }

  #failed(during: 'accept' | 'receive' | 'closed', error: unknown): void {
    this.#options.observe.failed(during, error)
    this.close('unavailable')
  }

  #end(code: number, reason: CloseCode | StandardClose): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#tellClosed()
    // Ended within a cork, uWebSockets 20.51 sends the close frame but not its FIN, and the peer waits for a timeout.
    if (this.#corks === 0) this.#raw.end(code, reason)
    else this.#endAfterCork = () => this.#raw.end(code, reason)
  }

  /** In a microtask, so that `closed` never runs inside `accept`, `close` or `send`. */
  #tellClosed(): void {
    queueMicrotask(() => {
      try {
        this.#events?.closed()
      } catch (error) {
        this.#options.observe.failed('closed', error)
      }
    })
  }
}
