// Runner of the commands of the first hour, as an operator types them: operators are added by `bandpass operator add`, and
// `bandpass loadtest` is the fleet.

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import type { ServingEngine } from '../support/serving-engine.ts'

const bandpass = join(import.meta.dirname, '..', '..', 'bin', 'bandpass')

/** Lists an admin; the token. */
export async function addOperator(engine: ServingEngine, name: string): Promise<string> {
  const args = ['operator', 'add', name, '--role', 'admin', '--data', engine.folder]
  const { stdout } = await promisify(execFile)(bandpass, args)
  const { token } = JSON.parse(stdout) as { readonly token: string }
  return token
}

export class SmallFleet {
  readonly #load: ChildProcess
  readonly #gone: Promise<void>

  private constructor(load: ChildProcess) {
    this.#load = load
    this.#gone = new Promise((resolve) => {
      load.once('exit', () => resolve())
    })
  }

  /** Thirty bands that pay five times a second together; resolves when they do. */
  static async bring(engine: ServingEngine): Promise<SmallFleet> {
    const where = ['--url', `http://localhost:${engine.port}`, '--admin-token', join(engine.folder, 'admin-token')]
    const what = ['--bands', '30', '--rate', '5', '--seconds', '3600', '--seed', 'first-hour']
    const load = spawn(bandpass, ['loadtest', ...where, ...what], { stdio: ['ignore', 'pipe', 'inherit'] })
    const fleet = new SmallFleet(load)
    const lines = createInterface({ input: load.stdout })
    await new Promise<void>((resolve, reject) => {
      load.once('exit', (code) => reject(new Error(`the fleet ended with ${code}`)))
      lines.on('line', (line) => {
        if (line.startsWith('loading')) resolve()
      })
    })
    return fleet
  }

  async leave(): Promise<void> {
    this.#load.kill('SIGTERM')
    await this.#gone
  }
}
