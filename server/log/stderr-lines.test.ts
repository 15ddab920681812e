// What becomes of lines when the process ends, or when whoever reads them is slow or gone. Each in a process of its own.
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { waitingBytesMax } from './stderr-lines.ts'
import { testFolder } from './test-folder.ts'

/** Starts a program that has `log`. */
function program(code: string, stderr: 'pipe' | number = 'pipe') {
  const logModule = JSON.stringify(new URL('./log.ts', import.meta.url).href)
  const text = `import { stderrLog } from ${logModule}\nconst log = stderrLog('info')\n${code}`
  const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', text]
  const child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', stderr] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  child.stdout?.setEncoding('utf8').on('data', (more: string) => (said += more))
  const says = (what: string) =>
    new Promise<void>((resolve) => {
      const look = () => void (said.includes(what) && resolve())
      child.stdout?.on('data', look)
      look()
    })
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal))
  })
  return { child, says, ended }
}

function readAll(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = ''
  stream?.setEncoding('utf8').on('data', (more: string) => (text += more))
  return new Promise((resolve) => stream?.once('end', () => resolve(text)))
}

type Line = { readonly event: string; readonly n?: number; readonly lines?: number }

function linesOf(text: string): readonly Line[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Line => JSON.parse(line))
}

const endings = {
  'is told to end': { code: 'process.exit(3)', status: 3 },
  'dies of a bug': { code: "throw new Error('bug')", status: 1 },
  'is killed': { code: "process.kill(process.pid, 'SIGKILL')", status: 'SIGKILL' },
  'aborts in native code': { code: 'process.abort()', status: 'SIGABRT' },
} as const

describe('the log on stderr', () => {
  it.for(Object.entries(endings))('has every line when the process %s right after', async ([, { code, status }]) => {
    const { child, ended } = program(`for (let n = 0; n < 100; n++) log('error', 'last.words', { n })\n${code}`)
    const text = readAll(child.stderr)
    expect(await ended).toBe(status)
    const lines = (await text).split('\n').filter((line) => line.startsWith('{"level"'))
    expect(lines.map((line) => JSON.parse(line).n)).toEqual(Array.from({ length: 100 }, (_, n) => n))
  })

  it('does not hold up the process whose lines nobody reads, keeps what it can and says how many are lost', async () => {
    const writes = 3 * Math.ceil(waitingBytesMax / 1_000)
    const { child, says, ended } = program(`
      const note = '. '.repeat(450)
      for (let n = 0; n < ${writes}; n++) log('info', 'much', { n, note })
      process.stdout.write('goes on')
      process.stdin.on('error', () => {})
      const idle = setInterval(() => {}, 1000)
      process.on('SIGTERM', () => { log('info', 'much', { n: ${writes} }); clearInterval(idle) })
    `)
    await says('goes on')
    const text = readAll(child.stderr)
    let seen = 0
    await new Promise<void>((resolve) => {
      child.stderr?.on('data', (more: string) => {
        seen += more.length
        if (seen >= waitingBytesMax) resolve()
      })
    })
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
    const lines = linesOf(await text)
    const kept = lines.filter((line) => line.event === 'much').map((line) => line.n ?? -1)
    const lost = lines.filter((line) => line.event === 'log.lost').reduce((sum, line) => sum + (line.lines ?? 0), 0)
    expect(kept.slice(0, 1_000)).toEqual(Array.from({ length: 1_000 }, (_, n) => n))
    expect(kept.at(-1)).toBe(writes)
    expect(lost).toBeGreaterThan(0)
    expect(kept.length + lost).toBe(writes + 1)
  })

  it('does not end the process whose lines nobody can read any more', async () => {
    const { child, says, ended } = program(`
      process.on('SIGTERM', () => {
        for (let n = 0; n < 1000; n++) log('info', 'to.nobody', { n })
        setTimeout(() => process.exit(7), 50)
      })
      process.stdout.write('started')
      setInterval(() => {}, 1000)
    `)
    await says('started')
    child.stderr?.destroy()
    child.kill('SIGTERM')
    expect(await ended).toBe(7)
  })

  it('ends in time with a reader that is stuck', async () => {
    const { says, ended } = program(`
      for (let n = 0; n < 200; n++) log('info', 'much', { n, note: '. '.repeat(450) })
      process.stdout.write('written')
      process.exit(0)
    `)
    await says('written')
    // `close` waits until its stderr is read, `exit` does not: so it did end.
    expect(await ended).toBe(0)
  })

  it('is whole in a file too', async () => {
    const path = join(testFolder(onTestFinished), 'log')
    const file = openSync(path, 'a')
    const { ended } = program("for (let n = 0; n < 500; n++) log('info', 'filed', { n })", file)
    closeSync(file)
    expect(await ended).toBe(0)
    expect(linesOf(readFileSync(path, 'utf8'))).toHaveLength(500)
  })

  it.runIf(process.platform === 'linux')('goes on with a full disk under it', async () => {
    const full = openSync('/dev/full', 'w')
    const { ended } = program("for (let n = 0; n < 500; n++) log('info', 'filed', { n })\nprocess.exit(5)", full)
    closeSync(full)
    expect(await ended).toBe(5)
  })
})
