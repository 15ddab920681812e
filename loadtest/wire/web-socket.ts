// WebSocket client on `ws`: the only file that knows `ws`. It opens, reads and keeps a socket alive; what is sent in numbers is
// framed by outbox.ts and written to the socket below it, many messages in one call. Both write whole frames.

import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import WebSocket from 'ws'
import { subprotocol } from '../../protocol/versions.ts'

export type SocketEvents = {
  /** One message; `bytes` are the receiver's own. */
  readonly received: (bytes: Uint8Array) => void
  /** Something came that is no message: the other end is there. */
  readonly heard?: () => void
  /** Called once, also when it never opened; `code` 1: the upgrade was refused, `why` says with what. */
  readonly closed: (code: number, why: string) => void
}

export type ClientSocket = {
  /** Sends one message. */
  readonly send: (bytes: Uint8Array) => void
  /** Writes bytes that are whole frames already; they must not change afterwards. */
  readonly write: (frames: Uint8Array) => void
  readonly close: () => void
  /** Asks the other end whether it is there; `heard` is called when it says so. */
  readonly ping: () => void
  /** Cuts the connection: no close frame, as when a radio loses its network. */
  readonly cut: () => void
}

const handshakeTimeoutMs = 20_000

/** Begins to open a socket. */
export function openSocket(url: string, events: SocketEvents): ClientSocket {
  const socket = new WebSocket(url, [subprotocol], {
    perMessageDeflate: false,
    handshakeTimeout: handshakeTimeoutMs,
    skipUTF8Validation: true,
    // Masks guard proxies against scripts in browsers; a mask of zeros is legal and costs nothing.
    generateMask: (mask) => mask.fill(0),
  })
  let below: Socket | undefined
  let why = ''
  let code = 0
  socket.on('upgrade', (response: IncomingMessage) => {
    below = response.socket
  })
  socket.on('unexpected-response', (_request, response) => {
    why = `HTTP ${response.statusCode ?? 0}`
    code = 1
    socket.terminate()
  })
  socket.on('message', (data) => {
    if (data instanceof Uint8Array) events.received(data)
  })
  socket.on('ping', () => events.heard?.())
  socket.on('pong', () => events.heard?.())
  socket.on('error', (error) => {
    why ||= error.message
  })
  socket.on('close', (closedBy, reason) => events.closed(code || closedBy, why || reason.toString()))
  return {
    send: (bytes) => socket.send(bytes),
    write: (frames) => {
      if (below !== undefined && !below.destroyed && below.writable) below.write(frames)
    },
    close: () => socket.close(1_000),
    // One that closes just now cannot be pinged: it is over anyhow.
    ping: () => socket.ping(undefined, undefined, () => undefined),
    cut: () => socket.terminate(),
  }
}
