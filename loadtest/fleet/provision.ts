// Provisioning: brings a fleet to an engine that has never heard of it, bindings by bulk import, from a few threads.

import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { every } from '../machine/real-time.ts'

/** What one thread of the provisioning is told. */
export type ProvisionOrder = {
  readonly url: string
  readonly adminToken: string
  readonly seed: string
  readonly first: number
  readonly count: number
  /** When the bands were armed, ms since 1970. */
  readonly atMs: number
  /** Bindings imported so far, by all threads: an Int32 in shared memory. */
  readonly done: SharedArrayBuffer
}

const threadsMax = 4
const smallFleet = 2_000

/** The engine did not take the fleet. */
class ProvisionError extends Error {
  override readonly name = 'ProvisionError'
}

/** Imports `count` bands; `progress` hears how many are durable. Throws a ProvisionError; ends early, whole batches imported, when aborted. */
export async function provisionFleet(
  fleet: Omit<ProvisionOrder, 'first' | 'done'>,
  progress: (done: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const done = new SharedArrayBuffer(4)
  const count = new Int32Array(done)
  const threads = fleet.count <= smallFleet ? 1 : Math.min(threadsMax, availableParallelism())
  const stop = every(200, () => progress(Atomics.load(count, 0)))
  try {
    const share = Math.ceil(fleet.count / threads)
    const shares = Array.from({ length: threads }, (_, index) => ({
      first: index * share,
      count: Math.max(0, Math.min(share, fleet.count - index * share)),
    }))
    await Promise.all(shares.map((one) => runThread({ ...fleet, ...one, done }, signal)))
  } finally {
    stop()
  }
  progress(Atomics.load(count, 0))
}

async function runThread(order: ProvisionOrder, signal?: AbortSignal): Promise<void> {
  const worker = new Worker(new URL('./provision-thread.ts', import.meta.url), { workerData: order, env: {} })
  const why = await new Promise<unknown>((resolve, reject) => {
    worker.once('message', resolve)
    signal?.addEventListener('abort', () => resolve(null), { once: true })
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new ProvisionError(`a provisioning thread ended with ${code}`)))
  })
  await worker.terminate()
  if (typeof why === 'string') throw new ProvisionError(`${why}${adviceOf(why)}`)
}

function adviceOf(why: string): string {
  return why.includes('-known') || why.includes('-elsewhere')
    ? '; the engine knows bands of this seed from an earlier run: give another --seed, or none'
    : ''
}
