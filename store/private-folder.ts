// Modes of what the store makes: only its owner may enter or read, whatever the umask. And folders that are on disk when they are made.

import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileErrorCode } from './file-port.ts'

export const privateFolderMode = 0o700
export const privateFileMode = 0o600

/** Makes a folder that only its owner may enter, with those above it; their names are on disk when this returns. */
export function makePrivateFolder(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: privateFolderMode })
  if (first === undefined) return
  for (let made = path; ; made = dirname(made)) {
    syncFolder(dirname(made))
    if (made === first || made === dirname(made)) return
  }
}

/** Makes an empty file that only its owner may read, unless it is there: for a library that would make it with a mode of its own. */
export function makePrivateFile(path: string): void {
  closeSync(openSync(path, 'a', privateFileMode))
}

/** Closes a file to others that a library has made. */
export function closeToOthers(path: string): void {
  chmodSync(path, privateFileMode)
}

/** Puts the names in a folder on disk. */
export function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r')
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
