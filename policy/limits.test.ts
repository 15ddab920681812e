import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { actions } from '../protocol/actions.ts'
import { decide } from './decide.ts'
import { type Usage, type Use, noUsage, usageAfter, usageReversed, usedOn, utcDayOf } from './limits.ts'
import type { ProximityLevel } from './proximity.ts'
import { euro, sampleFacts, sampleLimits, sampleNowMs, sampleTable, spoil } from './test-facts.ts'

const today = utcDayOf(sampleNowMs)
const dayMs = 86_400_000
const use: Use = { day: today, currency: euro, action: actions.pay, amountMinor: 100, level: 2 }

describe('usage', () => {
  it('sums payments and receipts apart, each currency for itself, payments also by evidence level', () => {
    let usage = noUsage
    usage = usageAfter(usage, use)
    usage = usageAfter(usage, { ...use, amountMinor: 20, level: 1 })
    usage = usageAfter(usage, { ...use, amountMinor: 3, action: actions.receive })
    usage = usageAfter(usage, { ...use, amountMinor: 7, currency: 840 })
    expect(usedOn(usage, today, euro)).toMatchObject({
      payMinor: 120,
      receiveMinor: 3,
      byLevelMinor: [0, 20, 100, 0, 0],
    })
    expect(usedOn(usage, today, 840)).toMatchObject({ payMinor: 7, receiveMinor: 0 })
    expect(usedOn(usage, today, 756)).toMatchObject({ payMinor: 0, receiveMinor: 0 })
  })

  it('does not count what moves no money', () => {
    for (const action of [actions.unlock, actions.admit, actions.redeem, actions.identify, 200]) {
      expect(usageAfter(noUsage, { ...use, day: 0, action })).toEqual(noUsage)
    }
  })

  it('starts anew when the UTC day changes, and not a millisecond before', () => {
    const midnight = Date.UTC(2026, 4, 21)
    expect([utcDayOf(midnight - 1), utcDayOf(midnight)]).toEqual([today, today + 1])
    const usage = usageAfter(noUsage, use)
    expect(usedOn(usage, today + 1, euro).payMinor).toBe(0)
    expect(usageAfter(usage, { ...use, day: today + 1 })).toEqual({
      day: today + 1,
      byCurrency: [{ currency: euro, payMinor: 100, receiveMinor: 0, byLevelMinor: [0, 0, 100, 0, 0] }],
    })
  })

  it('counts a use of an earlier day against the later one: turning the clock back frees nothing', () => {
    const usage = usageAfter(usageAfter(noUsage, use), { ...use, day: today - 1 })
    expect(usage.day).toBe(today)
    expect(usedOn(usage, today - 1, euro).payMinor).toBe(200)
  })

  it('gives back what is reversed the same day, once, and nothing another day', () => {
    const usage = usageAfter(usageAfter(noUsage, use), { ...use, amountMinor: 50 })
    expect(usedOn(usageReversed(usage, use), today, euro)).toMatchObject({
      payMinor: 50,
      byLevelMinor: [0, 0, 50, 0, 0],
    })
    expect(usageReversed(usage, { ...use, day: today - 1 })).toBe(usage)
    expect(usedOn(usageReversed(usage, { ...use, amountMinor: 9_999 }), today, euro).payMinor).toBe(0)
  })
})

type Step = {
  readonly use: Omit<Use, 'day'>
  readonly laterMs: number
  readonly reverses: boolean
}

const anyStep: fc.Arbitrary<Step> = fc.record({
  use: fc.record({
    currency: fc.constantFrom(euro, 840),
    action: fc.constantFrom<number>(actions.pay, actions.pay, actions.receive),
    amountMinor: fc.oneof(fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 1, max: 12_000 })),
    level: fc.constantFrom<ProximityLevel>(0, 1, 2, 3, 4),
  }),
  laterMs: fc.oneof({ weight: 9, arbitrary: fc.nat(60_000) }, { weight: 1, arbitrary: fc.nat(2 * dayMs) }),
  reverses: fc.boolean(),
})

/** What was approved and not reversed, kept as a plain list: the slow twin of `Usage`. */
type Approved = Use & { readonly at: number }

function sumOf(approved: readonly Approved[], day: number, which: (one: Approved) => boolean): number {
  return approved.filter((one) => one.day === day && which(one)).reduce((sum, one) => sum + one.amountMinor, 0)
}

describe('the sums of a day', () => {
  it('never pass a limit, whatever is asked in whatever order, and agree with the list of approvals', () => {
    const limits = { ...sampleLimits, tables: new Map([...sampleLimits.tables, [840, sampleTable]]) }
    let limited = 0
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 80 }), (steps) => {
        let usage: Usage = noUsage
        let nowMs = sampleNowMs
        let approved: readonly Approved[] = []
        for (const [at, step] of steps.entries()) {
          nowMs += step.laterMs
          const day = utcDayOf(nowMs)
          const facts = spoil({
            nowMs,
            limits,
            usage,
            level: step.use.level,
            userVerifiedNow: true,
            band: { armedUntilMs: nowMs + 1 },
            terms: { ...step.use, expiresAtMs: nowMs + 1 },
          })
          const decision = decide(facts)
          if (!decision.approved) limited++
          if (decision.approved) {
            usage = usageAfter(usage, { ...step.use, day })
            approved = [...approved, { ...step.use, day, at }]
          }
          const last = approved.at(-1)
          if (step.reverses && last !== undefined && last.day === day) {
            usage = usageReversed(usage, last)
            approved = approved.slice(0, -1)
          }
          for (const currency of [euro, 840]) {
            const paid = (one: Approved) => one.currency === currency && one.action === actions.pay
            const received = (one: Approved) => one.currency === currency && one.action === actions.receive
            const payMinor = sumOf(approved, day, paid)
            expect(usedOn(usage, day, currency)).toMatchObject({
              payMinor,
              receiveMinor: sumOf(approved, day, received),
            })
            expect(payMinor).toBeLessThanOrEqual(28_000)
            expect(sumOf(approved, day, received)).toBeLessThanOrEqual(50_000)
            for (const [level, limitMinor] of sampleTable.perLevelDayMinor.entries()) {
              expect(sumOf(approved, day, (one) => paid(one) && one.level <= level)).toBeLessThanOrEqual(limitMinor)
            }
          }
        }
      }),
      { numRuns: 300 },
    )
    expect(limited).toBeGreaterThan(100)
  })

  it('bound what a snatched band can do without a tap: weak evidence of every level counts together', () => {
    const weak = {
      perLevelUseMinor: [600, 2_000, 0, 0, 0],
      perLevelDayMinor: [1_000, 5_000, 9_000, 9_000, 9_000],
    } as const
    const limits = { tables: new Map([[euro, { ...sampleTable, ...weak }]]), own: [] }
    const spentMinor = (order: readonly ProximityLevel[]) => {
      let usage = noUsage
      let sumMinor = 0
      for (const level of order) {
        const amountMinor = level === 0 ? 600 : 1_500
        const facts = sampleFacts({ limits, usage, level, userVerifiedNow: true, terms: { amountMinor } })
        if (!decide(facts).approved) continue
        usage = usageAfter(usage, { ...use, amountMinor, level })
        sumMinor += amountMinor
      }
      return sumMinor
    }
    expect(spentMinor([0, 1, 0, 1, 0, 1, 0, 1])).toBe(600 + 2 * 1_500)
    expect(spentMinor([1, 1, 1, 1, 0, 0])).toBe(3 * 1_500)
  })
})
