// Opening regular files, and nothing else: reading a pipe waits for ever, a device may do anything, and a file far larger than what is
// looked for fills the memory.

import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { Fault } from '../../engine/ports/fault.ts'
import { openOutOfReserve } from './file-reserve.ts'

/** The most that a helper file (a list, a key, a note, a token) may have, bytes. */
export const helperFileBytesMax = 64 * 1024 * 1024

/** Opening does not wait for the other end of a pipe. Of a regular file it means nothing. */
const flags = { read: constants.O_RDONLY | constants.O_NONBLOCK, change: constants.O_RDWR | constants.O_NONBLOCK }

/**
 * Opens a file that is there, to `read` or to `change` it; returns its descriptor. Throws the system's error, or a Fault `file-unfit` when it
 * is a folder, a pipe or a device, or has more than `bytesMax` bytes.
 */
export function openRegular(path: string, use: 'read' | 'change', bytesMax = Infinity): number {
  const fd = openOutOfReserve(() => openSync(path, flags[use]))
  const found = fstatSync(fd)
  if (found.isFile() && found.size <= bytesMax) return fd
  closeSync(fd)
  if (found.isFile()) {
    throw new Fault('file-unfit', `${path}: a file of at most ${bytesMax} bytes expected, it has ${found.size}`)
  }
  const kind = found.isDirectory() ? 'a folder' : found.isFIFO() ? 'a pipe' : 'no regular file'
  throw new Fault('file-unfit', `${path}: a file expected, it is ${kind}. Move it away, and bring the file back.`)
}
