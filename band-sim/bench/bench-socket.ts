// Fake WebSocket of the bench, without a network.

import type { Bytes } from '../../base/bytes.ts'
import { subprotocol } from '../../protocol/versions.ts'
import type { WebSocketLike } from '../../sdk/phone/connection.ts'

type Listener = (event: { readonly type: string; readonly data?: unknown; readonly code?: number }) => void

/** Fake WebSocket whose other end is the bench; messages arrive in order, in a later microtask. */
export class BenchSocket implements WebSocketLike {
  binaryType = 'blob'
  readonly #listeners: { readonly type: string; readonly listener: Listener }[] = []
  readonly #heard: (socket: BenchSocket, bytes: Bytes) => void
  #isClosed = false

  constructor(
    protocols: readonly string[],
    opened: (socket: BenchSocket) => void,
    heard: (socket: BenchSocket, bytes: Bytes) => void,
  ) {
    this.#heard = heard
    queueMicrotask(() => {
      if (protocols.includes(subprotocol)) opened(this)
      else this.closedByEngine(1006)
    })
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    const sent = bytes.slice()
    queueMicrotask(() => {
      if (!this.#isClosed) this.#heard(this, sent)
    })
  }

  close(): void {
    this.#isClosed = true
  }

  addEventListener(type: 'message' | 'close' | 'error', listener: Listener): void {
    this.#listeners.push({ type, listener })
  }

  deliver(bytes: Uint8Array<ArrayBuffer>): void {
    queueMicrotask(() => {
      if (!this.#isClosed) this.#emit({ type: 'message', data: bytes.slice().buffer })
    })
  }

  closedByEngine(code: number): void {
    queueMicrotask(() => {
      if (this.#isClosed) return
      this.#isClosed = true
      this.#emit({ type: 'close', code })
    })
  }

  #emit(event: Parameters<Listener>[0]): void {
    for (const { type, listener } of this.#listeners) if (type === event.type) listener(event)
  }
}
