import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { conformanceBits } from '../protocol/band-cert.ts'
import { type Evidence, distanceNone, rangingBits } from '../protocol/evidence.ts'
import type { Verdict } from '../protocol/ops.ts'
import { gradeProximity, rangingNearMaxCm, rssiNearMinDbm, rttNearMax10Us } from './proximity.ts'

const all = Object.values(conformanceBits).reduce((bits, bit) => bits | bit, 0)
const nothing: Evidence = {
  rssiDbm: 0,
  rssiPhoneDbm: 0,
  rtt10Us: 0,
  distanceCm: distanceNone,
  rangingFlags: 0,
  intervalMs: 0,
  readerNonce: new Uint8Array(8),
}
const heard: Partial<Evidence> = { rssiDbm: -50, rtt10Us: 3_000 }
const ranged: Partial<Evidence> = { distanceCm: 80, rangingFlags: rangingBits.sounded | rangingBits.agrees }

type Given = {
  readonly verdict?: Verdict
  readonly conformance?: number
  readonly readerNonceMatched?: boolean
  readonly evidence?: Partial<Evidence>
}

function grade({ evidence, ...given }: Given): number {
  return gradeProximity({
    verdict: 'worn',
    conformance: all,
    readerNonceMatched: false,
    ...given,
    evidence: { ...nothing, ...evidence },
  })
}

describe('the proximity level', () => {
  const graded: readonly (readonly [string, number, Given])[] = [
    ['nothing measured', 0, {}],
    ['a signal without a round trip', 0, { evidence: { rssiDbm: -50 } }],
    ['a round trip without a signal', 0, { evidence: { rtt10Us: 3_000 } }],
    ['signal and round trip both plausible', 1, { evidence: heard }],
    ['the weakest signal that is near', 1, { evidence: { ...heard, rssiDbm: rssiNearMinDbm } }],
    ['a signal just weaker', 0, { evidence: { ...heard, rssiDbm: rssiNearMinDbm - 1 } }],
    ['the slowest round trip that is near', 1, { evidence: { ...heard, rtt10Us: rttNearMax10Us } }],
    ['a round trip just slower', 0, { evidence: { ...heard, rtt10Us: rttNearMax10Us + 1 } }],
    ['a tap', 2, { verdict: 'tap' }],
    ['a tap that the certificate does not vouch for', 0, { verdict: 'tap', conformance: all - conformanceBits.tap }],
    ["the reader's nonce, back in 150 ms", 2, { readerNonceMatched: true, evidence: { intervalMs: 150 } }],
    ["the reader's nonce, back in 151 ms", 0, { readerNonceMatched: true, evidence: { intervalMs: 151 } }],
    ["the reader's nonce, with no interval measured", 0, { readerNonceMatched: true }],
    ['a nonce that no reader issued', 0, { evidence: { intervalMs: 5 } }],
    ['ranging where round trip and phase agree', 3, { evidence: ranged }],
    ['ranging at the farthest near', 3, { evidence: { ...ranged, distanceCm: rangingNearMaxCm } }],
    ['ranging just farther', 0, { evidence: { ...ranged, distanceCm: rangingNearMaxCm + 1 } }],
    ['ranging that disagrees', 0, { evidence: { ...ranged, rangingFlags: rangingBits.sounded } }],
    ['ranging that measured nothing', 0, { evidence: { ...ranged, distanceCm: distanceNone } }],
    ['ranging on a band without it', 0, { evidence: ranged, conformance: all - conformanceBits.ranging }],
    ['a confirmation on the display', 4, { verdict: 'display' }],
    ['a confirmation on a display it has not', 0, { verdict: 'display', conformance: all - conformanceBits.display }],
    ['a touch', 4, { verdict: 'touch' }],
    ['a touch that the certificate does not vouch for', 0, { verdict: 'touch', conformance: 0 }],
    ['a refusal, however near', 0, { verdict: 'refused', evidence: { ...heard, ...ranged } }],
  ]

  it.for(graded)('of %s is %i', ([, level, given]) => {
    expect(grade(given)).toBe(level)
  })

  it('is never above 1 by what a phone or a relay can supply: signal, timing, a nonce of its own', () => {
    const byPhone = fc.record({
      rssiDbm: fc.integer({ min: -128, max: 127 }),
      rssiPhoneDbm: fc.integer({ min: -128, max: 127 }),
      rtt10Us: fc.nat(0xffff),
      intervalMs: fc.nat(255),
      readerNonce: fc.uint8Array({ minLength: 8, maxLength: 8 }),
    })
    const seen = new Set<number>()
    fc.assert(
      fc.property(byPhone, (evidence) => {
        const level = grade({ evidence })
        seen.add(level)
        expect(level).toBeLessThanOrEqual(1)
      }),
      { numRuns: 1_000 },
    )
    expect(seen).toEqual(new Set([0, 1]))
  })

  it("is not changed at all by the phone's own reading", () => {
    fc.assert(
      fc.property(fc.integer({ min: -128, max: 127 }), fc.boolean(), (rssiPhoneDbm, isHeard) => {
        const evidence = isHeard ? heard : {}
        expect(grade({ evidence: { ...evidence, rssiPhoneDbm } })).toBe(grade({ evidence }))
      }),
    )
  })
})
