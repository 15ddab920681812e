// The listener without a network: same gate, same limits, same codes, in memory. Tests and the demo connect to it as a
// phone would, through an object like the browser's WebSocket.

import { subprotocol } from '../protocol/versions.ts'
import { canonicalAddress } from '../engine/ports/address.ts'
import { Gate } from './gate.ts'
import type { Pass, Passage } from './gate.ts'
import type { HttpAnswer, Listener, ListenOptions } from './listener.ts'
import { LoopbackSocket } from './loopback-socket.ts'
import type { ClientSocket, LoopbackWire } from './loopback-socket.ts'
import { SocketConnection } from './socket-connection.ts'
import type { RequestHead } from './upgrade.ts'

/** Who connects, as a network would tell. */
type LoopbackPeer = {
  /** `/phone` by default. */
  readonly path?: string
  /** `bandpass.v1` by default. */
  readonly protocols?: string | readonly string[]
  /** `127.0.0.1` by default. */
  readonly remoteAddress?: string
  /** The Host header, `localhost` by default. */
  readonly host?: string
}

/** A plain HTTP request, as a network would bring it. */
type LoopbackRequest = {
  readonly method: string
  /** With the query, if any. */
  readonly path: string
  /** Lower-case names; `host` is `localhost` by default. */
  readonly headers?: Readonly<Record<string, string>>
  /** `127.0.0.1` by default. */
  readonly remoteAddress?: string
}

/** The body arrives in these parts; with `isUnfinished` its end never comes. */
type LoopbackPost = Omit<LoopbackRequest, 'method'> & {
  readonly body: readonly Uint8Array[]
  readonly isUnfinished?: true
}

export type LoopbackListener = Listener & {
  /** Connects; the socket opens, or fails as a browser's does when the upgrade is refused. */
  readonly connect: (peer?: LoopbackPeer) => ClientSocket
  /** The same as a constructor like the browser's WebSocket: path and Host are those of the URL. */
  readonly webSocket: new (url: string, protocols?: string | readonly string[]) => ClientSocket
  /** Asks by plain HTTP, without a body; undefined when the listener closed before it answered. */
  readonly request: (request: LoopbackRequest) => Promise<HttpAnswer | undefined>
  /** Posts a body; undefined when the listener closed before it answered. */
  readonly post: (request: LoopbackPost) => Promise<HttpAnswer | undefined>
}

/**
 * Listens in memory. `later` runs work after the current run, in order (a microtask by default; a simulation passes its
 * own): no message arrives inside the call that sent it, as on a network. `host` and `port` are not used.
 */
export function createLoopback(
  later: (work: () => void) => void = queueMicrotask,
): (options: ListenOptions) => Promise<LoopbackListener> {
  return async (options) => new MemoryListener(options, later)
}

class MemoryListener implements LoopbackListener {
  readonly name = 'loopback'
  readonly port: number
  readonly webSocket: LoopbackListener['webSocket']
  readonly #options: ListenOptions
  readonly #later: (work: () => void) => void
  readonly #gate: Gate
  readonly #connections = new Set<SocketConnection>()
  /** Cuts a request that is not answered yet. */
  readonly #waiting = new Set<() => void>()
  #isClosed = false

  constructor(options: ListenOptions, later: (work: () => void) => void) {
    this.#options = options
    this.#later = later
    this.#gate = new Gate(options)
    this.port = options.port
    const connect = (socket: LoopbackSocket, peer: LoopbackPeer): void => this.#connectLater(socket, peer)
    this.webSocket = class extends LoopbackSocket {
      constructor(url: string, protocols: string | readonly string[] = []) {
        super(later)
        const { host, pathname, search } = new URL(url)
        connect(this, { path: pathname + search, host, protocols })
      }
    }
  }

  readonly connect = (peer: LoopbackPeer = {}): ClientSocket => {
    const socket = new LoopbackSocket(this.#later)
    this.#connectLater(socket, peer)
    return socket
  }

  readonly request = (request: LoopbackRequest): Promise<HttpAnswer | undefined> => {
    const headers = { host: 'localhost', ...request.headers }
    return this.#answered(this.#gate.admit(headOf({ ...request, headers }, false)), { body: [] })
  }

  readonly post = (request: LoopbackPost): Promise<HttpAnswer | undefined> => {
    const bodyBytes = request.body.reduce((sum, part) => sum + part.length, 0)
    const headers = { host: 'localhost', 'content-length': String(bodyBytes), ...request.headers }
    return this.#answered(this.#gate.admit(headOf({ ...request, method: 'POST', headers }, false)), request)
  }

  #answered(passage: Passage, sent: Pick<LoopbackPost, 'body' | 'isUnfinished'>): Promise<HttpAnswer | undefined> {
    // Without `canUpgrade` nothing becomes a socket.
    if (passage.type === 'upgrade') throw new Error('expected an answer, not a socket')
    if (passage.type === 'answer') return Promise.resolve(passage.answer)
    return new Promise((resolve) => {
      const body = passage.read((answer) => {
        this.#waiting.delete(cut)
        resolve(answer)
      })
      const cut = (): void => {
        body.gone()
        resolve(undefined)
      }
      this.#waiting.add(cut)
      for (const part of sent.body) this.#later(() => body.received(part))
      if (sent.isUnfinished !== true) this.#later(() => body.ended())
    })
  }

  stopAccepting(): void {
    this.#gate.stopAccepting()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const connection of this.#connections) connection.close('draining')
    for (const cut of this.#waiting) cut()
  }

  #connectLater(socket: LoopbackSocket, peer: LoopbackPeer): void {
    this.#later(() => this.#connected(socket, peer))
  }

  #connected(socket: LoopbackSocket, peer: LoopbackPeer): void {
    const head = headOf({ ...peer, method: 'GET', path: peer.path ?? '/phone', headers: upgradeHeaders(peer) }, true)
    if (this.#isClosed || !this.#gate.admitConnection(head.remoteAddress, 0)) {
      socket.refused(undefined)
      return
    }
    const passage = this.#gate.admit(head)
    if (passage.type === 'answer') {
      socket.refused(passage.answer)
      return
    }
    if (passage.type === 'body') throw new Error('expected no body where a socket was asked for')
    this.#opened(socket, passage.pass)
  }

  #opened(socket: LoopbackSocket, pass: Pass): void {
    const connection = new SocketConnection(socket.server, pass, this.#options)
    this.#connections.add(connection)
    const wire: LoopbackWire = {
      received: (bytes, isBinary) => connection.received(bytes, isBinary),
      gone: () => {
        if (!this.#connections.delete(connection)) return
        this.#gate.leave(pass)
        connection.gone()
      },
    }
    socket.opened(wire, subprotocol)
    connection.start(this.#options.accept)
  }
}

function upgradeHeaders({
  protocols = subprotocol,
  host = 'localhost',
}: LoopbackPeer): Readonly<Record<string, string>> {
  return {
    host,
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    'sec-websocket-protocol': typeof protocols === 'string' ? protocols : protocols.join(', '),
  }
}

function headOf(request: LoopbackRequest, canUpgrade: boolean): RequestHead {
  const { method, path: target, headers = {}, remoteAddress = '127.0.0.1' } = request
  const [path = '', query = ''] = target.split('?')
  return {
    method,
    path,
    query,
    remoteAddress: canonicalAddress(remoteAddress),
    canUpgrade,
    hostsCount: () => 1,
    header: (name) => headers[name] ?? '',
  }
}
