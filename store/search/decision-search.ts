// Searches the journal of a running engine for decisions, in a thread of its own and of lower priority: nothing is kept for it on
// the road, and the engine's thread only passes on what was found. Here is the engine's side; decision-search-main.ts is the other.

import { Worker } from 'node:worker_threads'
import { Fault, type FaultCode } from '../../engine/ports/fault.ts'
import type { Lsn } from '../../engine/ports/journal.ts'
import type { DecisionFilter } from '../../protocol/operator-api.ts'
import type { DecisionWish, FoundDecision, ScanStep } from './decision-scan.ts'

/** Entries handed out at once. */
export const decisionsPerBatch = 500

export type DecisionSearch = {
  /** How far the journal is durable: of what is not, nothing is told. */
  readonly throughLsn: Lsn
  /** Entries to find, 1 or more. */
  readonly limit: number
  /** Newest first. The search goes on when it resolves, so a slow writer is not overrun; also called without entries. */
  readonly onBatch: (entries: readonly FoundDecision[], searched: Searched) => void | Promise<void>
  readonly signal?: AbortSignal
  /** Where journal time ran back the last time; 0 = nowhere. */
  readonly rewoundLsn?: Lsn
}

/** How much of the journal was looked at; `fromLsn` is the lowest. All 0 = there was nothing. */
type Searched = { readonly records: number; readonly fromLsn: Lsn; readonly toLsn: Lsn }

export type DecisionsFound = {
  /** Ask again with it as `beforeLsn`; null = it was searched to its end. */
  readonly nextBeforeLsn: Lsn | null
  readonly searched: Searched
}

/** What the thread says, each time it is asked for more. */
export type SearchAnswer =
  | ({ readonly type: 'step' } & ScanStep)
  | { readonly type: 'end' }
  | { readonly type: 'failed'; readonly message: string; readonly code: FaultCode | undefined }

/**
 * Searches the journal in `folder` (its own, not the data folder) from the newest record down. Rejects with a Fault
 * `journal-damaged`, with what `onBatch` rejects with, or with the signal's reason.
 */
export async function searchDecisions(
  folder: string,
  filter: DecisionFilter,
  { throughLsn, limit, onBatch, signal, rewoundLsn = 0 }: DecisionSearch,
): Promise<DecisionsFound> {
  signal?.throwIfAborted()
  if (!(limit >= 1)) throw new RangeError(`a limit of 1 or more expected, got ${limit}`)
  const wish: DecisionWish = { folder, filter, throughLsn, limit, rewoundLsn }
  const worker = new Worker(new URL('./decision-search-main.ts', import.meta.url), {
    workerData: wish,
    env: {},
    // Not the process's own: some (--input-type, --test) are refused for a file.
    execArgv: ['--disable-warning=ExperimentalWarning'],
  })
  // Also while nothing is asked of it, it ends nothing but this search.
  let trouble: Error | undefined
  worker.on('error', (error) => {
    trouble = error instanceof Error ? error : new Error(String(error))
  })
  const toLsn = Math.min(throughLsn, (filter.beforeLsn ?? Number.MAX_SAFE_INTEGER) - 1)
  const found = { entries: 0, records: 0, fromLsn: 0, lastLsn: 0 }
  const searched = (): Searched => ({
    records: found.records,
    fromLsn: found.fromLsn,
    toLsn: found.fromLsn === 0 ? 0 : toLsn,
  })
  try {
    for (;;) {
      if (trouble !== undefined) throw trouble
      const answer = await more(worker, signal)
      if (answer.type === 'end') break
      if (answer.type === 'failed') throw failureOf(answer)
      found.records += answer.records
      if (answer.downToLsn > 0) found.fromLsn = answer.downToLsn
      found.entries += answer.entries.length
      found.lastLsn = answer.entries.at(-1)?.lsn ?? found.lastLsn
      for (const batch of batchesOf(answer.entries)) {
        await onBatch(batch, searched())
        signal?.throwIfAborted()
      }
    }
  } finally {
    await worker.terminate()
  }
  return { nextBeforeLsn: found.entries >= limit ? found.lastLsn : null, searched: searched() }
}

function* batchesOf(entries: readonly FoundDecision[]): Generator<readonly FoundDecision[]> {
  if (entries.length === 0) yield []
  for (let at = 0; at < entries.length; at += decisionsPerBatch) yield entries.slice(at, at + decisionsPerBatch)
}

/** One question at a time. Rejects when the thread ends, or the signal says that no caller waits any more. */
function more(worker: Worker, signal: AbortSignal | undefined): Promise<SearchAnswer> {
  return new Promise((resolve, reject) => {
    const forget = () => {
      worker.off('message', answered)
      worker.off('error', failed)
      worker.off('exit', ended)
      signal?.removeEventListener('abort', aborted)
    }
    const answered = (answer: SearchAnswer) => {
      forget()
      resolve(answer)
    }
    const failed = (error: unknown) => {
      forget()
      reject(error)
    }
    const ended = () => failed(new Error('the thread that searches the journal ended'))
    const aborted = () => failed(signal?.reason)
    worker.on('message', answered)
    worker.on('error', failed)
    worker.on('exit', ended)
    signal?.addEventListener('abort', aborted)
    worker.postMessage('more')
  })
}

function failureOf({ message, code }: Extract<SearchAnswer, { readonly type: 'failed' }>): Error {
  return code === undefined ? new Error(message) : new Fault(code, message)
}
