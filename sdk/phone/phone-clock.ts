// Clock and timers of the phone client by dependency injection, and the real ones. Everything else in sdk/ takes a `PhoneClock`, so
// that a test or a simulation can let a day pass in a moment.

export type PhoneClock = {
  /** Ms; only differences count. */
  readonly nowMs: () => number
  /** Calls `work` once, `afterMs` from now; returns what cancels it. */
  readonly after: (afterMs: number, work: () => void) => () => void
}

/** The phone's own clock and timers. */
export const systemClock: PhoneClock = {
  nowMs: () => Date.now(),
  after(afterMs, work) {
    const timer = setTimeout(work, afterMs)
    return () => clearTimeout(timer)
  },
}
