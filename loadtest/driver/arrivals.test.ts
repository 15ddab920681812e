import { describe, expect, it } from 'vitest'
import { type ArrivalPlan, Arrivals, rateAt } from './arrivals.ts'
import { Chance } from '../machine/chance.ts'

const seed = Uint8Array.from({ length: 16 }, (_, index) => index + 1)
const plain: ArrivalPlan = { kind: 'poisson', perSecond: 1_000, durationMs: 20_000, curve: [], bursts: null }

function all(plan: ArrivalPlan): readonly number[] {
  const arrivals = new Arrivals(plan, new Chance(seed))
  const instants: number[] = []
  for (let at = arrivals.next(); at !== Infinity; at = arrivals.next()) instants.push(at)
  return instants
}

const within = (instants: readonly number[], from: number, to: number) =>
  instants.filter((at) => at >= from && at < to).length

describe('arrivals', () => {
  it('of a Poisson stream come at their rate, and as irregularly as strangers do', () => {
    const instants = all(plain)
    expect(Math.abs(instants.length - 20_000)).toBeLessThan(600)
    expect(instants).toEqual([...instants].sort((a, b) => a - b))
    const gaps = instants.slice(1).map((at, index) => at - (instants[index] ?? 0))
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
    const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length
    // An exponential distribution's deviation is its mean.
    expect(Math.sqrt(variance) / mean).toBeGreaterThan(0.95)
    expect(Math.sqrt(variance) / mean).toBeLessThan(1.05)
  })

  it('at fixed intervals come at fixed intervals', () => {
    const instants = all({ ...plain, kind: 'fixed', perSecond: 250, durationMs: 1_000 })
    expect(instants).toHaveLength(249)
    for (const [index, at] of instants.entries()) expect(at).toBeCloseTo(4 * (index + 1), 6)
  })

  it.for(['poisson', 'fixed'] as const)('that are %s follow the curve of a rush', (kind) => {
    const curve = [
      { at: 0, times: 0.2 },
      { at: 0.5, times: 1 },
      { at: 1, times: 0.2 },
    ]
    const plan = { ...plain, kind, curve }
    const instants = all(plan)
    expect(Math.abs(instants.length - 12_000)).toBeLessThan(400)
    expect(within(instants, 9_000, 11_000)).toBeGreaterThan(3 * within(instants, 0, 2_000))
    expect(rateAt(plan, 5_000)).toBeCloseTo(600, 6)
  })

  it.for(['poisson', 'fixed'] as const)('that are %s and burst come all at the beginning of each period', (kind) => {
    const instants = all({ ...plain, kind, bursts: { everyMs: 2_000, withinMs: 500 } })
    expect(Math.abs(instants.length - 20_000)).toBeLessThan(600)
    expect(instants.every((at) => at % 2_000 <= 500)).toBe(true)
  })

  it('repeat with their seed', () => {
    expect(all(plain)).toEqual(all(plain))
  })
})
