// HTTP server of the operators' page: node:http with limits, and the one door to @hono/node-server. It shares nothing with the phones'
// listener: a stalled download here delays no phone there.

import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { getRequestListener } from '@hono/node-server'
import { addressKey, canonicalAddress } from '../engine/ports/address.ts'
import { operatorPaths } from '../protocol/operator-api.ts'
import { feedSubprotocol } from '../protocol/messages/operator-feed.ts'
import { createActs } from './acts/acts.ts'
import { refused } from './http/answers.ts'
import { createApp } from './http/app.ts'
import { Attempts } from './guards/attempts.ts'
import { connectionPlaces } from './guards/connection-places.ts'
import { cookieNames, cookieOf } from './http/cookies.ts'
import { decisionAnswers } from './look/decisions.ts'
import { createFeed } from './look/feed.ts'
import { foreignLog } from './guards/foreign-log.ts'
import { type SessionTimes, operatorLimits } from './ports/limits.ts'
import { accountLookups } from './look/lookups.ts'
import { createOidc } from './sign-in/oidc.ts'
import { foreign, originsOf } from './http/origins.ts'
import type { OidcSettings, OperatorPorts } from './ports/ports.ts'
import { routesOf } from './routes.ts'
import { securityHeaders } from './http/security-headers.ts'
import { OperatorSessions } from './guards/sessions.ts'
import { backFromProvider, createSignIn } from './sign-in/sign-in.ts'
import { staticFiles } from './http/static-files.ts'

export type OperatorOptions = {
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  /** As browsers see it behind a proxy; undefined = this machine at that port. */
  readonly origin: string | undefined
  readonly sessionTimes: SessionTimes
  readonly oidc: OidcSettings | undefined
  /** So many connections at once; unless given, and at most, what the limits say. */
  readonly connectionsMax?: number
  /** Are nearly no open files left? Then no more than a handful of connections are let in. */
  readonly areFilesScarce?: () => boolean
  /** The built page. */
  readonly pageFolder: string
}

export type OperatorListener = {
  readonly port: number
  /** Where people go. */
  readonly url: string
  /** Closes sockets and connections; exports are cut off. */
  readonly close: () => Promise<void>
}

/** Starts the HTTP server. Rejects with the error of the system when the port cannot be had. */
export async function listenForOperators(options: OperatorOptions, ports: OperatorPorts): Promise<OperatorListener> {
  const { clock, chores, random, log, operators, sessions: keeper } = ports
  let port = options.port
  const origins = () => originsOf(options.origin, port)
  const cookies = () => cookieNames(origins())
  const sessions = new OperatorSessions({ clock, random, times: options.sessionTimes, keeper })
  sessions.keepOnly(operators.all())
  let operatorChanges = 0
  const stopFollowing = operators.onChange(() => {
    operatorChanges++
    sessions.keepOnly(operators.all())
  })
  const backTo = () => backFromProvider(origins())
  const oidc = options.oidc === undefined ? undefined : createOidc(options.oidc, { clock, log, backTo })
  const signIn = createSignIn({ ports, sessions, origins, cookies, oidc })
  const acts = createActs(ports)
  const feed = createFeed(ports, sessions, () => {
    const { waiting, changes } = acts.waiting()
    return { proposals: waiting, changes: { proposals: changes, operators: operatorChanges } }
  })
  const lookups = accountLookups(ports)
  const routes = routesOf({
    ports,
    sessions,
    signIn,
    acts,
    decisions: decisionAnswers(ports, sessions, lookups),
    lookups,
  })
  const files = staticFiles(options.pageFolder)
  const foreignRequest = foreignLog(log, clock)
  const app = createApp({ routes, sessions, origins, cookies, files, log, clock, foreignLog: foreignRequest })

  // It answers 500 itself should the app reject.
  const answer = getRequestListener(async (request, { incoming }) => app(request, { incoming: http1(incoming) }), {
    overrideGlobalObjects: false,
  })

  const asked = new Attempts(operatorLimits.requests)
  const places = connectionPlaces(ports, options.connectionsMax)
  /** Rate limit of requests. A signed-in operator has a bucket of their own: no stranger, and no other client of the same proxy, uses it up. */
  function isWithin({ headers, socket }: IncomingMessage): boolean {
    const session = sessions.find(cookieOf(headers.cookie, cookies().session), false)
    const from = addressKeyOf(socket)
    places.asked(socket, session === undefined ? { addressKey: from } : { operator: session.name })
    return asked.take(session === undefined ? `from ${from}` : `operator ${session.name}`, clock.monotonicMs())
  }

  const server = createServer(
    {
      headersTimeout: operatorLimits.headersTimeoutMs,
      requestTimeout: operatorLimits.requestTimeoutMs,
      connectionsCheckingInterval: operatorLimits.timeoutsCheckedEveryMs,
      keepAliveTimeout: operatorLimits.keepAliveMs,
      maxHeaderSize: operatorLimits.headerBytesMax,
    },
    (incoming, outgoing) => {
      owned(incoming.socket, () => {
        if (incoming.httpVersion === '1.0') named(incoming, new URL(origins().main).host)
        if (isWithin(incoming)) void answer(incoming, outgoing)
        else turnAwayMany(outgoing)
      })
    },
  )
  server.maxConnections = Math.min(operatorLimits.connectionsMax, options.connectionsMax ?? Infinity)
  server.maxHeadersCount = operatorLimits.headersMax
  server.timeout = operatorLimits.stalledMs
  let connectionsCount = 0
  server.on('connection', (socket) => {
    const isTooMany = connectionsCount >= operatorLimits.connectionsWhenScarce && options.areFilesScarce?.() === true
    if (isTooMany) return socket.destroy()
    connectionsCount++
    socket.once('close', () => connectionsCount--)
    return owned(socket, () => places.began(socket, addressKeyOf(socket)))
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    owned(socket, () => upgrading(request, socket, head))
  })

  function upgrading(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (!isWithin(request)) return turnAway(socket, { status: '429 Too Many Requests' })
    const why = refusedUpgrade(request)
    if (why !== undefined) return turnAway(socket, why)
    const cookie = cookieOf(request.headers.cookie, cookies().session)
    // A page that comes back by itself does not mean that its operator is there.
    const session = sessions.find(cookie, false)
    if (cookie === undefined || session === undefined) return turnAway(socket, { status: '401 Unauthorized' })
    if (!feed.hasRoom(session)) return turnAway(socket, { status: '429 Too Many Requests' })
    feed.take(request, socket, head, { session, cookie })
  }

  /** A failure ends this connection only. */
  function owned(connection: Duplex, work: () => void): void {
    try {
      work()
    } catch (error) {
      connection.destroy()
      log('error', 'operator.request-failed', { error })
    }
  }

  function refusedUpgrade({ url, headers, socket }: IncomingMessage): { readonly status: string } | undefined {
    if (url !== operatorPaths.feed) return { status: '404 Not Found' }
    const get = (name: string) => {
      const value = headers[name]
      return typeof value === 'string' ? value : undefined
    }
    // As strict as for a POST: the origin must be there, and ours.
    const why = foreign(origins(), { method: 'POST', headers: { get } })
    if (why !== undefined) {
      foreignRequest({ address: socket.remoteAddress, path: url, message: why })
      return { status: '403 Forbidden' }
    }
    const offered = (get('sec-websocket-protocol') ?? '').split(',').map((one) => one.trim())
    return offered.includes(feedSubprotocol) ? undefined : { status: '400 Bad Request' }
  }

  await listening(server, options)
  // Accepting may fail later too, where no open file is left say: that ends nothing.
  server.on('error', (error) => chores.failed('operators-listener', error))
  server.on('connection', () => chores.worked('operators-listener'))
  port = portOf(server)
  return {
    port,
    url: origins().main,
    async close() {
      stopFollowing()
      feed.stop()
      sessions.stop()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await Promise.all([closed, signIn.stop()])
    },
  }
}

function listening(server: Server, { host, port }: Pick<OperatorOptions, 'host' | 'port'>): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

function addressKeyOf(socket: Socket): string {
  return addressKey(canonicalAddress(socket.remoteAddress ?? ''))
}

/** HTTP/1.0 need not say a host. No browser speaks it, so none was led here by a foreign name. */
function named(incoming: IncomingMessage, host: string): void {
  if (incoming.headers.host !== undefined) return
  incoming.headers.host = host
  incoming.rawHeaders.push('Host', host)
}

/** The server is one of HTTP/1.1, whatever else the adapter serves. */
function http1(incoming: unknown): IncomingMessage {
  if (isIncoming(incoming)) return incoming
  throw new Error('a request of HTTP/1.1 expected')
}

function isIncoming(incoming: unknown): incoming is IncomingMessage {
  return typeof incoming === 'object' && incoming !== null && 'socket' in incoming && 'rawHeaders' in incoming
}

/** Refuses before anything is read or made of the request: it costs next to nothing. */
function turnAwayMany(outgoing: ServerResponse): void {
  const headers = { ...securityHeaders, 'content-type': 'application/json', 'retry-after': '1', connection: 'close' }
  outgoing.writeHead(429, headers).end(tooManyRequests)
}

const tooManyRequests = `${JSON.stringify(refused(429, 'too-many-requests', 'expected fewer requests', 1_000).body)}\n`

function turnAway(socket: Duplex, { status }: { readonly status: string }): void {
  const headers = Object.entries(securityHeaders).map(([name, value]) => `${name}: ${value}\r\n`)
  // A client that does not close its half would keep its place among the connections for as long as it likes.
  socket.once('finish', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n${headers.join('')}\r\n`)
}
