import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { Chores } from '../../engine/ports/chores.ts'
import { realClock } from './real-clock.ts'
import { startWatchdog } from './watchdog.ts'

const watchdog = new URL('./watchdog.ts', import.meta.url).href
const chores = new URL('../log/chore-log.ts', import.meta.url).href
const clock = new URL('./real-clock.ts', import.meta.url).href

/** Runs a program that has a watchdog of 400 ms. */
function run(body: string, stderr: 'pipe' | 'closed' = 'pipe') {
  const code = `import { startWatchdog } from '${watchdog}'; import { loggedChores } from '${chores}'; import { realClock } from '${clock}'
    const parts = { clock: realClock, chores: loggedChores(realClock, () => {}) }; const dog = startWatchdog(400, parts); ${body}`
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', code]
  if (stderr === 'pipe') return spawnSync(process.execPath, args, { encoding: 'utf8' })
  // A reader that has gone: writing to it fails.
  const quoted = [process.execPath, ...args].map((arg) => `'${arg.replaceAll("'", "'\\''")}'`).join(' ')
  const script = `exec 3> >(exec true); sleep 0.2; exec ${quoted} 2>&3`
  return spawnSync('bash', ['-c', script], { encoding: 'utf8' })
}

const hang = 'setTimeout(() => { for (;;); }, 200)'

describe('the watchdog', () => {
  it('kills a process whose event loop hangs, and says why', () => {
    const { signal, stderr } = run(hang)
    expect(signal).toBe('SIGKILL')
    expect(JSON.parse(stderr)).toMatchObject({ level: 'error', event: 'watchdog.hang' })
  })

  it('kills one that hangs in promises that never wait', () => {
    expect(run('setTimeout(async () => { for (;;) await null }, 200)').signal).toBe('SIGKILL')
  })

  it('kills it also when no one reads the log any more', () => {
    const { signal, status } = run(hang, 'closed')
    expect(signal ?? status).toBe('SIGKILL')
  })

  it('leaves a process alone that answers, and does not keep it alive', () => {
    const busy =
      'const end = performance.now() + 1200; const turn = () => performance.now() < end && setTimeout(turn, 50); turn()'
    expect(run(busy)).toMatchObject({ status: 0, signal: null, stderr: '' })
  })

  it('that cannot begin to watch ends nothing, is told once and tried again until it watches', async () => {
    const program = pathToFileURL(join(mkdtempSync(join(tmpdir(), 'bandpass-watchdog-')), 'thread.mjs'))
    onTestFinished(() => rmSync(new URL('.', program), { recursive: true }))
    const told: string[] = []
    const chores = new Chores({
      clock: realClock,
      told: (name, error) => told.push(`${name} ${error === undefined ? 'works' : 'fails'}`),
    })
    const dog = startWatchdog(60_000, { clock: realClock, chores, program })
    onTestFinished(() => dog.stop())
    await vi.waitFor(() => expect(chores.failing('watchdog')).toBe(1), { timeout: 10_000 })
    writeFileSync(program, 'setInterval(() => {}, 1000)')
    await vi.waitFor(() => expect(chores.failing('watchdog')).toBe(0), { timeout: 20_000 })
    expect([...new Set(told)]).toEqual(['watchdog fails', 'watchdog works'])
  }, 30_000)

  it('does nothing after it was stopped', () => {
    const body = 'await dog.stop(); const end = performance.now() + 900; while (performance.now() < end);'
    expect(run(body)).toMatchObject({ status: 0, signal: null })
  })
})
