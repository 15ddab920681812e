// Test fixture: a real engine in a process of its own, started by the launcher as an operator would, to be stopped or killed at
// will.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from './free-port.ts'

const launcher = join(import.meta.dirname, '..', '..', 'bin', 'bandpass')

export class ServingEngine {
  readonly folder: string
  readonly flags: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  port = 0
  /** Where the operators' page is. */
  operatorsUrl = ''
  /** Lines of its log, for a failing test to show. */
  readonly log: string[] = []
  #child: ChildProcess | undefined

  /** `environment` is added to that of the tests. */
  constructor(folder: string, flags: readonly string[] = [], environment: Readonly<Record<string, string>> = {}) {
    this.folder = folder
    this.flags = flags
    this.environment = environment
  }

  get pid(): number {
    const pid = this.#child?.pid
    if (pid === undefined) throw new Error('the engine is not running')
    return pid
  }

  /** Starts it on its folder, on the port it had before; resolves when it is ready. */
  async start(): Promise<void> {
    if (this.port === 0) this.port = await freePort()
    const child = spawn(launcher, ['serve', '--demo', '--data', this.folder, '--port', `${this.port}`, ...this.flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...this.environment },
    })
    this.#child = child
    createInterface({ input: child.stderr }).on('line', (line) => this.log.push(line))
    const lines = createInterface({ input: child.stdout })
    const ready = await new Promise<Ready>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`the engine ended with ${code}: ${this.log.slice(-5).join('\n')}`)))
      lines.on('line', (line) => {
        const said = readyOf(line)
        if (said !== undefined) resolve(said)
      })
    })
    const url = ready.operators ?? ''
    // Whatever waits for this engine at its old place would wait for ever.
    if (this.operatorsUrl !== '' && url !== this.operatorsUrl)
      throw new Error(`the page was at ${this.operatorsUrl}, and is at ${url} now: another program has its port`)
    this.operatorsUrl = url
  }

  /** `kill -9`: no handler runs. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** SIGTERM; resolves with its exit code, or the signal that ended it. */
  async stop(): Promise<number | NodeJS.Signals | null> {
    return this.#end('SIGTERM')
  }

  /** Resolves with its exit code, or the signal that ended it, when it ends by itself. */
  async ended(): Promise<number | NodeJS.Signals | null> {
    const child = this.#child
    if (child === undefined) return null
    return new Promise((resolve) => {
      child.once('exit', (code, by) => resolve(code ?? by))
    })
  }

  /** Resident memory, bytes. */
  residentBytes(): number {
    const pages = readFileSync(`/proc/${this.pid}/statm`, 'utf8').split(' ')[1]
    return Number(pages) * 4_096
  }

  demoFile(): string {
    return readFileSync(join(this.folder, 'demo.json'), 'utf8')
  }

  async #end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined) return null
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? child.signalCode
    const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
      child.once('exit', (code, by) => resolve(code ?? by))
    })
    child.kill(signal)
    return ended
  }
}

type Ready = { readonly port: number; readonly operators: string | null }

function readyOf(line: string): Ready | undefined {
  const parsed = JSON.parse(line) as { readonly ready?: Ready }
  return parsed.ready
}

/** Where in a data folder the journal's segments are. */
export function journalFolderOf(dataFolder: string): string {
  const folder = join(dataFolder, 'journal')
  if (!existsSync(folder) || readdirSync(folder).length === 0) throw new Error(`no journal in ${dataFolder}`)
  return folder
}
