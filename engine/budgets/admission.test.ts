import { describe, expect, it } from 'vitest'
import { parseAccountId } from '../../protocol/ids.ts'
import { Admission } from './admission.ts'

const alice = parseAccountId('alice')

function admissionAt() {
  const clock = { nowMs: 0 }
  return { clock, admission: new Admission({ perSecond: 10, burst: 3, monotonicMs: () => clock.nowMs }) }
}

describe('An account', () => {
  it('may send its burst at once, then as many as its rate lets in', () => {
    const { clock, admission } = admissionAt()
    expect([1, 2, 3, 4].map(() => admission.admit(alice))).toEqual([true, true, true, false])
    clock.nowMs = 99
    expect(admission.admit(alice)).toBe(false)
    clock.nowMs = 100
    expect(admission.admit(alice)).toBe(true)
    expect(admission.admit(alice)).toBe(false)
  })

  it('does not slow another one', () => {
    const { admission } = admissionAt()
    for (let frame = 0; frame < 5; frame++) admission.admit(alice)
    expect(admission.admit(parseAccountId('bob'))).toBe(true)
  })

  it('whose pairings failed five times waits until the first failure is an hour old', () => {
    const { clock, admission } = admissionAt()
    for (let failure = 0; failure < 5; failure++) {
      expect(admission.pairingWaitMs('account:alice', 5)).toBe(0)
      admission.pairingFailed('account:alice')
      clock.nowMs += 1_000
    }
    expect(admission.pairingWaitMs('account:alice', 5)).toBe(3_600_000 - 5_000)
    clock.nowMs = 3_600_000 - 1
    expect(admission.pairingWaitMs('account:alice', 5)).toBe(1)
    clock.nowMs = 3_600_000
    expect(admission.pairingWaitMs('account:alice', 5)).toBe(0)
  })
})
