// Clean-shutdown seal. A view that was closed in order is sealed: a MAC over the hash of its whole file stands beside it. Opening it again
// costs one reading of the file (0.5 s a GB) and proves every byte. A view without a seal was left by a crash: it is walked.

import { join } from 'node:path'
import { ascii, equalBytes } from '../../base/bytes.ts'
import type { FilePort } from '../files/file-port.ts'
import { type RowMacs, metaTable, viewDamaged, viewFileName } from './view-state.ts'
import { hashFile, readIfThere, replaceFile } from '../files/whole-file.ts'

export const sealName = 'view.sealed'
const sealKey = ascii('seal')
/** Stands in the seal's place while the view is open: a file that is gone in the page cache may still be on disk. */
const opened = ascii('opened\n')
/** The meta pages, of which one is the newest state, whatever the size of a page. */
const metaBytesMax = 131_072

/**
 * Puts a view that is closed on disk as it is read. LMDB syncs rows before it writes the meta page that names them, so that page
 * alone may be in the page cache after its write failed: it is written again, and the rest synced.
 */
export function putViewOnDisk(files: FilePort, folder: string): void {
  const path = join(folder, viewFileName)
  if (!files.list(folder).includes(viewFileName)) return
  const file = files.open(path, 'existing')
  try {
    const bytes = Buffer.alloc(Math.min(file.sizeBytes(), metaBytesMax))
    file.write(0, bytes.subarray(0, file.read(0, bytes)))
    file.datasync()
  } finally {
    file.close()
  }
}

/** Seals the closed view in `folder`. */
export async function sealView(files: FilePort, folder: string, macs: RowMacs): Promise<void> {
  putViewOnDisk(files, folder)
  const { sha256 } = await hashFile(files, join(folder, viewFileName))
  replaceFile(files, join(folder, sealName), macs.mac(metaTable, sealKey, sha256))
}

/**
 * Takes the seal off, so that the view may be written; false when there is none. On disk when this resolves, also when there was
 * none: a seal that comes back with a power cut would call the view damaged. Rejects with a Fault `view-damaged` when the file is not
 * what was sealed.
 */
export async function unsealView(files: FilePort, folder: string, macs: RowMacs): Promise<boolean> {
  const path = join(folder, sealName)
  const seal = readIfThere(files, path)
  if (seal === undefined || equalBytes(seal, opened)) {
    replaceFile(files, path, opened)
    return false
  }
  const { sha256 } = await hashFile(files, join(folder, viewFileName))
  if (!macs.checkMac(metaTable, sealKey, sha256, seal)) {
    throw viewDamaged(
      `the view in ${folder} is not what it was when it was closed, or was closed under a master key that is not given`,
    )
  }
  replaceFile(files, path, opened)
  return true
}
