// The lock of the lists (partners, vendors, operators, keys): one change at a time, whichever process makes it.

import { join } from 'node:path'
import { lockFile } from '../../store/files/file-lock.ts'
import { makePrivateFolder } from '../../store/files/private-folder.ts'
import { orNotWritten } from '../files/not-written.ts'

/** What was asked does not fit what is listed: a slip of the caller. */
export class ListError extends Error {
  override readonly name = 'ListError'
}

/**
 * Of two who change what this folder's lock stands for, the later one fails with `data-in-use` rather than undo the other; with
 * `not-written` when the disk takes no lock. The kernel holds the lock, so a command that died leaves none behind.
 */
export function lockedIn<Result>(folder: string, work: () => Result): Result {
  const unlock = orNotWritten(folder, () => {
    makePrivateFolder(folder)
    return lockFile(join(folder, 'lock'))
  })
  try {
    return work()
  } finally {
    unlock()
  }
}
