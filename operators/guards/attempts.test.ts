import { describe, expect, it } from 'vitest'
import { AddressAttempts, Attempts } from './attempts.ts'
import { operatorLimits } from '../ports/limits.ts'

describe('attempts', () => {
  it('are as many at once as the burst, and come back by the minute', () => {
    const attempts = new Attempts({ burst: 3, perMinute: 2 })
    expect([1, 2, 3, 4].map(() => attempts.take('a', 0))).toEqual([true, true, true, false])
    expect(attempts.take('b', 0)).toBe(true)
    expect([attempts.take('a', 29_999), attempts.take('a', 30_000), attempts.take('a', 30_000)]).toEqual([
      false,
      true,
      false,
    ])
    expect([1, 2, 3, 4].map(() => attempts.take('a', 10_000_000))).toEqual([true, true, true, false])
  })

  it('give nothing back for a clock that steps back', () => {
    const attempts = new Attempts({ burst: 1, perMinute: 60 })
    expect([attempts.take('a', 60_000), attempts.take('a', 0), attempts.take('a', 500)]).toEqual([true, false, false])
  })

  it(`are remembered of ${operatorLimits.rememberedMax} names, the oldest forgotten first`, () => {
    const attempts = new Attempts({ burst: 1, perMinute: 1 })
    for (let at = 0; at < operatorLimits.rememberedMax; at++) attempts.take(`n${at}`, 0)
    expect(attempts.take('n0', 0)).toBe(false)
    // n0 was used just now, so n1 is the oldest.
    attempts.take('one more', 0)
    expect([attempts.take('n0', 0), attempts.take('n1', 0)]).toEqual([false, true])
  })
})

describe('attempts of an address', () => {
  it.for([
    ['2001:db8::1', '2001:db8::ffff:2', true, 'of one /64 are those of one subscriber'],
    ['2001:db8:0:1::1', '2001:db8:0:2::1', false, 'of two /64s are those of two'],
    ['192.0.2.1', '::ffff:192.0.2.1', true, 'are the same, mapped into IPv6 or not'],
    ['64:ff9b::192.0.2.1', '64:ff9b::192.0.2.2', false, 'behind one NAT64 are those of each of its hosts'],
  ] as const)('%s and %s: shared %s, they %s', ([one, other, isShared]) => {
    const attempts = new AddressAttempts({ burst: 1, perMinute: 1 })
    expect(attempts.take(one, 0)).toBe(true)
    expect(attempts.take(other, 0)).toBe(!isShared)
  })
})
