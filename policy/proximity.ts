// How near the band was, graded honestly (PROTOCOL §5, "Proximity levels"): a link-layer relay beats RSSI and timing, so
// they are never worth more than level 1, nor is anything the phone says. Missing evidence is 0.

import { conformanceBits } from '../protocol/band-cert.ts'
import { type Evidence, distanceNone, rangingBits } from '../protocol/evidence.ts'
import type { Verdict } from '../protocol/ops.ts'

/** 0 none, 1 rssi, 2 tap, 3 ranging, 4 touch. */
export type ProximityLevel = 0 | 1 | 2 | 3 | 4

/** Weakest signal at the band that counts as near, dBm; 0 and above is no measurement. */
export const rssiNearMinDbm = -85
/** Longest round trip that counts as near, in units of 10 µs: 100 ms. */
export const rttNearMax10Us = 10_000
/** Farthest that channel sounding may measure, cm. */
export const rangingNearMaxCm = 300
/** The reader's nonce must be back within this, by the reader's clock, ms (PROTOCOL §5). */
const echoWithinMs = 150

/**
 * The level that the band's evidence supports. `readerNonceMatched`: the nonce in the evidence is one that the partner's
 * reader issued and the reader's own clock vouches for the interval. What the band's certificate does not vouch for
 * (`conformance`) counts as missing. The phone's own reading (`rssiPhoneDbm`) raises nothing.
 */
export function gradeProximity(facts: {
  readonly verdict: Verdict
  readonly evidence: Evidence
  readonly conformance: number
  readonly readerNonceMatched: boolean
}): ProximityLevel {
  const { verdict, evidence, conformance } = facts
  const vouched = (bit: number) => (conformance & bit) !== 0
  if (verdict === 'refused') return 0
  if (verdict === 'touch' && vouched(conformanceBits.tap)) return 4
  if (verdict === 'display' && vouched(conformanceBits.display)) return 4
  if (vouched(conformanceBits.ranging) && rangedNear(evidence)) return 3
  if (verdict === 'tap' && vouched(conformanceBits.tap)) return 2
  if (facts.readerNonceMatched && evidence.intervalMs > 0 && evidence.intervalMs <= echoWithinMs) return 2
  return heardNear(evidence) ? 1 : 0
}

function rangedNear(evidence: Evidence): boolean {
  const both = rangingBits.sounded | rangingBits.agrees
  return (
    (evidence.rangingFlags & both) === both &&
    evidence.distanceCm !== distanceNone &&
    evidence.distanceCm <= rangingNearMaxCm
  )
}

function heardNear(evidence: Evidence): boolean {
  const rssiPlausible = evidence.rssiDbm >= rssiNearMinDbm && evidence.rssiDbm < 0
  return rssiPlausible && evidence.rtt10Us > 0 && evidence.rtt10Us <= rttNearMax10Us
}
