import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DecisionFilter } from '../../protocol/operator-api.ts'
import { filterOf, queryOf } from './filter-url.ts'

const number = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const text = fc.string({ minLength: 1, unit: 'binary' }).map((one) => one.toWellFormed())
const filters: fc.Arbitrary<DecisionFilter> = fc.record(
  {
    fromMs: number,
    toMs: number,
    partner: text,
    reason: text,
    minMinor: number,
    maxMinor: number,
    currency: number,
    action: text,
    account: text,
    bandId: text,
    beforeLsn: number,
  },
  { requiredKeys: [] },
)

describe('a search of decisions', () => {
  it('is the same after it was sent as a link', () => {
    fc.assert(
      fc.property(filters, (filter) => {
        expect(filterOf(queryOf(filter))).toEqual(filter)
      }),
    )
  })

  it('for everything has an address without a question mark', () => {
    expect(queryOf({})).toBe('')
  })

  it('leaves out what an address says that is none of it', () => {
    const query = 'minMinor=-5&maxMinor=1.5&currency=abc&fromMs=99999999999999999&partner=&other=1&reason=denied'
    expect(filterOf(query)).toEqual({ reason: 'denied' })
  })

  it('keeps what looks like markup as the text that it is', () => {
    const account = '<img src=x onerror=alert(1)>&reason=approved'
    expect(filterOf(queryOf({ account }))).toEqual({ account })
  })
})
