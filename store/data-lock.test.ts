import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { lockFolder } from './data-lock.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bandpass-lock-'))
  folders.push(folder)
  return folder
}

const inUse: unknown = expect.objectContaining({ name: 'Fault', code: 'data-in-use' })

/** Takes the lock in another process at `atMs`, holds it for `holdMs`, then dies without giving it back. */
function lockElsewhere(folder: string, atMs: number, holdMs: number): Promise<string> {
  const program = `
    import { lockFolder } from '${fileURLToPath(new URL('./data-lock.ts', import.meta.url))}'
    while (Date.now() < ${atMs});
    try { lockFolder(${JSON.stringify(folder)}); console.log('locked') } catch (error) { console.log(error.code) }
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), ${holdMs})`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program])
  return new Promise((resolve) => {
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
    child.on('close', () => resolve(said.trim()))
  })
}

describe('the lock of a folder', () => {
  it('is held by one at a time, and free again when it was given back', () => {
    const folder = newFolder()
    const unlock = lockFolder(folder)
    expect(() => lockFolder(folder)).toThrow(inUse)
    unlock()
    lockFolder(folder)()
    expect(readdirSync(folder)).toEqual([])
  })

  it('of a living process is never taken; its refusal says who holds it and what to do', async () => {
    const folder = newFolder()
    const other = lockElsewhere(folder, 0, 1500)
    while (!existsSync(join(folder, 'lock'))) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(() => lockFolder(folder)).toThrow(/lock is held by process \d+ on .*remove the file/)
    expect(await other).toBe('locked')
    // It is dead now, and left its lock behind.
    expect(existsSync(join(folder, 'lock'))).toBe(true)
    lockFolder(folder)()
  })

  it.for([
    ['whose process is gone', { pid: 2 ** 22 + 1 }],
    ['whose process id belongs to another program by now', { startedAt: '1' }],
    ['from before the machine was started', { boot: 'another boot' }],
  ] as const)('%s is taken over', ([, change]) => {
    const folder = newFolder()
    lockFolder(folder)
    const path = join(folder, 'lock')
    const owner = JSON.parse(readFileSync(path, 'utf8')) as object
    writeFileSync(path, JSON.stringify({ ...owner, ...change }))
    const unlock = lockFolder(folder)
    expect(() => lockFolder(folder)).toThrow(inUse)
    unlock()
  })

  it('that a power cut emptied is taken over', () => {
    const folder = newFolder()
    writeFileSync(join(folder, 'lock'), '')
    lockFolder(folder)()
  })

  it('of another machine is left alone: nobody here can tell whether it lives', () => {
    const folder = newFolder()
    writeFileSync(join(folder, 'lock'), JSON.stringify({ host: `not-${hostname()}`, boot: '', pid: 1, startedAt: '1' }))
    expect(() => lockFolder(folder)).toThrow(inUse)
  })

  it('left by a dead process goes to one of several that come for it at the same moment', async () => {
    for (let round = 0; round < 3; round++) {
      const folder = newFolder()
      writeFileSync(
        join(folder, 'lock'),
        JSON.stringify({ host: hostname(), boot: '', pid: 2 ** 22 + 1, startedAt: '1' }),
      )
      const atMs = Date.now() + 700
      const said = await Promise.all(Array.from({ length: 4 }, () => lockElsewhere(folder, atMs, 600)))
      expect(said.sort()).toEqual(['data-in-use', 'data-in-use', 'data-in-use', 'locked'])
    }
  }, 30_000)
})
