// `bandpass top` on a terminal, beside an engine that goes and comes back. The terminal is one that script(1) of util-linux makes.

import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { ServingEngine } from '../support/serving-engine.ts'

const launcher = join(import.meta.dirname, '..', '..', 'bin', 'bandpass')
const hasScript = spawnSync('script --version', { shell: true, encoding: 'utf8' }).stdout.includes('util-linux')
const escape = '\u001b'
const sequences = new RegExp(`${escape}\\[[0-9;?]*[A-Za-z]`, 'g')
const patience = { timeout: 60_000, interval: 100 }

async function servingEngine(): Promise<ServingEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'bandpass-top-'))
  const engine = new ServingEngine(folder, ['--journal-segment-bytes', '1048576'])
  onTestFinished(async () => {
    await engine.kill()
    rmSync(folder, { recursive: true, force: true })
  })
  await engine.start()
  return engine
}

/** Watches on a terminal of 70 columns and 12 rows, whose settings are printed before and after. */
function watching({ port, folder }: ServingEngine) {
  const top = `${launcher} top --url http://127.0.0.1:${port} --admin-token ${join(folder, 'admin-token')}`
  const shell = `stty cols 70 rows 12; echo "before=$(stty -g)"; ${top}; echo "ended=$?"; echo "after=$(stty -g)"`
  const { NO_COLOR: _unset, ...environment } = process.env
  const child = spawn('script', ['-qec', shell, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...environment, TERM: 'xterm', LC_ALL: 'C.UTF-8' },
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const seen = { text: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (seen.text += text))
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve())
  })
  return { seen, ended, press: (key: string) => child.stdin.write(key) }
}

/** The pictures so far, newest last, as lines of text. */
function picturesOf(text: string): readonly (readonly string[])[] {
  return text
    .split('\u001b[H')
    .slice(1)
    .map((picture) => picture.replaceAll(sequences, '').split(/\r+\n/))
}

it.runIf(hasScript).for([
  ['q', 'q'],
  ['Ctrl-C', '\u0003'],
])('On a terminal it draws within its size until %s, and leaves it as it was', async ([, key]) => {
  const engine = await servingEngine()
  const { seen, ended, press } = watching(engine)
  await vi.waitFor(() => expect(picturesOf(seen.text).length).toBeGreaterThan(2), patience)
  press(key ?? 'q')
  await ended
  expect(seen.text).toContain('\u001b[?1049h')
  const [, afterwards = ''] = seen.text.split('\u001b[?25h\u001b[?1049l')
  expect(afterwards).toContain('ended=0')
  expect(/before=(\S+)/.exec(seen.text)?.[1]).toBe(/after=(\S+)/.exec(afterwards)?.[1])
  for (const picture of picturesOf(seen.text.split('\u001b[?25h')[0] ?? '').slice(1)) {
    expect(picture.length).toBeLessThanOrEqual(12)
    for (const line of picture) expect(line.length, JSON.stringify(line)).toBeLessThan(70)
  }
  expect(picturesOf(seen.text)[1]?.[0]).toMatch(/^Bandpass \S+ at http/)
})

it.runIf(hasScript)('It says when the engine is gone, and goes on by itself when another has started', async () => {
  const engine = await servingEngine()
  const { seen, ended, press } = watching(engine)
  const newest = () => (picturesOf(seen.text).at(-1) ?? []).join('\n')
  await vi.waitFor(() => expect(newest()).toContain('ready'), patience)
  await engine.kill()
  await vi.waitFor(() => expect(newest()).toMatch(/no answer for \d+ s: .*/), patience)
  await engine.start()
  await vi.waitFor(() => expect(newest()).toContain('the engine was started again'), patience)
  expect(newest()).not.toContain('no answer')
  press('q')
  await ended
  expect(seen.text).toContain('ended=0')
})
