// For tests: makes a closed view look as an older version wrote it. The first kept no timelines, counted no holds, and had decisions
// by account and references by partner; up to the third what is kept of each band had trees of its own.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Table } from '../../engine/ports/view.ts'
import { decodeRow, encodeRow, heldTally } from '../../engine/ports/rows.ts'
import { concatBytes, encodeUtf8, fromHex, u64, u8 } from '../../base/bytes.ts'
import { namesOf } from '../../base/names.ts'
import { holdBits } from '../../protocol/states.ts'
import { type LmdbRows, type StoredChange, type StoredTable, openLmdb } from './lmdb.ts'
import { DigestSum, type ViewDigest } from './view-digest.ts'
import { sealName } from './view-seal.ts'
import {
  type RowMacs,
  checkedRow,
  decodeState,
  metaTable,
  stateKey,
  storedTables,
  viewFileName,
  withMac,
} from './view-state.ts'
import { mapBytesDefault } from './view.ts'

const newTables: readonly Table[] = ['move', 'act', 'phoneAccount', 'historyMark']
const newTallies: readonly string[] = [heldTally, ...namesOf(holdBits)]

export async function makeOlder(folder: string, keyring: RowMacs, version: 1 | 3 = 1): Promise<void> {
  rmSync(join(folder, sealName), { force: true })
  const rows = openFile(folder, storedTables)
  if (version === 1) makeFirst(rows, keyring)
  else {
    const { appliedLsn, digest } = decodeState(keyring, rows.get(metaTable, stateKey))
    rows.commit([stateOf(keyring, version, appliedLsn, digest)])
  }
  const moving = ['ratchet', 'move'].flatMap((table) => [...rows.all(table)].map((row) => ({ table, ...row })))
  rows.commit(moving.map(({ table, key }) => ({ table, key, bytes: null })))
  await rows.close()
  const trees = openFile(
    folder,
    storedTables.map(({ name }) => ({ name, tree: name, mark: '' })),
  )
  trees.commit(moving)
  await trees.close()
}

function openFile(folder: string, tables: readonly StoredTable[]): LmdbRows {
  return openLmdb({ path: join(folder, viewFileName), tables, mapBytes: mapBytesDefault, isReadOnly: false })
}

function stateOf(keyring: RowMacs, version: number, appliedLsn: number, { rows, sum }: ViewDigest): StoredChange {
  const sumBytes = fromHex(sum.toString(16).padStart(32, '0'))
  const bytes = concatBytes(u8(version), u64(appliedLsn), u64(rows), sumBytes)
  return { table: metaTable, key: stateKey, bytes: withMac(keyring, metaTable, stateKey, bytes) }
}

function makeFirst(rows: LmdbRows, keyring: RowMacs): void {
  const gone: StoredChange[] = newTallies
    .filter((key) => rows.get('tally', key) !== undefined)
    .map((key) => ({ table: 'tally', key, bytes: null }))
  for (const table of newTables) for (const { key } of rows.all(table)) gone.push({ table, key, bytes: null })
  const older: StoredChange[] = []
  const become = (table: Table, from: string, key: string, bytes: Uint8Array) => {
    if (key !== from) gone.push({ table, key: from, bytes: null })
    older.push({ table, key, bytes: withMac(keyring, table, key, bytes) })
  }
  for (const { key, bytes } of rows.all('history')) {
    const row = decodeRow('history', checkedRow(keyring, 'history', key, bytes))
    become('history', key, `${row.account}|${key}`, encodeRow('history', { ...row, account: null, before: null }))
  }
  for (const { key, bytes } of rows.all('reference'))
    become('reference', key, key.slice(16) + key.slice(0, 16), checkedRow(keyring, 'reference', key, bytes))
  for (const { key, bytes } of rows.all('usage')) {
    const row = decodeRow('usage', checkedRow(keyring, 'usage', key, bytes))
    become('usage', key, key, encodeRow('usage', { ...row, newestLsn: null, decisions: null }))
  }
  const { appliedLsn, digest } = decodeState(keyring, rows.get(metaTable, stateKey))
  const kept = new DigestSum(digest)
  for (const { table, key } of gone) {
    const stored = rows.get(table, key)
    if (stored !== undefined) kept.remove(table, encodeUtf8(key), stored)
  }
  for (const { table, key, bytes } of older) {
    const stored = rows.get(table, key)
    if (stored !== undefined) kept.remove(table, encodeUtf8(key), stored)
    if (bytes !== null) kept.add(table, encodeUtf8(key), bytes)
  }
  rows.commit([...gone, ...older, stateOf(keyring, 1, appliedLsn, kept.digest())])
}
