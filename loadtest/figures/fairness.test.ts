import { describe, expect, it } from 'vitest'
import { verdicts } from '../../protocol/ops.ts'
import { reasons } from '../../protocol/reasons.ts'
import { isWrong } from './fairness.ts'

const approved = { approved: true, reason: reasons.approved }
const denied = (reason: keyof typeof reasons) => ({ approved: false, reason: reasons[reason] })

describe('an honest request', () => {
  it('may be approved, or denied for what its account may spend or its owner did', () => {
    expect(isWrong(approved, verdicts.tap)).toBe(false)
    expect(isWrong(denied('over-day-limit'), verdicts.tap)).toBe(false)
    expect(isWrong(denied('owner-freeze'), verdicts.tap)).toBe(false)
  })

  it('is never taken for a forgery, an absence or another request', () => {
    for (const reason of ['proof-invalid', 'not-present', 'reference-conflict', 'band-not-armed'] as const) {
      expect(isWrong(denied(reason), verdicts.tap)).toBe(true)
    }
    expect(isWrong({ approved: false, reason: 999 }, verdicts.tap)).toBe(true)
  })

  it('that the wearer refused is denied for that, and never approved', () => {
    expect(isWrong(denied('refused-by-wearer'), verdicts.refused)).toBe(false)
    expect(isWrong(denied('refused-by-wearer'), verdicts.tap)).toBe(true)
    expect(isWrong(approved, verdicts.refused)).toBe(true)
  })
})
