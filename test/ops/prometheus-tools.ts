// Wrapper of Debian's prometheus and promtool for the tests beside this file: programs of the system, brought by
// scripts/install-debian.sh prometheus.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { freePort } from '../support/free-port.ts'

/** Programs of the system, not of a package. */
const system = { prometheus: 'prometheus', promtool: 'promtool' } as const

/** Whether both are here; says so when they are not, once for each file that asks. */
export function hasPrometheus(): boolean {
  const isHere = Object.values(system).every((program) => spawnSync(program, ['--version']).status === 0)
  if (!isHere)
    console.log('skipped: Prometheus is not installed here; as root, scripts/install-debian.sh prometheus brings it')
  return isHere
}

/** Runs promtool; what it said, on both streams, and how it ended. */
export function promtool(
  args: readonly string[],
  input = '',
): { readonly status: number | null; readonly said: string } {
  const { status, stdout, stderr } = spawnSync(system.promtool, args, { input, encoding: 'utf8' })
  return { status, said: stdout + stderr }
}

/** A Prometheus of its own, on a free port of this machine, with its data in `folder`. */
export class OwnPrometheus {
  readonly url: string
  readonly #child: ChildProcess
  readonly #said: string[] = []
  readonly #ended: Promise<unknown>

  private constructor(configPath: string, folder: string, port: number) {
    this.url = `http://127.0.0.1:${port}`
    const flags = [
      `--config.file=${configPath}`,
      `--storage.tsdb.path=${folder}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]
    this.#child = spawn(system.prometheus, flags, { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#child.stderr?.on('data', (chunk: Buffer) => this.#said.push(chunk.toString()))
    this.#ended = new Promise((resolve) => this.#child.once('exit', resolve))
  }

  static async start(configPath: string, folder: string): Promise<OwnPrometheus> {
    return new OwnPrometheus(configPath, folder, await freePort())
  }

  /** Its log so far. */
  get said(): string {
    return this.#said.join('')
  }

  /** Asks its HTTP API; the `data` of the answer. Throws with what it said when that is no success. */
  async ask(path: string, form: Readonly<Record<string, string>> = {}): Promise<unknown> {
    const answer = await fetch(`${this.url}/api/v1/${path}?${new URLSearchParams(form).toString()}`)
    const body = (await answer.json()) as { readonly status: string; readonly data?: unknown; readonly error?: string }
    if (answer.status !== 200 || body.status !== 'success')
      throw new Error(`${answer.status}: ${body.error ?? body.status}`)
    return body.data
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM')
    await this.#ended
  }
}
