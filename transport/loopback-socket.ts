// Both ends of one socket in memory. Bytes are copied into a buffer of the receiver's own; the server's is wiped after
// each message, so that whoever keeps borrowed bytes finds zeros, as with the native listener.

import type { RawSocket } from './socket-connection.ts'

/** The client end: the part of the browser's WebSocket that a phone uses. */
export type ClientSocket = {
  /** Only `arraybuffer` is spoken here. */
  binaryType: string
  /** 0 connecting, 1 open, 2 closing, 3 closed. */
  readonly readyState: number
  /** The agreed subprotocol, once open. */
  readonly protocol: string
  onopen: ((event: object) => void) | null
  onmessage: ((event: { readonly data: ArrayBuffer }) => void) | null
  onerror: ((event: object) => void) | null
  onclose: ((event: ClientClose) => void) | null
  readonly send: (data: Uint8Array | ArrayBuffer | string) => void
  readonly close: (code?: number, reason?: string) => void
  /** Stops reading, as a phone that hangs: what the server sends waits. Not part of the browser's WebSocket. */
  readonly pause: () => void
  /** Reads on. */
  readonly resume: () => void
}

export type ClientClose = { readonly code: number; readonly reason: string; readonly wasClean: boolean }

/** What the listener does for one socket. */
export type LoopbackWire = {
  readonly received: (bytes: Uint8Array, isBinary: boolean) => void
  /** May be called again. */
  readonly gone: () => void
  readonly drain: () => void
}

/** RFC 6455 §7.1.5: no close frame was seen. */
const abnormalClosure = 1006
const noStatus = 1005

type ToClient =
  | { readonly type: 'message'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: 'close'; readonly code: number; readonly reason: string }

export class LoopbackSocket {
  readonly client: ClientSocket
  readonly server: RawSocket
  readonly #later: (work: () => void) => void
  /** On the way to the client; what a paused client leaves here counts as buffered. */
  readonly #toClient: ToClient[] = []
  #bufferedBytes = 0
  #isPaused = false
  #isFlushing = false
  #readyState = 0
  #protocol = ''
  #wire: LoopbackWire | undefined

  constructor(later: (work: () => void) => void) {
    this.#later = later
    this.client = this.#createClient()
    this.server = {
      send: (bytes) => {
        this.#push({ type: 'message', bytes: new Uint8Array(bytes) })
        return 'taken'
      },
      bufferedBytes: () => (this.#isPaused ? this.#bufferedBytes : 0),
      end: (code, reason) => {
        this.#push({ type: 'close', code, reason })
        this.#wire?.gone()
      },
      cork: (work) => work(),
    }
  }

  /** The upgrade was granted. */
  opened(wire: LoopbackWire, protocol: string): void {
    this.#wire = wire
    this.#protocol = protocol
    this.#later(() => {
      if (this.#readyState !== 0) return
      this.#readyState = 1
      this.client.onopen?.({})
    })
  }

  /** The upgrade was refused; a browser is not told why. */
  refused(): void {
    this.#later(() => {
      this.client.onerror?.({})
      this.#closed({ code: abnormalClosure, reason: '', wasClean: false })
    })
  }

  #createClient(): ClientSocket {
    const readyState = (): number => this.#readyState
    const protocol = (): string => this.#protocol
    return {
      binaryType: 'arraybuffer',
      get readyState() {
        return readyState()
      },
      get protocol() {
        return protocol()
      },
      onopen: null,
      onmessage: null,
      onerror: null,
      onclose: null,
      send: (data) => this.#sendToServer(data),
      close: (code = noStatus, reason = '') => this.#closeByClient(code, reason),
      pause: () => {
        this.#isPaused = true
      },
      resume: () => {
        this.#isPaused = false
        this.#flushLater()
      },
    }
  }

  #sendToServer(data: Uint8Array | ArrayBuffer | string): void {
    if (this.#readyState === 0) throw new Error('expected an open socket, this one is still connecting')
    if (this.#readyState !== 1) return
    const isBinary = typeof data !== 'string'
    const bytes = isBinary ? new Uint8Array(data).slice() : new TextEncoder().encode(data)
    this.#later(() => {
      this.#wire?.received(bytes, isBinary)
      bytes.fill(0)
    })
  }

  #closeByClient(code: number, reason: string): void {
    if (this.#readyState > 1) return
    this.#readyState = 2
    this.#later(() => {
      this.#wire?.gone()
      this.#closed({ code, reason, wasClean: true })
    })
  }

  #push(item: ToClient): void {
    this.#toClient.push(item)
    if (item.type === 'message') this.#bufferedBytes += item.bytes.length
    this.#flushLater()
  }

  #flushLater(): void {
    if (this.#isFlushing) return
    this.#isFlushing = true
    this.#later(() => {
      this.#isFlushing = false
      this.#flush()
    })
  }

  #flush(): void {
    while (!this.#isPaused) {
      const item = this.#toClient.shift()
      if (item === undefined) return
      if (item.type === 'close') {
        this.#closed({ code: item.code, reason: item.reason, wasClean: true })
      } else {
        this.#bufferedBytes -= item.bytes.length
        if (this.#readyState === 1) this.client.onmessage?.({ data: item.bytes.buffer })
      }
    }
  }

  #closed(event: ClientClose): void {
    if (this.#readyState === 3) return
    this.#readyState = 3
    this.client.onclose?.(event)
  }
}
