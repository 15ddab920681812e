// Both ends of one socket in memory. Bytes are copied into a buffer of the receiver's own; the server's is wiped after
// each message, so that a callback that keeps borrowed bytes finds zeros, as with the native listener.

import type { HttpAnswer } from './listener.ts'
import type { RawSocket } from './socket-connection.ts'

/** What a listener on the client end is told. */
export type ClientEvent = {
  readonly type: 'open' | 'message' | 'close' | 'error'
  /** The message: an ArrayBuffer. */
  readonly data?: ArrayBuffer
  readonly code?: number
  readonly reason?: string
  /** Whether a close frame was seen. */
  readonly wasClean?: boolean
}

/** The client end: the part of the browser's WebSocket that a phone uses, and what a test does to a phone. */
export type ClientSocket = {
  /** Only `arraybuffer` is spoken here. */
  binaryType: string
  /** 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: number
  /** The agreed subprotocol, once open. */
  readonly protocol: string
  readonly addEventListener: (type: ClientEvent['type'], listener: (event: ClientEvent) => void) => void
  readonly send: (data: Uint8Array | ArrayBuffer | string) => void
  readonly close: (code?: number, reason?: string) => void
  /** Stops reading, as a phone that hangs: what the server sends waits. Not in browsers. */
  readonly pause: () => void
  /** Reads on. Not in browsers. */
  readonly resume: () => void
  /** Ends without a close frame, as a phone that loses its network. Not in browsers. */
  readonly cut: () => void
  /** What the upgrade was refused with, where a browser has only its console. */
  readonly refusal: HttpAnswer | undefined
}

/** What the listener does for one socket. */
export type LoopbackWire = {
  readonly received: (bytes: Uint8Array, isBinary: boolean) => void
  /** May be called again. */
  readonly gone: () => void
}

/** RFC 6455 §7.4.1: closed without a code; ended without a close frame. */
const noStatus = 1005
const abnormalClosure = 1006

type ClosedForClient = {
  readonly type: 'close'
  readonly code: number
  readonly reason: string
  readonly wasClean: boolean
}
type ToClient = { readonly type: 'message'; readonly bytes: Uint8Array<ArrayBuffer> } | ClosedForClient

export class LoopbackSocket implements ClientSocket {
  binaryType = 'arraybuffer'
  protocol = ''
  readyState = 0
  refusal: HttpAnswer | undefined
  /** The server's end. */
  readonly server: RawSocket
  readonly #listeners: { readonly type: ClientEvent['type']; readonly listener: (event: ClientEvent) => void }[] = []
  readonly #later: (work: () => void) => void
  /** On the way to the client; what a paused client leaves here counts as buffered. */
  readonly #toClient: ToClient[] = []
  #toClientBytes = 0
  #isPaused = false
  #willFlush = false
  #wire: LoopbackWire | undefined

  /** `later` runs work after the current run, in order. */
  constructor(later: (work: () => void) => void) {
    this.#later = later
    this.server = {
      send: (bytes) => {
        this.#push({ type: 'message', bytes: new Uint8Array(bytes) })
        return 'taken'
      },
      bufferedBytes: () => (this.#isPaused ? this.#toClientBytes : 0),
      end: (code, reason) => {
        this.#push({ type: 'close', code, reason, wasClean: true })
        this.#wire?.gone()
      },
      cork: (work) => work(),
    }
  }

  /** For the listener: the upgrade was granted. */
  opened(wire: LoopbackWire, protocol: string): void {
    this.#wire = wire
    this.protocol = protocol
    this.#later(() => {
      if (this.readyState !== 0) return
      this.readyState = 1
      this.#emit({ type: 'open' })
    })
  }

  /** For the listener: the upgrade was refused, or the connection cut when there is no answer. */
  refused(answer: HttpAnswer | undefined): void {
    this.refusal = answer
    this.#later(() => {
      this.#emit({ type: 'error' })
      this.#closed({ type: 'close', code: abnormalClosure, reason: '', wasClean: false })
    })
  }

  addEventListener(type: ClientEvent['type'], listener: (event: ClientEvent) => void): void {
    this.#listeners.push({ type, listener })
  }

  send(data: Uint8Array | ArrayBuffer | string): void {
    if (this.readyState === 0) throw new Error('expected an open socket, this one is still connecting')
    if (this.readyState !== 1) return
    const isBinary = typeof data !== 'string'
    const bytes = isBinary ? new Uint8Array(data).slice() : new TextEncoder().encode(data)
    this.#later(() => {
      this.#wire?.received(bytes, isBinary)
      bytes.fill(0)
    })
  }

  close(code: number = noStatus, reason = ''): void {
    this.#endByClient({ type: 'close', code, reason, wasClean: true })
  }

  cut(): void {
    this.#endByClient({ type: 'close', code: abnormalClosure, reason: '', wasClean: false })
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#flushLater()
  }

  #endByClient(event: ClosedForClient): void {
    if (this.readyState > 1) return
    this.readyState = 2
    this.#later(() => {
      this.#wire?.gone()
      this.#closed(event)
    })
  }

  #push(item: ToClient): void {
    this.#toClient.push(item)
    if (item.type === 'message') this.#toClientBytes += item.bytes.length
    this.#flushLater()
  }

  #flushLater(): void {
    if (this.#willFlush) return
    this.#willFlush = true
    this.#later(() => {
      this.#willFlush = false
      this.#flush()
    })
  }

  #flush(): void {
    while (!this.#isPaused) {
      const item = this.#toClient.shift()
      if (item === undefined) return
      if (item.type === 'close') {
        this.#closed(item)
      } else {
        this.#toClientBytes -= item.bytes.length
        if (this.readyState === 1) this.#emit({ type: 'message', data: item.bytes.buffer })
      }
    }
  }

  #closed(event: ClosedForClient): void {
    if (this.readyState === 3) return
    this.readyState = 3
    this.#emit(event)
  }

  #emit(event: ClientEvent): void {
    for (const { type, listener } of this.#listeners) if (type === event.type) listener(event)
  }
}
