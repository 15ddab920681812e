import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TokenBucket } from './token-bucket.ts'

const rates = fc.record({ perSecond: fc.integer({ min: 1, max: 10_000 }), burst: fc.integer({ min: 1, max: 50_000 }) })
/** Steps of time, also fractions of a ms and steps back, each with what is then asked for. */
const histories = fc.array(
  fc.record({
    stepMs: fc.oneof(
      fc.double({ min: 0, max: 5, noNaN: true }),
      fc.double({ min: 0, max: 100_000, noNaN: true }),
      fc.double({ min: -1_000, max: 0, noNaN: true }),
    ),
    count: fc.integer({ min: 0, max: 60_000 }),
  }),
  { maxLength: 200 },
)

describe('a rate limit', () => {
  it('never lets through more than its burst and its rate times the time', () => {
    fc.assert(
      fc.property(rates, histories, fc.double({ min: 0, max: 1e9, noNaN: true }), (rate, history, startMs) => {
        const bucket = new TokenBucket(rate, startMs)
        let nowMs = startMs
        let latestMs = startMs
        let admitted = 0
        for (const { stepMs, count } of history) {
          nowMs += stepMs
          latestMs = Math.max(latestMs, nowMs)
          if (bucket.take(count, nowMs)) admitted += count
          // Only whole ms count.
          const elapsedMs = Math.floor(latestMs) - Math.floor(startMs)
          expect(admitted).toBeLessThanOrEqual(rate.burst + (rate.perSecond * elapsedMs) / 1_000)
        }
      }),
    )
  })

  it('never does so for someone who takes all there is at every moment, fractions of a ms apart', () => {
    const greedyRates = fc.record({
      perSecond: fc.integer({ min: 1, max: 5_000 }),
      burst: fc.integer({ min: 1, max: 20 }),
    })
    const steps = fc.array(fc.double({ min: 0, max: 3, noNaN: true }), { maxLength: 300 })
    fc.assert(
      fc.property(greedyRates, steps, fc.double({ min: 0, max: 100, noNaN: true }), (rate, stepsMs, startMs) => {
        const bucket = new TokenBucket(rate, startMs)
        let nowMs = startMs
        let admitted = 0
        for (const stepMs of stepsMs) {
          nowMs += stepMs
          while (bucket.take(1, nowMs)) admitted += 1
          const elapsedMs = Math.floor(nowMs) - Math.floor(startMs)
          expect(admitted).toBeLessThanOrEqual(rate.burst + (rate.perSecond * elapsedMs) / 1_000)
        }
      }),
    )
  })

  it('lets through exactly what was asked when that stays under the rate', () => {
    fc.assert(
      fc.property(rates, fc.integer({ min: 1, max: 100 }), (rate, seconds) => {
        const bucket = new TokenBucket(rate, 0)
        expect(bucket.take(rate.burst, 0)).toBe(true)
        const eachSecond = Math.min(rate.perSecond, rate.burst)
        for (let second = 1; second <= seconds; second += 1) expect(bucket.take(eachSecond, second * 1_000)).toBe(true)
      }),
    )
  })

  it('lets the burst through at once, and not one more', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 5 }, 0)
    for (let taken = 0; taken < 5; taken += 1) expect(bucket.take(1, 0)).toBe(true)
    expect(bucket.take(1, 0)).toBe(false)
  })

  it('gives one back when its time has come, and not 1 ms before', () => {
    const bucket = new TokenBucket({ perSecond: 1, burst: 1 }, 0)
    expect(bucket.take(1, 0)).toBe(true)
    expect(bucket.take(1, 999)).toBe(false)
    expect(bucket.take(1, 1_000)).toBe(true)
  })

  it('takes nothing when it refuses, so that something smaller still fits', () => {
    const bucket = new TokenBucket({ perSecond: 1, burst: 10 }, 0)
    expect(bucket.take(11, 0)).toBe(false)
    expect(bucket.take(10, 0)).toBe(true)
  })

  it('gives nothing for a clock that steps back', () => {
    const bucket = new TokenBucket({ perSecond: 1_000, burst: 1 }, 10_000)
    expect(bucket.take(1, 10_000)).toBe(true)
    expect(bucket.take(1, 0)).toBe(false)
    expect(bucket.take(1, 10_000)).toBe(false)
    expect(bucket.take(1, 10_001)).toBe(true)
  })
})
