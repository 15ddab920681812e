// An engine in a process of its own: the demo's numbers are those of the real thing, over a real socket, not of two
// programs that share one event loop.

import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { StatusLine } from './serve.ts'

type ReadyLine = {
  readonly url: string
  readonly port: number
  readonly listener: string
  readonly durability: string
}

export type EngineProcess = {
  readonly ready: ReadyLine
  /** The last counters it told. */
  readonly status: () => StatusLine | undefined
  /** Resolves when the process is gone, with what it last said on stderr. */
  readonly gone: Promise<string>
  readonly stop: () => Promise<void>
}

const startWithinMs = 30_000
const stopWithinMs = 15_000
const lastWordsMax = 4_000

/** Starts `bandpass serve` with these arguments; rejects with what it said when it does not get ready. */
export async function startEngineProcess(args: readonly string[]): Promise<EngineProcess> {
  const bandpass = fileURLToPath(new URL('../../bin/bandpass', import.meta.url))
  const child = spawn(bandpass, ['serve', ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // A group of its own: Ctrl-C is for us, who stop it in order. Should we vanish, the closed channel stops it.
    detached: true,
  })
  const gone = lastWordsOf(child)
  let status: StatusLine | undefined
  const ready = await new Promise<ReadyLine>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new EngineNotStarted(`the engine was not ready in ${startWithinMs} ms`)),
      startWithinMs,
    )
    forEachLine(child, (line) => {
      if ('ready' in line && isReady(line.ready)) {
        clearTimeout(timer)
        resolve(line.ready)
      }
      if ('status' in line && isStatus(line.status)) status = line.status
    })
    gone.then(
      (words) => {
        clearTimeout(timer)
        reject(new EngineNotStarted(`the engine did not start:\n${words}`))
      },
      () => undefined,
    )
  }).catch((error: unknown) => {
    child.kill('SIGKILL')
    throw error
  })
  return { ready, status: () => status, gone, stop: () => stop(child, gone) }
}

/** The engine's process ended, or said nothing, before it was ready. */
class EngineNotStarted extends Error {
  override readonly name = 'EngineNotStarted'
}

async function stop(child: ChildProcess, gone: Promise<string>): Promise<void> {
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), stopWithinMs)
  await gone
  clearTimeout(timer)
}

function lastWordsOf(child: ChildProcess): Promise<string> {
  let words = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-lastWordsMax)
  })
  return new Promise((resolve) => {
    // Every time: one that could not be killed says so too, and nothing else hears it.
    child.on('error', (error) => resolve(`${words}${error.message}`))
    child.once('close', () => resolve(words))
  })
}

function forEachLine(child: ChildProcess, work: (line: object) => void): void {
  let rest = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const parsed = parsedOr(line)
      if (typeof parsed === 'object' && parsed !== null) work(parsed)
    }
  })
}

/** What is no JSON is no line of ours: something that the engine loads may talk. */
function parsedOr(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function isReady(value: unknown): value is ReadyLine {
  return typeof value === 'object' && value !== null && 'url' in value && 'listener' in value && 'durability' in value
}

function isStatus(value: unknown): value is StatusLine {
  return typeof value === 'object' && value !== null && 'bands' in value && 'took' in value
}
