// A worker thread for write and fdatasync over shared memory (Atomics): the other way of group commit, kept to be compared
// (docs/decisions/0002-group-commit.md), so that the engine's thread never waits for the disk. The two share memory: a request is
// copied in, a counter is raised, the thread wakes; its end raises another counter, which wakes the engine's event loop. One
// request at a time.

import { Worker } from 'node:worker_threads'
import { groupBytesMax, groupBytesOnDisk } from '../../store/journal/journal-format.ts'

/** Counters and fields both sides see, as 32-bit words of the shared memory. */
export const words = {
  requested: 0,
  done: 1,
  fd: 2,
  sync: 3,
  length: 4,
  positionHigh: 5,
  positionLow: 6,
  failed: 7,
} as const
export const controlBytes = 64
export const errorBytes = 256
const sharedBytes = controlBytes + errorBytes + groupBytesOnDisk(groupBytesMax)

export type ThreadWrite = {
  readonly fd: number
  readonly position: number
  readonly bytes: Uint8Array
  readonly sync: boolean
}

export type DiskThread = {
  /** Writes, syncs if asked, then calls `done` on this thread with the error if there was one. */
  readonly write: (write: ThreadWrite, done: (error?: unknown) => void) => void
  readonly close: () => Promise<void>
}

/** Starts the worker thread. It lives, and keeps the process alive, until it is closed. */
export function startDiskThread(): DiskThread {
  const shared = new SharedArrayBuffer(sharedBytes)
  const control = new Int32Array(shared, 0, controlBytes / 4)
  const errorText = new Uint8Array(shared, controlBytes, errorBytes)
  const data = new Uint8Array(shared, controlBytes + errorBytes)
  const worker = new Worker(new URL('./disk-thread-main.ts', import.meta.url), { workerData: shared })
  let requested = 0
  return {
    write({ fd, position, bytes, sync }, done) {
      data.set(bytes)
      control[words.fd] = fd
      control[words.sync] = sync ? 1 : 0
      control[words.length] = bytes.length
      control[words.positionHigh] = Math.floor(position / 0x1_0000_0000)
      control[words.positionLow] = (position % 0x1_0000_0000) | 0
      const before = requested
      requested = (requested + 1) | 0
      Atomics.store(control, words.requested, requested)
      Atomics.notify(control, words.requested)
      const finish = () => done(Atomics.load(control, words.failed) === 0 ? undefined : readError(errorText))
      const waiting = Atomics.waitAsync(control, words.done, before)
      if (waiting.async) void waiting.value.then(finish)
      else finish()
    },
    async close() {
      await worker.terminate()
    },
  }
}

function readError(text: Uint8Array): Error {
  const end = text.indexOf(0)
  const [code = 'EIO', ...message] = Buffer.from(text.subarray(0, end === -1 ? text.length : end))
    .toString()
    .split(' ')
  return Object.assign(new Error(message.join(' ')), { code })
}
