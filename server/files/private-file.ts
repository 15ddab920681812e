// Files that only the engine's user may read: written whole or not at all, on disk when the call returns, mode 0600.

import {
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { giveAsReplaced, giveToOwnerOf } from '../../store/files/file-owner.ts'
import { openOutOfReserve } from '../../store/files/file-reserve.ts'
import { helperFileBytesMax, openRegular } from '../../store/files/regular-file.ts'
import { privateFileMode, syncFolder } from '../../store/files/private-folder.ts'
import { Fault } from '../../engine/ports/fault.ts'
import { codeOf } from './error-code.ts'
import { orNotWritten } from './not-written.ts'
import { utf8Of } from './text-file.ts'

/**
 * The file's text, or undefined when there is none. Throws a Fault `file-not-private` when others may read or write it, `file-unfit` when it is
 * no file or far too large.
 */
export function readPrivateFile(path: string): string | undefined {
  let fd: number
  try {
    fd = openRegular(path, 'read', helperFileBytesMax)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
  try {
    const mode = fstatSync(fd).mode & 0o777
    if ((mode & 0o077) !== 0) {
      throw new Fault(
        'file-not-private',
        `${path} holds secrets, so only its owner may have access (0600), but its mode is 0${mode.toString(8)}. ` +
          `Run: chmod 600 ${path} - and if others could read it, take its keys as known to them and rotate them.`,
      )
    }
    putOnDisk(fd, path)
    return utf8Of(readFileSync(fd), path)
  } finally {
    closeSync(fd)
  }
}

/**
 * What is read is believed, and sealed under: a process that died between writing and syncing leaves a file that a power cut takes away.
 * A file that another hand put where nothing can be written is as it is.
 */
function putOnDisk(fd: number, path: string): void {
  try {
    fsyncSync(fd)
    syncFolder(dirname(path))
  } catch (error) {
    if (!['EROFS', 'EACCES', 'EPERM', 'EINVAL', 'ENOTSUP'].includes(codeOf(error) ?? '')) throw error
  }
}

/** Removes the file, if it is there; it stays away after a power cut. */
export function removePrivateFile(path: string): void {
  rmSync(path, { force: true })
  syncFolder(dirname(path))
}

/** Replaces the file. Throws a Fault `not-written` when the disk does not take it. */
export function writePrivateFile(path: string, text: string): void {
  orNotWritten(path, () => {
    renameSync(
      writeBeside(path, text, (fd) => giveAsReplaced(fd, path, dirname(path))),
      path,
    )
    syncFolder(dirname(path))
  })
}

/**
 * Makes the file unless it is there already; says whether it did. Of several processes exactly one does. Throws a Fault `not-written`
 * when the disk does not take it.
 */
export function createPrivateFile(path: string, text: string): boolean {
  return orNotWritten(path, () => created(path, text))
}

function created(path: string, text: string): boolean {
  const next = writeBeside(path, text, (fd) => giveToOwnerOf(dirname(path), fd))
  try {
    linkSync(next, path)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  } finally {
    rmSync(next, { force: true })
  }
  syncFolder(dirname(path))
  return true
}

/** `give` makes it the file of the right owner before anything stands in it. */
function writeBeside(path: string, text: string, give: (fd: number) => void): string {
  const next = `${path}.${process.pid}.next`
  rmSync(next, { force: true })
  const fd = openOutOfReserve(() => openSync(next, 'wx', privateFileMode))
  try {
    give(fd)
    writeFileSync(fd, text)
    fsyncSync(fd)
  } catch (error) {
    // A part of it would take room that is missing, and may be of a secret.
    rmSync(next, { force: true })
    throw error
  } finally {
    closeSync(fd)
  }
  return next
}
