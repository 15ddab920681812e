// What other users of the machine, and the processes that the engine starts, get of a data folder and of its master key: nothing. Shown by the
// real commands, under umasks that would open everything.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createKeyring } from '../../crypto/at-rest.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { loadMasterKeys } from '../../server/documents/master-key.ts'
import { testLog } from '../../server/log/test-folder.ts'
import { closeDataFolder } from '../../server/documents/private-data.ts'
import { openView } from '../../store/view/view.ts'
import { testFolder } from '../../cli/test-engine.ts'

const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))
const masterKey = 'a7'.repeat(32)
const small = ['--port', '0', '--operators-port', 'off', '--journal-segment-bytes', '1048576'] as const

/** A command under a umask, in an environment that has the master key. */
function commandLine(umask: string, args: readonly string[]): readonly [string, readonly string[]] {
  const node = [process.execPath, '--disable-proto=delete', '--disable-warning=ExperimentalWarning', main, ...args]
  return ['sh', ['-c', `umask ${umask} && exec "$@"`, 'sh', ...node]]
}

const environment = { PATH: process.env['PATH'] ?? '', BANDPASS_MASTER_KEY: masterKey, OTHER_SECRET: masterKey }

function run(umask: string, ...args: readonly string[]) {
  const [command, rest] = commandLine(umask, args)
  return spawnSync(command, rest, { encoding: 'utf8', env: environment })
}

async function serving(umask: string, data: string): Promise<{ child: ChildProcess; stop: () => Promise<string> }> {
  const [command, rest] = commandLine(umask, ['serve', '--demo', '--data', data, ...small])
  const child = spawn(command, rest, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve())
    closed.then(
      () => reject(new Error(`the engine ended: ${stderr}`)),
      () => undefined,
    )
  })
  const stop = async () => {
    child.kill('SIGTERM')
    await closed
    return stderr
  }
  return { child, stop }
}

/** Every folder and file in `folder`, and itself, that others may enter, read or write. */
function openIn(folder: string): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return ['.', ...names].filter((name) => (statSync(join(folder, name)).mode & 0o077) !== 0)
}

describe.for(['022', '000'])('under a umask of %s', (umask) => {
  it('what an engine and a backup make is for their user alone, also in folders that were open before', async () => {
    const root = testFolder(onTestFinished)
    const [data, copy] = [join(root, 'state'), join(root, 'copy')]
    for (const folder of [data, copy]) {
      mkdirSync(folder)
      chmodSync(folder, 0o755)
    }
    const { stop } = await serving(umask, data)
    expect(run(umask, 'backup', '--data', data, '--to', copy)).toMatchObject({ status: 0 })
    expect(run(umask, 'backup', '--data', data, '--to', join(root, 'new', 'copy'))).toMatchObject({ status: 0 })
    expect([openIn(data), openIn(copy), openIn(join(root, 'new'))]).toEqual([[], [], []])
    await stop()
    expect(openIn(data)).toEqual([])
    expect(readdirSync(copy)).toEqual(
      expect.arrayContaining(['journal', 'keys.json', 'lists', 'manifest.json', 'view']),
    )
  }, 60_000)
})

describe('a data folder that others may read', () => {
  it('as a backup that was put in place carelessly, is closed at the start, and the log says that it was open', async () => {
    const root = testFolder(onTestFinished)
    const [data, copy, restored] = [join(root, 'data'), join(root, 'copy'), join(root, 'restored')]
    await (await serving('022', data)).stop()
    expect(run('022', 'backup', '--data', data, '--to', copy)).toMatchObject({ status: 0 })
    cpSync(copy, restored, { recursive: true })
    for (const name of ['.', 'journal', 'view', 'lists']) chmodSync(join(restored, name), 0o755)
    for (const folder of ['journal', 'view'])
      for (const name of readdirSync(join(restored, folder))) chmodSync(join(restored, folder, name), 0o644)
    expect(openIn(restored).length).toBeGreaterThan(5)
    const { stop } = await serving('022', restored)
    expect(openIn(restored)).toEqual([])
    expect(await stop()).toMatch(/"event":"data.closed"/)
  }, 60_000)

  it('is refused where a file with secrets of its own was open: who could read it may know them', async () => {
    const data = join(testFolder(onTestFinished), 'data')
    await (await serving('022', data)).stop()
    chmodSync(join(data, 'keys.json'), 0o640)
    const { status, stderr } = run('022', 'serve', '--data', data, ...small)
    expect(status).toBe(1)
    expect(stderr).toMatch(/keys\.json holds secrets.*chmod 600/)
  }, 60_000)

  it('says nothing when it was closed before', () => {
    const data = testFolder(onTestFinished)
    const { log, lines } = testLog()
    chmodSync(data, 0o700)
    closeDataFolder(data, join(data, 'lists'), log)
    expect(lines).toEqual([])
    writeFileSync(join(data, 'backed-up.json'), '', { mode: 0o644 })
    closeDataFolder(data, join(data, 'lists'), log)
    expect(lines).toMatchObject([{ event: 'data.closed', fields: { parts: 1 } }])
    expect(openIn(data)).toEqual([])
  })
})

const hasProc = process.platform === 'linux'

describe.skipIf(!hasProc)('the master key in the environment of an engine', () => {
  it('reaches no process that it starts, nor does any other secret of its environment', async () => {
    const data = join(testFolder(onTestFinished), 'data')
    const { stop } = await serving('022', data)
    await stop()
    await leaveLargeViewUnsealed(data)
    const seen = new Map<string, string>()
    const [command, rest] = commandLine('022', ['serve', '--demo', '--data', data, ...small])
    const child = spawn(command, rest, { env: environment, stdio: 'ignore' })
    onTestFinished(() => void child.kill('SIGKILL'))
    for (let look = 0; look < 20_000 && seen.size === 0; look++) {
      for (const [pid, block] of environmentsBelow(child.pid ?? 0)) seen.set(pid, block)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    expect(readFileSync(`/proc/${child.pid}/environ`, 'latin1')).toContain(masterKey)
    expect(seen.size).toBeGreaterThan(0)
    for (const block of seen.values()) expect(block).not.toMatch(new RegExp(`${masterKey}|BANDPASS|OTHER_SECRET`))
    child.kill('SIGKILL')
  }, 60_000)

  it('reaches no process that a command starts', async () => {
    const root = testFolder(onTestFinished)
    const data = join(root, 'data')
    const { stop } = await serving('022', data)
    await stop()
    await leaveLargeViewUnsealed(data)
    const seen = new Map<string, string>()
    const [command, rest] = commandLine('022', ['backup', '--data', data, '--to', join(root, 'copy')])
    const child = spawn(command, rest, { env: environment, stdio: 'ignore' })
    const ended = new Promise((resolve) => child.once('close', resolve))
    const over = { now: false }
    void ended.then(() => (over.now = true))
    while (!over.now) {
      for (const [pid, block] of environmentsBelow(child.pid ?? 0)) seen.set(pid, block)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    expect([await ended, seen.size > 0]).toEqual([0, true])
    for (const block of seen.values()) expect(block).not.toMatch(new RegExp(`${masterKey}|BANDPASS|OTHER_SECRET`))
  }, 60_000)
})

/** So that walking it takes a while: the process that does can be looked at. */
async function leaveLargeViewUnsealed(data: string): Promise<void> {
  const { keys } = loadMasterKeys({ data, file: undefined, environment, mayCreate: false })
  const view = await openView({ folder: join(data, 'view'), keyring: createKeyring(nodePrimitives, keys) })
  const rows = Array.from(
    { length: 30_000 },
    (_, i) => ({ table: 'move', key: `~${i}`, bytes: Buffer.alloc(40) }) as const,
  )
  await view.write(rows, view.appliedLsn)
  await view.close()
  rmSync(join(data, 'view', 'view.sealed'))
}

/** The environments of the processes below one, each as the kernel has it. */
function environmentsBelow(pid: number): readonly (readonly [string, string])[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    const children = threads.flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').split(' ').filter(Boolean),
    )
    return children.flatMap((child) => {
      // Between fork and exec it is still its parent.
      const isCheck = readFileSync(`/proc/${child}/cmdline`, 'latin1').includes('view-check-main')
      return isCheck ? [[child, readFileSync(`/proc/${child}/environ`, 'latin1')] as const] : []
    })
  } catch {
    return []
  }
}
