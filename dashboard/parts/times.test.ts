import { describe, expect, it } from 'vitest'
import { reasonBytesMax, isReason } from './reason-text.ts'
import { formatDuration, formatInstant, formatUtc, instantOfField, localInstants, toLocalInput } from './times.ts'

const atMs = Date.UTC(2026, 10, 26, 23, 3, 7, 120)

describe('an instant', () => {
  it('is read in the zone of the reader, and in UTC beside it', () => {
    expect(formatInstant(atMs, 'Asia/Tokyo')).toBe('27 Nov 2026, 08:03:07.120')
    expect(formatUtc(atMs)).toBe('2026-11-26T23:03:07.120Z')
  })

  it('that goes into a form comes out of it the same, to the second', () => {
    expect(localInstants(toLocalInput(atMs))).toEqual([atMs - 120])
    expect([localInstants(''), localInstants('soon')]).toEqual([[], []])
  })
})

/** As a browser does whose reader is there. */
function inZone<Result>(zone: string, work: () => Result): Result {
  const before = process.env['TZ']
  process.env['TZ'] = zone
  try {
    return work()
  } finally {
    if (before === undefined) delete process.env['TZ']
    else process.env['TZ'] = before
  }
}

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/St_Johns',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Africa/Casablanca',
  'Pacific/Apia',
  'Pacific/Chatham',
  'America/Sao_Paulo',
] as const

describe('the fields of a form with a time', () => {
  const either = ['first', 'last'] as const

  it.for(zones)(
    'in %s give every instant back that was not edited, to the millisecond, in hours that come twice too',
    (zone) => {
      inZone(zone, () => {
        // Every half hour of a year and a half, so with every change of the clocks.
        for (let kept = Date.UTC(2026, 0, 1, 0, 0, 7, 123); kept < Date.UTC(2027, 6, 1); kept += 1_800_000) {
          for (const which of either) {
            if (instantOfField(toLocalInput(kept), { kept, which }) === kept) continue
            expect.fail(`${new Date(kept).toISOString()} comes back as another instant`)
          }
        }
      })
    },
  )

  it.for(zones)('in %s mean, edited or not, an instant that reads as it was written', (zone) => {
    inZone(zone, () => {
      for (let at = Date.UTC(2026, 0, 1); at < Date.UTC(2027, 0, 1); at += 2_700_000) {
        const text = new Date(at).toISOString().slice(0, 16)
        for (const instant of localInstants(text)) expect(toLocalInput(instant)).toBe(`${text}:00`)
        expect(localInstants(toLocalInput(at))).toContain(at)
      }
    })
  })

  it('take the first of two from which, the last up to which, and none that the clock leaves out', () => {
    inZone('Europe/Berlin', () => {
      const [first, second] = [1_792_888_200_000, 1_792_891_800_000]
      expect(toLocalInput(second)).toBe(toLocalInput(first))
      expect(localInstants(toLocalInput(first))).toEqual([first, second])
      expect(instantOfField('2026-10-25T02:30', { kept: undefined, which: 'first' })).toBe(first)
      expect(instantOfField('2026-10-25T02:30', { kept: undefined, which: 'last' })).toBe(second)
      expect(instantOfField('2026-10-25T02:30:00', { kept: second, which: 'first' })).toBe(second)
      expect(instantOfField('2026-03-29T02:30', { kept: undefined, which: 'first' })).toMatch(/no time in your zone/)
      expect(instantOfField('', { kept: second, which: 'first' })).toBeUndefined()
    })
  })

  it('keep what no calendar holds as it came in the address', () => {
    for (const kept of [Number.MAX_SAFE_INTEGER, 8.64e15, 253_402_300_800_000])
      expect([toLocalInput(kept), instantOfField('', { kept, which: 'first' })]).toEqual(['', kept])
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
