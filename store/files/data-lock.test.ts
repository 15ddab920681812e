import { spawn, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { holdFolder, lockFolder } from './data-lock.ts'

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

type Elsewhere = {
  /** `locked`, or the code of the refusal. */
  readonly said: Promise<string>
  /** Dies without giving anything back. */
  readonly die: () => Promise<void>
}

/** Takes the lock in another process at `atMs`, and holds it until that dies. */
function lockElsewhere(folder: string, atMs: number): Elsewhere {
  const program = `
    import { lockFolder } from '${fileURLToPath(new URL('./data-lock.ts', import.meta.url))}'
    while (Date.now() < ${atMs});
    try { lockFolder(${JSON.stringify(folder)}); console.log('locked') } catch (error) { console.log(error.code) }
    setInterval(() => {}, 60_000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program])
  const closed = new Promise<void>((resolve) => child.on('close', () => resolve()))
  return {
    said: new Promise((resolve) => child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()))),
    die: () => {
      child.kill('SIGKILL')
      return closed
    },
  }
}

describe('the lock of a folder', () => {
  it('is held by one at a time, and free again when it was given back', () => {
    const folder = newFolder()
    const unlock = lockFolder(folder)
    expect(() => lockFolder(folder)).toThrow(inUse)
    unlock()
    unlock()
    lockFolder(folder)()
  })

  it('of a living process is never taken; its refusal says who holds it and what to do', async () => {
    const folder = newFolder()
    const other = lockElsewhere(folder, 0)
    while (!existsSync(join(folder, 'lock')) || readFileSync(join(folder, 'lock'), 'utf8') === '')
      await new Promise((resolve) => setTimeout(resolve, 5))
    expect(() => lockFolder(folder)).toThrow(
      /lock is held by process \d+ on .*Stop that engine first.*the lock ends with its holder/,
    )
    expect(await other.said).toBe('locked')
    await other.die()
    // It is dead now, and left its file behind.
    expect(existsSync(join(folder, 'lock'))).toBe(true)
    lockFolder(folder)()
  })

  it.for([
    ['of a process that is gone', { pid: 2 ** 22 + 1 }],
    ['of a process that lives here', { pid: process.pid }],
    ['of another machine, or of a container that had another name', { host: `not-${hostname()}` }],
    ['of before the machine was started', { boot: 'another boot' }],
  ] as const)('is not a file of an earlier version: one that names the process %s locks nothing', ([, change]) => {
    const folder = newFolder()
    const owner = { host: hostname(), boot: '', pid: 1, startedAt: '1', ...change }
    for (const name of ['lock', 'lock.17', 'lock.17.new', 'lock.after.17.3'])
      writeFileSync(join(folder, name), JSON.stringify(owner))
    const unlock = lockFolder(folder)
    expect(() => lockFolder(folder)).toThrow(inUse)
    unlock()
    expect(readdirSync(folder)).toEqual(['lock'])
  })

  it('that a power cut emptied is taken over', () => {
    const folder = newFolder()
    writeFileSync(join(folder, 'lock'), '')
    lockFolder(folder)()
  })

  it('left by a dead process goes to one of several that come for it at the same moment', async () => {
    for (let round = 0; round < 3; round++) {
      const folder = newFolder()
      writeFileSync(
        join(folder, 'lock'),
        JSON.stringify({ host: hostname(), boot: '', pid: 2 ** 22 + 1, startedAt: '1' }),
      )
      const atMs = Date.now() + 700
      const others = Array.from({ length: 4 }, () => lockElsewhere(folder, atMs))
      // None ends before all have come, so that a late one finds it held.
      const said = await Promise.all(others.map((other) => other.said))
      await Promise.all(others.map((other) => other.die()))
      expect(said.toSorted()).toEqual(['data-in-use', 'data-in-use', 'data-in-use', 'locked'])
    }
  }, 30_000)

  it('is the same lock by whatever way the folder is reached', () => {
    const folder = newFolder()
    symlinkSync(folder, `${folder}-link`)
    folders.push(`${folder}-link`)
    const unlock = lockFolder(folder)
    expect(() => lockFolder(`${folder}-link`)).toThrow(inUse)
    unlock()
  })

  it('ends with its holder, also when a program that the holder started goes on', async () => {
    const folder = newFolder()
    const program = `
      import { spawn, spawnSync } from 'node:child_process'
      import { lockFolder } from '${fileURLToPath(new URL('./data-lock.ts', import.meta.url))}'
      lockFolder(${JSON.stringify(folder)})
      const { pid } = spawn('sleep', ['30'], { detached: true, stdio: 'ignore' })
      console.log(pid)
      process.kill(process.pid, 'SIGKILL')`
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
    const child = Number(stdout)
    expect(existsSync(`/proc/${child}`)).toBe(true)
    lockFolder(folder)()
    process.kill(child, 'SIGKILL')
  })

  it('writes through no link that stands in its place', () => {
    const folder = newFolder()
    const other = join(folder, 'other')
    writeFileSync(other, 'as it was')
    symlinkSync(other, join(folder, 'lock'))
    expect(() => lockFolder(folder)).toThrow(/ELOOP/)
    expect(readFileSync(other, 'utf8')).toBe('as it was')
  })
})

describe('a folder that is held', () => {
  it('stays so when its lock file is removed: it is made and locked anew', () => {
    const folder = newFolder()
    const held = holdFolder(folder)
    rmSync(join(folder, 'lock'))
    expect(held.isHeld()).toBe(true)
    expect(() => lockFolder(folder)).toThrow(inUse)
    held.unlock()
  })

  it('is lost when it is moved away, when another stands in its place, and when another process was quicker', () => {
    const moved = newFolder()
    const held = holdFolder(moved)
    renameSync(moved, `${moved}-away`)
    folders.push(`${moved}-away`)
    expect(held.isHeld()).toBe(false)
    mkdirSync(moved)
    expect(held.isHeld()).toBe(false)

    const taken = newFolder()
    const late = holdFolder(taken)
    rmSync(join(taken, 'lock'))
    const unlock = lockFolder(taken)
    expect(late.isHeld()).toBe(false)
    unlock()
  })
})
