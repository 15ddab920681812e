// Handles on the worker threads of a load, for the coordinating thread: started, asked, answered, ended together.

import type { RecordableHistogram } from 'node:perf_hooks'
import { Worker } from 'node:worker_threads'
import type { CarrierPlan } from '../wire/carriers.ts'
import type { PartnerKey } from '../wire/offer-writer.ts'
import type { Stretch, StretchEnd } from './stretch.ts'

/** What a thread is started with. */
export type LoadOrder = {
  readonly seed: string
  readonly worker: number
  readonly share: { readonly first: number; readonly count: number }
  readonly carriers: CarrierPlan
  readonly partner: PartnerKey
  readonly floodToken: string
  readonly counters: SharedArrayBuffer
}

export type ThreadAsk =
  | { readonly type: 'link' }
  | { readonly type: 'run'; readonly stretch: Stretch }
  | { readonly type: 'end-early' }
  | { readonly type: 'stop' }

/** Histograms are handed over by reference: both threads see one. */
export type ThreadLatencies = {
  readonly all: RecordableHistogram
  readonly interval: RecordableHistogram
  readonly live: RecordableHistogram
}

export type ThreadAnswer =
  | { readonly type: 'ready'; readonly latencies: ThreadLatencies }
  | { readonly type: 'linked' }
  | { readonly type: 'ran'; readonly end: StretchEnd }
  | { readonly type: 'gave-up'; readonly why: string }

/** A load that cannot go on: its sockets are refused, its bands unknown, its thread dead. */
export class LoadFailed extends Error {
  override readonly name = 'LoadFailed'
}

export class LoadThread {
  readonly #worker: Worker
  #waiting: { readonly resolve: (answer: ThreadAnswer) => void; readonly reject: (error: Error) => void } | undefined
  #failed: Error | undefined
  #isEnding = false

  private constructor(order: LoadOrder) {
    this.#worker = new Worker(new URL('./load-thread.ts', import.meta.url), { workerData: order, env: {} })
    this.#worker.on('message', (answer: ThreadAnswer) => {
      if (answer.type === 'gave-up') this.#fail(new LoadFailed(answer.why))
      else this.#settle(answer)
    })
    this.#worker.on('error', (error) => this.#fail(error instanceof Error ? error : new LoadFailed(String(error))))
    this.#worker.on('exit', (code) => {
      if (!this.#isEnding) this.#fail(new LoadFailed(`a load thread ended with ${code}`))
    })
  }

  static async start(order: LoadOrder): Promise<{ readonly thread: LoadThread; readonly latencies: ThreadLatencies }> {
    const thread = new LoadThread(order)
    const answer = await thread.#next()
    if (answer.type !== 'ready') throw new LoadFailed(`a load thread answered ${answer.type} at its start`)
    return { thread, latencies: answer.latencies }
  }

  async link(): Promise<void> {
    await this.#ask({ type: 'link' })
  }

  async run(stretch: Stretch): Promise<StretchEnd> {
    const answer = await this.#ask({ type: 'run', stretch })
    if (answer.type !== 'ran') throw new LoadFailed(`a load thread answered ${answer.type} to a run`)
    return answer.end
  }

  /** Nothing more is asked in the stretch that runs; it ends when what is under way was answered. */
  endEarly(): void {
    this.#tell({ type: 'end-early' })
  }

  /** Closes its sockets, then the thread. */
  async end(closeMs: number, sleep: (ms: number) => Promise<void>): Promise<void> {
    this.#isEnding = true
    this.#tell({ type: 'stop' })
    await sleep(closeMs)
    await this.#worker.terminate()
  }

  #ask(ask: ThreadAsk): Promise<ThreadAnswer> {
    const answer = this.#next()
    this.#tell(ask)
    return answer
  }

  #tell(ask: ThreadAsk): void {
    this.#worker.postMessage(ask)
  }

  #next(): Promise<ThreadAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#failed !== undefined) reject(this.#failed)
      else this.#waiting = { resolve, reject }
    })
  }

  #settle(answer: ThreadAnswer): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve(answer)
  }

  #fail(error: Error): void {
    this.#failed ??= error
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.reject(error)
  }
}
