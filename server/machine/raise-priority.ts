// Raises the scheduling priority of the engine's thread: it is served first when the machine has more to do than cores.

import { setPriority } from 'node:os'

/** As system services do that others wait for. Not the most favoured of all: the kernel's own threads come before. */
const niceness = -10

/**
 * Lets the thread that decides go before others of this machine, where the system allows it: to root, or with CAP_SYS_NICE. False
 * where it does not; nothing is changed then. Threads begun later go first, too, but those that step back (store/files/thread-priority.ts).
 */
export function raisePriority(): boolean {
  try {
    setPriority(process.pid, niceness)
    return true
  } catch {
    return false
  }
}
