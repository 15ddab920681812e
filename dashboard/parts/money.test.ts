import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { amountText, formatAmount, knownCurrencies, parseAmount } from './money.ts'

describe('an amount', () => {
  it.for([
    [450, 978, '€4.50'],
    [5, 978, '€0.05'],
    [0, 826, '£0.00'],
    [3000, 392, 'JP¥3,000'],
    [1234, 48, 'BHD\u00a01.234'],
    [123_456_789, 840, 'US$1,234,567.89'],
  ] as const)('of %d minor units in %d reads %s', ([minor, currency, text]) => {
    expect(formatAmount(minor, currency)).toBe(text)
  })

  it('in a currency that is not known stays in minor units, with its number', () => {
    expect(formatAmount(450, 998)).toBe('450 minor units of 998')
  })

  it.for([
    ['4.5', 978, 450],
    ['4', 978, 400],
    [' 0.05 ', 978, 5],
    ['3000', 392, 3000],
    ['450', undefined, 450],
    ['450', 998, 450],
  ] as const)('written as %s with currency %s means %s', ([text, currency, minor]) => {
    expect(parseAmount(text, currency)).toBe(minor)
  })

  it.for([
    ['4.555', 978],
    ['3000.5', 392],
    ['4.5', undefined],
    ['-4', 978],
    ['4,50', 978],
    ['', 978],
    ['1e3', 978],
    ['<img src=x>', 978],
    ['9999999999999999', undefined],
  ] as const)('written as "%s" with currency %s is none', ([text, currency]) => {
    expect(parseAmount(text, currency)).toBeUndefined()
  })

  it('that was written is read back as the same, in every currency', () => {
    const codes = [undefined, 998, ...knownCurrencies.map(({ code }) => code)]
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e12 }), fc.constantFrom(...codes), (minor, currency) => {
        expect(parseAmount(amountText(minor, currency), currency)).toBe(minor)
      }),
    )
  })

  it('in a known currency is of letters that the browser knows too', () => {
    const letters = Intl.supportedValuesOf('currency')
    expect(knownCurrencies.filter((currency) => !letters.includes(currency.letters))).toEqual([])
  })
})
