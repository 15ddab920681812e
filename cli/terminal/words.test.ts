import { describe, expect, it } from 'vitest'
import { amountText, instantText, majorText, msText, rateText, spanText } from './words.ts'

describe('figures for people', () => {
  it('say how long in one or two units', () => {
    const spans = [-5, 999, 119_999, 120_000, 3_599_999, 8_040_000, 86_400_000, 273_600_000]
    expect(spans.map(spanText)).toEqual(['0 s', '0 s', '119 s', '2 min', '59 min', '2 h 14 min', '1 d 0 h', '3 d 4 h'])
  })

  it('say when in UTC', () => {
    expect(instantText(1_800_000_000_999)).toBe('2027-01-15 08:00:00 UTC')
  })

  it('tell what was not measured from what took no time', () => {
    expect([msText(null), msText(0), msText(0.291), msText(33.29)]).toEqual(['-', '0.00 ms', '0.29 ms', '33.3 ms'])
  })

  it('tell a rate that is small from none', () => {
    expect([0, 0.2, 9.96, 10, 5_012.4].map(rateText)).toEqual(['0/s', '0.2/s', '10.0/s', '10/s', '5,012/s'])
  })

  it('say amounts with as many decimals as their currency has', () => {
    expect([amountText(450, 978), amountText(450, 392), amountText(123_456_789, 840)]).toEqual([
      '4.50 EUR',
      '450 JPY',
      '1,234,567.89 USD',
    ])
    expect([amountText(450, 51), majorText(450, 51), majorText(450, 978)]).toEqual([
      '450 minor units of 051',
      '450',
      '4.50',
    ])
  })
})
