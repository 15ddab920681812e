import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DurationBuckets } from './duration-buckets.ts'

describe('durations in buckets', () => {
  it('count what is exactly as long as a bound below it, and a hair more above', () => {
    const buckets = new DurationBuckets([500, 1_000, 3_000])
    expect(buckets.boundsS).toEqual([0.0005, 0.001, 0.003])
    for (const ms of [0.5, 0.5001, 1, 1.0001, 3, 3.0001]) buckets.record(ms)
    expect(buckets.cumulative()).toEqual([1, 3, 5])
    expect(buckets.count).toBe(6)
    expect(buckets.sumS).toBeCloseTo(0.009_000_3, 9)
  })

  it('take any number: none, a negative one, one without end', () => {
    const buckets = new DurationBuckets([1_000])
    for (const ms of [Number.NaN, -5, -Infinity, 0, Infinity]) buckets.record(ms)
    expect([buckets.cumulative(), buckets.count, buckets.sumS]).toEqual([[4], 5, 3_600])
  })

  it('say the same as sorting all of them would', () => {
    const boundsUs = fc.uniqueArray(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 20 })
    const durations = fc.array(fc.double({ min: 0, max: 2_000, noNaN: true }), { maxLength: 200 })
    fc.assert(
      fc.property(boundsUs, durations, (unsorted, tookMs) => {
        const sorted = unsorted.toSorted((left, right) => left - right)
        const buckets = new DurationBuckets(sorted)
        for (const ms of tookMs) buckets.record(ms)
        expect(buckets.cumulative()).toEqual(sorted.map((us) => tookMs.filter((ms) => ms <= us / 1_000).length))
        expect(buckets.count).toBe(tookMs.length)
      }),
    )
  })
})
