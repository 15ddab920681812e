import { describe, expect, it } from 'vitest'
import { armedMaxMs } from '../protocol/limits.ts'
import { armedUntil, whyNotArm } from './arming.ts'

const ask = { holds: 0, wornEpoch: 3, askedEpoch: 3, atMs: 1_000, untilMs: 1_001 }

describe('arming', () => {
  it('is allowed for the wearing that is now, free of holds', () => {
    expect(whyNotArm(ask)).toBeUndefined()
  })

  it('is refused under any hold, before anything else is said', () => {
    for (const holds of [1, 2, 4, 8, 15]) expect(whyNotArm({ ...ask, holds, askedEpoch: 1 })).toBe('band-held')
  })

  it('is refused for another wearing, earlier or later: a held ARM is useless on another wrist', () => {
    expect(whyNotArm({ ...ask, askedEpoch: 2 })).toBe('not-worn')
    expect(whyNotArm({ ...ask, askedEpoch: 4 })).toBe('not-worn')
  })

  it('is refused when it would be over before it began', () => {
    expect(whyNotArm({ ...ask, untilMs: 1_000 })).toBe('out-of-range')
    expect(whyNotArm({ ...ask, untilMs: Number.NaN })).toBe('out-of-range')
  })

  it('lasts as long as asked, at most 24 hours', () => {
    expect(armedUntil(1_000, 1_000 + armedMaxMs)).toBe(1_000 + armedMaxMs)
    expect(armedUntil(1_000, 1_001 + armedMaxMs)).toBe(1_000 + armedMaxMs)
    expect(armedUntil(1_000, 2_000)).toBe(2_000)
  })
})
