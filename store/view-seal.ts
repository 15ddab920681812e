// A view that was closed in order is sealed: a MAC over the hash of its whole file stands beside it. Opening it again costs
// one reading of the file (0.5 s a GB) and proves every byte. A view without a seal was left by a crash: it is walked.

import { join } from 'node:path'
import { ascii } from '../protocol/bytes.ts'
import type { FilePort } from './file-port.ts'
import { type RowMacs, metaTable, viewDamaged, viewFileName } from './view-state.ts'
import { hashFile, readIfThere, replaceFile } from './whole-file.ts'

export const sealName = 'view.sealed'
const sealKey = ascii('seal')

/** Seals the closed view in `folder`. */
export async function sealView(files: FilePort, folder: string, macs: RowMacs): Promise<void> {
  const { sha256 } = await hashFile(files, join(folder, viewFileName))
  replaceFile(files, join(folder, sealName), macs.mac(metaTable, sealKey, sha256))
}

/**
 * Takes the seal off, so that the view may be written; false when there is none. Rejects with a Fault `view-damaged` when the file
 * is not what was sealed.
 */
export async function unsealView(files: FilePort, folder: string, macs: RowMacs): Promise<boolean> {
  const path = join(folder, sealName)
  const seal = readIfThere(files, path)
  if (seal === undefined) return false
  const { sha256 } = await hashFile(files, join(folder, viewFileName))
  if (!macs.checkMac(metaTable, sealKey, sha256, seal)) {
    throw viewDamaged(
      `the view in ${folder} is not what it was when it was closed, or was closed under a master key that is not given`,
    )
  }
  files.remove(path)
  files.syncFolder(folder)
  return true
}
