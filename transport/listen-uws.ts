// The native listener, uWebSockets.js. It copies nothing: a message's bytes are the library's own and are gone after the
// callback; a socket object is dead from its close on, and using it then throws, so `UwsSocketEnd` never does.

import { STATUS_CODES } from 'node:http'
import type { ConnectionKind } from '../engine/ports/connection.ts'
import { subprotocol } from '../protocol/versions.ts'
import { canonicalAddress } from '../engine/ports/address.ts'
import { Gate, endsConnection, headersOf } from './gate.ts'
import type { Pass, Passage } from './gate.ts'
import type { HttpAnswer, Listen, ListenOptions, Listener } from './listener.ts'
import { ListenError } from './listener.ts'
import { checkPortFree } from './port-in-use.ts'
import { SocketConnection } from './socket-connection.ts'
import type { RawSocket } from './socket-connection.ts'
import { handlerFailed } from './upgrade.ts'
import type { RequestHead } from './upgrade.ts'
import type {
  Uws,
  UwsApp,
  UwsBehavior,
  UwsListenSocket,
  UwsPackage,
  UwsRequest,
  UwsResponse,
  UwsSocket,
} from './uws.ts'

/**
 * The library cuts a message above `maxPayloadLength` without a close code. Letting it take this many times the largest
 * message lets us say 1009 to a phone whose message is a little too large; far above it, the cut is what the peer sees.
 */
const payloadSlack = 2

/**
 * The library drops what is sent above `maxBackpressure`, a close frame too. The socket is closed at `bufferedBytesMax`;
 * this is room for the one flush of its 16 KB cork buffer that passed it, and for the close frame after that.
 */
const backpressureSlackBytes = 65_536

/**
 * The library's idle timeout begins anew with every byte, also those of a message that never ends, and of fragments it counts the
 * bytes, not their number: empty ones may come for ever. A socket that is only silent hears the library's ping before the timeout
 * and answers, some seconds late by the library's clock; one that says nothing whole for so much longer is cut here.
 */
const silenceSlackMs = 10_000

/** Off. It is a count of minutes to 239, and a phone's session may last days: it ends with its token, by the engine. */
const lifetimeMinutes = 0

/**
 * The library's default, which takes an address whose last connections are still dying (its exclusive mode need not) but
 * on Linux also one that another listener of the same kind has; that the port is free is therefore checked before.
 */
const sharedPort = 0

/** Listens with a loaded uWebSockets.js. */
export function listenUws(name: UwsPackage, uws: Uws): Listen {
  return async (options) => {
    const listener = new UwsListener(name, uws, options)
    await listener.listen()
    return listener
  }
}

class UwsListener implements Listener {
  readonly name: UwsPackage
  readonly #uws: Uws
  readonly #app: UwsApp
  readonly #options: ListenOptions
  readonly #gate: Gate
  readonly #sockets = new Set<UpgradedSocket>()
  #listening: UwsListenSocket | undefined
  #stopSweep: () => void = () => {}
  #port = 0
  #connectionsCount = 0

  constructor(name: UwsPackage, uws: Uws, options: ListenOptions) {
    this.name = name
    this.#uws = uws
    this.#options = options
    this.#gate = new Gate(options)
    this.#app = uws
      .App()
      .filter((response, count) => this.#connected(response, count))
      .ws('/phone', this.#behavior('phone'))
      .ws('/hub', this.#behavior('hub'))
      .any('/*', (response, request) => this.#requested(response, request, undefined))
  }

  get port(): number {
    return this.#port
  }

  async listen(): Promise<void> {
    const { host, port } = this.#options
    await checkPortFree(host, port)
    return new Promise((resolve, reject) => {
      this.#app.listen(host, port, sharedPort, (listening) => {
        if (listening === false) {
          reject(new ListenError(`cannot listen on ${host}:${port}`))
          return
        }
        this.#listening = listening
        this.#port = this.#uws.us_socket_local_port(listening)
        this.#sweepAlways()
        resolve()
      })
    })
  }

  stopAccepting(): void {
    this.#gate.stopAccepting()
  }

  close(): Promise<void> {
    this.stopAccepting()
    this.#stopSweep()
    if (this.#listening !== undefined) {
      this.#listening = undefined
      for (const { connection } of this.#sockets) connection.close('draining')
      this.#app.close()
    }
    return Promise.resolve()
  }

  /** Twice per idle timeout. */
  #sweepAlways(): void {
    const { chores, limits } = this.#options
    const everyMs = Math.floor(limits.idleTimeoutMs / 2)
    this.#stopSweep = chores.every('listener-sweep', { everyMs, work: () => this.#sweep() })
  }

  #sweep(): void {
    const { limits, observe } = this.#options
    for (const { connection, end } of this.#sockets) {
      if (connection.silentMs() <= limits.idleTimeoutMs + silenceSlackMs) continue
      observe.refused('idleTimeoutMs')
      end.cut()
    }
  }

  /** The library's filter: a TCP connection began (1), or ended without having become a socket (−1). */
  #connected(response: UwsResponse, count: number): void {
    const others = this.#connectionsCount
    this.#connectionsCount += count
    if (count > 0 && !this.#gate.admitConnection(addressOf(response), others)) response.close()
  }

  #behavior(kind: ConnectionKind): UwsBehavior {
    const { limits } = this.#options
    return {
      maxPayloadLength: payloadSlack * limits.kinds[kind].frameBytesMax,
      maxBackpressure: limits.bufferedBytesMax + backpressureSlackBytes,
      closeOnBackpressureLimit: true,
      maxLifetime: lifetimeMinutes,
      idleTimeout: Math.floor(limits.idleTimeoutMs / 1_000),
      sendPingsAutomatically: true,
      compression: this.#uws.DISABLED,
      upgrade: (response, request, context) => this.#requested(response, request, context),
      open: (socket) => this.#opened(socket),
      message: (socket, message, isBinary) => upgradedOf(socket)?.received(message, isBinary),
      ping: (socket) => upgradedOf(socket)?.connection.receivedControl(),
      pong: (socket) => upgradedOf(socket)?.connection.receivedControl(),
      close: (socket) => this.#closed(socket),
    }
  }

  /**
   * Every request comes here, those that the library can upgrade with a `context`. The library ends the process when a
   * handler returns without having answered, so whatever throws is answered too.
   */
  #requested(response: UwsResponse, request: UwsRequest, context: object | undefined): void {
    const isHead = request.getMethod() === 'head'
    try {
      const passage = this.#gate.admit(headOf(response, request, context !== undefined))
      if (passage.type === 'answer') write(response, passage.answer, isHead)
      else if (passage.type === 'body') readBody(response, passage, isHead)
      else this.#upgrade(response, request, passage.pass, context)
    } catch (error) {
      write(response, handlerFailed, isHead)
      this.#options.observe.failed('http', error)
    }
  }

  #upgrade(response: UwsResponse, request: UwsRequest, pass: Pass, context: object | undefined): void {
    if (context === undefined) throw new Error('expected an upgrade only where the library can')
    // From here on the connection is a socket, and the filter will not say when it ends.
    this.#connectionsCount -= 1
    const upgraded = new UpgradedSocket(pass, this.#options)
    // The empty string is the extensions' answer: compression is never negotiated.
    response.upgrade({ upgraded }, request.getHeader('sec-websocket-key'), subprotocol, '', context)
  }

  #opened(socket: UwsSocket): void {
    const upgraded = upgradedOf(socket)
    if (upgraded === undefined) return
    upgraded.end.socket = socket
    this.#sockets.add(upgraded)
    upgraded.connection.start(this.#options.accept)
  }

  #closed(socket: UwsSocket): void {
    const upgraded = upgradedOf(socket)
    if (upgraded === undefined) return
    upgraded.end.socket = undefined
    this.#sockets.delete(upgraded)
    this.#gate.leave(upgraded.pass)
    upgraded.connection.gone()
  }
}

/** What hangs on a native socket. */
class UpgradedSocket {
  readonly pass: Pass
  readonly end = new UwsSocketEnd()
  readonly connection: SocketConnection

  constructor(pass: Pass, options: ListenOptions) {
    this.pass = pass
    this.connection = new SocketConnection(this.end, pass, options)
  }

  received(message: ArrayBuffer, isBinary: boolean): void {
    this.connection.received(new Uint8Array(message), isBinary)
  }
}

/** Our end of a native socket: does nothing once the socket is dead. */
class UwsSocketEnd implements RawSocket {
  socket: UwsSocket | undefined

  send(bytes: Uint8Array): 'taken' | 'dropped' {
    return this.socket?.send(bytes, true, false) === 2 ? 'dropped' : 'taken'
  }

  bufferedBytes(): number {
    return this.socket?.getBufferedAmount() ?? 0
  }

  end(code: number, reason: string): void {
    this.socket?.end(code, reason)
  }

  cut(): void {
    this.socket?.close()
  }

  cork(work: () => void): void {
    if (this.socket === undefined) {
      work()
      return
    }
    // An exception must not cross native code: kept, and thrown on this side of it.
    let thrown: { readonly error: unknown } | undefined
    this.socket.cork(() => {
      try {
        work()
      } catch (error) {
        thrown = { error }
      }
    })
    if (thrown !== undefined) throw thrown.error
  }
}

/** The library copies the properties of what `upgrade` was given to the socket object. */
function upgradedOf(socket: UwsSocket): UpgradedSocket | undefined {
  return socket.upgraded instanceof UpgradedSocket ? socket.upgraded : undefined
}

function headOf(response: UwsResponse, request: UwsRequest, canUpgrade: boolean): RequestHead {
  return {
    method: request.getMethod().toUpperCase(),
    path: request.getUrl(),
    query: request.getQuery() ?? '',
    remoteAddress: addressOf(response),
    canUpgrade,
    hostsCount: () => hostsCountOf(request),
    header: (name) => request.getHeader(name),
  }
}

function hostsCountOf(request: UwsRequest): number {
  let count = 0
  request.forEach((name) => {
    if (name === 'host') count++
  })
  return count
}

const textDecoder = new TextDecoder()

function addressOf(response: UwsResponse): string {
  return canonicalAddress(textDecoder.decode(response.getRemoteAddressAsText()))
}

function readBody(response: UwsResponse, { read }: Extract<Passage, { readonly type: 'body' }>, isHead: boolean): void {
  const body = read((answer) => write(response, answer, isHead))
  response.onAborted(() => body.gone())
  response.onData((chunk, isLast) => {
    body.received(new Uint8Array(chunk))
    if (isLast) body.ended()
  })
}

function write(response: UwsResponse, answer: HttpAnswer, isHead: boolean): void {
  const closes = endsConnection(answer)
  response.cork(() => {
    response.writeStatus(`${answer.status} ${STATUS_CODES[answer.status] ?? ''}`)
    for (const [name, value] of Object.entries(headersOf(answer))) response.writeHeader(name, value)
    // Without the length: told one, 20.51 takes the answer for unfinished.
    if (isHead) response.endWithoutBody()
    else response.end(answer.body, closes)
  })
}
