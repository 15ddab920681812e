// Ends a process whose event loop hangs, so that its supervisor starts it again (threat D12). A worker thread counts its
// own ticks in which the main thread showed no sign of life: a machine that sleeps stops both, so sleep is no hang.

import { Worker } from 'node:worker_threads'

const checksPerHang = 10

export type Watchdog = { readonly stop: () => Promise<void> }

/** Starts watching this thread; it is killed after hanging for `hangMs`. 0 = no watchdog. */
export function startWatchdog(hangMs: number): Watchdog {
  if (hangMs === 0) return { stop: async () => undefined }
  const signs = new Int32Array(new SharedArrayBuffer(4))
  const everyMs = Math.max(1, Math.floor(hangMs / checksPerHang))
  const workerData = { signs, everyMs, checksPerHang }
  const worker = new Worker(new URL('./watchdog-thread.ts', import.meta.url), { workerData, env: {}, execArgv: [] })
  worker.unref()
  const timer = setInterval(() => Atomics.add(signs, 0, 1), everyMs)
  timer.unref()
  return {
    stop: async () => {
      clearInterval(timer)
      await worker.terminate()
    },
  }
}
