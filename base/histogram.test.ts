import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Histogram, percentilesOf } from './histogram.ts'

/** The slow, obvious twin: sorts everything. */
function exactMs(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right)
  return sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1] ?? 0
}

describe('a histogram of durations', () => {
  it('says any percentile to within a fiftieth, from a microsecond to an hour', () => {
    const durations = fc.array(fc.double({ min: 0.001, max: 3_600_000, noNaN: true }), { minLength: 1, maxLength: 200 })
    fc.assert(
      fc.property(durations, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
        const histogram = new Histogram()
        for (const value of values) histogram.add(value)
        const exact = exactMs(values, share)
        const said = histogram.percentileMs(share) ?? Number.NaN
        expect(Math.abs(said - exact)).toBeLessThanOrEqual(exact / 50 + 0.001)
      }),
    )
  })

  it('is empty until something was counted, and again after a reset', () => {
    const histogram = new Histogram()
    expect(percentilesOf(histogram)).toEqual({ p50Ms: null, p99Ms: null, p999Ms: null })
    histogram.add(1.5)
    expect([histogram.total, histogram.maxMs]).toEqual([1, 1.5])
    expect(percentilesOf(histogram)).toEqual({ p50Ms: 1.5, p99Ms: 1.5, p999Ms: 1.5 })
    histogram.reset()
    expect([histogram.total, histogram.maxMs, histogram.percentileMs(0.5)]).toEqual([0, 0, undefined])
  })

  it('counts what is beyond its end in its last bucket, and what ran backwards as nothing', () => {
    const histogram = new Histogram()
    for (const ms of [-5, Number.NaN, 1e12, Infinity]) histogram.add(ms)
    expect(histogram.total).toBe(4)
    expect(histogram.percentileMs(0.5)).toBe(0)
    expect(histogram.percentileMs(1)).toBeGreaterThan(3_600_000)
  })

  it('counts what others counted as if it had counted it itself', () => {
    const durations = fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { maxLength: 50 })
    fc.assert(
      fc.property(durations, durations, (left, right) => {
        const [both, one, other] = [new Histogram(), new Histogram(), new Histogram()]
        for (const ms of [...left, ...right]) both.add(ms)
        for (const ms of left) one.add(ms)
        for (const ms of right) other.add(ms)
        one.merge(other)
        expect([one.total, one.maxMs, percentilesOf(one)]).toEqual([both.total, both.maxMs, percentilesOf(both)])
      }),
    )
  })
})
