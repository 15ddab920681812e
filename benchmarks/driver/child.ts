// Child processes and their resource usage: servers under test run in processes of their own, and what they use is read from
// /proc, the same for every one of them: an engine in Node, a Redis, a PostgreSQL with its forty processes.

import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const runFlags = ['--disable-sigusr1', '--disable-proto=delete', '--disable-warning=ExperimentalWarning']
const startWithinMs = 30_000
const lastWordsMax = 4_000

export type Child = {
  readonly pid: number
  /** The message or line with which it said that it is ready. */
  readonly ready: object
  /** Resolves when it is gone. */
  readonly gone: Promise<void>
  /** SIGKILL, then waits until it is gone. */
  readonly kill: () => Promise<void>
  /** SIGTERM or another signal; waits until it is gone. */
  readonly end: (signal?: NodeJS.Signals) => Promise<void>
}

/** Runs a file of benchmarks/, by its path from there, and waits for its message `{ type: 'ready', … }`. */
export function startBenchChild(file: string, args: readonly string[]): Promise<Child> {
  const path = fileURLToPath(new URL(`../${file}`, import.meta.url))
  const child = spawn(process.execPath, [...runFlags, path, ...args], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  return ready(child, file, (tell) => {
    child.on('message', (message) => {
      if (typeof message === 'object' && 'type' in message && message.type === 'ready') tell(message)
    })
  })
}

/** Runs `bandpass serve` and waits for its line `{ "ready": … }`. */
export function startServe(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Child> {
  const bandpass = fileURLToPath(new URL('../../bin/bandpass', import.meta.url))
  const child = spawn(bandpass, ['serve', ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, ...environment },
  })
  return ready(child, 'bandpass serve', (tell) => {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\n').filter((one) => one.startsWith('{"ready"'))) {
        const told: unknown = JSON.parse(line)
        if (isReadyLine(told)) tell(told.ready)
      }
    })
  })
}

/** Runs any program; `isReady` is asked every few ms. */
export function startProgram(
  command: string,
  args: readonly string[],
  options: {
    readonly isReady: () => Promise<boolean>
    readonly uid?: number
    readonly gid?: number
    readonly cwd: string
  },
): Promise<Child> {
  const { isReady, ...spawnOptions } = options
  const child = spawn(command, args, { ...spawnOptions, stdio: ['ignore', 'pipe', 'pipe'] })
  return ready(child, command, (tell) => {
    const look = (): void => {
      if (child.exitCode !== null) return
      isReady().then(
        (is) => (is ? tell({}) : void setTimeout(look, 20)),
        () => setTimeout(look, 20),
      )
    }
    look()
  })
}

function isReadyLine(told: unknown): told is { readonly ready: object } {
  return typeof told === 'object' && told !== null && 'ready' in told && typeof told.ready === 'object'
}

function ready(child: ChildProcess, name: string, watch: (tell: (message: object) => void) => void): Promise<Child> {
  let words = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-lastWordsMax)
    })
  }
  running.add(child)
  const gone = new Promise<void>((resolve) => {
    child.once('close', () => {
      running.delete(child)
      resolve()
    })
  })
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal)
    return gone
  }
  return new Promise((resolve, reject) => {
    const failed = (why: string): void => {
      child.kill('SIGKILL')
      reject(new Error(`${name} ${why}:\n${words}`))
    }
    const timer = setTimeout(() => failed(`was not ready in ${startWithinMs} ms`), startWithinMs)
    child.once('error', (error) => failed(`did not start: ${error.message}`))
    void gone.then(() => {
      clearTimeout(timer)
      failed('ended')
    })
    watch((message) => {
      clearTimeout(timer)
      resolve({
        pid: child.pid ?? 0,
        ready: message,
        gone,
        kill: () => end('SIGKILL'),
        end: (signal = 'SIGTERM') => end(signal),
      })
    })
  })
}

/** Nothing that a benchmark started outlives it, however it ends. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => process.exit(signal === 'SIGINT' ? 130 : 143))
}

/** What a process and its children used and hold. */
export type ProcessFigures = {
  /** User and system time since each began, ms. */
  readonly cpuMs: number
  /** Memory of their own, and pages of files they have mapped, MB. A page that several share counts once for each. */
  readonly anonMb: number
  readonly fileMb: number
}

/** Clock ticks a second in /proc (man 5 proc: `sysconf(_SC_CLK_TCK)`); 100 on every Linux that Node runs on. */
const ticksPerSecond = 100

/** Figures of a process and everything it started. Linux only. */
export function processFigures(pid: number): ProcessFigures {
  const family = familyOf(pid)
  let cpuMs = 0
  let anonMb = 0
  let fileMb = 0
  for (const one of family) {
    const fields = statOf(one)
    const status = fileOf(`/proc/${one}/status`)
    if (fields === undefined) continue
    // utime, stime; and of the root what its dead children used (cutime, cstime), fields 14 to 17 of proc(5).
    cpuMs += ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSecond
    if (one === pid) cpuMs += ((Number(fields[13]) + Number(fields[14])) * 1_000) / ticksPerSecond
    anonMb += kilobytes(status, 'RssAnon') / 1_024
    fileMb += (kilobytes(status, 'RssFile') + kilobytes(status, 'RssShmem')) / 1_024
  }
  return { cpuMs, anonMb, fileMb }
}

function familyOf(pid: number): ReadonlySet<number> {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const fields = statOf(Number(name))
    if (fields !== undefined) parents.set(Number(name), Number(fields[1]))
  }
  const family = new Set([pid])
  for (let before = 0; before !== family.size;) {
    before = family.size
    for (const [child, parent] of parents) if (family.has(parent)) family.add(child)
  }
  return family
}

/** The fields after the name: state, parent, … The name may hold spaces and brackets. */
function statOf(pid: number): readonly string[] | undefined {
  const stat = fileOf(`/proc/${pid}/stat`)
  return stat === '' ? undefined : stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function fileOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function kilobytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0)
}
