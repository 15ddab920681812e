// File permissions of a data folder. Modes of a data folder: what the engine makes is for its user alone, and what was there before (a folder
// that a service manager made, a backup that was put in place) is closed at the start. Files that hold secrets by themselves are refused
// instead, when they are read: who could read them may know them (private-file.ts).

import { type Stats, chmodSync, lstatSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Fault } from '../../engine/ports/fault.ts'
import { journalFolderOf, viewFolderOf } from '../../store/files/data-folder.ts'
import { privateFileMode, privateFolderMode } from '../../store/files/private-folder.ts'
import { codeOf } from '../files/error-code.ts'
import type { Log } from '../log/log.ts'

/** Beside journal and view, what a backup leaves in a data folder or brings. */
const plainFiles = ['backed-up.json', 'manifest.json'] as const

/**
 * Closes the data folder to other users, and says so when it was open. Throws a Fault `file-not-private` when a part of it is another
 * user's: that one has to close it, or give it to the engine's.
 */
export function closeDataFolder(data: string, lists: string, log: Log): void {
  const folders = [journalFolderOf(data), viewFolderOf(data), lists]
  const closed = folders.flatMap((folder) => (isFolder(folder) ? closeFolder(folder, folder !== lists) : []))
  closed.push(...plainFiles.map((name) => join(data, name)).filter((path) => close(path, privateFileMode)))
  try {
    if (close(data, privateFolderMode)) closed.push(data)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    // A mount, which is its administrator's: names in it can be read, nothing else.
    log('error', 'data.open-to-others', { error })
  }
  if (closed.length === 0) return
  log('warning', 'data.closed', {
    parts: closed.length,
    first: closed[0],
    means: 'other users of this machine could read or write them until now',
  })
}

/** What of a folder and the files in it was open. */
function closeFolder(folder: string, withFiles: boolean): string[] {
  const names = withFiles ? readdirSync(folder) : []
  const closed = names.map((name) => join(folder, name)).filter((path) => close(path, privateFileMode))
  return close(folder, privateFolderMode) ? [...closed, folder] : closed
}

/** Was it there, and open? Then it is not any more. */
function close(path: string, mode: number): boolean {
  const found = statIfThere(path)
  if (found === undefined || (found.mode & 0o077) === 0) return false
  // What a link leads to is not a file of ours.
  if (mode === privateFileMode && !lstatSync(path).isFile()) return false
  try {
    chmodSync(path, mode)
    return true
  } catch (error) {
    if (codeOf(error) !== 'EPERM') throw error
    const is = (found.mode & 0o777).toString(8)
    throw new Fault(
      'file-not-private',
      `${path} holds who paid where, so only the engine's user may have access, but its mode is 0${is} and it belongs to user ` +
        `${found.uid}. Run as root: chown -R ${process.getuid?.() ?? 'USER'} ${dirname(path)} - the next start closes it.`,
    )
  }
}

function isFolder(path: string): boolean {
  return statIfThere(path)?.isDirectory() ?? false
}

function statIfThere(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch (error) {
    // Gone meanwhile: a lock, or a spare segment.
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
