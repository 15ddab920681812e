// The thread that writes the view (view-writer.ts): computes the digest after a batch, then writes rows and state in one
// transaction, and waits for the disk.

import { parentPort, workerData } from 'node:worker_threads'
import { type LmdbRows, type StoredChange, openLmdb } from './lmdb.ts'
import { digestAfter } from './view-digest.ts'
import { unpackRows } from './view-packing.ts'
import { metaTable, stateKey, storedTables } from './view-state.ts'
import type { WriterAnswer, WriterOptions, WriterRequest } from './view-writer.ts'

const options: unknown = workerData
if (!isOptions(options)) throw new TypeError('the thread that writes the view is started with a path and a map size')
const rows: LmdbRows = openLmdb({ ...options, tables: storedTables, isReadOnly: false })
let prepared: readonly StoredChange[] = []

parentPort?.on('message', (request: WriterRequest) => {
  void answer(request)
    .catch((error: unknown) => failure(error))
    .then((said) => parentPort?.postMessage(said))
})

async function answer(request: WriterRequest): Promise<WriterAnswer> {
  switch (request.type) {
    case 'prepare':
      prepared = [...unpackRows(request.packed)]
      return { type: 'prepared', digest: digestAfter(rows.get, prepared, request.digest) }
    case 'commit':
      rows.commit([...prepared, { table: metaTable, key: stateKey, bytes: request.state }])
      prepared = []
      return { type: 'committed' }
    case 'close':
      await rows.close()
      return { type: 'closed' }
  }
}

function failure(error: unknown): WriterAnswer {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  return { type: 'failed', message: error instanceof Error ? error.message : String(error), code }
}

function isOptions(value: unknown): value is WriterOptions {
  return (
    typeof value === 'object' &&
    value !== null &&
    'path' in value &&
    typeof value.path === 'string' &&
    'mapBytes' in value &&
    typeof value.mapBytes === 'number'
  )
}
