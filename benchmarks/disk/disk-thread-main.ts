// The worker thread of disk-thread.ts, for synchronous disk writes: wait for a request, write, sync, say so.

import { fdatasyncSync, writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import { controlBytes, errorBytes, words } from './disk-thread.ts'
import { fileErrorCode } from '../../store/files/file-port.ts'

const shared: unknown = workerData
if (!(shared instanceof SharedArrayBuffer)) throw new TypeError('the disk thread is started with shared memory')
const control = new Int32Array(shared, 0, controlBytes / 4)
const errorText = new Uint8Array(shared, controlBytes, errorBytes)
const data = new Uint8Array(shared, controlBytes + errorBytes)

for (let done = 0; ;) {
  Atomics.wait(control, words.requested, done)
  if (Atomics.load(control, words.requested) === done) continue
  control[words.failed] = 0
  try {
    serve()
  } catch (error) {
    control[words.failed] = 1
    const said = `${fileErrorCode(error) ?? 'EIO'} ${error instanceof Error ? error.message : String(error)}`
    errorText.fill(0)
    errorText.set(Buffer.from(said).subarray(0, errorBytes - 1))
  }
  done = (done + 1) | 0
  Atomics.store(control, words.done, done)
  Atomics.notify(control, words.done)
}

function serve(): void {
  const fd = control[words.fd] ?? -1
  const length = control[words.length] ?? 0
  const position = (control[words.positionHigh] ?? 0) * 0x1_0000_0000 + ((control[words.positionLow] ?? 0) >>> 0)
  let written = 0
  while (written < length) written += writeSync(fd, data, written, length - written, position + written)
  if (control[words.sync] === 1) fdatasyncSync(fd)
}
