// Linux namespaces for tests: processes in namespaces of their own, as in two containers on one machine that share a data folder:
// process ids and the host name say nothing about each other there.

import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const launcher = join(import.meta.dirname, '..', '..', 'bin', 'bandpass')
/** Who is not root gets the namespaces through one of users. */
const asUser = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']

export class Contained {
  /** Of `unshare`, which waits for the process 1 of the container. */
  readonly child: ChildProcess
  readonly said = { stdout: '', stderr: '' }
  readonly ended: Promise<number | NodeJS.Signals | null>

  /** `bandpass` with these arguments as process 1 there, or as a later one, as behind an init. */
  constructor(hostname: string, args: readonly string[], pid: 'first' | 'later' = 'first') {
    const run = pid === 'first' ? 'exec "$@"' : '"$@"; exit $?'
    const script = `hostname "$1"; shift; ${run}`
    const namespaces = [...asUser, '--pid', '--uts', '--fork', '--kill-child', '--mount-proc']
    this.child = spawn('unshare', [...namespaces, 'sh', '-c', script, 'sh', hostname, launcher, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.said.stdout += text))
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.said.stderr += text))
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => resolve(code ?? signal))
    })
  }

  /** Resolves when it says that it is ready; rejects with what it said when it ends before. */
  async ready(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (this.said.stdout.includes('"ready"')) resolve()
      }
      this.child.stdout?.on('data', look)
      look()
      void this.ended.then((how) => reject(new Error(`it ended with ${how}: ${this.said.stderr.slice(-2_000)}`)))
    })
  }

  /** The pid of its process 1 as seen from here; undefined before it is there, and when it is gone. */
  get pid(): number | undefined {
    try {
      const children = readFileSync(`/proc/${this.child.pid}/task/${this.child.pid}/children`, 'utf8').trim()
      return children === '' ? undefined : Number(children.split(' ')[0])
    } catch {
      return undefined
    }
  }

  /** Sends a signal to its process 1, as `docker stop` and `docker kill` do. */
  signal(signal: NodeJS.Signals): void {
    const { pid } = this
    if (pid !== undefined) process.kill(pid, signal)
  }
}
