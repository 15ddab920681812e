// HTTP upgrade handshake. Decides what an HTTP request becomes: a socket, a refusal that says what was expected, or a question for the
// handler. Pure, so that every listener answers the same.

import type { ConnectionKind } from '../engine/ports/connection.ts'
import { subprotocol } from '../protocol/versions.ts'
import type { HttpAnswer } from './listener.ts'

/** A request's head. Works only while its callback runs: the native listener keeps it on the stack. */
export type RequestHead = {
  /** Upper case. */
  readonly method: string
  readonly path: string
  readonly query: string
  /** Canonical, see `address.ts`. */
  readonly remoteAddress: string
  /** Whether the library could turn this request into a socket. */
  readonly canUpgrade: boolean
  /** How many Host headers there are: `header` shows one of them. */
  readonly hostsCount: () => number
  /** A header by its lower-case name, or empty. */
  readonly header: (name: string) => string
  /** HTTP/1.0, where the library takes it: there may be no Host header (RFC 9112 §3.2). */
  readonly isOld?: boolean
}

/** A request's target without the scheme and the host that may stand before it (absolute form, RFC 9112 §3.2.2). */
export function originForm(target: string): string {
  const local = target.replace(/^https?:\/\/[^/?#]*/i, '')
  return local.startsWith('/') || local === target ? local : `/${local}`
}

/** Path and query of a target in origin form. */
export function targetOf(target: string): { readonly path: string; readonly query: string } {
  const mark = target.indexOf('?')
  return mark === -1 ? { path: target, query: '' } : { path: target.slice(0, mark), query: target.slice(mark + 1) }
}

export type Verdict =
  | { readonly type: 'upgrade'; readonly kind: ConnectionKind }
  | { readonly type: 'refuse'; readonly answer: HttpAnswer }
  | { readonly type: 'ask'; readonly method: 'GET' | 'HEAD' }
  | { readonly type: 'post' }

/** Where the two kinds of session live (PROTOCOL §8). */
const kindOfPath: ReadonlyMap<string, ConnectionKind> = new Map([
  ['/phone', 'phone'],
  ['/hub', 'hub'],
])

/** The base64 of 16 bytes (RFC 6455 §4.1). */
const keyShape = /^[+/0-9A-Za-z]{22}==$/

/** What to do with a request. */
export function judgeRequest(head: RequestHead): Verdict {
  // RFC 9112 §3.2. Of two, a proxy may have taken the other one.
  const hostless = head.isOld === true && head.hostsCount() === 0 && !wantsSocket(head)
  if (!hostless && (head.header('host') === '' || head.hostsCount() !== 1))
    return refuse(400, 'expected one Host header')
  const kind = kindOfPath.get(head.path)
  if (wantsSocket(head)) {
    if (kind === undefined) return refuse(404, 'expected a WebSocket at /phone or /hub')
    return judgeUpgrade(head, kind)
  }
  if (kind !== undefined) return upgradeRequired
  if (head.method === 'GET' || head.method === 'HEAD') return { type: 'ask', method: head.method }
  if (head.method === 'POST') return { type: 'post' }
  return { type: 'refuse', answer: methodNotAllowed }
}

/** The answer to a method that a path does not know. */
export const methodNotAllowed = answer(405, 'expected GET or HEAD', { allow: 'GET, HEAD' })

/** The answer to an upgrade for a host that is not ours (RFC 9110 §15.5.20); says nothing of those that are. */
export const foreignHost = answer(421, 'expected a Host of this engine: one of its setting `hosts`, or this machine')

/** The answer to an upgrade whose Host is none. */
export const malformedHost = answer(400, 'expected a Host header with a host and its port')

/** The answer to one request too many from an address. */
export const tooManyRequests = answer(429, 'expected fewer requests from this address', { 'retry-after': '1' })

/** The answer to one socket too many from an address. */
export const tooManySockets = answer(429, 'expected fewer sockets from this address', { 'retry-after': '5' })

/** The answer when the whole listener has as many sockets as it may. */
export const allInUse = answer(503, 'expected a free socket; all are in use', { 'retry-after': '5' })

/** The answer to an upgrade while the listener drains. */
export const draining = answer(503, 'expected a server that is not draining; connect again', { 'retry-after': '1' })

/** The answer to one body more than may be on their way. */
export const tooManyBodies = answer(503, 'expected fewer requests with bodies at once', { 'retry-after': '1' })

/** The answer to a body that did not come in time. */
export const bodyTooSlow = answer(408, 'expected the whole request sooner')

/** The answer to a body above the limit. */
export function bodyTooLarge(bytesMax: number): HttpAnswer {
  return answer(413, `expected a body of at most ${bytesMax} bytes`)
}

/** The answer when our own handler threw. */
export const handlerFailed = answer(500, 'unavailable')

const upgradeRequired = refuse(426, `expected a WebSocket upgrade with subprotocol ${subprotocol}`, {
  upgrade: 'websocket',
})

/** RFC 6455 §4.2.1; the native library would do without the Connection header. */
function wantsSocket({ header }: RequestHead): boolean {
  const connection = header('connection').toLowerCase().split(',')
  return header('upgrade').toLowerCase() === 'websocket' && connection.some((one) => one.trim() === 'upgrade')
}

function judgeUpgrade(head: RequestHead, kind: ConnectionKind): Verdict {
  if (head.method !== 'GET') return refuse(400, 'expected a WebSocket upgrade by GET')
  if (head.header('sec-websocket-version') !== '13') {
    // RFC 6455 §4.4: say which version is spoken.
    return refuse(426, 'expected Sec-WebSocket-Version: 13', { upgrade: 'websocket', 'sec-websocket-version': '13' })
  }
  if (!keyShape.test(head.header('sec-websocket-key'))) {
    return refuse(400, 'expected a Sec-WebSocket-Key of 16 bytes in base64')
  }
  const offered = head.header('sec-websocket-protocol').split(',')
  if (!offered.some((one) => one.trim() === subprotocol)) {
    return refuse(400, `expected Sec-WebSocket-Protocol: ${subprotocol}`)
  }
  return head.canUpgrade ? { type: 'upgrade', kind } : upgradeRequired
}

function refuse(status: number, expected: string, headers: Readonly<Record<string, string>> = {}): Verdict {
  return { type: 'refuse', answer: answer(status, expected, headers) }
}

function answer(status: number, text: string, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${text}\n`, headers }
}
