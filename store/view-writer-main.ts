// The thread that writes the view (view-writer.ts): gives rows their MACs, computes the digest after a batch, then writes
// rows and state in one transaction, and waits for the disk.

import { parentPort, workerData } from 'node:worker_threads'
import { rowMac } from '../crypto/at-rest.ts'
import { nodePrimitives } from '../crypto/node-primitives.ts'
import { type LmdbRows, type StoredChange, openLmdb } from './lmdb.ts'
import { digestAfter } from './view-digest.ts'
import { unpackRows } from './view-packing.ts'
import { encodeState, metaTable, stateKey, storedTables, withMac } from './view-state.ts'
import { yieldToTheEngine } from './thread-priority.ts'
import type { WriterAnswer, WriterOptions, WriterRequest } from './view-writer.ts'

const options: unknown = workerData
if (!isOptions(options))
  throw new TypeError('the thread that writes the view is started with a path, a map size and a key')
const { macKey } = options
const rows: LmdbRows = openLmdb({ ...options, tables: storedTables, isReadOnly: false })
const macs = {
  mac: (table: string, key: Uint8Array, bytes: Uint8Array) => rowMac(nodePrimitives, macKey, table, key, bytes),
}
yieldToTheEngine()

parentPort?.on('message', (request: WriterRequest) => {
  void answer(request)
    .catch((error: unknown) => failure(error))
    .then((said) => parentPort?.postMessage(said))
})

async function answer(request: WriterRequest): Promise<WriterAnswer> {
  switch (request.type) {
    case 'write': {
      const changes: StoredChange[] = []
      for (const { table, key, bytes } of unpackRows(request.packed)) {
        changes.push({ table, key, bytes: bytes === null ? null : withMac(macs, table, key, bytes) })
      }
      const digest = digestAfter(rows.get, changes, request.digest)
      const state = encodeState(macs, { appliedLsn: request.appliedLsn, digest })
      rows.commit([...changes, { table: metaTable, key: stateKey, bytes: state }])
      return { type: 'written', digest }
    }
    case 'close':
      macKey.fill(0)
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
    typeof value.mapBytes === 'number' &&
    'macKey' in value &&
    value.macKey instanceof Uint8Array
  )
}
