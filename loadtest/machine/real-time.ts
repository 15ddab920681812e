// Clock, timers and randomness: the one place where the load tester touches the real clock, timers and chance. Everything else is
// given an instant.

import { randomBytes } from 'node:crypto'

/** Monotonic clock: milliseconds with a fraction, never running back; of this thread only. */
export function nowMs(): number {
  return performance.now()
}

/** Wall clock: milliseconds since 1970. */
export function wallMs(): number {
  return Date.now()
}

export function after(delayMs: number, work: () => void): () => void {
  const timer = setTimeout(work, delayMs)
  return () => clearTimeout(timer)
}

export function every(intervalMs: number, work: () => void): () => void {
  const timer = setInterval(work, intervalMs)
  return () => clearInterval(timer)
}

export function sleep(delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, delayMs)
  })
}

/** A random seed for a run that was given none, to be printed so that the run can be repeated. */
export function drawSeed(): string {
  return randomBytes(6).toString('hex')
}

const never = new Int32Array(new SharedArrayBuffer(4))

/** Blocking sleep: gives the core away for a fraction of a millisecond, which timers cannot. Nothing is received meanwhile. */
export function nap(durationMs: number): void {
  Atomics.wait(never, 0, 0, durationMs)
}

/** Runs as soon as what has arrived was read. */
export function soon(work: () => void): void {
  setImmediate(work)
}
