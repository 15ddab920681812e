import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { offerLifeMaxMs } from '../protocol/limits.ts'
import type { Verdict, Wear } from '../protocol/ops.ts'
import { type BandState, bandStates } from '../protocol/states.ts'
import { decide } from './decide.ts'
import type { DecisionFacts } from './facts.ts'
import { type PerLevel, type Usage, type Use, noUsage, usageAfter, utcDayOf } from './limits.ts'
import type { ProximityLevel } from './proximity.ts'
import { type Spoilt, euro, sampleNowMs, sampleTable, spoil, tableWith, usedToday } from './test-facts.ts'

const now = sampleNowMs
const hourMs = 3_600_000
const amount = (amountMinor: number): Spoilt => ({ terms: { amountMinor } })

describe('what is left of the limits', () => {
  const justVerified: Spoilt = { band: { verifiedAtMs: now - 60_000 } }

  it('is told with an approval as it stands after it', () => {
    expect(decide(spoil(usedToday({ payMinor: 20_000 }), amount(1_000), justVerified))).toEqual({
      approved: true,
      level: 2,
      useLeftMinor: 7_000,
      dayLeftMinor: 7_000,
    })
  })

  it('is told with a denial as it stands, untouched', () => {
    expect(decide(spoil(usedToday({ payMinor: 20_000 }), justVerified, { present: false }))).toMatchObject({
      useLeftMinor: 8_000,
      dayLeftMinor: 8_000,
    })
  })

  it('is no more than the age of the verification allows', () => {
    expect(decide(spoil(usedToday({ payMinor: 20_000 }), amount(1_000)))).toMatchObject({
      useLeftMinor: 5_000,
      dayLeftMinor: 7_000,
    })
  })

  it('counts the payment that was just approved against the day of its evidence', () => {
    const tapped = { perUseMinor: 50_000, perDayMinor: 100_000, perClassDayMinor: { pay: 100_000, receive: 0 } }
    const limits = tableWith({
      ...tapped,
      perLevelUseMinor: [0, 2_500, 15_000, 25_000, 50_000],
      perLevelDayMinor: [0, 10_000, 50_000, 75_000, 100_000],
      verification: [],
    })
    let usage: Usage = noUsage
    const useLeft = [15_000, 15_000, 15_000, 4_000, 1_000].map((amountMinor) => {
      const decision = decide(spoil(limits, amount(amountMinor), { usage }))
      expect(decision.approved).toBe(true)
      usage = usageAfter(usage, { day: utcDayOf(now), currency: euro, action: 1, amountMinor, level: 2 })
      return decision.useLeftMinor
    })
    expect(useLeft).toEqual([15_000, 15_000, 5_000, 1_000, 0])
    expect(decide(spoil(limits, amount(1), { usage }))).toMatchObject({ reason: 'over-evidence-limit' })
  })

  it('is nothing in a currency without limits, and never below nothing', () => {
    expect(decide(spoil({ terms: { currency: 1 } }))).toMatchObject({ useLeftMinor: 0, dayLeftMinor: 0 })
    expect(decide(spoil(usedToday({ payMinor: 99_000 })))).toMatchObject({ useLeftMinor: 0, dayLeftMinor: 0 })
  })

  it('counts a new UTC day from nothing', () => {
    const yesterday = { ...usedToday({ payMinor: 28_000 }).usage, day: utcDayOf(now) - 1, byCurrency: [] }
    const full = usedToday({ payMinor: 28_000 })
    const tomorrow: Spoilt = {
      nowMs: now + 12 * hourMs,
      band: { armedUntilMs: now + 24 * hourMs, verifiedAtMs: now + 12 * hourMs },
      terms: { expiresAtMs: now + 12 * hourMs + 1 },
    }
    expect(decide(spoil({ usage: yesterday })).approved).toBe(true)
    expect(decide(spoil(full))).toMatchObject({ approved: false, reason: 'over-class-limit' })
    expect(decide(spoil(full, tomorrow, { nowMs: now + 12 * hourMs - 1 })).approved).toBe(false)
    expect(decide(spoil(full, tomorrow))).toMatchObject({ approved: true, dayLeftMinor: 27_000 })
  })

  it('counts a day that is over against a clock that went back', () => {
    const full = usedToday({ payMinor: 28_000 })
    const back: Spoilt = {
      nowMs: now - 24 * hourMs,
      band: { verifiedAtMs: now - 25 * hourMs },
      terms: { expiresAtMs: now - 24 * hourMs + 1 },
    }
    expect(decide(spoil(full, back))).toMatchObject({ approved: false, reason: 'over-class-limit' })
    expect(decide(spoil(back)).approved).toBe(true)
  })

  it('is what the next use may be, and not one minor unit more', () => {
    const used = fc.record({
      payMinor: fc.integer({ min: 0, max: 30_000 }),
      level: fc.constantFrom<ProximityLevel>(2, 3, 4),
    })
    fc.assert(
      fc.property(used, fc.integer({ min: 1, max: 12_000 }), ({ payMinor, level }, amountMinor) => {
        const byLevelMinor = [0, 0, payMinor, 0, 0] as const
        const given = spoil(usedToday({ payMinor, byLevelMinor }), {
          level,
          userVerifiedNow: true,
        })
        const { useLeftMinor } = decide({ ...given, present: false })
        const asked = { ...given, terms: { ...given.terms, amountMinor } }
        expect(decide(asked).approved).toBe(amountMinor <= useLeftMinor)
      }),
    )
  })
})

const allStates = Object.keys(bandStates) as BandState[]

describe('what the next use may be', () => {
  const anyAsk = fc.record({
    action: fc.constantFrom(1, 1, 2),
    amountMinor: fc.oneof(fc.integer({ min: 1, max: 2_600 }), fc.integer({ min: 1, max: 12_000 })),
    level: fc.constantFrom<ProximityLevel>(0, 1, 2, 3, 4),
    usedByLevelMinor: fc.array(fc.integer({ min: 0, max: 7_000 }), { minLength: 5, maxLength: 5 }),
    receiveMinor: fc.constantFrom(0, 45_000, 49_999),
    levelDayMinor: fc.array(fc.integer({ min: 0, max: 30_000 }), { minLength: 5, maxLength: 5 }),
    levelUseMinor: fc.array(fc.integer({ min: 500, max: 20_000 }), { minLength: 5, maxLength: 5 }),
    tapAboveMinor: fc.integer({ min: 0, max: 12_000 }),
    verifiedAgoMs: fc.constantFrom(-1, 0, 299_999, 300_000, hourMs, 8 * hourMs),
    userVerifiedNow: fc.boolean(),
    restricted: fc.boolean(),
    own: fc.constantFrom([], [{ currency: euro, perUseMinor: 3_000, perDayMinor: 9_000 }]),
  })
  const perLevel = ([none = 0, rssi = 0, tap = 0, ranging = 0, touch = 0]: readonly number[]): PerLevel => [
    none,
    rssi,
    tap,
    ranging,
    touch,
  ]

  it('is approved right after the answer that told it, and one minor unit more is not', () => {
    const seen = { approved: 0, denied: 0, left: 0 }
    fc.assert(
      fc.property(anyAsk, (drawn) => {
        const { action, amountMinor, level, userVerifiedNow, own } = drawn
        const byLevelMinor = perLevel(drawn.usedByLevelMinor)
        const payMinor = byLevelMinor.reduce((sum, one) => sum + one, 0)
        const table = {
          ...sampleTable,
          perLevelDayMinor: perLevel(drawn.levelDayMinor),
          perLevelUseMinor: perLevel(drawn.levelUseMinor),
          tapAboveMinor: drawn.tapAboveMinor,
        }
        const asked = spoil(usedToday({ payMinor, byLevelMinor, receiveMinor: drawn.receiveMinor }), {
          level,
          userVerifiedNow,
          limits: { tables: new Map([[euro, table]]), own },
          band: { verifiedAtMs: now - drawn.verifiedAgoMs, restricted: drawn.restricted },
          terms: { action, amountMinor },
        })
        const answer = decide(asked)
        seen[answer.approved ? 'approved' : 'denied']++
        const use: Use = { day: utcDayOf(now), currency: euro, action, amountMinor, level }
        const usage = answer.approved ? usageAfter(asked.usage, use) : asked.usage
        const next = (nextMinor: number) =>
          decide({ ...asked, usage, terms: { ...asked.terms, amountMinor: nextMinor } }).approved
        if (answer.useLeftMinor > 0) {
          seen.left++
          expect(next(answer.useLeftMinor)).toBe(true)
        }
        expect(next(answer.useLeftMinor + 1)).toBe(false)
        expect(answer.useLeftMinor).toBeLessThanOrEqual(answer.dayLeftMinor)
      }),
      { numRuns: 5_000 },
    )
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(500)
  })
})

describe('no combination of facts', () => {
  // Half of the draws of each fact are good, so that some requests are approved and each fact is decisive somewhere.
  const mostly = <Value>(good: Value, ...others: readonly Value[]) =>
    fc.oneof({ weight: 4, arbitrary: fc.constant(good) }, { weight: 1, arbitrary: fc.constantFrom(...others) })
  const anyFacts = fc
    .record({
      state: mostly<BandState>('armed', ...allStates),
      holds: mostly(0, 1, 2, 4, 8, 15),
      armedForMs: mostly(1, 0, -1, Number.NaN),
      provedArmEpoch: mostly(7, 6, 8),
      ownerEpoch: mostly(5, 4, 6),
      valid: mostly(true, false),
      verdict: mostly<Verdict>('tap', 'refused', 'worn', 'touch'),
      wear: mostly<Wear>('on', 'off', 'charging'),
      present: mostly(true, false),
      clockCertain: mostly(true, false),
      phonePending: mostly(false, true),
      userVerifiedNow: fc.boolean(),
      level: fc.constantFrom<ProximityLevel>(0, 1, 2, 3, 4),
      action: mostly(1, 0, 2, 3, 200),
      amountMinor: fc.oneof(fc.integer({ min: 1, max: 3_000 }), fc.integer({ min: -1, max: 12_000 }), fc.double()),
      currency: mostly(euro, 840),
      expiresInMs: mostly(1, 0, -1, offerLifeMaxMs, offerLifeMaxMs + 1),
      payMinor: mostly(0, 27_000, 40_000),
      restricted: mostly(false, true),
    })
    .map((drawn): DecisionFacts =>
      spoil(usedToday({ payMinor: drawn.payMinor }), {
        band: {
          state: drawn.state,
          holds: drawn.holds,
          armedUntilMs: now + drawn.armedForMs,
          restricted: drawn.restricted,
        },
        proof: {
          valid: drawn.valid,
          verdict: drawn.verdict,
          wear: drawn.wear,
          armEpoch: drawn.provedArmEpoch,
        },
        terms: {
          action: drawn.action,
          amountMinor: drawn.amountMinor,
          currency: drawn.currency,
          expiresAtMs: now + drawn.expiresInMs,
        },
        ownerEpoch: drawn.ownerEpoch,
        present: drawn.present,
        clockCertain: drawn.clockCertain,
        phonePending: drawn.phonePending,
        userVerifiedNow: drawn.userVerifiedNow,
        level: drawn.level,
      }),
    )

  /** Said a second time, as plainly as it can be: all that must hold for an approval. */
  const mustHold: Readonly<Record<string, (facts: DecisionFacts) => boolean>> = {
    'without an armed band': ({ band }) => band.state === 'armed' && band.armedUntilMs > now,
    'with a hold': ({ band }) => band.holds === 0,
    'without a proof under this arming': ({ proof, band }) => proof.valid && proof.armEpoch === band.armEpoch,
    'of a band that is not worn': ({ proof }) => proof.wear === 'on',
    'against the wearer’s will': ({ proof }) => proof.verdict !== 'refused',
    'without presence': ({ present }) => present,
    'under another owner epoch': ({ ownerEpoch, armedOwnerEpoch }) => ownerEpoch === armedOwnerEpoch,
    'by a pending phone': ({ phonePending }) => !phonePending,
    'at an uncertain time': ({ clockCertain }) => clockCertain,
    'after the offer ended': ({ terms }) => terms.expiresAtMs > now && terms.expiresAtMs <= now + offerLifeMaxMs,
    'for a fraction or nothing': ({ terms }) => Number.isSafeInteger(terms.amountMinor) && terms.amountMinor >= 1,
    'above a limit of the use': ({ terms, band, level }) =>
      terms.amountMinor <= (band.restricted ? 1_500 : 10_000) &&
      terms.amountMinor <= (sampleTable.perLevelUseMinor[level] ?? 0),
    'above a limit of the day': ({ terms, usage }) =>
      terms.action !== 1 || (usage.byCurrency[0]?.payMinor ?? 0) + terms.amountMinor <= 28_000,
  }

  it.for(Object.keys(mustHold))('is approved %s', (name) => {
    const seen = { approved: 0, denied: 0 }
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const { approved } = decide(facts)
        seen[approved ? 'approved' : 'denied']++
        if (approved) expect(mustHold[name]?.(facts)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
    expect(seen.approved).toBeGreaterThan(10)
    expect(seen.denied).toBeGreaterThan(10)
  })

  it('is denied when all of them hold and the wearer was just verified', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const { terms, level } = facts
        fc.pre(Object.values(mustHold).every((holds) => holds(facts)) && (terms.action === 1 || terms.action === 2))
        fc.pre(terms.currency === euro && (level >= 2 || terms.amountMinor <= 1_500))
        expect(decide({ ...facts, userVerifiedNow: true }).approved).toBe(true)
      }),
    )
  })
})
