import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { startMeters } from './meters.ts'
import { memoryBytes, memoryLimitBytes, processMemory, residentOf } from './process-memory.ts'

function started() {
  const meters = startMeters()
  onTestFinished(() => meters.stop())
  return meters
}

describe('the meters', () => {
  it('tell nothing when nothing was recorded', () => {
    const { answered, gate } = started().report()
    expect(answered).toEqual({ count: 0, p50Ms: null, p99Ms: null, p999Ms: null, maxMs: null })
    expect(gate).toEqual(answered)
  })

  it('tell how many answers there were and how long they took, to three figures', () => {
    const meters = started()
    for (let tookMs = 1; tookMs <= 1_000; tookMs++) meters.answered(tookMs)
    meters.gated(0.25)
    const { answered, gate } = meters.report()
    expect(answered.count).toBe(1_000)
    expect((answered.p50Ms ?? 0) / 500).toBeCloseTo(1, 2)
    expect((answered.p99Ms ?? 0) / 990).toBeCloseTo(1, 2)
    expect((answered.p999Ms ?? 0) / 999).toBeCloseTo(1, 2)
    expect((answered.maxMs ?? 0) / 1_000).toBeCloseTo(1, 2)
    expect(gate).toMatchObject({ count: 1, p50Ms: 0.25, maxMs: 0.25 })
  })

  it('take any number without throwing: none, a negative one, one that is none, one beyond a minute', () => {
    const meters = started()
    for (const tookMs of [0, -1, Number.NaN, Infinity, 60_000, 60_001]) meters.answered(tookMs)
    const { answered } = meters.report()
    expect(answered.count).toBe(6)
    expect((answered.maxMs ?? 0) / 60_000).toBeCloseTo(1, 2)
  })

  it('begin anew when they are reset', () => {
    const meters = started()
    meters.answered(5)
    meters.gated(5)
    meters.reset()
    const { answered, gate, gc, sinceMs } = meters.report()
    expect([answered.count, gate.count, gc.count]).toEqual([0, 0, 0])
    expect(sinceMs).toBeLessThan(5_000)
  })

  it('keep totals that no reset takes back', () => {
    const meters = started()
    for (const tookMs of [0.5, 1, 1.01, 3, 2_000]) meters.answered(tookMs)
    meters.gated(0.2)
    meters.reset()
    const { answered, gated } = meters.totals
    const upTo = (boundS: number) => answered.cumulative()[answered.boundsS.indexOf(boundS)]
    expect([upTo(0.0005), upTo(0.001), upTo(0.003), upTo(1)]).toEqual([1, 2, 4, 4])
    expect([answered.count, gated.count]).toEqual([5, 1])
    expect(answered.sumS).toBeCloseTo(2.005_51, 9)
  })

  it('see the collector and the processor at work', async () => {
    const meters = started()
    await vi.waitFor(
      () => {
        let kept: unknown[] = []
        for (let at = 0; at < 300_000; at++) kept = [{ at }, kept.length]
        expect(kept).toHaveLength(2)
        const { gc, cpu, loopDelay } = meters.report()
        expect(gc.count).toBeGreaterThan(0)
        expect(gc.byKind.minor?.count).toBeGreaterThan(0)
        expect(gc.totalMs).toBeGreaterThanOrEqual(gc.maxMs)
        expect(meters.totals.pauses.minor.count).toBe(gc.byKind.minor?.count)
        expect(meters.totals.pauses.minor.sumS).toBeGreaterThan(0)
        expect(cpu.userMs).toBeGreaterThan(0)
        expect(loopDelay.maxMs).toBeGreaterThan(0)
      },
      { timeout: 10_000, interval: 20 },
    )
  })
})

describe('the memory of a process', () => {
  it('is told apart: what is its own, and what files are mapped', () => {
    const status = 'VmRSS:\t   4096 kB\nRssAnon:\t    2048 kB\nRssFile:\t    1024 kB\nRssShmem:\t    1024 kB\n'
    expect(residentOf(status)).toEqual({ anonymous: 2_097_152, mapped: 2_097_152 })
    expect(residentOf('')).toEqual({ anonymous: null, mapped: null })
  })

  it.runIf(process.platform === 'linux')('adds up to what is resident', () => {
    const { rssMb, anonRssMb, mappedMb, heapUsedMb } = processMemory()
    expect(anonRssMb).toBeGreaterThan(heapUsedMb / 2)
    expect(((anonRssMb ?? 0) + (mappedMb ?? 0)) / rssMb).toBeCloseTo(1, 1)
  })

  it('is below the most that it can have', () => {
    expect(memoryLimitBytes()).toBeGreaterThan(memoryBytes().rss)
    expect(Number.isSafeInteger(memoryLimitBytes())).toBe(true)
  })
})
