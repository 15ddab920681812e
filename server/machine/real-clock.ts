// The machine's clock and timers, as the engine asks for them.

import type { Clock } from '../../engine/ports/clock.ts'

export const realClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (afterMs, work) => {
    const timer = setTimeout(work, afterMs)
    return () => clearTimeout(timer)
  },
}
