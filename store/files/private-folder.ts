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
  const made = missing(path)
  // One by one, from the top: each takes the owner that the one above it has by now, and an error is that of the folder which cannot be
  // made. `recursive` of Node says ENOENT on a read-only disk, and never returns where the system says ENOENT, as in /proc.
  for (const one of made) {
    makeFolder(one)
    giveFolderOn(one)
  }
  for (const one of made.toReversed()) syncFolder(dirname(one))
}

/** This folder and those above it that are not there, from the top; the folder too when something else stands in its place. */
function missing(path: string): readonly string[] {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return []
  const made = [path]
  for (let above = dirname(path); !existsSync(above) && above !== dirname(above); above = dirname(above))
    made.unshift(above)
  return made
}

/** Another process may have made it in between. Throws the error of the system, EEXIST also for a file that stands there. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: privateFolderMode })
  } catch (error) {
    if (fileErrorCode(error) !== 'EEXIST' || !statSync(path).isDirectory()) throw error
  }
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
