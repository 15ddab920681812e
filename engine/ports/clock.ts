// Time and chance as the engine asks for them: it reads no clock and draws no random number of its own.

export type Clock = {
  /** Wall time, ms since 1970. May jump; the engine never lets it run backwards in the journal. */
  readonly nowMs: () => number
  /** Monotonic time, ms from any start. Leases, challenges and windows are kept by it. */
  readonly monotonicMs: () => number
  /** Calls `work` once, `afterMs` from now; returns what cancels it. */
  readonly after: (afterMs: number, work: () => void) => () => void
}

/** Cryptographically strong random bytes. */
export type RandomBytes = (length: number) => Uint8Array
