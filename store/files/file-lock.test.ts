import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { lockFile } from './file-lock.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function newPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bandpass-flock-'))
  folders.push(folder)
  return join(folder, 'lock')
}

const inUse: unknown = expect.objectContaining({ name: 'Fault', code: 'data-in-use' })

/** Another process that tries to take the lock, says what came of it, and holds it until it is killed. */
async function elsewhere(path: string) {
  const program = `
    import { lockFile } from '${fileURLToPath(new URL('./file-lock.ts', import.meta.url))}'
    try { lockFile(${JSON.stringify(path)}); console.log('locked') } catch (error) { console.log(error.code) }
    setInterval(() => {}, 1_000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program])
  const said = await new Promise<string>((resolve) =>
    child.stdout.once('data', (bytes: Buffer) => resolve(bytes.toString().trim())),
  )
  const kill = () =>
    new Promise<void>((resolve) => {
      child.once('close', () => resolve())
      child.kill('SIGKILL')
    })
  return { said, kill, pid: child.pid }
}

describe('a file lock', () => {
  it('is held by one at a time, in one process and among several, and free again when it was given back', async () => {
    const path = newPath()
    const unlock = lockFile(path)
    expect(() => lockFile(path)).toThrow(inUse)
    const other = await elsewhere(path)
    expect(other.said).toBe('data-in-use')
    await other.kill()
    unlock()
    lockFile(path)()
  })

  it('says who holds it', async () => {
    const path = newPath()
    const other = await elsewhere(path)
    expect(other.said).toBe('locked')
    expect(() => lockFile(path)).toThrow(new RegExp(`held by process ${other.pid} on .*its lock ends with it`))
    await other.kill()
  })

  it('ends with the process that held it, however that ended', async () => {
    const path = newPath()
    const other = await elsewhere(path)
    await other.kill()
    expect(readFileSync(path, 'utf8')).toContain(`process ${other.pid}`)
    lockFile(path)()
  })

  it.each([
    ['of another host', JSON.stringify({ host: 'pod-7', boot: 'b', pid: 1, startedAt: '1' })],
    ['of a process that lives here', `process ${process.pid} on here`],
    ['of nobody', ''],
    ['longer than anybody writes', 'x'.repeat(100_000)],
  ] as const)('is not held by what stands in the file: the name %s locks nothing', (_, content) => {
    const path = newPath()
    writeFileSync(path, content)
    lockFile(path)()
  })

  it('is not given to two when the file was removed and made anew meanwhile', async () => {
    const path = newPath()
    const unlock = lockFile(path)
    rmSync(path)
    const again = lockFile(path)
    expect(() => lockFile(path)).toThrow(inUse)
    again()
    unlock()
  })

  it('makes a file that only its owner may read', () => {
    const path = newPath()
    lockFile(path)()
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })
})
