import { describe, expect, it } from 'vitest'
import { backoffFirstMs, backoffMaxMs, backoffMs, retryAfterMaxMs } from './backoff.ts'

describe('waiting before connecting again', () => {
  it('doubles from half a second to half a minute', () => {
    const ceilings = [0, 1, 2, 3, 4, 5, 6, 7, 1_000].map((attempt) => backoffMs(attempt, 1, null))
    expect(ceilings).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
    expect(ceilings[0]).toBe(backoffFirstMs)
    expect(ceilings.at(-1)).toBe(backoffMaxMs)
  })

  it('is spread over the whole of it, so that phones do not come back together', () => {
    expect(backoffMs(5, 0, null)).toBe(0)
    expect(backoffMs(5, 0.5, null)).toBe(8_000)
  })

  it('is never shorter than what the engine asked for', () => {
    expect(backoffMs(0, 0, 2_000)).toBe(2_000)
    expect(backoffMs(0, 1, 2_000)).toBe(2_500)
  })

  it('is never longer than ten and a half minutes, whatever the engine asks for', () => {
    expect(backoffMs(0, 0, retryAfterMaxMs)).toBe(600_000)
    expect(backoffMs(0, 0, retryAfterMaxMs + 1)).toBe(600_000)
    expect(backoffMs(1_000, 1, 0xffff_ffff)).toBe(630_000)
  })
})
