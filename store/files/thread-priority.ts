// Lowers the scheduling priority of a thread. How much of the machine a thread beside the engine's may take.

import { readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'

/**
 * No caller waits for such a thread, and on few cores a batch of its own would hold up approvals. Not the least favoured of all:
 * beside two busy threads on two cores it would starve, and what waits for it would fill the memory (at 19 it did). Only Linux has a
 * priority for each thread; elsewhere it stays as it is.
 */
export function lowerPriority(): void {
  if (process.platform !== 'linux') return
  const threadId = Number(readlinkSync('/proc/thread-self').split('/').at(-1))
  if (Number.isInteger(threadId) && threadId > 0 && threadId !== process.pid) setPriority(threadId, 5)
}
