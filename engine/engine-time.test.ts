import { describe, expect, it } from 'vitest'
import { EngineTime } from './engine-time.ts'

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
