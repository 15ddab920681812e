// Ownership of files. Owner and mode of what is made or replaced: root's hand in a service user's folder leaves files that the service can
// read. What is made takes owner and group of the folder it stands in, what is replaced keeps its own. Only root can give a file away, and
// only root has to: what another user makes is that user's.

import { type Stats, fchmodSync, fchownSync, fstatSync, statSync } from 'node:fs'
import { Fault } from '../../engine/ports/fault.ts'

type Owner = { readonly uid: number; readonly gid: number }

/** Gives an open file or folder that was just made to the owner of `folder`, in which it stands. */
export function giveToOwnerOf(folder: string, fd: number): void {
  if (process.geteuid?.() === 0) give(fd, statSync(folder), folder)
}

/**
 * Gives an open file that takes the place of the one at `path` in `folder` its owner, and its mode; where there is none, the folder's
 * owner. A file of root's in the folder of another user has the folder's owner from now on: nothing but a slip put it there.
 */
export function giveAsReplaced(fd: number, path: string, folder: string): void {
  const replaced = statSync(path, { throwIfNoEntry: false })
  if (replaced !== undefined) keepMode(fd, replaced)
  if (process.geteuid?.() !== 0) return
  give(fd, replaced !== undefined && replaced.uid !== 0 ? replaced : statSync(folder), folder)
}

function keepMode(fd: number, replaced: Stats): void {
  const mode = replaced.mode & 0o777
  if ((fstatSync(fd).mode & 0o777) !== mode) fchmodSync(fd, mode)
}

function give(fd: number, { uid, gid }: Owner, folder: string): void {
  const is = fstatSync(fd)
  if (is.uid === uid && is.gid === gid) return
  try {
    fchownSync(fd, uid, gid)
  } catch (error) {
    throw new Fault(
      'not-written',
      `${folder} belongs to user ${uid}, and what is made here cannot be given to that user. Run this as that user: ` +
        `setpriv --reuid ${uid} --regid ${gid} --clear-groups bandpass ...`,
      { cause: error },
    )
  }
}
