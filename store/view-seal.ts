// A view that was closed in order is sealed: a MAC over the hash of its whole file stands beside it. Opening it again costs
// one reading of the file (0.5 s a GB) and proves every byte. A view without a seal was left by a crash: it is walked.

import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { ascii } from '../protocol/bytes.ts'
import { type FilePort, fileErrorCode, readWhole } from './file-port.ts'
import { type RowMacs, metaTable, viewDamaged, viewFileName } from './view-state.ts'

export const sealName = 'view.sealed'
const sealKey = ascii('seal')
const stepBytes = 1024 * 1024

/** Seals the closed view in `folder`. */
export function sealView(files: FilePort, folder: string, macs: RowMacs): void {
  const next = join(folder, `${sealName}.next`)
  files.remove(next)
  const file = files.open(next, 'create')
  try {
    file.write(0, macs.mac(metaTable, sealKey, hashOf(files, join(folder, viewFileName))))
    file.datasync()
  } finally {
    file.close()
  }
  files.rename(next, join(folder, sealName))
  files.syncFolder(folder)
}

/**
 * Takes the seal off, so that the view may be written; false when there is none. Throws a Fault `view-damaged` when the file
 * is not what was sealed.
 */
export function unsealView(files: FilePort, folder: string, macs: RowMacs): boolean {
  const path = join(folder, sealName)
  const seal = readIfThere(files, path)
  if (seal === undefined) return false
  if (!macs.checkMac(metaTable, sealKey, hashOf(files, join(folder, viewFileName)), seal)) {
    throw viewDamaged(
      `the view in ${folder} is not what it was when it was closed, or was closed under a master key that is not given`,
    )
  }
  files.remove(path)
  files.syncFolder(folder)
  return true
}

function readIfThere(files: FilePort, path: string): Uint8Array | undefined {
  try {
    const file = files.open(path, 'read')
    try {
      return readWhole(file)
    } finally {
      file.close()
    }
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** SHA-256 of a file; of nothing when it is not there. */
function hashOf(files: FilePort, path: string): Uint8Array {
  const hash = createHash('sha256')
  try {
    const file = files.open(path, 'read')
    try {
      const step = Buffer.alloc(stepBytes)
      for (let at = 0; ;) {
        const length = file.read(at, step)
        if (length === 0) break
        hash.update(step.subarray(0, length))
        at += length
      }
    } finally {
      file.close()
    }
  } catch (error) {
    if (fileErrorCode(error) !== 'ENOENT') throw error
  }
  return hash.digest()
}
