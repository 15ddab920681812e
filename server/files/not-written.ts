// A small file that could not be written (lists, tokens, kept sessions, keys), as a Fault that says what to do: the caller learns that it
// was the disk, not a bug.

import { Fault } from '../../engine/ports/fault.ts'
import { codeOf } from './error-code.ts'

/** What helps, by the code of the system's error. */
const remedies: Readonly<Record<string, string>> = {
  ENOSPC: 'make room on its disk',
  EDQUOT: 'make room in the quota of its owner',
  EROFS: 'its disk is mounted read-only: mount it to be written',
  EACCES: 'let its folder be written by the user of this process',
  EPERM: 'let its folder be written by the user of this process',
  EEXIST: 'a file stands where a folder is expected: name another path, or move it away',
  ENOTDIR: 'a part of its path is a file: name another path, or move that file away',
  EIO: 'its disk fails: look at the log of the system',
}

/** Does `work`; a system error becomes a Fault `not-written`, every other error stays what it is. */
export function orNotWritten<Result>(path: string, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    const code = codeOf(error)
    if (code === undefined || error instanceof Fault) throw error
    const remedy = remedies[code] ?? 'see that its folder is there and can be written'
    throw new Fault('not-written', `${path} could not be written (${code}): ${remedy}, then try again`, {
      retry: true,
      cause: error,
    })
  }
}
