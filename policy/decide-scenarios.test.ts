import { describe, expect, it } from 'vitest'
import { actions } from '../protocol/actions.ts'
import { conformanceBits } from '../protocol/band-cert.ts'
import { amountMinorMax, offerLifeMaxMs } from '../protocol/limits.ts'
import { type DenialReason, reasons } from '../protocol/reasons.ts'
import { holdBits } from '../protocol/states.ts'
import { decide } from './decide.ts'
import { type Spoilt, euro, sampleFacts, sampleNowMs, sampleTable, spoil, tableWith, usedToday } from './test-facts.ts'

const now = sampleNowMs
const minuteMs = 60_000
const hourMs = 60 * minuteMs

type Scenario = {
  readonly title: string
  readonly reason: DenialReason
  readonly denied: Spoilt
  /** As near to it as can be, and approved. */
  readonly approved: Spoilt
  /** What was given in both. */
  readonly given?: Spoilt
}

const amount = (amountMinor: number): Spoilt => ({ terms: { amountMinor } })
const large: Spoilt = { level: 4, userVerifiedNow: true }

/** One line a rule of docs/architecture.md §6: what is denied, why, and the nearest neighbour that is approved. */
const scenarios: readonly Scenario[] = [
  ...[actions.unlock, actions.admit, actions.redeem, actions.identify, actions.ride, 0, 8, 128, 255].map(
    (action): Scenario => ({
      title: `action ${action}, which nothing supports yet`,
      reason: 'unsupported-action',
      denied: { terms: { action } },
      approved: { terms: { action: actions.receive } },
    }),
  ),
  {
    title: 'a band that nobody paired',
    reason: 'band-not-bound',
    denied: { band: { state: 'unbound' } },
    approved: {},
  },
  {
    title: 'a band whose pairing is not finished',
    reason: 'band-not-bound',
    denied: { band: { state: 'pairing' } },
    approved: {},
  },
  {
    title: 'a band reported lost',
    reason: 'band-lost',
    denied: { band: { holds: holdBits.lost } },
    approved: { band: { holds: 0 } },
  },
  {
    title: 'a lost band that is frozen too: lost says most',
    reason: 'band-lost',
    denied: { band: { holds: 0x0f } },
    approved: { band: { holds: 0 } },
  },
  {
    title: 'a band its owner froze',
    reason: 'owner-freeze',
    denied: { band: { holds: holdBits['owner-freeze'] } },
    approved: { band: { holds: 0 } },
  },
  {
    title: 'a frozen band that is disarmed for it: frozen is the reason that helps',
    reason: 'owner-freeze',
    denied: { band: { holds: holdBits['owner-freeze'], state: 'disarmed' } },
    approved: { band: { holds: 0 } },
  },
  {
    title: 'a band an operator froze',
    reason: 'operator-freeze',
    denied: { band: { holds: holdBits['operator-freeze'] } },
    approved: { band: { holds: 0 } },
  },
  {
    title: 'a band a rule froze',
    reason: 'risk-freeze',
    denied: { band: { holds: holdBits['risk-freeze'] } },
    approved: { band: { holds: 0 } },
  },
  {
    title: 'a band with a hold this version does not know',
    reason: 'risk-freeze',
    denied: { band: { holds: 0x40 } },
    approved: { band: { holds: 0 } },
  },
  {
    title: 'a band being deactivated',
    reason: 'band-deactivating',
    denied: { band: { state: 'deactivating' } },
    approved: {},
  },
  {
    title: 'a band off the wrist',
    reason: 'band-off-wrist',
    denied: { band: { state: 'offWrist' } },
    approved: {},
  },
  {
    title: 'a proof that says the band is off',
    reason: 'band-off-wrist',
    denied: { proof: { wear: 'off' } },
    approved: { proof: { wear: 'on' } },
  },
  {
    title: 'a proof from the charger',
    reason: 'band-off-wrist',
    denied: { proof: { wear: 'charging' } },
    approved: { proof: { wear: 'on' } },
  },
  {
    title: 'a worn band that is not armed',
    reason: 'band-not-armed',
    denied: { band: { state: 'disarmed' } },
    approved: { band: { state: 'armed' } },
  },
  {
    title: 'a band whose arming has just ended',
    reason: 'arm-expired',
    denied: { band: { armedUntilMs: now } },
    approved: { band: { armedUntilMs: now + 1 } },
  },
  {
    title: 'a band armed under an older owner epoch',
    reason: 'epoch-raised',
    denied: { armedOwnerEpoch: 4 },
    approved: { armedOwnerEpoch: 5 },
  },
  {
    title: 'a phone still in its Security Delay',
    reason: 'phone-pending',
    denied: { phonePending: true },
    approved: { phonePending: false },
  },
  {
    title: 'a clock that jumped',
    reason: 'clock-uncertain',
    denied: { clockCertain: false },
    approved: { clockCertain: true },
  },
  {
    title: 'an offer that ends at this instant',
    reason: 'offer-expired',
    denied: { terms: { expiresAtMs: now } },
    approved: { terms: { expiresAtMs: now + 1 } },
  },
  {
    title: 'an offer that wants to live past the longest life',
    reason: 'offer-too-long-lived',
    denied: { terms: { expiresAtMs: now + offerLifeMaxMs + 1 } },
    approved: { terms: { expiresAtMs: now + offerLifeMaxMs } },
  },
  {
    title: 'a proof that does not verify',
    reason: 'proof-invalid',
    denied: { proof: { valid: false } },
    approved: { proof: { valid: true } },
  },
  {
    title: 'a proof of an earlier arming',
    reason: 'band-not-armed',
    denied: { proof: { armEpoch: 6 } },
    approved: { proof: { armEpoch: 7 } },
  },
  {
    title: 'a proof of an arming that never was',
    reason: 'proof-invalid',
    denied: { proof: { armEpoch: 8 } },
    approved: { proof: { armEpoch: 7 } },
  },
  {
    title: 'a wearer who refused',
    reason: 'refused-by-wearer',
    denied: { proof: { verdict: 'refused' } },
    approved: { proof: { verdict: 'worn' } },
  },
  {
    title: 'a wearer whose presence lapsed',
    reason: 'not-present',
    denied: { present: false },
    approved: { present: true },
  },
  ...[0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY].map((amountMinor): Scenario => ({
    title: `an amount of ${amountMinor}`,
    reason: 'amount-invalid',
    denied: amount(amountMinor),
    approved: amount(1),
  })),
  {
    title: 'an amount past the largest',
    reason: 'amount-invalid',
    given: {
      ...large,
      ...tableWith({
        perUseMinor: amountMinorMax,
        perDayMinor: amountMinorMax,
        perClassDayMinor: { pay: amountMinorMax, receive: 0 },
        perLevelUseMinor: [0, 0, 0, 0, amountMinorMax],
        perLevelDayMinor: [0, 0, 0, 0, amountMinorMax],
      }),
    },
    denied: amount(amountMinorMax + 1),
    approved: amount(amountMinorMax),
  },
  {
    title: 'a currency without limits',
    reason: 'currency-not-allowed',
    denied: { terms: { currency: 840 } },
    approved: { terms: { currency: euro } },
  },
  {
    title: 'one minor unit above the limit of a use',
    reason: 'over-use-limit',
    given: large,
    denied: amount(10_001),
    approved: amount(10_000),
  },
  {
    title: 'one minor unit above what the owner allows a use',
    reason: 'over-use-limit',
    given: {
      limits: { tables: sampleFacts().limits.tables, own: [{ currency: euro, perUseMinor: 700, perDayMinor: 9_999 }] },
    },
    denied: amount(701),
    approved: amount(700),
  },
  {
    title: 'a limit of the owner that is wider than the table: the table holds',
    reason: 'over-use-limit',
    given: {
      ...large,
      limits: { tables: sampleFacts().limits.tables, own: [{ currency: euro, perUseMinor: 1e9, perDayMinor: 1e9 }] },
    },
    denied: amount(10_001),
    approved: amount(10_000),
  },
  {
    title: 'a band of a revoked batch above the lowest limit',
    reason: 'over-use-limit',
    given: { band: { restricted: true } },
    denied: amount(1_501),
    approved: amount(1_500),
  },
  {
    title: 'one minor unit above what is left of the day',
    reason: 'over-day-limit',
    given: { ...usedToday({ payMinor: 29_000 }), ...tableWith({ perClassDayMinor: { pay: 99_000, receive: 0 } }) },
    denied: amount(1_001),
    approved: amount(1_000),
  },
  {
    title: 'one minor unit above what the owner allows a day',
    reason: 'over-day-limit',
    given: {
      ...usedToday({ payMinor: 4_000 }),
      limits: {
        tables: sampleFacts().limits.tables,
        own: [{ currency: euro, perUseMinor: 9_999, perDayMinor: 5_000 }],
      },
    },
    denied: amount(1_001),
    approved: amount(1_000),
  },
  {
    title: 'one minor unit above what is left of the class of payments',
    reason: 'over-class-limit',
    given: usedToday({ payMinor: 27_000 }),
    denied: amount(1_001),
    approved: amount(1_000),
  },
  {
    title: 'one minor unit above what may still be received today',
    reason: 'over-class-limit',
    given: usedToday({ receiveMinor: 49_000 }),
    denied: { terms: { action: actions.receive, amountMinor: 1_001 } },
    approved: { terms: { action: actions.receive, amountMinor: 1_000 } },
  },
  {
    title: 'an amount above the first step, verified too long ago',
    reason: 'verification-stale',
    given: { band: { verifiedAtMs: now - 8 * hourMs } },
    denied: amount(1_001),
    approved: amount(1_000),
  },
  {
    title: 'a verification exactly as old as the step allows is too old',
    reason: 'verification-stale',
    given: amount(5_001),
    denied: { band: { verifiedAtMs: now - 5 * minuteMs } },
    approved: { band: { verifiedAtMs: now - 5 * minuteMs + 1 } },
  },
  {
    title: 'a large amount without verification in the request itself',
    reason: 'verification-stale',
    given: amount(5_001),
    denied: { userVerifiedNow: false },
    approved: { userVerifiedNow: true },
  },
  {
    title: 'a verification from the future',
    reason: 'verification-stale',
    given: amount(1_001),
    denied: { band: { verifiedAtMs: now + 1 } },
    approved: { band: { verifiedAtMs: now } },
  },
  {
    title: 'an amount that needs a tap, without one',
    reason: 'proximity-too-low',
    given: amount(1_501),
    denied: { level: 1 },
    approved: { level: 2 },
  },
  {
    title: 'nothing near at all',
    reason: 'proximity-too-low',
    denied: { level: 0 },
    approved: { level: 1 },
  },
  {
    title: "an amount above its level's limit, where a tap would do",
    reason: 'proximity-too-low',
    given: { ...tableWith({ tapAboveMinor: 9_000 }), level: 1 },
    denied: amount(2_001),
    approved: amount(2_000),
  },
  {
    title: "a day's payments on weak evidence that reached their limit, where a tap would do",
    reason: 'proximity-too-low',
    given: { ...usedToday({ payMinor: 4_000, byLevelMinor: [0, 4_000, 0, 0, 0] }), level: 1 },
    denied: amount(1_001),
    approved: amount(1_000),
  },
  {
    title: 'an amount that needs a tap, on a band that has no tap',
    reason: 'over-evidence-limit',
    given: { level: 1, band: { conformance: conformanceBits.sealedLinks } },
    denied: amount(1_501),
    approved: amount(1_500),
  },
  {
    title: 'an amount that not even a tap would make possible',
    reason: 'over-evidence-limit',
    given: { ...tableWith({ perLevelUseMinor: [0, 100, 200, 9_999, 9_999] }), level: 1 },
    denied: amount(201),
    approved: amount(100),
  },
  {
    title: 'an amount beyond what the arming has left, which it paid yesterday and in another currency',
    reason: 'over-arming-limit',
    given: {
      limits: { tables: new Map([euro, 840].map((currency) => [currency, sampleTable])), own: [] },
      arming: [
        { currency: euro, byLevelMinor: [0, 0, 13_000, 0, 0] },
        { currency: 840, byLevelMinor: [0, 0, 14_000, 0, 0] },
      ],
    },
    denied: amount(1_001),
    approved: amount(1_000),
  },
  {
    title: 'an amount beyond what the arming has left for weak evidence, where a tap would do',
    reason: 'proximity-too-low',
    given: { arming: [{ currency: euro, byLevelMinor: [0, 4_000, 0, 0, 0] }], level: 1 },
    denied: amount(1_001),
    approved: amount(1_000),
  },
  {
    title: "an amount above the tap's own limit",
    reason: 'over-evidence-limit',
    given: { ...tableWith({ perUseMinor: 20_000 }), level: 2, userVerifiedNow: true },
    denied: amount(10_001),
    approved: amount(10_000),
  },
]

describe('a decision', () => {
  it.for(scenarios)('denies $title ($reason), and approves its nearest neighbour', (scenario) => {
    expect(decide(spoil(scenario.given, scenario.denied))).toMatchObject({ approved: false, reason: scenario.reason })
    expect(decide(spoil(scenario.given, scenario.approved))).toMatchObject({ approved: true })
  })

  it('has a scenario for every reason on the list, but those that the engine finds before it asks', () => {
    const beforeDeciding: readonly DenialReason[] = ['offer-not-authentic', 'reference-conflict']
    const shown = [...new Set([...scenarios.map((one) => one.reason), ...beforeDeciding]), 'approved'] as string[]
    expect(shown.sort()).toEqual(Object.keys(reasons).sort())
  })

  it('offers a way on where there is one, and is final where there is none', () => {
    const obligationOf = new Map<string, string | null>()
    for (const { given, denied } of scenarios) {
      const decision = decide(spoil(given, denied))
      if (!decision.approved) obligationOf.set(decision.reason, decision.obligation)
    }
    const offered = [...obligationOf].filter(([, obligation]) => obligation !== null)
    expect(offered.sort(([one], [other]) => one.localeCompare(other))).toEqual([
      ['arm-expired', 'verify-user'],
      ['band-not-armed', 'verify-user'],
      ['over-arming-limit', 'verify-user'],
      ['proximity-too-low', 'tap'],
      ['verification-stale', 'verify-user'],
    ])
  })

  it('says of two things wrong the one that comes first: the band before the offer, the offer before the proof', () => {
    const allWrong: Spoilt = {
      band: { state: 'disarmed', holds: 1 },
      phonePending: true,
      terms: { expiresAtMs: now - 1, amountMinor: 0 },
      proof: { valid: false },
      present: false,
      level: 0,
    }
    const steps: readonly Spoilt[] = [
      { band: { holds: 0 } },
      { band: { state: 'armed' } },
      { phonePending: false },
      { terms: { expiresAtMs: now + 1 } },
      { proof: { valid: true } },
      { present: true },
      { terms: { amountMinor: 1 } },
      { level: 1 },
    ]
    const told = steps.map((_, at) => {
      const decision = decide(spoil(allWrong, ...steps.slice(0, at)))
      return decision.approved ? 'approved' : decision.reason
    })
    expect(told).toEqual([
      'owner-freeze',
      'band-not-armed',
      'phone-pending',
      'offer-expired',
      'proof-invalid',
      'not-present',
      'amount-invalid',
      'proximity-too-low',
    ])
    expect(decide(spoil(allWrong, ...steps)).approved).toBe(true)
  })
})
