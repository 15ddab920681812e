// Writer thread of the view (view-writer.ts): in one transaction it gives rows their MACs, writes them, keeps up the digest and writes the
// state; then it waits for the disk.

import { parentPort, workerData } from 'node:worker_threads'
import { rowMac } from '../../crypto/at-rest.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import type { Lsn } from '../../engine/ports/journal.ts'
import { type LmdbRows, type StoredChange, openLmdb } from './lmdb.ts'
import { goIn, goOut, isGateWord } from '../files/thread-gate.ts'
import { DigestSum } from './view-digest.ts'
import { unpackRows } from './view-packing.ts'
import { encodeState, metaTable, stateKey, storedTables } from './view-state.ts'
import { lowerPriority } from '../files/thread-priority.ts'
import type { WriterAnswer, WriterRequest, WriterThreadOptions } from './view-writer.ts'

const options: unknown = workerData
if (!isOptions(options))
  throw new TypeError('the thread that writes the view is started with a path, a map size, a key and a gate')
const { macKey, gate } = options
const rows: LmdbRows = openLmdb({ ...options, tables: storedTables, isReadOnly: false })
const macs = {
  mac: (table: string, key: Uint8Array, bytes: Uint8Array) => rowMac(nodePrimitives, macKey, table, key, bytes),
}
lowerPriority()
// Not before this module is evaluated: V8 crashes when a thread is ended while a module that awaits, as libsodium's does, is done
// (Node 22.23.3, SourceTextModule::AsyncModuleExecutionFulfilled).
setImmediate(() => {
  goOut(gate)
  parentPort?.on('message', (request: WriterRequest) => {
    goIn(gate)
    void answer(request)
      .catch((error: unknown) => failure(error))
      .then((said) => {
        goOut(gate)
        parentPort?.postMessage(said)
      })
  })
})

async function answer(request: WriterRequest): Promise<WriterAnswer> {
  switch (request.type) {
    case 'write': {
      const sum = new DigestSum(request.digest)
      rows.commit(storedChanges(request.packed, request.appliedLsn, sum))
      return { type: 'written', digest: sum.digest() }
    }
    case 'close':
      macKey.fill(0)
      await rows.close()
      return { type: 'closed' }
  }
}

/** What is stored of each row in turn, and at last the state. Read within the transaction, so the row before is the latest one. */
function* storedChanges(packed: Uint8Array, appliedLsn: Lsn, sum: DigestSum): Generator<StoredChange> {
  for (const { table, key, keyBytes, row } of unpackRows(packed)) {
    const before = rows.get(table, key)
    if (before !== undefined) sum.remove(table, keyBytes, before)
    if (row !== null) {
      row.stored.set(macs.mac(table, keyBytes, row.bytes), row.bytes.length)
      sum.add(table, keyBytes, row.stored)
    }
    yield { table, key, bytes: row?.stored ?? null }
  }
  yield { table: metaTable, key: stateKey, bytes: encodeState(macs, { appliedLsn, digest: sum.digest() }) }
}

function failure(error: unknown): WriterAnswer {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  return { type: 'failed', message: error instanceof Error ? error.message : String(error), code }
}

function isOptions(value: unknown): value is WriterThreadOptions {
  return (
    typeof value === 'object' &&
    value !== null &&
    'path' in value &&
    typeof value.path === 'string' &&
    'mapBytes' in value &&
    typeof value.mapBytes === 'number' &&
    'macKey' in value &&
    value.macKey instanceof Uint8Array &&
    'gate' in value &&
    isGateWord(value.gate)
  )
}
