import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toHex } from '../base/bytes.ts'
import { type Evidence, decodeEvidence, distanceNone, encodeEvidence } from './evidence.ts'

const anyEvidence: fc.Arbitrary<Evidence> = fc.record({
  rssiDbm: fc.integer({ min: -128, max: 127 }),
  rssiPhoneDbm: fc.integer({ min: -128, max: 127 }),
  rtt10Us: fc.nat(0xffff),
  distanceCm: fc.nat(0xffff),
  rangingFlags: fc.nat(0xff),
  intervalMs: fc.nat(0xff),
  readerNonce: fc.uint8Array({ minLength: 8, maxLength: 8 }),
})

describe('evidence', () => {
  it('is 16 bytes, read as it was measured', () => {
    fc.assert(
      fc.property(anyEvidence, (evidence) => {
        const wire = encodeEvidence(evidence)
        expect(wire.length).toBe(16)
        expect(decodeEvidence(wire)).toEqual(evidence)
      }),
    )
  })

  it('of any 16 bytes is some measurement', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (wire) => {
        expect(toHex(encodeEvidence(decodeEvidence(wire)))).toBe(toHex(wire))
      }),
    )
  })

  it('spells signal strengths below zero and a distance that was not measured', () => {
    const wire = encodeEvidence({
      rssiDbm: -48,
      rssiPhoneDbm: -50,
      rtt10Us: 800,
      distanceCm: distanceNone,
      rangingFlags: 0,
      intervalMs: 0,
      readerNonce: new Uint8Array(8),
    })
    expect(toHex(wire)).toBe('d0ce0320ffff00000000000000000000')
  })
})
