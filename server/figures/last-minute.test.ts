import { describe, expect, it, onTestFinished } from 'vitest'
import { historySeconds } from '../../protocol/operator-api.ts'
import { type LastMinute, startLastMinute } from './last-minute.ts'
import { TestClock } from '../log/test-folder.ts'

function started() {
  const clock = new TestClock()
  const counts: { decisions: Record<string, number>; reversals: number } = {
    decisions: { approved: 100 },
    reversals: 3,
  }
  const lastMinute = startLastMinute(clock, clock.chores)
  onTestFinished(() => lastMinute.stop())
  lastMinute.follow(() => ({ decisions: { ...counts.decisions }, reversals: counts.reversals }))
  return { clock, counts, lastMinute }
}

function passSeconds(
  { clock, lastMinute }: { clock: TestClock; lastMinute: LastMinute },
  count: number,
  each = (_at: number) => {},
) {
  for (let at = 0; at < count; at++) {
    each(at)
    clock.pass(1_000)
  }
  return lastMinute.report(0)
}

describe('the last minute', () => {
  it('has nothing to tell in its first second but how long it has been up', () => {
    const { clock, lastMinute } = started()
    clock.pass(400)
    const { seconds, minute, upMs } = lastMinute.report(0)
    expect([seconds, upMs]).toEqual([[], 400])
    expect(minute.answered).toEqual({ count: 0, p50Ms: null, p99Ms: null, p999Ms: null, maxMs: 0 })
  })

  it('tells of each second what was decided in it, and how long that took, not what was before', () => {
    const world = started()
    const { counts, lastMinute } = world
    passSeconds(world, 1, () => lastMinute.answered(50))
    counts.decisions = { approved: 107, 'over-use-limit': 2 }
    counts.reversals = 4
    const { seconds } = passSeconds(world, 1, () => {
      for (let ms = 1; ms <= 100; ms++) lastMinute.answered(ms / 100)
      lastMinute.gated(0.25)
    })
    expect(seconds).toHaveLength(2)
    expect(seconds[0]).toMatchObject({ decisions: {}, reversals: 0, answered: { count: 1, p50Ms: 50 } })
    expect(seconds[1]).toMatchObject({
      forMs: 1_000,
      decisions: { approved: 7, 'over-use-limit': 2 },
      reversals: 1,
      answered: { count: 100, maxMs: 1 },
      gate: { count: 1, p50Ms: 0.25, p999Ms: 0.25 },
    })
    expect((seconds[1]?.answered.p50Ms ?? 0) / 0.5).toBeCloseTo(1, 1)
    expect((seconds[1]?.answered.p99Ms ?? 0) / 0.99).toBeCloseTo(1, 1)
  })

  it('gives every viewer the same, and each only what it has not seen', () => {
    const world = started()
    const first = passSeconds(world, 3)
    expect(world.lastMinute.report(0)).toEqual(first)
    const seen = first.seconds.at(-1)?.atMs ?? 0
    expect(world.lastMinute.report(seen).seconds).toEqual([])
    const next = passSeconds(world, 1).seconds
    expect(world.lastMinute.report(seen).seconds).toEqual(next.slice(-1))
  })

  it('keeps sixty seconds, and percentiles of the last fifty to sixty', () => {
    const world = started()
    const { lastMinute } = world
    const busy = passSeconds(world, 10, () => lastMinute.answered(9))
    expect(busy.minute.answered).toMatchObject({ count: 10, p99Ms: 9 })
    const after = passSeconds(world, 49, () => lastMinute.answered(1))
    expect([after.seconds.length, after.minute.answered.count]).toEqual([59, 59])
    expect(after.minute.answered.p999Ms).toBe(9)
    const later = passSeconds(world, 10, () => lastMinute.answered(1))
    expect(later.seconds).toHaveLength(60)
    expect(later.minute.answered).toMatchObject({ count: 59, maxMs: 1 })
  })

  it('keeps five minutes for pictures, each second with what was answered in the minute up to it, and no more', () => {
    const world = started()
    passSeconds(world, 70, () => world.lastMinute.answered(2))
    const early = world.lastMinute.history()
    expect([early.length, early.at(-1)?.minuteAnswered.count]).toEqual([70, 60])
    expect(early[0]?.minuteAnswered).toMatchObject({ count: 1, p99Ms: 2 })
    passSeconds(world, historySeconds)
    const late = world.lastMinute.history()
    expect([late.length, world.lastMinute.report(0).seconds.length]).toEqual([historySeconds, 60])
    expect((late.at(-1)?.second.atMs ?? 0) - (late[0]?.second.atMs ?? 0)).toBe((historySeconds - 1) * 1_000)
  })

  it('says how long a second was that the event loop stretched', () => {
    const world = started()
    world.clock.pass(3_500)
    expect(world.lastMinute.report(0).seconds).toMatchObject([{ forMs: 3_500 }])
  })

  it('tells what the process did in it', async () => {
    const { clock, lastMinute } = started()
    const untilMs = performance.now() + 60
    while (performance.now() < untilMs) Math.sqrt(2)
    await new Promise((resolve) => setTimeout(resolve, 60))
    clock.pass(1_000)
    const [second] = lastMinute.report(0).seconds
    expect(second?.cpu.userMs).toBeGreaterThan(0)
    expect(second?.loopDelay.maxMs).toBeGreaterThan(0)
    expect(second?.gc.totalMs).toBeGreaterThanOrEqual(second?.gc.maxMs ?? 0)
  })

  it('stops when it is told', () => {
    const world = started()
    passSeconds(world, 1)
    world.lastMinute.stop()
    expect(passSeconds(world, 5).seconds).toHaveLength(1)
  })
})
