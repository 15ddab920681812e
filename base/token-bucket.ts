// A token bucket in whole-number arithmetic: at no moment has it let through more than burst + perSecond × time.
// Time comes in with each call, in ms of a monotonic clock; a clock that steps back gives nothing.

/** A token bucket's size: `perSecond` in the long run, `burst` at once. */
export type Rate = { readonly perSecond: number; readonly burst: number }

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

  /** Takes `count` tokens although they may not be there: what is owed is a burst at most, and comes back first. */
  spend(count: number, nowMs: number): void {
    this.#fill(nowMs)
    this.#level = Math.max(-this.#rate.burst * thousandths, this.#level - count * thousandths)
  }

  /** How long until a token is there, ms; 0 = now. */
  waitMs(nowMs: number): number {
    this.#fill(nowMs)
    return this.#level >= thousandths ? 0 : Math.ceil((thousandths - this.#level) / this.#rate.perSecond)
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
