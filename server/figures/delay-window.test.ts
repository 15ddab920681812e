import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { DelayWindow } from './delay-window.ts'

function opened() {
  const window = new DelayWindow()
  onTestFinished(() => window.stop())
  return window
}

/** Holds the event loop up. */
function hold(ms: number): void {
  const untilMs = performance.now() + ms
  while (performance.now() < untilMs);
}

/** Lets timers run, and holds them up, until a reading knows of it. */
async function heldUp(read: () => number): Promise<number> {
  return vi.waitFor(
    () => {
      hold(60)
      const seen = read()
      expect(seen).toBeGreaterThan(0.04)
      return seen
    },
    { timeout: 10_000, interval: 30 },
  )
}

describe('the delay of the event loop', () => {
  it('is 0 before anybody asked, since nothing was sampled', async () => {
    const window = opened()
    await new Promise((resolve) => setTimeout(resolve, 50))
    hold(50)
    expect(window.read(0)).toEqual({ p50S: 0, p99S: 0, maxS: 0 })
  })

  it('tells how long one thing held up the others', async () => {
    const window = opened()
    window.read(0)
    await heldUp(() => window.read(1).maxS)
    const { p50S, p99S, maxS } = window.read(1)
    expect(p99S).toBeGreaterThanOrEqual(p50S)
    // A percentile is the upper end of a bucket of the histogram: at most one in a thousand above the sample.
    expect(maxS).toBeGreaterThanOrEqual(p99S / 1.001)
  })

  it('is the same for all who ask within a window, and new in the next', async () => {
    const window = opened()
    window.read(0)
    await heldUp(() => window.read(1).maxS)
    const first = window.read(10_000)
    expect(first.maxS).toBeGreaterThan(0.04)
    expect(window.read(10_001)).toEqual(first)
    expect(window.read(19_999)).toEqual(first)
    // Nothing was sampled since: no timer ran in between.
    expect(window.read(20_000)).toEqual({ p50S: 0, p99S: 0, maxS: 0 })
  })
})
