// For tests: the facts of a request that is approved, to be spoilt one at a time. A payment of 10.00 EUR, tapped.

import { actions } from '../protocol/actions.ts'
import { conformanceBits } from '../protocol/band-cert.ts'
import { parsePartnerId, parseResourceId, parseRid } from '../protocol/ids.ts'
import type { OfferTerms } from '../protocol/offer.ts'
import type { BandFacts, DecisionFacts, ProofFacts } from './facts.ts'
import { type AccountLimits, type CurrencyUsage, type LimitTable, noUsage, utcDayOf } from './limits.ts'

export const sampleNowMs = Date.UTC(2026, 4, 20, 12)
export const euro = 978
const minuteMs = 60_000

export const sampleTable: LimitTable = {
  perUseMinor: 10_000,
  perDayMinor: 30_000,
  perClassDayMinor: { pay: 28_000, receive: 50_000 },
  perLevelUseMinor: [0, 2_000, 10_000, 20_000, 20_000],
  perLevelDayMinor: [0, 5_000, 30_000, 30_000, 30_000],
  verification: [
    { aboveMinor: 1_000, withinMs: 480 * minuteMs },
    { aboveMinor: 5_000, withinMs: 5 * minuteMs },
  ],
  restrictedPerUseMinor: 1_500,
  tapAboveMinor: 1_500,
}

export const sampleLimits: AccountLimits = { tables: new Map([[euro, sampleTable]]), own: [] }

/** What to spoil: top-level facts, and single fields of the band, the proof and the terms. */
export type Spoilt = Partial<Omit<DecisionFacts, 'band' | 'proof' | 'terms'>> & {
  readonly band?: Partial<BandFacts>
  readonly proof?: Partial<ProofFacts>
  readonly terms?: Partial<OfferTerms>
}

/** The facts of an approved request, with what is given changed. */
export function sampleFacts(spoilt: Spoilt = {}): DecisionFacts {
  const { band, proof, terms, ...rest } = spoilt
  return {
    nowMs: sampleNowMs,
    clockCertain: true,
    present: true,
    level: 2,
    limits: sampleLimits,
    usage: noUsage,
    arming: [],
    ownerEpoch: 5,
    armedOwnerEpoch: 5,
    phonePending: false,
    userVerifiedNow: false,
    ...rest,
    band: {
      state: 'armed',
      holds: 0,
      armEpoch: 7,
      armedUntilMs: sampleNowMs + 60 * minuteMs,
      verifiedAtMs: sampleNowMs - 60 * minuteMs,
      conformance: conformanceBits.tap | conformanceBits.sealedLinks | conformanceBits.wearEdges,
      restricted: false,
      ...band,
    },
    proof: { valid: true, verdict: 'tap', wear: 'on', armEpoch: 7, ...proof },
    terms: {
      partner: parsePartnerId('0a'.repeat(16)),
      resource: parseResourceId('0b'.repeat(16)),
      action: actions.pay,
      amountMinor: 1_000,
      currency: euro,
      partnerNonce: new Uint8Array(16),
      rid: parseRid('0c'.repeat(8)),
      expiresAtMs: sampleNowMs + minuteMs,
      label: 'Coffee',
      kid: 1,
      ...terms,
    },
  }
}

/** The sample facts with several things spoilt, the later over the earlier. */
export function spoil(...all: readonly (Spoilt | undefined)[]): DecisionFacts {
  let facts: Spoilt = {}
  for (const one of all) {
    facts = {
      ...facts,
      ...one,
      band: { ...facts.band, ...one?.band },
      proof: { ...facts.proof, ...one?.proof },
      terms: { ...facts.terms, ...one?.terms },
    }
  }
  return sampleFacts(facts)
}

/** The usage of today, in the sample currency. */
export function usedToday(used: Partial<CurrencyUsage>): Spoilt {
  const zero: CurrencyUsage = { currency: euro, payMinor: 0, receiveMinor: 0, byLevelMinor: [0, 0, 0, 0, 0] }
  return { usage: { day: utcDayOf(sampleNowMs), byCurrency: [{ ...zero, ...used }] } }
}

/** The sample limits with one table changed. */
export function tableWith(changed: Partial<LimitTable>): Spoilt {
  return { limits: { tables: new Map([[euro, { ...sampleTable, ...changed }]]), own: [] } }
}
