// A token bucket in whole-number arithmetic: at no moment has it let through more than burst + perSecond × time.
// Time comes in with each call, in ms of a monotonic clock; a clock that steps back gives nothing.

import type { Rate } from './limits.ts'

/** Tokens are counted in thousandths, so that a rate per second times ms stays a whole number. */
const thousandths = 1_000

/** One bucket, full at first. */
export class TokenBucket {
  readonly #rate: Rate
  #level: number
  #filledAtMs: number

  constructor(rate: Rate, nowMs: number) {
    this.#rate = rate
    this.#level = rate.burst * thousandths
    this.#filledAtMs = Math.floor(nowMs)
  }

  /** Takes `count` tokens if they are there; otherwise takes none and says false. */
  take(count: number, nowMs: number): boolean {
    this.#fill(nowMs)
    const cost = count * thousandths
    if (cost > this.#level) return false
    this.#level -= cost
    return true
  }

  /** How much of the burst is used at this moment. */
  used(nowMs: number): number {
    this.#fill(nowMs)
    return this.#rate.burst - this.#level / thousandths
  }

  #fill(nowMs: number): void {
    // Floored, so that the fractions of a ms given away never add up to a token too many.
    const atMs = Math.floor(nowMs)
    const elapsedMs = atMs - this.#filledAtMs
    if (elapsedMs <= 0) return
    this.#filledAtMs = atMs
    this.#level = Math.min(this.#rate.burst * thousandths, this.#level + elapsedMs * this.#rate.perSecond)
  }
}
