// Atomic file replacement and hashing. Files that are read, replaced or hashed as a whole.

import { createHash } from 'node:crypto'
import { dirname } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Fault } from '../../engine/ports/fault.ts'
import { type FilePort, fileErrorCode, readWhole } from './file-port.ts'
import { helperFileBytesMax } from './regular-file.ts'

const stepBytes = 1024 * 1024
/** About 10 ms of hashing: a process that hashes gigabytes still shows signs of life, or the watchdog would end it. */
const stepsAtOnce = 16

/** All of a file; undefined when it is not there. Throws a Fault `file-unfit` when it is none, or larger than a helper file may be. */
export function readIfThere(files: FilePort, path: string): Buffer | undefined {
  try {
    const file = files.open(path, 'read')
    try {
      const bytes = file.sizeBytes()
      if (bytes > helperFileBytesMax) throw tooLarge(path, bytes)
      return readWhole(file)
    } finally {
      file.close()
    }
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

function tooLarge(path: string, bytes: number): Fault {
  return new Fault('file-unfit', `${path}: a file of at most ${helperFileBytesMax} bytes expected, it has ${bytes}`)
}

/** Puts `bytes` in the place of the file: after a crash there is the old one or the new one. On disk when this returns. */
export function replaceFile(files: FilePort, path: string, bytes: Uint8Array): void {
  const next = `${path}.next`
  files.remove(next)
  const file = files.open(next, 'create')
  try {
    file.write(0, bytes)
    file.datasync()
  } finally {
    file.close()
  }
  files.rename(next, path)
  files.syncFolder(dirname(path))
}

/** Length and SHA-256 of a file; of nothing when it is not there. Everything else goes on in between. */
export async function hashFile(
  files: FilePort,
  path: string,
): Promise<{ readonly bytes: number; readonly sha256: Buffer }> {
  const hash = createHash('sha256')
  let bytes = 0
  let steps = 0
  try {
    const file = files.open(path, 'read')
    try {
      const step = Buffer.alloc(stepBytes)
      for (let length = file.read(0, step); length > 0; length = file.read(bytes, step)) {
        hash.update(step.subarray(0, length))
        bytes += length
        if (++steps % stepsAtOnce === 0) await nextTurn()
      }
    } finally {
      file.close()
    }
  } catch (error) {
    if (fileErrorCode(error) !== 'ENOENT') throw error
  }
  return { bytes, sha256: hash.digest() }
}
