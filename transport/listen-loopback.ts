// The listener without a network: same gate, same limits, same codes, in memory. Tests and the demo connect to it as a
// phone would, through an object like the browser's WebSocket.

import { subprotocol } from '../protocol/versions.ts'
import { canonicalAddress } from './address.ts'
import { Gate } from './gate.ts'
import type { HttpAnswer, Listener, ListenOptions } from './listener.ts'
import { LoopbackSocket } from './loopback-socket.ts'
import type { ClientSocket, LoopbackWire } from './loopback-socket.ts'
import { SocketConnection } from './socket-connection.ts'

/** Who connects, as a network would tell. */
export type LoopbackPeer = {
  /** `/phone` by default. */
  readonly path?: string
  /** `bandpass.v1` by default. */
  readonly protocols?: string | readonly string[]
  /** `127.0.0.1` by default. */
  readonly remoteAddress?: string
  /** The Host header, `loopback` by default. */
  readonly host?: string
}

export type LoopbackListener = Listener & {
  /** Connects; the socket opens, or fails as a browser's does when the upgrade is refused. */
  readonly connect: (peer?: LoopbackPeer) => ClientSocket
  /** Asks by plain HTTP. */
  readonly request: (request: {
    readonly method: string
    readonly path: string
    readonly headers?: Readonly<Record<string, string>>
    readonly remoteAddress?: string
  }) => HttpAnswer
}

/**
 * Listens in memory. `later` runs work after the current run, in order (a microtask by default; a simulation passes its
 * own): no message arrives inside the call that sent it, as on a network. `host` and `port` are not used.
 */
export function createLoopback(
  later: (work: () => void) => void = queueMicrotask,
): (options: ListenOptions) => Promise<LoopbackListener> {
  return (options) => Promise.resolve(loopbackListener(options, later))
}

function loopbackListener(options: ListenOptions, later: (work: () => void) => void): LoopbackListener {
  const gate = new Gate(options)
  const wires = new Set<LoopbackWire>()
  const port = options.port
  let isClosed = false

  const connect = (peer: LoopbackPeer = {}): ClientSocket => {
    const socket = new LoopbackSocket(later)
    later(() => upgrade(socket, peer))
    return socket.client
  }

  const upgrade = (socket: LoopbackSocket, peer: LoopbackPeer): void => {
    const remoteAddress = canonicalAddress(peer.remoteAddress ?? '127.0.0.1')
    if (isClosed || !gate.admitConnection(remoteAddress)) {
      socket.refused()
      return
    }
    const offered = peer.protocols ?? subprotocol
    const headers: Readonly<Record<string, string>> = {
      host: peer.host ?? 'loopback',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      'sec-websocket-protocol': typeof offered === 'string' ? offered : offered.join(', '),
    }
    const [path = '', query = ''] = (peer.path ?? '/phone').split('?')
    const passage = gate.admit({
      method: 'GET',
      path,
      query,
      remoteAddress,
      canUpgrade: true,
      header: (name) => headers[name] ?? '',
    })
    if (passage.type === 'answer') {
      socket.refused()
      return
    }
    const { pass } = passage
    const connection = new SocketConnection(socket.server, pass, options)
    const wire: LoopbackWire = {
      received: (bytes, isBinary) => connection.received(bytes, isBinary),
      gone: () => {
        if (!wires.delete(wire)) return
        gate.leave(pass)
        connection.gone()
      },
      drain: () => connection.close('draining'),
    }
    wires.add(wire)
    socket.opened(wire, subprotocol)
    connection.start(options.accept)
  }

  return {
    name: 'loopback',
    port,
    connect,
    request: ({ method, path: target, headers = {}, remoteAddress = '127.0.0.1' }) => {
      const [path = '', query = ''] = target.split('?')
      const all: Readonly<Record<string, string>> = { host: 'loopback', ...headers }
      const passage = gate.admit({
        method,
        path,
        query,
        remoteAddress: canonicalAddress(remoteAddress),
        canUpgrade: false,
        header: (name) => all[name] ?? '',
      })
      // Without `canUpgrade` nothing becomes a socket.
      if (passage.type === 'upgrade') throw new Error('expected an answer, not a socket')
      return passage.answer
    },
    stopAccepting: () => gate.stopAccepting(),
    close: () => {
      isClosed = true
      for (const wire of wires) wire.drain()
      return Promise.resolve()
    },
  }
}
