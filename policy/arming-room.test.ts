import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { actions } from '../protocol/actions.ts'
import { type ArmingUsage, armingAfter, armingLeft, armingReversed, countsInArming } from './arming-room.ts'
import { decide } from './decide.ts'
import { type LimitTable, type Usage, noUsage, usageAfter, usageReversed, utcDayOf } from './limits.ts'
import type { ProximityLevel } from './proximity.ts'
import { type Spoilt, euro, sampleNowMs, sampleTable, spoil } from './test-facts.ts'

const dollar = 840
const yen = 392
const hourMs = 3_600_000
const dollarTable: LimitTable = {
  ...sampleTable,
  perUseMinor: 11_000,
  perDayMinor: 33_333,
  perClassDayMinor: { pay: 31_007, receive: 50_000 },
  perLevelUseMinor: [0, 2_000, 11_000, 20_000, 20_000],
  perLevelDayMinor: [0, 5_003, 31_007, 31_007, 31_007],
  verification: [],
}
const yenTable: LimitTable = {
  ...dollarTable,
  perUseMinor: 2_000_000,
  perDayMinor: 5_000_000,
  perClassDayMinor: { pay: 5_000_000, receive: 5_000_000 },
  perLevelUseMinor: [0, 100_000, 1_000_000, 2_000_000, 2_000_000],
  perLevelDayMinor: [0, 700_001, 4_000_000, 5_000_000, 5_000_000],
  tapAboveMinor: 100_000,
}
const euroTable: LimitTable = { ...sampleTable, verification: [] }
const tables = new Map([
  [euro, euroTable],
  [dollar, dollarTable],
  [yen, yenTable],
])
const limits = { tables, own: [] }
const tapped = (currency: number, amountMinor: number) => ({ currency, amountMinor, level: 2 }) as const

describe('what an arming may still pay', () => {
  it('is the limit of the day while it pays in one currency, to the minor unit', () => {
    const spent = armingAfter([], tapped(euro, 9_333))
    expect(armingLeft(limits, [], { currency: euro, level: 2 })).toBe(28_000)
    expect(armingLeft(limits, spent, { currency: euro, level: 2 })).toBe(28_000 - 9_333)
    expect(armingLeft(limits, spent, { currency: euro, level: 1 })).toBe(5_000)
  })

  it('is the share that payments in other currencies have left', () => {
    const half = armingAfter([], tapped(euro, 14_000))
    expect(armingLeft(limits, half, { currency: yen, level: 4 })).toBe(2_500_000)
    const all = armingAfter(half, { ...tapped(yen, 2_500_000), level: 4 })
    expect(armingLeft(limits, all, { currency: dollar, level: 2 })).toBeLessThanOrEqual(0)
    expect(armingLeft(limits, all, { currency: euro, level: 2 })).toBe(0)
  })

  it('is nothing without a limit, and once something was paid in a currency that has none any more', () => {
    expect(armingLeft(limits, [], { currency: 1, level: 2 })).toBe(0)
    const spent = armingAfter([], tapped(1, 1))
    expect(armingLeft(limits, spent, { currency: euro, level: 2 })).toBeLessThanOrEqual(0)
  })

  it('is bounded by what the owner set for itself', () => {
    const own = [{ currency: euro, perUseMinor: 1_000, perDayMinor: 2_000 }]
    const spent = armingAfter([], tapped(euro, 1_000))
    expect(armingLeft({ tables, own }, spent, { currency: euro, level: 2 })).toBe(1_000)
    expect(armingLeft({ tables, own }, spent, { currency: yen, level: 4 })).toBe(2_500_000)
  })

  it('has back what was reversed', () => {
    const spent = armingAfter(armingAfter([], tapped(euro, 5_000)), tapped(yen, 1_000))
    const back = armingReversed(armingReversed(spent, tapped(euro, 5_000)), tapped(yen, 1_000))
    expect(armingLeft(limits, back, { currency: euro, level: 2 })).toBe(28_000)
  })

  it('stays exact for the largest amounts', () => {
    const huge = 1_000_000_000_000
    const table: LimitTable = {
      ...sampleTable,
      perUseMinor: huge,
      perDayMinor: huge,
      perClassDayMinor: { pay: huge, receive: huge },
      perLevelDayMinor: [huge, huge, huge, huge, huge],
    }
    const two = { tables: new Map([[euro, table], [dollar, table]]), own: [] } // prettier-ignore
    const spent = armingAfter([], tapped(euro, huge - 1_000))
    expect(armingLeft(two, spent, { currency: dollar, level: 2 })).toBe(1_000)
  })
})

type Step =
  | {
      readonly type: 'pay'
      readonly currency: number
      readonly part: number
      readonly level: ProximityLevel
      readonly verified: boolean
      readonly action: number
    }
  | { readonly type: 'later'; readonly ms: number }
  | { readonly type: 'arm' | 'reverse' }

const payment = fc.record({
  type: fc.constant('pay' as const),
  currency: fc.constantFrom(euro, dollar, yen),
  part: fc.integer({ min: 0, max: 1_000 }),
  level: fc.constantFrom<ProximityLevel>(1, 2, 3, 4),
  verified: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  action: fc.constantFrom<number>(actions.pay, actions.pay, actions.pay, actions.receive),
})
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 20, arbitrary: payment },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('later' as const), ms: fc.integer({ min: 1, max: 13 * hourMs }) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('arm' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('reverse' as const) }) },
)

type Paid = { readonly currency: number; readonly amountMinor: number; readonly level: ProximityLevel }

/** Said a second time: the shares that payments took of a limit, as numbers. */
function sharesOf(paid: readonly Paid[], through: number, limitOf: (table: LimitTable) => number): number {
  return paid
    .filter(({ level }) => level <= through)
    .reduce((sum, { currency, amountMinor }) => sum + amountMinor / limitOf(tables.get(currency) ?? sampleTable), 0)
}

describe('what a snatched band can pay until its owner verifies again', () => {
  it('never passes one day of limits, over all currencies, whatever is asked in whatever order around midnight', () => {
    const seen = { stopped: 0 }
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 60, size: 'max' }), (steps) => {
        let nowMs = sampleNowMs
        let armedAtMs = nowMs
        let usage: Usage = noUsage
        let arming: ArmingUsage = []
        let paid: readonly Paid[] = []
        for (const step of steps) {
          if (step.type === 'later') nowMs += step.ms
          if (step.type === 'arm' || nowMs - armedAtMs >= 24 * hourMs) {
            armedAtMs = nowMs
            arming = []
            paid = []
          }
          const last = paid.at(-1)
          if (step.type === 'reverse' && last !== undefined) {
            usage = usageReversed(usage, { ...last, day: utcDayOf(nowMs), action: actions.pay })
            arming = armingReversed(arming, last)
            paid = paid.slice(0, -1)
          }
          if (step.type !== 'pay') continue
          const { currency, level, verified, action } = step
          const mostMinor = tables.get(currency)?.perLevelUseMinor[level] ?? 0
          const use: Paid = { currency, level, amountMinor: 1 + Math.floor((step.part * mostMinor) / 1_001) }
          const given: Spoilt = {
            nowMs,
            limits,
            usage,
            arming,
            level,
            userVerifiedNow: verified,
            band: { armedUntilMs: armedAtMs + 24 * hourMs, verifiedAtMs: armedAtMs },
            terms: { ...use, action, expiresAtMs: nowMs + 1 },
          }
          const decision = decide(spoil(given))
          if (!decision.approved) {
            if (decision.reason === 'over-arming-limit') {
              seen.stopped++
              // What the wearer is asked for helps at once, and arming anew helps for all that follows.
              expect(decision.obligation).toBe('verify-user')
              expect(decide(spoil(given, { userVerifiedNow: true })).approved).toBe(true)
              expect(decide(spoil(given, { arming: [] })).approved).toBe(true)
            }
            continue
          }
          usage = usageAfter(usage, { ...use, day: utcDayOf(nowMs), action })
          if (countsInArming(action, verified)) {
            arming = armingAfter(arming, use)
            paid = [...paid, use]
          }
          expect(sharesOf(paid, 4, (table) => table.perClassDayMinor.pay)).toBeLessThanOrEqual(1 + 1e-9)
          for (const through of [1, 2, 3, 4] as const)
            expect(sharesOf(paid, through, (table) => table.perLevelDayMinor[through])).toBeLessThanOrEqual(1 + 1e-9)
        }
      }),
      { numRuns: 500 },
    )
    expect(seen.stopped).toBeGreaterThan(100)
  })

  it('does not stop a wearer who stays within the limits of one currency and one day', () => {
    const amounts = fc.array(fc.integer({ min: 1, max: 10_000 }), { maxLength: 60 })
    fc.assert(
      fc.property(amounts, fc.constantFrom<ProximityLevel>(1, 2, 3), (all, level) => {
        let usage: Usage = noUsage
        let arming: ArmingUsage = []
        for (const amountMinor of all) {
          const decision = decide(spoil({ limits, usage, arming, level, terms: { amountMinor } }))
          const unbounded = decide(spoil({ limits, usage, arming: [], level, terms: { amountMinor } }))
          expect(decision).toEqual(unbounded)
          if (!decision.approved) continue
          usage = usageAfter(usage, {
            day: utcDayOf(sampleNowMs),
            currency: euro,
            action: actions.pay,
            amountMinor,
            level,
          })
          arming = armingAfter(arming, { currency: euro, amountMinor, level })
        }
      }),
    )
  })
})
