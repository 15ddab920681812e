// What every listener is given and gives back; uWebSockets, ws and the loopback are three ways to do this one thing.
// The peer's address is the address of its TCP connection: X-Forwarded-For and its kin are never trusted, so behind a
// proxy the proxy must bound its clients and the limits per address must be set to what the proxy may bring.

import type { Chores } from '../engine/ports/chores.ts'
import type { Clock } from '../engine/ports/clock.ts'
import type { Acceptor } from '../engine/ports/connection.ts'
import type { ListenLimits } from './limits.ts'
import type { UwsPackage } from './uws.ts'

/** Which listener runs. */
export type ListenerName = UwsPackage | 'ws' | 'loopback'

/** A plain HTTP request, without its body. */
export type HttpRequest = {
  readonly method: 'GET' | 'HEAD' | 'POST'
  /** Begins with a slash, without the query. */
  readonly path: string
  /** What followed the question mark, undecoded; empty when there was none. */
  readonly query: string
  /** In canonical form, see `address.ts`. */
  readonly remoteAddress: string
  /** A header by its lower-case name, or empty. Works only until the handler returns. */
  readonly header: (name: string) => string
}

/** What a plain HTTP request is answered; sent with `cache-control: no-store` unless `headers` says otherwise. */
export type HttpAnswer = {
  readonly status: number
  readonly contentType: string
  readonly body: string
  /** Further headers, lower-case names. */
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Answers health, readiness, key sets and metrics; called for every GET and HEAD but those of /phone and /hub. A function
 * answers a little later: it is called once the request is here whole. How many are under way is bounded by nothing but the
 * rates of requests, so it must not wait for anything slower than the disk.
 */
export type HttpHandler = (request: HttpRequest) => HttpAnswer | AnswersLater

/** Gives an answer that takes a moment. A rejection is answered 500. */
export type AnswersLater = () => Promise<HttpAnswer>

/**
 * Judges a POST by its head, before anything of its body is kept: an answer refuses it, a function takes the body, and
 * undefined says that this path takes none.
 */
export type PostHandler = (request: HttpRequest) => HttpAnswer | TakesBody | undefined

/** Takes a body whole and owns it; answers when it can. A rejection is answered 500. */
export type TakesBody = (body: Uint8Array<ArrayBuffer>) => Promise<HttpAnswer>

/** What a listener tells its owner; neither callback may throw. */
type ListenObserver = {
  /** Our own code threw while it was called: a bug, not the peer's doing. The socket concerned is already closed. */
  readonly failed: (during: 'accept' | 'receive' | 'closed' | 'http' | 'listen', error: unknown) => void
  /** A limit turned someone away. */
  readonly refused: (limit: RefusedBy) => void
}

/** What turns a peer away, for counting: the limits, and `hosts` where an upgrade was for another host. */
export const refusingLimits = [
  'hosts',
  'connectionsMax',
  'openFiles',
  'connectionsPerAddress',
  'requestsPerAddress',
  'socketsMax',
  'socketsPerAddressMax',
  'framesPerAddress',
  'framesPerSocket',
  'bytesPerSocket',
  'frameBytesMax',
  'bufferedBytesMax',
  'idleTimeoutMs',
  'bodyBytesMax',
  'bodiesMax',
  'requestTimeoutMs',
] as const
export type RefusedBy = (typeof refusingLimits)[number]

/** Where and how to listen. */
export type ListenOptions = {
  readonly host: string
  /** 0 lets the system choose; `Listener.port` says which. */
  readonly port: number
  /** The hosts that phones come by, see `own-hosts.ts`; none stands for this machine alone. Upgrades to others are answered 421. */
  readonly hosts: readonly string[]
  readonly accept: Acceptor
  readonly http: HttpHandler
  /** Without it no path takes a POST. */
  readonly post?: PostHandler
  readonly limits: ListenLimits
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>
  readonly chores: Pick<Chores, 'every'>
  /** Are nearly no open files left? Then nothing new is let in but a handful of plain requests, such as for health. */
  readonly areFilesScarce?: () => boolean
  readonly observe: ListenObserver
}

/** A listener that listens. */
export type Listener = {
  readonly name: ListenerName
  readonly port: number
  /** Refuses further upgrades with 503; open sockets and plain HTTP go on, so that health still answers. */
  readonly stopAccepting: () => void
  /** Closes the port and every socket, those still open with `draining`; resolves when all is closed. */
  readonly close: () => Promise<void>
}

/** Starts a listener; rejects with a `ListenError` when the address cannot be had or the limits make no sense. */
export type Listen = (options: ListenOptions) => Promise<Listener>

/** The address could not be listened on, or the limits make no sense: the message says which. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
}
