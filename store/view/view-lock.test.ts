// Two environments of one process share LMDB's lock file: what opens and closes it beside them would drop the process's locks.

import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { openLmdb } from './lmdb.ts'
import { metaTable, storedTables } from './view-state.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/** Locks of this process on a file, as the kernel lists them. */
function locksOn(path: string): number {
  const { ino } = statSync(path)
  const lines = readFileSync('/proc/locks', 'utf8').split('\n')
  return lines.filter(
    (line) => line.includes(`POSIX`) && line.includes(` ${process.pid} `) && line.includes(`:${ino} `),
  ).length
}

it.skipIf(!existsSync('/proc/locks'))(
  'A view that is opened once more by the same process keeps its reader lock',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bandpass-view-lock-'))
    folders.push(folder)
    const path = join(folder, 'view.lmdb')
    const options = { path, tables: storedTables, mapBytes: 1024 ** 3, isReadOnly: false }
    const first = openLmdb(options)
    expect(first.get(metaTable, 'none')).toBeUndefined()
    const held = locksOn(`${path}-lock`)
    expect(held).toBeGreaterThan(0)
    const second = openLmdb(options)
    expect(second.get(metaTable, 'none')).toBeUndefined()
    expect(locksOn(`${path}-lock`)).toBeGreaterThanOrEqual(held)
    await second.close()
    await first.close()
  },
)
