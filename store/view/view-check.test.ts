import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { keyring } from './test-view.ts'
import { checkView } from './view-check.ts'
import { viewFileName } from './view-state.ts'
import { openView } from './view.ts'

/** Processes that this one has started and that walk a view now. */
function walkers(): readonly number[] {
  const ours = readdirSync('/proc/self/task').flatMap((thread) =>
    readFileSync(`/proc/self/task/${thread}/children`, 'utf8').trim().split(' ').filter(Boolean),
  )
  return ours
    .filter((pid) => {
      const { stdout } = spawnSync('cat', [`/proc/${pid}/cmdline`], { encoding: 'utf8' })
      return stdout.includes('view-check-main')
    })
    .map(Number)
}

/** Empty when it is gone, or a zombie. */
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

describe('the walk of a view in a process of its own', () => {
  it.skipIf(process.platform !== 'linux').for([
    ['at once', 0],
    ['later', 120],
  ] as const)(
    'is not ended by a Ctrl-C to the whole group that comes %s, which says nothing of the view',
    async ([, afterMs]) => {
      const folder = mkdtempSync(join(tmpdir(), 'bandpass-walk-'))
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
      const view = await openView({ folder, keyring })
      await view.write([{ table: 'band', key: 'a', bytes: new Uint8Array(8) }], 1)
      await view.close()
      const checked = checkView(join(folder, viewFileName), 1 << 26, keyring)
      let hit = 0
      await new Promise((resolve) => setTimeout(resolve, afterMs))
      for (const pid of walkers()) {
        for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal)
        hit++
      }
      await expect(checked).resolves.toBeUndefined()
      if (afterMs === 0) expect(hit).toBe(1)
    },
  )

  it.skipIf(process.platform !== 'linux')(
    'ends with the process that asked for it, such as an interrupted backup',
    () => {
      const folder = mkdtempSync(join(tmpdir(), 'bandpass-walk-'))
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
      const path = join(folder, viewFileName)
      writeFileSync(path, '')
      const program = `
      import { checkView } from '${fileURLToPath(new URL('./view-check.ts', import.meta.url))}'
      checkView(${JSON.stringify(path)}, 1 << 26, undefined).catch(() => {})
      process.exit(7)`
      const { status } = spawnSync(process.execPath, ['--input-type=module', '-e', program])
      expect(status).toBe(7)
      // Killed, though it may not be buried yet.
      const left = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandOf(pid).includes(path))
      expect(left).toEqual([])
    },
  )
})
