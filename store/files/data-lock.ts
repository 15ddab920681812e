// Lock of a folder: one process at a time writes in it. The kernel holds it (file-lock.ts), so it says the same in every container
// and ends with its holder. The name of the holder is for people only: two containers may share a host name, and each has a process 1.

import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../../engine/ports/fault.ts'
import { type HeldFile, holdFile } from './file-lock.ts'

export type HeldFolder = {
  /** Is this still the folder at its path, and locked by us? A lock file that was removed is made and locked anew. */
  readonly isHeld: () => boolean
  readonly unlock: () => void
}

const stopFirst = 'Stop that engine first, or wait until the command is done: the lock ends with its holder.'

/** Locks `folder` for this process; returns what unlocks it. Throws a Fault `data-in-use` when another holds it. */
export function lockFolder(folder: string): () => void {
  return holdFolder(folder).unlock
}

/** The same, for a holder who looks now and then whether it is still so. */
export function holdFolder(folder: string): HeldFolder {
  const path = join(folder, 'lock')
  let file: HeldFile | undefined = holdFile(path, stopFirst)
  const identity = identityOf(folder)
  removeRemnants(folder)
  return {
    isHeld() {
      if (file === undefined) return false
      try {
        if (file.isHeld()) return true
        // The folder was moved away, or replaced: what is at its path is not ours.
        if (identityOf(folder) !== identity) return false
        const again = holdFile(path, stopFirst)
        file.unlock()
        file = again
        return true
      } catch (error) {
        // A look that fails, as on a disk that fails, says nothing; that another holds it does.
        return !(error instanceof Fault)
      }
    },
    unlock() {
      file?.unlock()
      file = undefined
    },
  }
}

function identityOf(folder: string): string | undefined {
  const found = statSync(folder, { throwIfNoEntry: false })
  return found === undefined ? undefined : `${found.dev} ${found.ino}`
}

/** Locks of earlier versions were files that named a process, and left some behind. They lock nothing. */
function removeRemnants(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (/^lock\.(\d+(\.new)?|after\..*)$/.test(name)) rmSync(join(folder, name), { force: true })
  }
}
