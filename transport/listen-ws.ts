// The listener on `ws` and node:http: runs everywhere, slower than the native one. It is the fallback, never the choice.

import { STATUS_CODES, createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { RawData, ServerOptions, WebSocket } from 'ws'
import type { ConnectionKind } from '../engine/ports/connection.ts'
import { subprotocol } from '../protocol/versions.ts'
import { canonicalAddress } from '../engine/ports/address.ts'
import { Gate, endsConnection, headersOf } from './gate.ts'
import type { Pass } from './gate.ts'
import type { HttpAnswer, Listen, ListenOptions, Listener } from './listener.ts'
import { ListenError } from './listener.ts'
import { SocketConnection } from './socket-connection.ts'
import type { RawSocket } from './socket-connection.ts'
import { methodNotAllowed, originForm, targetOf } from './upgrade.ts'
import type { RequestHead } from './upgrade.ts'

/** As large as the native listener allows (UWS_HTTP_MAX_HEADERS_SIZE), so that both refuse the same heads. */
const headBytesMax = 4_096

/** Threat D4: small fragments and chunks cost ws memory far above their size. */
const fragmentsMax = 4
const bufferedChunksMax = 64

/** Listens with ws. */
export const listenWs: Listen = async (options) => {
  const listener = new WsListener(options)
  await listener.listen()
  return listener
}

class WsListener implements Listener {
  readonly name = 'ws'
  readonly #options: ListenOptions
  readonly #gate: Gate
  readonly #http: Server
  readonly #upgraders: Readonly<Record<ConnectionKind, WebSocketServer>>
  /** TCP connections that are no sockets, or not yet. */
  readonly #connections = new Set<Duplex>()
  readonly #sockets = new Set<WsSocket>()
  #stopSweep: () => void = () => {}

  constructor(options: ListenOptions) {
    this.#options = options
    this.#gate = new Gate(options)
    const { limits } = options
    this.#http = createServer({
      headersTimeout: limits.requestTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.requestTimeoutMs,
      // Threat D3: Node looks for late requests every 30 s by default, which makes a timeout of 5 s one of up to 35 s.
      connectionsCheckingInterval: Math.min(1_000, limits.requestTimeoutMs),
      maxHeaderSize: headBytesMax,
    })
    this.#upgraders = {
      phone: new WebSocketServer(upgraderOptions(options, 'phone')),
      hub: new WebSocketServer(upgraderOptions(options, 'hub')),
    }
    this.#http.on('connection', (socket) => this.#connected(socket))
    this.#http.on('request', (request, response) => this.#requested(request, response))
    this.#http.on('upgrade', (request, socket, head) => this.#upgrading(request, socket, head))
  }

  get port(): number {
    const address = this.#http.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  listen(): Promise<void> {
    const { host, port } = this.#options
    return new Promise((resolve, reject) => {
      this.#http.once('error', (error) =>
        reject(new ListenError(`cannot listen on ${host}:${port}: ${error.message}`, { cause: error })),
      )
      this.#http.listen(port, host, () => {
        this.#http.removeAllListeners('error')
        this.#http.on('error', (error) => this.#options.observe.failed('listen', error))
        this.#sweepAlways()
        resolve()
      })
    })
  }

  stopAccepting(): void {
    this.#gate.stopAccepting()
  }

  async close(): Promise<void> {
    this.stopAccepting()
    this.#stopSweep()
    const closed = new Promise<void>((resolve) => this.#http.close(() => resolve()))
    for (const socket of this.#sockets) socket.connection.close('draining')
    this.#http.closeAllConnections()
    await closed
  }

  #connected(socket: Socket): void {
    if (!this.#gate.admitConnection(addressOf(socket), this.#connections.size)) {
      socket.destroy()
      return
    }
    this.#connections.add(socket)
    socket.once('close', () => this.#connections.delete(socket))
  }

  #requested(request: IncomingMessage, response: ServerResponse): void {
    try {
      const passage = this.#gate.admit(headOf(request, false))
      if (passage.type === 'upgrade') throw new Error('expected an upgrade only where Node gave the stream away')
      if (passage.type === 'answer') return write(response, passage.answer)
      const body = passage.read((answer) => write(response, answer))
      request.on('data', (chunk: Buffer) => body.received(chunk))
      request.once('end', () => body.ended())
      response.once('close', () => body.gone())
    } catch (error) {
      response.destroy()
      this.#options.observe.failed('http', error)
    }
  }

  /** Node hands every request with an Upgrade header here, also one for another protocol. */
  #upgrading(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    stream.on('error', () => stream.destroy())
    try {
      const passage = this.#gate.admit(headOf(request, true))
      const isHead = request.method === 'HEAD'
      if (passage.type === 'answer') writeRaw(stream, passage.answer, isHead)
      else if (passage.type === 'body' && request.method === 'POST') writeRaw(stream, methodNotAllowed, false)
      else if (passage.type === 'body') {
        const body = passage.read((answer) => writeRaw(stream, answer, isHead))
        stream.once('close', () => body.gone())
        body.ended()
      } else this.#upgrade({ request, stream, head, pass: passage.pass })
    } catch (error) {
      stream.destroy()
      this.#options.observe.failed('http', error)
    }
  }

  #upgrade({ request, stream, head, pass }: Upgrade): void {
    this.#connections.delete(stream)
    // ws looks at the head again and may refuse it by itself, so the place is given back by the stream's end.
    stream.once('close', () => this.#gate.leave(pass))
    this.#upgraders[pass.kind].handleUpgrade(request, stream, head, (webSocket) =>
      this.#opened(webSocket, stream, pass),
    )
  }

  #opened(webSocket: WebSocket, stream: Duplex, pass: Pass): void {
    const connection = new SocketConnection(rawSocketOf(webSocket, stream), pass, this.#options)
    const socket: WsSocket = { webSocket, connection, hasSpoken: true }
    this.#sockets.add(socket)
    webSocket.on('message', (data, isBinary) => {
      socket.hasSpoken = true
      connection.received(bytesOf(data), isBinary)
    })
    const heardControl = (): void => {
      socket.hasSpoken = true
      connection.receivedControl()
    }
    webSocket.on('ping', heardControl)
    webSocket.on('pong', heardControl)
    // A peer that broke the framing: ws has sent the close code and is ending the socket.
    webSocket.on('error', (error) => {
      if ('code' in error && error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') {
        this.#options.observe.refused('frameBytesMax')
      }
      connection.gone()
    })
    webSocket.on('close', () => {
      this.#sockets.delete(socket)
      connection.gone()
    })
    connection.start(this.#options.accept)
  }

  /** Twice per idle timeout: who has said nothing since the last look is cut, the others are pinged. */
  #sweepAlways(): void {
    const { chores, limits } = this.#options
    const everyMs = Math.floor(limits.idleTimeoutMs / 2)
    this.#stopSweep = chores.every('listener-sweep', { everyMs, work: () => this.#sweep() })
  }

  #sweep(): void {
    for (const socket of this.#sockets) {
      if (socket.hasSpoken) socket.webSocket.ping()
      else {
        this.#options.observe.refused('idleTimeoutMs')
        socket.webSocket.terminate()
      }
      socket.hasSpoken = false
    }
  }
}

type Upgrade = {
  readonly request: IncomingMessage
  readonly stream: Duplex
  readonly head: Buffer
  readonly pass: Pass
}
type WsSocket = { readonly webSocket: WebSocket; readonly connection: SocketConnection; hasSpoken: boolean }

/** `closeTimeout` is newer than the type declarations. */
function upgraderOptions(
  { limits }: ListenOptions,
  kind: ConnectionKind,
): ServerOptions & { readonly closeTimeout: number } {
  return {
    noServer: true,
    clientTracking: false,
    handleProtocols: () => subprotocol,
    maxPayload: limits.kinds[kind].frameBytesMax,
    maxFragments: fragmentsMax,
    maxBufferedChunks: bufferedChunksMax,
    perMessageDeflate: false,
    closeTimeout: limits.closeTimeoutMs,
  }
}

function rawSocketOf(webSocket: WebSocket, stream: Duplex): RawSocket {
  return {
    send(bytes) {
      // Copied: ws keeps a reference until the system takes the bytes, and the caller may reuse them.
      webSocket.send(Buffer.from(bytes), { binary: true, compress: false })
      return 'taken'
    },
    bufferedBytes: () => webSocket.bufferedAmount,
    end: (code, reason) => webSocket.close(code, reason),
    cork(work) {
      stream.cork()
      try {
        work()
      } finally {
        stream.uncork()
      }
    },
  }
}

function write(response: ServerResponse, answer: HttpAnswer): void {
  // Node knows who asked for the end of it, and that HTTP/1.0 must ask to go on.
  response.shouldKeepAlive &&= !endsConnection(answer)
  response.writeHead(answer.status, { ...headersOf(answer), 'content-length': Buffer.byteLength(answer.body) })
  // Node leaves the body out when the method was HEAD.
  response.end(answer.body)
}

/** Answers a request whose stream Node has given away. */
function writeRaw(socket: Duplex, answer: HttpAnswer, isHead: boolean): void {
  const headers = { ...headersOf(answer), 'content-length': Buffer.byteLength(answer.body), connection: 'close' }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ''}\r\n${lines.join('')}\r\n`
  // The peer may never close its side.
  socket.once('finish', () => socket.destroy())
  socket.end(isHead ? head : head + answer.body)
}

function headOf(request: IncomingMessage, canUpgrade: boolean): RequestHead {
  return {
    method: request.method ?? '',
    // A socket is of the host that its Host header names, and of none that stands in its target.
    ...targetOf(canUpgrade ? (request.url ?? '') : originForm(request.url ?? '')),
    isOld: request.httpVersion === '1.0',
    remoteAddress: addressOf(request.socket),
    canUpgrade,
    // Of several, Node shows the first.
    hostsCount: () => request.headersDistinct['host']?.length ?? 0,
    header: (name) => {
      const value = request.headers[name]
      return typeof value === 'string' ? value : (value?.join(', ') ?? '')
    },
  }
}

function addressOf(socket: Socket): string {
  return canonicalAddress(socket.remoteAddress ?? '')
}

/** Plain bytes: a Buffer's `slice` is a view where a Uint8Array's is a copy, and who copies must get one. */
function bytesOf(data: RawData): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  const { buffer, byteOffset, length } = Array.isArray(data) ? Buffer.concat(data) : data
  return new Uint8Array(buffer, byteOffset, length)
}
