// Why account tokens were refused. The phone hears `token-invalid` and nothing else (a thief must not learn what to mend); those who run the
// engine see the reason: counted, and told once a minute for each reason with one example, so that a flood of tokens is no flood of lines.

import type { Clock } from '../../engine/ports/clock.ts'
import type { TokenRefusal } from '../../engine/ports/surroundings.ts'
import type { Log } from '../log/log.ts'

/** What is told of one token: never the token, nor whose it is. */
export type RefusedToken = { readonly expected?: string; readonly got?: string }

const tellEveryMs = 60_000
const gotMax = 80

/** Series are kept few: reasons that are mended alike are one. */
type CountedAs = Exclude<TokenRefusal, 'signature' | 'not-bound' | 'sign-in-old' | 'other'>

function countedAs(reason: TokenRefusal): CountedAs {
  switch (reason) {
    case 'signature':
      return 'key'
    case 'not-bound':
    case 'sign-in-old':
      return 'scope'
    case 'other':
      return 'malformed'
    default:
      return reason
  }
}

export class TokenRefusals {
  /** Since the start. The commonest is there from then on, the others once there was one: an issuer's tokens go wrong in few ways. */
  readonly totals = new Map<CountedAs, number>([['expired', 0]])
  readonly #told = new Map<TokenRefusal, { readonly atMs: number; readonly notLogged: number }>()
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #log: Log

  constructor(clock: Pick<Clock, 'monotonicMs'>, log: Log) {
    this.#clock = clock
    this.#log = log
  }

  count(reason: TokenRefusal, { expected, got }: RefusedToken = {}): void {
    const counted = countedAs(reason)
    this.totals.set(counted, (this.totals.get(counted) ?? 0) + 1)
    const atMs = this.#clock.monotonicMs()
    const { atMs: toldAtMs, notLogged } = this.#told.get(reason) ?? { atMs: -Infinity, notLogged: 0 }
    if (atMs - toldAtMs < tellEveryMs) {
      this.#told.set(reason, { atMs: toldAtMs, notLogged: notLogged + 1 })
      return
    }
    this.#told.set(reason, { atMs, notLogged: 0 })
    this.#log('warning', 'tokens.refused', { reason, expected, got: got?.slice(0, gotMax), notLogged })
  }
}
