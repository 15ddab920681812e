// File descriptor limit (RLIMIT_NOFILE): how many files this process may have open, and so how many sockets.

import { readFileSync } from 'node:fs'

/** The soft limit, which Node raises to the hard one when it starts; Infinity where it cannot be told. */
export function openFilesMax(): number {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))
    return line === null ? Infinity : Number(line[1])
  } catch {
    return Infinity
  }
}
