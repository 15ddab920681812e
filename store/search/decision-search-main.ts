// The thread that searches the journal for decisions (decision-search.ts): one stretch each time it is asked for more.

import { parentPort, workerData } from 'node:worker_threads'
import { Fault } from '../../engine/ports/fault.ts'
import { type DecisionWish, scanDecisions } from './decision-scan.ts'
import type { SearchAnswer } from './decision-search.ts'
import { realFiles } from '../files/real-files.ts'
import { lowerPriority } from '../files/thread-priority.ts'

const wish: unknown = workerData
if (!isWish(wish))
  throw new TypeError('the thread that searches the journal is started with a folder, a filter and limits')
lowerPriority()
const steps = scanDecisions(realFiles(), wish)

parentPort?.on('message', () => parentPort?.postMessage(next()))

function next(): SearchAnswer {
  try {
    const step = steps.next()
    return step.done ? { type: 'end' } : { type: 'step', ...step.value }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { type: 'failed', message, code: error instanceof Fault ? error.code : undefined }
  }
}

function isWish(value: unknown): value is DecisionWish {
  if (typeof value !== 'object' || value === null) return false
  const { folder, filter, throughLsn, limit }: Partial<Record<keyof DecisionWish, unknown>> = value
  return (
    typeof folder === 'string' &&
    typeof filter === 'object' &&
    typeof throughLsn === 'number' &&
    typeof limit === 'number'
  )
}
