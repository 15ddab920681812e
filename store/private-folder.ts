// Modes of what the store makes: only its owner may enter or read, whatever the umask. And folders that are on disk when they are made.

import { chmodSync, closeSync, constants, existsSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { giveToOwnerOf } from './file-owner.ts'
import { fileErrorCode } from './file-port.ts'
import { openOutOfReserve } from './file-reserve.ts'

export const privateFolderMode = 0o700
export const privateFileMode = 0o600

/** Makes a folder that only its owner may enter, with those above it; their names are on disk when this returns. */
export function makePrivateFolder(path: string): void {
  const first = madeWithThoseAbove(path)
  if (first === undefined) return
  const made: string[] = []
  for (let one = path; ; one = dirname(one)) {
    made.unshift(one)
    if (one === first || one === dirname(one)) break
  }
  // From the top, so that each takes the owner that the one above it has by now.
  for (const one of made) giveFolderOn(one)
  for (const one of made.toReversed()) syncFolder(dirname(one))
}

/** The first folder that had to be made; undefined when all are there. */
function madeWithThoseAbove(path: string): string | undefined {
  try {
    return mkdirSync(path, { recursive: true, mode: privateFolderMode })
  } catch (error) {
    // On a disk that is mounted read-only Node says ENOENT of the last folder, not what the system said of the first.
    if (fileErrorCode(error) === 'ENOENT') mkdirSync(firstMissing(path), { mode: privateFolderMode })
    throw error
  }
}

function firstMissing(path: string): string {
  const above = dirname(path)
  return above === path || existsSync(above) ? path : firstMissing(above)
}

/** The folder, just made, to the owner of the one that it stands in. */
function giveFolderOn(made: string): void {
  const fd = openSync(made, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    giveToOwnerOf(dirname(made), fd)
  } finally {
    closeSync(fd)
  }
}

/** Makes an empty file that only its owner may read, unless it is there: for a library that would make it with a mode of its own. */
export function makePrivateFile(path: string): void {
  let fd: number
  try {
    fd = openOutOfReserve(() => openSync(path, 'ax', privateFileMode))
  } catch (error) {
    if (fileErrorCode(error) === 'EEXIST') return
    throw error
  }
  try {
    giveToOwnerOf(dirname(path), fd)
  } finally {
    closeSync(fd)
  }
}

/** Closes a file to others that a library has made, and gives it to the owner of the folder it stands in. */
export function closeToOthers(path: string): void {
  chmodSync(path, privateFileMode)
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    giveToOwnerOf(dirname(path), fd)
  } finally {
    closeSync(fd)
  }
}

/** Puts the names in a folder on disk. */
export function syncFolder(folder: string): void {
  const fd = openOutOfReserve(() => openSync(folder, 'r'))
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Closes a folder that was there already, when it is ours to close. */
export function closeFolderToOthers(path: string): void {
  if ((statSync(path).mode & 0o077) === 0) return
  try {
    chmodSync(path, privateFolderMode)
  } catch (error) {
    if (fileErrorCode(error) !== 'EPERM') throw error
  }
}
