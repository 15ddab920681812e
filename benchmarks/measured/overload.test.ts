import { describe, expect, it } from 'vitest'
import { type Window, arrivals } from '../driver/driver.ts'
import { goodputOf, recoveryOf, wellMsOf } from './overload.ts'

const window = (fromMs: number, over: Partial<Window> = {}): Window => ({
  fromMs,
  due: 10,
  approved: 10,
  came: 10,
  worstMs: 1,
  ...over,
})

describe('an overload', () => {
  it('counts as goodput the approvals that came while it lasted, not those that came later', () => {
    const windows = [window(0), window(100, { came: 4 }), window(200, { came: 6, approved: 10 }), window(300)]
    expect(goodputOf(windows, { fromMs: 100, toMs: 300 })).toBe(50)
  })

  it('is over when for half a second everything is approved as soon as before it', () => {
    const calm = Array.from({ length: 6 }, (_, index) => window(1_300 + 100 * index))
    const windows = [
      window(900, { approved: 0 }),
      window(1_000, { approved: 5 }),
      window(1_100),
      window(1_200, { worstMs: 11 }),
      ...calm,
      window(1_900, { approved: 9 }),
    ]
    expect(recoveryOf(windows, 1_000, 10)).toBe(300)
    expect(recoveryOf(windows, 1_000, 11)).toBe(100)
    expect(recoveryOf(calm, 1_300, 10)).toBe(0)
    expect(recoveryOf(calm.slice(0, 4), 1_300, 10)).toBe(Number.POSITIVE_INFINITY)
  })

  it('is measured against how long somebody waited before it, its start left out', () => {
    const windows = [
      window(400, { worstMs: 80 }),
      window(500, { worstMs: 25 }),
      window(900),
      window(1_000, { worstMs: 90 }),
    ]
    expect(wellMsOf(windows, 1_000)).toBe(25)
    expect(wellMsOf([window(600)], 1_000)).toBe(10)
  })
})

describe('arrivals of an open loop', () => {
  it('come evenly, phase after phase, and fill every lane alike', () => {
    const due = arrivals(
      [
        { perSecond: 10, seconds: 1 },
        { perSecond: 20, seconds: 0.5 },
      ],
      4,
    )
    expect(due).toHaveLength(20)
    expect(Array.from(due.subarray(0, 3))).toEqual([0, 100, 200])
    expect(Array.from(due.subarray(10, 13))).toEqual([1_000, 1_050, 1_100])
    expect(arrivals([{ perSecond: 10, seconds: 1 }], 4)).toHaveLength(8)
  })
})
