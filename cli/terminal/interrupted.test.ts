import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { sampleLine } from '../../server/http/test-import.ts'
import { bandpass, bandpassProcess, testEngine, testFolder } from '../test-engine.ts'

const launcher = join(import.meta.dirname, '..', '..', 'bin', 'bandpass')
const line = (index: number) => `${JSON.stringify(sampleLine(index))}\n`

/** Resolves when the child has said it on stderr. */
function toldBy(child: ReturnType<typeof bandpassProcess>['child'], part: string): Promise<void> {
  let said = ''
  return new Promise((resolve) => {
    child.stderr.on('data', (text: string) => {
      said += text
      if (said.includes(part)) resolve()
    })
  })
}

/** Has the process this file open? */
function opens(pid: number | undefined, path: string): boolean {
  const descriptors = `/proc/${pid}/fd`
  return readdirSync(descriptors).some((fd) => {
    try {
      return readlinkSync(join(descriptors, fd)) === path
    } catch {
      return false
    }
  })
}

describe('an import', () => {
  it('that waits for lines ends at Ctrl-C with what it has read, and tells its totals', async () => {
    const data = testFolder(onTestFinished)
    const { server } = await testEngine(onTestFinished, data)
    const where = ['--url', server.url, '--admin-token', join(data, 'admin-token')]
    const child = spawn(launcher, ['import', '-', ...where], { stdio: 'pipe' })
    onTestFinished(() => void child.kill('SIGKILL'))
    const said = { stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text))
    child.stdin.write(`${line(1)}${line(2)}${line(3)}{}\n`)
    await expect.poll(() => said.stderr, { timeout: 20_000 }).toContain('line 4:')
    child.kill('SIGINT')
    const [status] = await once(child, 'close')
    expect([status, JSON.parse(said.stdout)]).toEqual([130, { read: 4, imported: 3, refused: 1, interrupted: true }])
    expect(said.stderr).toContain('SIGINT: ends in order and tells what was done; once more ends at once')
    expect(server.status().bands.offWrist).toBe(3)
  })

  it.for([
    ['that no program writes into', ':'],
    ['whose writer is silent', 'exec 3<>"$1"; exec sleep 60'],
  ] as const)('from a pipe %s ends at Ctrl-C', async ([, script]) => {
    const folder = testFolder(onTestFinished)
    const [file, token] = [join(folder, 'bands.ndjson'), join(folder, 'token')]
    execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', file])
    writeFileSync(token, 'a'.repeat(43), { mode: 0o600 })
    const writer = spawn('sh', ['-c', script, 'sh', file], { stdio: 'ignore' })
    onTestFinished(() => void writer.kill('SIGKILL'))
    const where = ['--url', 'http://127.0.0.1:1', '--admin-token', token]
    const { child, ended } = bandpassProcess(onTestFinished, 'import', file, ...where)
    // Its handlers are there as soon as it runs; that it waits at the pipe shows when a descriptor of it is open.
    await expect.poll(() => opens(child.pid, file), { timeout: 20_000 }).toBe(true)
    child.kill('SIGINT')
    const { status, stdout } = await ended
    expect([status, JSON.parse(stdout)]).toEqual([130, { read: 0, imported: 0, refused: 0, interrupted: true }])
  })

  it('whose engine does not answer waits for it at the first order to end, and ends at once at the second', async () => {
    const silent = createServer()
    const asked = once(silent, 'request')
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    onTestFinished(() => {
      silent.closeAllConnections()
      silent.close()
    })
    const address = silent.address()
    const folder = testFolder(onTestFinished)
    const [file, token] = [join(folder, 'bands.ndjson'), join(folder, 'token')]
    writeFileSync(file, line(1))
    writeFileSync(token, 'a'.repeat(43), { mode: 0o600 })
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
    const { child, ended } = bandpassProcess(onTestFinished, 'import', file, '--url', url, '--admin-token', token)
    await asked
    const told = toldBy(child, 'once more ends at once')
    child.kill('SIGTERM')
    await told
    await pause(300)
    expect([child.exitCode, child.signalCode]).toEqual([null, null])
    child.kill('SIGINT')
    expect((await ended).status).toBe(130)
  })
})

describe('work that cannot be ended in the middle', () => {
  it.for(['SIGINT', 'SIGTERM'] as const)('says at %s what it leaves behind, and not at SIGHUP', async (signal) => {
    const module = pathToFileURL(fileURLToPath(new URL('./interrupted.ts', import.meta.url))).href
    const early = JSON.stringify(fileURLToPath(new URL('../../bin/early.cjs', import.meta.url)))
    const script = `const { untilSignal } = await import('${module}')
      const work = untilSignal('remove it', () => new Promise((resolve) => setTimeout(resolve, 60_000)))
      console.log('works')
      await work`
    const flags = ['--disable-warning=ExperimentalWarning', '--require', JSON.parse(early)]
    const child = spawn(process.execPath, [...flags, '--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    await once(child.stdout, 'data')
    child.kill('SIGHUP')
    await pause(200)
    expect([child.exitCode, child.signalCode, stderr]).toEqual([null, null, ''])
    child.kill(signal)
    const [code] = await once(child, 'close')
    expect([code, stderr]).toEqual([130, `bandpass: interrupted by ${signal}: remove it\n`])
  })

  it.for([
    ['audit', 'verify'],
    ['backup', '--to', '{made}'],
    ['keys', 'rotate-master'],
  ] as const)('leaves nothing that cannot be begun anew, ended late in it: %s', async (command) => {
    const data = testFolder(onTestFinished)
    const { server } = await testEngine(onTestFinished, data)
    await server.stop()
    const made = join(testFolder(onTestFinished), 'made')
    const args = [...command.map((one) => (one === '{made}' ? made : one)), '--data', data]
    const startedAtMs = performance.now()
    expect(bandpass(...args).status).toBe(0)
    const tookMs = performance.now() - startedAtMs
    for (const part of [0.8, 0.95]) {
      rmSync(made, { recursive: true, force: true })
      const { child, ended } = bandpassProcess(onTestFinished, ...args)
      await pause(tookMs * part)
      child.kill('SIGINT')
      const { status, stderr } = await ended
      // Done before it came, ended by it, or before anything listened.
      expect([0, 130, null], `after ${part} of it: ${stderr}`).toContain(status)
    }
    rmSync(made, { recursive: true, force: true })
    expect(bandpass(...args)).toMatchObject({ status: 0 })
    expect(bandpass('audit', 'verify', '--data', data)).toMatchObject({ status: 0 })
  })
})
