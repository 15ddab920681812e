// Collector of uncaught exceptions and unhandled rejections while a test runs: a phone app, and every Node program by default,
// ends with it.

import { onTestFinished } from 'vitest'

/** Collects uncaught errors to the end of this test. Await `settled()` before looking: Node tells of a rejection after its turn. */
export function watchUncaught(): { readonly errors: readonly unknown[]; readonly settled: () => Promise<void> } {
  const errors: unknown[] = []
  const hear = (error: unknown): void => {
    errors.push(error)
  }
  // The runner's own would fail the test before it has said what it saw.
  const rejections = process.listeners('unhandledRejection')
  const exceptions = process.listeners('uncaughtException')
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', hear)
  process.removeAllListeners('uncaughtException').on('uncaughtException', hear)
  onTestFinished(() => {
    process.removeAllListeners('unhandledRejection').removeAllListeners('uncaughtException')
    for (const listener of rejections) process.on('unhandledRejection', listener)
    for (const listener of exceptions) process.on('uncaughtException', listener)
  })
  return {
    errors,
    async settled() {
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
    },
  }
}
