// Session store of signed-in operators. A session is 32 random bytes in a cookie; here only their hash is kept, so that what lies in
// memory or on disk cannot be used to sign in. It ends when it is idle, when it is old, at sign-out, and when its operator is removed
// or becomes another; a restart it outlives, so that a page that is open all day goes on.

import { createHash } from 'node:crypto'
import type { Clock, RandomBytes } from '../../engine/ports/clock.ts'
import { toHex } from '../../base/bytes.ts'
import { base64url } from '../../base/base64url.ts'
import type { OperatorRole } from '../../protocol/operator-api.ts'
import { type SessionTimes, operatorLimits } from '../ports/limits.ts'
import type { KeptSession, ListedOperator, SessionKeeper } from '../ports/ports.ts'

export type SignInMethod = KeptSession['method']

export type OperatorSession = {
  readonly name: string
  readonly role: OperatorRole
  readonly method: SignInMethod
  /** Engine wall time, for people. */
  readonly expiresAtMs: number
  /** Monotonic, ms. */
  readonly beganAtMs: number
}

type Kept = {
  readonly key: string
  readonly session: OperatorSession
  readonly endsAtMs: number
  /** Hash of the list's token when it began: a new one ends it. Undefined for an operator who is not on the list. */
  readonly tokenHash: string | undefined
  readonly onEnd: Set<() => void>
  idleAtMs: number
}

const idBytes = 32
/** How much of the idle time may pass until a disk hears that an operator is still there: a request is no reason to write. */
const touchShare = 0.1

export class OperatorSessions {
  readonly #clock: Pick<Clock, 'nowMs' | 'monotonicMs'>
  readonly #random: RandomBytes
  readonly #times: SessionTimes
  readonly #keeper: SessionKeeper
  /** By hash, oldest first. */
  readonly #sessions = new Map<string, Kept>()
  #keptAtMs = -Infinity

  constructor(from: {
    readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>
    readonly random: RandomBytes
    readonly times: SessionTimes
    readonly keeper: SessionKeeper
  }) {
    this.#clock = from.clock
    this.#random = from.random
    this.#times = from.times
    this.#keeper = from.keeper
    for (const kept of this.#keeper.read()) this.#take(kept)
  }

  /** Begins a session; the cookie's value is told here and never again. */
  begin(
    who: { readonly name: string; readonly role: OperatorRole; readonly method: SignInMethod },
    listed: ListedOperator | undefined,
  ): { readonly cookie: string; readonly session: OperatorSession } {
    this.#dropOver()
    const cookie = base64url(this.#random(idBytes))
    const nowMs = this.#clock.monotonicMs()
    const { idleMs, absoluteMs } = this.#times
    const session = { ...who, expiresAtMs: this.#clock.nowMs() + absoluteMs, beganAtMs: nowMs }
    const tokenHash = listed === undefined ? undefined : toHex(listed.token.hash)
    const key = keyOf(cookie)
    const endsAtMs = nowMs + absoluteMs
    this.#sessions.set(key, { key, session, endsAtMs, tokenHash, onEnd: new Set(), idleAtMs: nowMs + idleMs })
    this.#makeRoom(who.name)
    this.#keep()
    return { cookie, session }
  }

  /** The session of a cookie; undefined when there is none, or it has ended. `touches` says that its operator is there. */
  find(cookie: string | undefined, touches: boolean): OperatorSession | undefined {
    const kept = cookie === undefined ? undefined : this.#sessions.get(keyOf(cookie))
    if (kept === undefined) return undefined
    const nowMs = this.#clock.monotonicMs()
    if (isOver(kept, nowMs)) {
      this.#end(kept)
      this.#keep()
      return undefined
    }
    if (touches) {
      kept.idleAtMs = nowMs + this.#times.idleMs
      if (nowMs - this.#keptAtMs > touchShare * this.#times.idleMs) this.#keep()
    }
    return kept.session
  }

  /** Calls `told` when the session ends, unless the returned function was called before. */
  onEnd(cookie: string, told: () => void): () => void {
    const kept = this.#sessions.get(keyOf(cookie))
    kept?.onEnd.add(told)
    return () => kept?.onEnd.delete(told)
  }

  end(cookie: string): void {
    const kept = this.#sessions.get(keyOf(cookie))
    if (kept === undefined) return
    this.#end(kept)
    this.#keep()
  }

  /** Ends the sessions of operators who are not what they were. Those of a provider are not on the list. */
  keepOnly(listed: readonly ListedOperator[]): void {
    const before = this.#sessions.size
    for (const kept of this.#sessions.values()) {
      if (kept.tokenHash === undefined) continue
      const now = listed.find((one) => one.name === kept.session.name)
      const isSame = now?.role === kept.session.role && toHex(now.token.hash) === kept.tokenHash
      if (!isSame) this.#end(kept)
    }
    if (this.#sessions.size < before) this.#keep()
  }

  /** Ends expired sessions, idle or old; a caller that shows something for as long as a session lasts calls it now and then. */
  dropOver(): void {
    this.#dropOver()
  }

  countOf(name: string): number {
    this.#dropOver()
    return [...this.#sessions.values()].filter((one) => one.session.name === name).length
  }

  /** The process stops: callers of `onEnd` are told to close. What is kept stays, for the next start. */
  stop(): void {
    this.#keep()
    for (const kept of this.#sessions.values()) this.#end(kept)
  }

  #dropOver(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const kept of this.#sessions.values()) if (isOver(kept, nowMs)) this.#end(kept)
  }

  /** Restores a session of before the start. A clock that was put back gives it no more time than a new session would have. */
  #take({ key, name, role, method, beganAtMs, idleAtMs, tokenHash }: KeptSession): void {
    const [wallMs, nowMs] = [this.#clock.nowMs(), this.#clock.monotonicMs()]
    const { idleMs, absoluteMs } = this.#times
    const agoMs = Math.max(0, wallMs - beganAtMs)
    const endsAtMs = nowMs + absoluteMs - agoMs
    const kept = {
      key,
      session: { name, role, method, expiresAtMs: wallMs + absoluteMs - agoMs, beganAtMs: nowMs - agoMs },
      endsAtMs,
      tokenHash: tokenHash ?? undefined,
      onEnd: new Set<() => void>(),
      idleAtMs: nowMs + Math.min(idleMs, idleAtMs - wallMs),
    }
    if (!isOver(kept, nowMs)) this.#sessions.set(key, kept)
  }

  #keep(): void {
    const [wallMs, nowMs] = [this.#clock.nowMs(), this.#clock.monotonicMs()]
    this.#keptAtMs = nowMs
    this.#keeper.write(
      [...this.#sessions.values()].map(({ key, session: { name, role, method, beganAtMs }, idleAtMs, tokenHash }) => ({
        key,
        name,
        role,
        method,
        beganAtMs: Math.round(wallMs - (nowMs - beganAtMs)),
        idleAtMs: Math.round(wallMs + (idleAtMs - nowMs)),
        tokenHash: tokenHash ?? null,
      })),
    )
  }

  #makeRoom(name: string): void {
    const own = [...this.#sessions.values()].filter((one) => one.session.name === name)
    const [oldestOwn] = own
    if (oldestOwn !== undefined && own.length > operatorLimits.sessionsPerOperatorMax) this.#end(oldestOwn)
    const [oldest] = this.#sessions.values()
    if (oldest !== undefined && this.#sessions.size > operatorLimits.sessionsMax) this.#end(oldest)
  }

  #end(kept: Kept): void {
    this.#sessions.delete(kept.key)
    for (const told of kept.onEnd) told()
    kept.onEnd.clear()
  }
}

function isOver({ endsAtMs, idleAtMs }: Kept, nowMs: number): boolean {
  return nowMs >= endsAtMs || nowMs >= idleAtMs
}

function keyOf(cookie: string): string {
  return createHash('sha256').update(cookie).digest('hex')
}
