import { describe, expect, it } from 'vitest'
import { reasonBytesMax, isReason } from './reason-text.ts'
import { formatDuration, formatInstant, formatUtc, fromLocalInput, toLocalInput } from './times.ts'

const atMs = Date.UTC(2026, 10, 26, 23, 3, 7, 120)

describe('an instant', () => {
  it('is read in the zone of the reader, and in UTC beside it', () => {
    expect(formatInstant(atMs, 'Asia/Tokyo')).toBe('27 Nov 2026, 08:03:07.120')
    expect(formatUtc(atMs)).toBe('2026-11-26T23:03:07.120Z')
  })

  it('that goes into a form comes out of it the same, to the second', () => {
    expect(fromLocalInput(toLocalInput(atMs))).toBe(atMs - 120)
    expect([fromLocalInput(''), fromLocalInput('soon')]).toEqual([undefined, undefined])
  })
})

describe('a duration', () => {
  it.for([
    [-5, '0.0 s'],
    [440, '0.4 s'],
    [12_900, '12 s'],
    [200_000, '3 min 20 s'],
    [3_600_000, '1 h'],
    [18_120_000, '5 h 2 min'],
    [273_600_000, '3 d 4 h'],
  ] as const)('of %d ms reads %s', ([ms, text]) => {
    expect(formatDuration(ms)).toBe(text)
  })
})

describe('the reason of an act', () => {
  it(`is one line of 1 to ${reasonBytesMax} bytes`, () => {
    expect(isReason('x')).toBe(true)
    expect(isReason('ä'.repeat(reasonBytesMax / 2))).toBe(true)
    expect(isReason('ä'.repeat(reasonBytesMax / 2) + 'x')).toBe(false)
    expect([isReason(''), isReason('   '), isReason('two\nlines'), isReason('\u001b[2J')]).toEqual([
      false,
      false,
      false,
      false,
    ])
  })
})
