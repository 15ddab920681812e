// The watching thread: sees whether the count still moves, and when it does not, says so and ends the process.

import { writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import { count, object, readJson } from '../../base/json.ts'

const given: unknown = workerData
const { everyMs, checksPerHang } = readJson(object({ everyMs: count, checksPerHang: count }), given, 'workerData')
const signs = typeof given === 'object' && given !== null && 'signs' in given ? given.signs : undefined
if (!(signs instanceof Int32Array)) throw new TypeError('signs: an Int32Array expected')

let last = -1
let stillFor = 0
setInterval(() => {
  const now = Atomics.load(signs, 0)
  stillFor = now === last ? stillFor + 1 : 0
  last = now
  if (stillFor < checksPerHang) return
  const at = new Date().toISOString()
  const line = { at, level: 'error', event: 'watchdog.hang', hangMs: stillFor * everyMs, does: 'kills the process' }
  // Nothing of the main thread can be relied on: write and end directly, also when no reader takes our log any more.
  try {
    writeSync(2, `${JSON.stringify(line)}\n`)
  } finally {
    process.kill(process.pid, 'SIGKILL')
  }
}, everyMs)
