import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { startMeters } from './meters.ts'
import { processMemory, residentOf } from './process-memory.ts'

function started() {
  const meters = startMeters()
  onTestFinished(() => meters.stop())
  return meters
}

describe('the meters', () => {
  it('tell nothing when nothing was recorded', () => {
    const { answered, gate } = started().report()
    expect(answered).toEqual({ count: 0, p50Ms: 0, p99Ms: 0, p999Ms: 0, maxMs: 0 })
    expect(gate).toEqual(answered)
  })

  it('tell how many answers there were and how long they took, to three figures', () => {
    const meters = started()
    for (let tookMs = 1; tookMs <= 1_000; tookMs++) meters.answered(tookMs)
    meters.gated(0.25)
    const { answered, gate } = meters.report()
    expect(answered.count).toBe(1_000)
    expect(answered.p50Ms / 500).toBeCloseTo(1, 2)
    expect(answered.p99Ms / 990).toBeCloseTo(1, 2)
    expect(answered.p999Ms / 999).toBeCloseTo(1, 2)
    expect(answered.maxMs / 1_000).toBeCloseTo(1, 2)
    expect(gate).toMatchObject({ count: 1, p50Ms: 0.25, maxMs: 0.25 })
  })

  it('take any number without throwing: none, a negative one, one that is none, one beyond a minute', () => {
    const meters = started()
    for (const tookMs of [0, -1, Number.NaN, Infinity, 60_000, 60_001]) meters.answered(tookMs)
    const { answered } = meters.report()
    expect(answered.count).toBe(6)
    expect(answered.maxMs / 60_000).toBeCloseTo(1, 2)
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
    expect(residentOf(status)).toEqual({ anonRssMb: 2, mappedMb: 2 })
    expect(residentOf('')).toEqual({ anonRssMb: null, mappedMb: null })
  })

  it.runIf(process.platform === 'linux')('adds up to what is resident', () => {
    const { rssMb, anonRssMb, mappedMb, heapUsedMb } = processMemory()
    expect(anonRssMb).toBeGreaterThan(heapUsedMb / 2)
    expect(((anonRssMb ?? 0) + (mappedMb ?? 0)) / rssMb).toBeCloseTo(1, 1)
  })
})
