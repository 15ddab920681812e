// Arrival process of an open loop (Poisson or fixed gaps, with a rate curve or bursts), which asks at its own times whatever the
// answers do. Latency counts from these instants, so a server that stalls cannot slow its own measurement down (coordinated
// omission).

import type { Chance } from '../machine/chance.ts'
import type { Bursts, RatePoint } from '../profile/profile.ts'

export type ArrivalPlan = {
  readonly kind: 'poisson' | 'fixed'
  /** Requests a second where the curve says 1. */
  readonly perSecond: number
  readonly durationMs: number
  /** How the rate changes over the run; a straight line between two points. Empty: constant. */
  readonly curve: readonly RatePoint[]
  /** Everybody of a period arrives within its beginning. */
  readonly bursts: Bursts | null
}

/** The rate at an instant, requests a second. */
export function rateAt(plan: ArrivalPlan, atMs: number): number {
  const { bursts } = plan
  const rate = plan.perSecond * curveAt(plan.curve, atMs / plan.durationMs)
  if (bursts === null) return rate
  return atMs % bursts.everyMs < bursts.withinMs ? (rate * bursts.everyMs) / bursts.withinMs : 0
}

/** Gives the due instants of a plan in order, ms from its start; Infinity after the last. */
export class Arrivals {
  readonly #plan: ArrivalPlan
  readonly #chance: Chance
  readonly #rateMax: number
  #atMs = 0

  constructor(plan: ArrivalPlan, chance: Chance) {
    this.#plan = plan
    this.#chance = chance
    const { bursts, curve, perSecond } = plan
    const steepest = curve.reduce((most, point) => Math.max(most, point.times), curve.length === 0 ? 1 : 0)
    this.#rateMax = perSecond * steepest * (bursts === null ? 1 : bursts.everyMs / bursts.withinMs)
  }

  next(): number {
    this.#atMs = this.#plan.kind === 'poisson' ? this.#poisson() : this.#fixed()
    return this.#atMs
  }

  // Thinning: drawn at the highest rate, and kept with the probability that the rate of that instant is of it.
  #poisson(): number {
    const { durationMs } = this.#plan
    if (this.#rateMax <= 0) return Infinity
    let atMs = this.#atMs
    for (;;) {
      atMs += (this.#chance.exponential() * 1_000) / this.#rateMax
      if (atMs >= durationMs) return Infinity
      if (this.#chance.fraction() * this.#rateMax < rateAt(this.#plan, atMs)) return atMs
    }
  }

  // A request is due when the area under the curve has grown by one; looked at in steps of a millisecond.
  #fixed(): number {
    const { durationMs } = this.#plan
    let owed = 1
    let atMs = this.#atMs
    while (atMs < durationMs) {
      const perMs = rateAt(this.#plan, atMs) / 1_000
      if (perMs >= owed) return atMs + owed / perMs < durationMs ? atMs + owed / perMs : Infinity
      owed -= perMs
      atMs++
    }
    return Infinity
  }
}

function curveAt(curve: readonly RatePoint[], share: number): number {
  const [first] = curve
  if (first === undefined) return 1
  let before = first
  for (const point of curve) {
    if (share < point.at) {
      const span = point.at - before.at
      return span <= 0 ? point.times : before.times + ((point.times - before.times) * (share - before.at)) / span
    }
    before = point
  }
  return before.times
}
