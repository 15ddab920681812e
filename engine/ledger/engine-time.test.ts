import { describe, expect, it } from 'vitest'
import { EngineTime, durationText, requireFittingWall } from './engine-time.ts'

function clockAt(startMs: number) {
  const clock = {
    wallMs: startMs,
    passedMs: 0,
    nowMs: () => clock.wallMs,
    monotonicMs: () => clock.passedMs,
    after: () => () => undefined,
  }
  return clock
}

describe('Engine time', () => {
  it('follows the monotonic clock and never runs back, whatever the wall does', () => {
    const clock = clockAt(1_000_000)
    const time = new EngineTime(clock, 0)
    clock.passedMs = 500
    clock.wallMs -= 100_000
    expect(time.nowMs()).toBe(1_000_500)
    clock.passedMs = 400
    expect(time.nowMs()).toBe(1_000_500)
  })

  it('is certain while the wall is at most two seconds away', () => {
    const clock = clockAt(1_000_000)
    const time = new EngineTime(clock, 0)
    clock.wallMs = 1_002_000
    expect(time.certain()).toBe(true)
    clock.wallMs = 1_002_001
    expect(time.certain()).toBe(false)
    clock.wallMs = 997_999
    expect(time.certain()).toBe(false)
  })

  it('starts no earlier than the newest instant in the journal, and is uncertain until the wall catches up', () => {
    const clock = clockAt(1_000_000)
    const time = new EngineTime(clock, 1_010_000)
    expect(time.nowMs()).toBe(1_010_000)
    expect(time.certain()).toBe(false)
  })
})

describe('a wall clock at the start', () => {
  const day = 86_400_000
  const newestMs = 1_800_000_000_000
  const at = (ms: number) => ({ nowMs: () => newestMs + ms })

  it('that is further ahead of the newest record than the limit is refused with its distance and what to do', () => {
    expect(() => requireFittingWall(at(31 * day), newestMs, 31 * day)).not.toThrow()
    expect(() => requireFittingWall(at(31 * day + 1), newestMs, 31 * day)).toThrow(
      /31 d after the newest record .* put it right/,
    )
    expect(() => requireFittingWall(at(400 * day), newestMs, 31 * day)).toThrow(
      /400 d after .*--clock-ahead-max-ms 34563600000/,
    )
    expect(() => requireFittingWall(at(400 * day), newestMs, 34_563_600_000)).not.toThrow()
  })

  it('fits an empty journal whatever it says, and one that is ahead of it', () => {
    expect(() => requireFittingWall(at(0), 0, 1)).not.toThrow()
    expect(() => requireFittingWall(at(-400 * day), newestMs, 1)).not.toThrow()
  })

  it('that the journal is ahead of is told with the distance', () => {
    const time = new EngineTime({ ...at(-400 * day), monotonicMs: () => 0, after: () => () => undefined }, newestMs)
    expect([time.certain(), time.journalAheadMs, time.wallAheadMs()]).toEqual([false, 400 * day, -400 * day])
  })
})

it('A distance in time is told by its two largest units', () => {
  const texts = [0, 1_000, 61_000, 3_600_000, 90_061_000, -34_560_000_000].map(durationText)
  expect(texts).toEqual(['0 s', '1 s', '1 min 1 s', '1 h', '1 d 1 h', '400 d'])
})
