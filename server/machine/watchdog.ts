// Watchdog. Ends a process whose event loop hangs, so that its supervisor starts it again (threat D12). A worker thread counts its own ticks
// in which the main thread showed no sign of life: a machine that sleeps stops both, so sleep is no hang.

import { Worker } from 'node:worker_threads'
import { type Chores, choreWaitMs } from '../../engine/ports/chores.ts'
import type { Clock } from '../../engine/ports/clock.ts'

const checksPerHang = 10

export type Watchdog = { readonly stop: () => Promise<void> }

type Watching = {
  readonly clock: Pick<Clock, 'after'>
  readonly chores: Chores
  /** The program of the watching thread; ours unless given. */
  readonly program?: URL
}

/**
 * Starts watching this thread; it is killed after hanging for `hangMs`. 0 = no watchdog. A watching thread that cannot begin (no memory, no
 * open files), or ends, is begun again until it runs.
 */
export function startWatchdog(hangMs: number, { clock, chores, program = watchdogThread }: Watching): Watchdog {
  if (hangMs === 0) return { stop: async () => undefined }
  const signs = new Int32Array(new SharedArrayBuffer(4))
  const everyMs = Math.max(1, Math.floor(hangMs / checksPerHang))
  let worker: Worker | undefined
  let isOver = false
  let cancel = (): void => undefined

  function begin(): void {
    let trouble: unknown = new Error('the watching thread ended')
    try {
      const workerData = { signs, everyMs, checksPerHang }
      const begun = new Worker(program, { workerData, env: {}, execArgv: [] })
      worker = begun
      begun.unref()
      begun.on('online', () => chores.worked('watchdog'))
      begun.on('error', (error) => {
        trouble = error
      })
      begun.once('exit', () => ended(trouble))
    } catch (error) {
      ended(error)
    }
  }

  function ended(why: unknown): void {
    if (isOver) return
    cancel = clock.after(choreWaitMs(chores.failed('watchdog', why)), begin)
  }

  begin()
  // A sign of life waits for nothing, and cannot fail.
  const timer = setInterval(() => Atomics.add(signs, 0, 1), everyMs)
  timer.unref()
  return {
    stop: async () => {
      isOver = true
      cancel()
      clearInterval(timer)
      await worker?.terminate()
    },
  }
}

const watchdogThread = new URL('./watchdog-thread.ts', import.meta.url)
