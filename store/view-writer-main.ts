// The thread that writes the view (view-writer.ts): in one transaction it gives rows their MACs, writes them, keeps up the
// digest and writes the state that has it, and waits for the disk.

import { readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { rowMac } from '../crypto/at-rest.ts'
import { nodePrimitives } from '../crypto/node-primitives.ts'
import { type LmdbRows, type StoredChange, openLmdb } from './lmdb.ts'
import { type ViewDigest, digestAfter } from './view-digest.ts'
import { unpackRows } from './view-packing.ts'
import { encodeState, metaTable, stateKey, storedTables, withMac } from './view-state.ts'
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
    case 'write':
      return { type: 'written', digest: write(request) }
    case 'close':
      macKey.fill(0)
      await rows.close()
      return { type: 'closed' }
  }
}

function write({ packed, appliedLsn, digest: before }: Extract<WriterRequest, { readonly type: 'write' }>): ViewDigest {
  let digest = before
  // One row at a time: of a batch of a hundred thousand rows neither the objects nor the digest's notes are ever all there.
  function* changes(): Generator<StoredChange> {
    for (const { table, key, bytes } of unpackRows(packed)) {
      const change = { table, key, bytes: bytes === null ? null : withMac(macs, table, key, bytes) }
      digest = digestAfter(digest, change, rows.get(table, key))
      yield change
    }
    yield { table: metaTable, key: stateKey, bytes: encodeState(macs, { appliedLsn, digest }) }
  }
  rows.commit(changes())
  return digest
}

/**
 * Nobody waits for this thread, and on few cores a batch of its own would hold up approvals. Not the least favoured of all:
 * beside two busy threads on two cores it would starve, and what waits for it fill the memory (at 19 it did). Only Linux has a priority for each thread; elsewhere it stays as it is.
 */
function yieldToTheEngine(): void {
  if (process.platform !== 'linux') return
  const threadId = Number(readlinkSync('/proc/thread-self').split('/').at(-1))
  if (Number.isInteger(threadId) && threadId > 0 && threadId !== process.pid) setPriority(threadId, 5)
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
