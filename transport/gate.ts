// Admission gate of a listener. The door of a listener: who may connect, ask and upgrade, and what the others are told. One gate per listener,
// the same for every library.

import type { ConnectionKind } from '../engine/ports/connection.ts'
import { AddressTable } from './address-table.ts'
import type { AddressUse } from './address-table.ts'
import { connectionsWhenScarce, fewConnections, keptForFew, limitProblems } from './limits.ts'
import { ListenError } from './listener.ts'
import type { HttpAnswer, ListenOptions, RefusedBy } from './listener.ts'
import { type HostVerdict, ownHosts } from './own-hosts.ts'
import { RequestBody, declaredLength } from './request-body.ts'
import {
  allInUse,
  draining,
  foreignHost,
  handlerFailed,
  judgeRequest,
  malformedHost,
  methodNotAllowed,
  tooManyBodies,
  tooManyRequests,
  tooManySockets,
} from './upgrade.ts'
import type { RequestHead } from './upgrade.ts'

/**
 * What a request becomes. With `upgrade` a place is taken: give it back with `leave` when the socket is gone. With `body`
 * the body is read next: `read` says where its answer goes and takes what arrives, which for a GET is nothing but its end.
 */
export type Passage =
  | { readonly type: 'upgrade'; readonly pass: Pass }
  | { readonly type: 'answer'; readonly answer: HttpAnswer }
  | { readonly type: 'body'; readonly read: (respond: (answer: HttpAnswer) => void) => RequestBody }

/** What is known of a socket before it opens. */
export type Pass = {
  readonly kind: ConnectionKind
  readonly remoteAddress: string
  readonly host: string
  readonly use: AddressUse
}

export class Gate {
  readonly #options: ListenOptions
  readonly #addresses: AddressTable
  readonly #judgeHost: (host: string) => HostVerdict
  #isAccepting = true
  #bodiesCount = 0

  constructor(options: ListenOptions) {
    const problems = limitProblems(options.limits)
    if (problems.length > 0) throw new ListenError(problems.join('; '))
    this.#options = options
    this.#addresses = new AddressTable(options.limits)
    this.#judgeHost = ownHosts(options.hosts)
  }

  /** From now on upgrades are refused; plain requests go on. */
  stopAccepting(): void {
    this.#isAccepting = false
  }

  /** Whether a new TCP connection may stay beside `others` that are no sockets yet; asked before a byte of it is read. */
  admitConnection(address: string, others: number): boolean {
    const { connectionsMax } = this.#options.limits
    if (others >= connectionsWhenScarce && this.#areFilesScarce()) return this.#refused('openFiles')
    const nowMs = this.#nowMs()
    const isCrowded = others >= connectionsMax - Math.ceil(connectionsMax * keptForFew)
    const hasMany = isCrowded && this.#addresses.connectionsLately(address, nowMs) > fewConnections
    if (others >= connectionsMax || hasMany) return this.#refused('connectionsMax')
    return this.#addresses.admitConnection(address, nowMs) || this.#refused('connectionsPerAddress')
  }

  /** What becomes of a request. */
  admit(head: RequestHead): Passage {
    if (!this.#addresses.admitRequest(head.remoteAddress, this.#nowMs())) {
      this.#refused('requestsPerAddress')
      return { type: 'answer', answer: tooManyRequests }
    }
    const verdict = judgeRequest(head)
    switch (verdict.type) {
      case 'refuse':
        return { type: 'answer', answer: verdict.answer }
      case 'ask':
        return this.#ask(head, verdict.method)
      case 'post':
        return this.#post(head)
      case 'upgrade':
        return this.#admitSocket(head, verdict.kind)
    }
  }

  /** The socket is gone. Call once for each pass. */
  leave(pass: Pass): void {
    this.#addresses.releaseSocket(pass.use)
  }

  #admitSocket(head: RequestHead, kind: ConnectionKind): Passage {
    const { remoteAddress } = head
    const host = head.header('host')
    // Before all else: what a phone signs names the host that it came by, so that it is worth nothing at another engine.
    const whose = this.#judgeHost(host)
    if (whose !== 'ours') {
      this.#refused('hosts')
      return { type: 'answer', answer: whose === 'foreign' ? foreignHost : malformedHost }
    }
    if (!this.#isAccepting) return { type: 'answer', answer: draining }
    if (this.#areFilesScarce()) {
      this.#refused('openFiles')
      return { type: 'answer', answer: allInUse }
    }
    const use = this.#addresses.admitSocket(remoteAddress, this.#nowMs())
    if (typeof use !== 'string') {
      return { type: 'upgrade', pass: { kind, remoteAddress, host, use } }
    }
    this.#refused(use)
    return { type: 'answer', answer: use === 'socketsMax' ? allInUse : tooManySockets }
  }

  #ask({ path, query, remoteAddress, header }: RequestHead, method: 'GET' | 'HEAD'): Passage {
    const { limits, clock, observe, http } = this.#options
    const verdict = this.#judged(() => http({ method, path, query, remoteAddress, header }))
    if (typeof verdict !== 'function') return { type: 'answer', answer: verdict }
    const over = (): void => undefined
    // It takes no place among the bodies, so it may bring none.
    const bodiless = { ...limits, bodyBytesMax: 0 }
    return {
      type: 'body',
      read: (respond) =>
        new RequestBody({ limits: bodiless, clock, observe, for: verdict, declaredBytes: 0, respond, over }),
    }
  }

  #post({ path, query, remoteAddress, header }: RequestHead): Passage {
    const { limits, clock, observe, post } = this.#options
    const verdict = this.#judged(() => post?.({ method: 'POST', path, query, remoteAddress, header }))
    if (verdict === undefined) return { type: 'answer', answer: methodNotAllowed }
    const isFull = typeof verdict === 'function' && this.#bodiesCount >= limits.bodiesMax
    if (isFull) this.#refused('bodiesMax')
    const declaredBytes = declaredLength(header('content-length'))
    // Who is refused gets no place: those who may ask must not wait for those who may not.
    const takesPlace = typeof verdict === 'function' && !isFull
    const over = (): void => {
      if (takesPlace) this.#bodiesCount--
    }
    const answered = isFull ? tooManyBodies : verdict
    return {
      type: 'body',
      read: (respond) => {
        if (takesPlace) this.#bodiesCount++
        return new RequestBody({ limits, clock, observe, for: answered, declaredBytes, respond, over })
      },
    }
  }

  #judged<Verdict>(judge: () => Verdict): Verdict | HttpAnswer {
    try {
      return judge()
    } catch (error) {
      this.#options.observe.failed('http', error)
      return handlerFailed
    }
  }

  #areFilesScarce(): boolean {
    return this.#options.areFilesScarce?.() ?? false
  }

  #refused(limit: RefusedBy): false {
    this.#options.observe.refused(limit)
    return false
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs()
  }
}

/** Whether the connection ends with this answer: what was refused may be followed by a body that is not read. */
export function endsConnection(answer: HttpAnswer): boolean {
  return answer.status >= 400
}

/** The headers of an answer but its length and its connection, lower-case names. */
export function headersOf(answer: HttpAnswer): Readonly<Record<string, string>> {
  return {
    'content-type': answer.contentType,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...answer.headers,
  }
}
