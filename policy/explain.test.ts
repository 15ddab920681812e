import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { actions } from '../protocol/actions.ts'
import { namesOf } from '../base/names.ts'
import { reasons } from '../protocol/reasons.ts'
import { bandStates } from '../protocol/states.ts'
import { decide } from './decide.ts'
import { explainFacts, ruleOf } from './explain.ts'
import { rules } from './rules.ts'
import { type Spoilt, sampleFacts, sampleLimits, sampleNowMs, sampleTable, spoil, usedToday } from './test-facts.ts'

const minuteMs = 60_000

/** Ways to spoil the facts of an approval, each close to where it turns. */
const spoilers: readonly fc.Arbitrary<Spoilt>[] = [
  fc.constantFrom(...Object.values(actions), 0, 200).map((action) => ({ terms: { action } })),
  fc.constantFrom(...namesOf(bandStates)).map((state) => ({ band: { state } })),
  fc.nat(15).map((holds) => ({ band: { holds } })),
  fc.constantFrom(-1, 0, 1).map((aheadMs) => ({ band: { armedUntilMs: sampleNowMs + aheadMs } })),
  fc.constantFrom(4, 5, 6).map((ownerEpoch) => ({ ownerEpoch })),
  fc.boolean().map((phonePending) => ({ phonePending })),
  fc.boolean().map((clockCertain) => ({ clockCertain })),
  fc.constantFrom(-1, 0, 1, minuteMs, 3_600_000).map((leftMs) => ({ terms: { expiresAtMs: sampleNowMs + leftMs } })),
  fc.constantFrom(6, 7, 8).map((armEpoch) => ({ proof: { armEpoch } })),
  fc.boolean().map((valid) => ({ proof: { valid } })),
  fc.constantFrom('on', 'off').map((wear) => ({ proof: { wear } })),
  fc.constantFrom('refused', 'worn', 'tap', 'touch').map((verdict) => ({ proof: { verdict } })),
  fc.boolean().map((present) => ({ present })),
  fc
    .constantFrom(0, 1, 999, 1_000, 1_500, 1_501, 2_001, 5_001, 10_000, 10_001, 1.5)
    .map((amountMinor) => ({ terms: { amountMinor } })),
  fc.constantFrom(978, 840).map((currency) => ({ terms: { currency } })),
  fc
    .constantFrom(0, 27_000, 27_001, 30_000)
    .map((payMinor) => usedToday({ payMinor, byLevelMinor: [0, 0, payMinor, 0, 0] })),
  fc.constantFrom(0, 1, 2, 3, 4).map((level) => ({ level })),
  fc.constantFrom(4_000, 27_000, 28_000).map((paidMinor) => ({
    arming: [{ currency: 978, byLevelMinor: [0, 4_000, paidMinor - 4_000, 0, 0] }],
  })),
  fc.constantFrom(-1, 0, 5, 480).map((agoMinutes) => ({ band: { verifiedAtMs: sampleNowMs - agoMinutes * minuteMs } })),
  fc.boolean().map((userVerifiedNow) => ({ userVerifiedNow })),
  fc.boolean().map((restricted) => ({ band: { restricted } })),
  fc.constantFrom(0, 255).map((conformance) => ({ band: { conformance } })),
  // What the arming has left without a tap is less than what the day has.
  fc.constant({
    level: 1,
    terms: { amountMinor: 1_500 },
    arming: [{ currency: 978, byLevelMinor: [0, 4_000, 0, 0, 0] }],
  }),
  fc.constant({ limits: { ...sampleLimits, own: [{ currency: 978, perUseMinor: 500, perDayMinor: 600 }] } }),
]

describe('an explanation', () => {
  it('of an approval shows every fact to speak for it', () => {
    expect(decide(sampleFacts())).toMatchObject({ approved: true })
    expect(explainFacts(sampleFacts()).filter(({ holds }) => holds !== true)).toEqual([])
  })

  it('of a denial shows as the first fact against it the one whose reason is given', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(...spoilers), { maxLength: 4 }), (spoilt) => {
        const facts = spoil(...spoilt)
        const decision = decide(facts)
        const against = explainFacts(facts).find(({ holds }) => holds === false)
        expect(against?.denies).toBe(decision.approved ? undefined : decision.reason)
      }),
      { numRuns: 20_000 },
    )
  })

  it('of any facts shows that each rule can be the first against it, and nothing but what it says it may deny for', () => {
    const first = new Set<string>()
    const strange = new Set<string>()
    const known = new Set(rules.flatMap(({ fact, denials }) => denials.map(({ reason }) => `${fact}: ${reason}`)))
    const look = fc.property(fc.array(fc.oneof(...spoilers), { maxLength: 4 }), (spoilt) => {
      const shown = explainFacts(spoil(...spoilt))
      for (const { fact, denies } of shown) if (!known.has(`${fact}: ${denies}`)) strange.add(`${fact}: ${denies}`)
      const against = shown.find(({ holds }) => holds === false)
      if (against !== undefined) first.add(`${against.fact}: ${against.denies}`)
    })
    fc.assert(look, { numRuns: 20_000, seed: 1 })
    expect([...strange]).toEqual([])
    expect([...first].toSorted()).toEqual([...known].toSorted())
  })

  it('has a rule in words for every reason there is', () => {
    for (const reason of namesOf(reasons)) expect(ruleOf(reason)).toMatch(/^[A-Z].*\.$/)
  })

  it('names what it is measured by', () => {
    const facts = explainFacts(spoil({ terms: { amountMinor: sampleTable.perUseMinor + 1 } }))
    expect(facts.find(({ fact }) => fact === 'limit of one use')).toMatchObject({
      value: '10000 minor units',
      holds: false,
    })
  })
})
