import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { offerLifeMaxMs } from '../protocol/limits.ts'
import type { Verdict, Wear } from '../protocol/ops.ts'
import { type BandState, bandStates } from '../protocol/states.ts'
import { decide } from './decide.ts'
import type { DecisionFacts } from './facts.ts'
import { utcDayOf } from './limits.ts'
import type { ProximityLevel } from './proximity.ts'
import { type Spoilt, euro, sampleNowMs, sampleTable, spoil, usedToday } from './sample-facts.ts'

const now = sampleNowMs
const hourMs = 3_600_000
const amount = (amountMinor: number): Spoilt => ({ terms: { amountMinor } })

describe('what is left of the limits', () => {
  it('is told with an approval as it stands after it', () => {
    expect(decide(spoil(usedToday({ payMinor: 20_000 }), amount(1_000)))).toEqual({
      approved: true,
      level: 2,
      useLeftMinor: 7_000,
      dayLeftMinor: 7_000,
    })
  })

  it('is told with a denial as it stands, untouched', () => {
    expect(decide(spoil(usedToday({ payMinor: 20_000 }), { present: false }))).toMatchObject({
      useLeftMinor: 8_000,
      dayLeftMinor: 8_000,
    })
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
