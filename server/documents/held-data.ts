// The lock of a data folder: a process that writes journal, view, keys or tokens in it holds this one from before the first look until the
// end. Lists are changed beside a running engine, under a lock of their own (lists.ts). docs/operating.md has the table.

import type { Chores } from '../../engine/ports/chores.ts'
import { Fault } from '../../engine/ports/fault.ts'
import { holdFolder } from '../../store/files/data-lock.ts'
import { makePrivateFolder } from '../../store/files/private-folder.ts'
import { orNotWritten } from '../files/not-written.ts'

export type HeldData = {
  /** Why it is not ours any more; undefined while the folder at its path is still the one that is held. */
  readonly lost: () => Fault | undefined
  /** Looks every second, and tells it once. */
  readonly follow: (chores: Pick<Chores, 'every'>, tell: (why: Fault) => void) => void
  /** Gives it back. Again it does nothing. */
  readonly unlock: () => void
}

const lookEveryMs = 1_000

/** Makes the data folder, if it is not there, and locks it. Throws a Fault: `data-in-use` when another process holds it, `not-written`. */
export function holdData(path: string): HeldData {
  const folder = orNotWritten(path, () => {
    makePrivateFolder(path)
    return holdFolder(path)
  })
  let cancel = (): void => {}
  const lost = () => (folder.isHeld() ? undefined : notHeld(path))
  const follow: HeldData['follow'] = (chores, tell) => {
    cancel = chores.every('data-folder', {
      everyMs: lookEveryMs,
      work: () => {
        const why = lost()
        if (why === undefined) return
        cancel()
        tell(why)
      },
    })
  }
  return {
    lost,
    follow,
    unlock() {
      cancel()
      folder.unlock()
    },
  }
}

/** Does `work` while the data folder is held. */
export async function withData<Result>(path: string, work: () => Promise<Result> | Result): Promise<Result> {
  const held = holdData(path)
  try {
    return await work()
  } finally {
    held.unlock()
  }
}

function notHeld(path: string): Fault {
  return new Fault(
    'data-in-use',
    `${path} is not the folder any more that this engine was started on: it was moved, removed or replaced, or another process took its ` +
      'lock. Stop the engine before moving its folder. What was answered is in the folder that was moved away.',
  )
}
