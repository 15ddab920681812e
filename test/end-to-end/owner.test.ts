// Root's hand in a service user's folder: whatever a command of root's makes or replaces there is the service's, so the engine reads it
// and starts on it. Who is not root runs the same with one user.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'

const launcher = join(import.meta.dirname, '..', '..', 'bin', 'bandpass')
const isRoot = process.getuid?.() === 0
const service = isRoot ? 65_534 : (process.getuid?.() ?? 0)
const asService = isRoot ? ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'] : ['env']
const small = ['--port', '0', '--operators-port', 'off', '--journal-segment-bytes', '1048576'] as const

/** A folder that the service user may enter, with a data folder of its own in it. */
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bandpass-owner-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  chmodSync(folder, 0o755)
  const data = join(folder, 'data')
  mkdirSync(data, { mode: 0o700 })
  if (isRoot) chownSync(data, service, service)
  return data
}

/** By root, under a umask that leaves others nothing. */
function byRoot(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', 'umask 077; exec "$@"', 'sh', launcher, ...args], {
    encoding: 'utf8',
  })
  expect({ status, stderr }, args.join(' ')).toMatchObject({ status: 0 })
  return stdout
}

async function serving(data: string): Promise<{ child: ChildProcess; log: () => string; stop: () => Promise<number> }> {
  const [command = '', ...before] = asService
  const child = spawn(command, [...before, launcher, 'serve', '--data', data, ...small], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const closed = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? -1)))
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve())
    void closed.then(() => reject(new Error(`the engine ended: ${stderr}`)))
  })
  const stop = () => {
    child.kill('SIGTERM')
    return closed
  }
  return { child, log: () => stderr, stop }
}

/** What in `folder` is not the service's. */
function foreignIn(folder: string): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return ['.', ...names].filter((name) => {
    const { uid, gid } = lstatSync(join(folder, name))
    return uid !== service || (isRoot && gid !== service)
  })
}

describe("what root changes in a service user's data folder", () => {
  it('is known to the running engine, stays the service’s, and is no obstacle to its next start', async () => {
    const data = newFolder()
    const engine = await serving(data)
    byRoot('partner', 'add', '--name', 'Shop', '--data', data)
    byRoot('vendor', 'add', '--vendor', '7', '--name', 'Works', '--root', 'ab'.repeat(32), '--data', data)
    byRoot('operator', 'add', 'alice', '--role', 'admin', '--data', data)
    byRoot('keys', 'rotate', 'receipt', '--data', data)
    byRoot('backup', '--data', data, '--to', join(data, '..', 'backup'))
    expect(foreignIn(data)).toEqual([])
    engine.child.kill('SIGHUP')
    await expect.poll(engine.log, { timeout: 20_000 }).toMatch(/file\.reloaded[^]*partners\.json/)
    expect(engine.log()).not.toContain('file.not-reloaded')
    expect(await engine.stop()).toBe(0)
    byRoot('audit', 'verify', '--data', data)
    byRoot('keys', 'rotate-master', '--data', data)
    expect(foreignIn(data)).toEqual([])
    expect(await (await serving(data)).stop()).toBe(0)
  })

  it('is the service’s when root makes the folder’s content, by a list or a restore', async () => {
    const data = newFolder()
    byRoot('partner', 'add', '--name', 'Shop', '--data', data)
    expect(foreignIn(data)).toEqual([])
    const engine = await serving(data)
    const backup = join(data, '..', 'backup')
    byRoot('backup', '--data', data, '--to', backup)
    await engine.stop()
    const restored = join(data, '..', 'restored')
    mkdirSync(restored, { mode: 0o700 })
    if (isRoot) chownSync(restored, service, service)
    const key = join(data, 'master.key')
    byRoot('restore', '--from', backup, '--to', restored, '--master-key-file', key)
    expect(foreignIn(restored)).toEqual([])
    writeFileSync(join(restored, 'master.key'), readFileSync(key), { mode: 0o600 })
    if (isRoot) chownSync(join(restored, 'master.key'), service, service)
    expect(await (await serving(restored)).stop()).toBe(0)
  })

  it('keeps a mode that was closed further, and heals what an earlier slip left to root', () => {
    const data = newFolder()
    byRoot('partner', 'add', '--name', 'Shop', '--data', data)
    const partners = join(data, 'lists', 'partners.json')
    chmodSync(partners, 0o400)
    if (isRoot) chownSync(partners, 0, 0)
    byRoot('partner', 'add', '--name', 'Bakery', '--data', data)
    expect(statSync(partners)).toMatchObject({ uid: service })
    expect(statSync(partners).mode & 0o777).toBe(0o400)
  })

  it('is never what a link in that folder leads to', () => {
    const data = newFolder()
    byRoot('partner', 'add', '--name', 'Shop', '--data', data)
    const other = join(data, '..', 'of-root')
    writeFileSync(other, 'as it was')
    const lock = join(data, 'lists', 'lock')
    rmSync(lock, { force: true })
    symlinkSync(other, lock)
    const { status, stderr } = spawnSync(launcher, ['partner', 'add', '--name', 'Bakery', '--data', data], {
      encoding: 'utf8',
    })
    expect(status).toBe(1)
    expect(stderr).toMatch(/^bandpass: .*ELOOP.*\n$/)
    expect(readFileSync(other, 'utf8')).toBe('as it was')
    expect(statSync(other).uid).toBe(process.getuid?.())
  })
})
