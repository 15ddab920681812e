// Handle of the writer thread of the view: a batch of thousands of rows costs tens of milliseconds, which the engine's thread does not have.
// It begins with the first write. Here is the engine's side; view-writer-main.ts is the other.

import { Worker } from 'node:worker_threads'
import type { Lsn } from '../../engine/ports/journal.ts'
import { type GateWord, createGate } from '../files/thread-gate.ts'
import type { ViewDigest } from './view-digest.ts'

/** What the engine's side asks. `write`: packed rows without their MACs, how far they reach, and the digest before them. */
export type WriterRequest =
  | { readonly type: 'write'; readonly packed: Uint8Array; readonly appliedLsn: Lsn; readonly digest: ViewDigest }
  | { readonly type: 'close' }

/** What comes back, once for each request. */
export type WriterAnswer =
  | { readonly type: 'written'; readonly digest: ViewDigest }
  | { readonly type: 'closed' }
  | { readonly type: 'failed'; readonly message: string; readonly code: unknown }

type WriterOptions = { readonly path: string; readonly mapBytes: number; readonly macKey: Uint8Array }

/** What the thread is started with. */
export type WriterThreadOptions = WriterOptions & { readonly gate: GateWord }

export class ViewWriter {
  readonly #options: WriterOptions
  #worker: Worker | undefined

  constructor(options: WriterOptions) {
    this.#options = options
  }

  /** Writes packed rows (their buffer is transferred) and the state row in one transaction; resolves when that is on disk. */
  async write(packed: Uint8Array<ArrayBuffer>, appliedLsn: Lsn, digest: ViewDigest): Promise<ViewDigest> {
    const answer = await this.#ask({ type: 'write', packed, appliedLsn, digest }, [packed.buffer])
    if (answer.type !== 'written') throw new Error(`the view's writer answered ${answer.type} to write`)
    return answer.digest
  }

  async close(): Promise<void> {
    const worker = this.#worker
    if (worker === undefined) return
    await this.#ask({ type: 'close' }, [])
    this.#worker = undefined
    await worker.terminate()
  }

  /** One request at a time. Rejects with lmdb's error, or when the thread ended. */
  async #ask(request: WriterRequest, transfer: readonly ArrayBuffer[]): Promise<WriterAnswer> {
    const worker = (this.#worker ??= this.#start())
    const answer = await new Promise<WriterAnswer>((resolve, reject) => {
      const forget = () => {
        worker.off('message', answered)
        worker.off('error', failed)
        worker.off('exit', ended)
        worker.unref()
      }
      const answered = (message: WriterAnswer) => {
        forget()
        resolve(message)
      }
      const failed = (error: unknown) => {
        forget()
        this.#worker = undefined
        reject(error)
      }
      const ended = () => failed(new Error('the thread that writes the view ended'))
      worker.on('message', answered)
      worker.on('error', failed)
      worker.on('exit', ended)
      worker.ref()
      worker.postMessage(request, transfer)
    })
    if (answer.type === 'failed') throw Object.assign(new Error(answer.message), { code: answer.code })
    return answer
  }

  #start(): Worker {
    const gate = createGate()
    const workerData: WriterThreadOptions = { ...this.#options, gate: gate.word }
    const worker = new Worker(new URL('./view-writer-main.ts', import.meta.url), {
      workerData,
      env: {},
      // Not the process's own: some (--input-type, --test) are refused for a file.
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    worker.unref()
    // Between two requests as well: a thread that ends then ends nothing else, and the next request begins another.
    const gone = (): void => {
      if (this.#worker === worker) this.#worker = undefined
    }
    worker.on('error', gone)
    worker.on('exit', () => {
      gate.remove()
      gone()
    })
    return worker
  }
}
