// State row of the view. The one row that speaks of all others: how far the journal is applied, and the digest of the rows. It has a MAC like
// any row and is written in the same transaction as what it speaks of.

import type { Keyring } from '../../crypto/at-rest.ts'
import { Fault } from '../../engine/ports/fault.ts'
import type { Lsn } from '../../engine/ports/journal.ts'
import { tables } from '../../engine/ports/view.ts'
import { concatBytes, fromHex, readU64, toHex, u64, u8 } from '../../base/bytes.ts'
import type { StoredTable } from './lmdb.ts'
import { type ViewDigest, emptyDigest, macBytes } from './view-digest.ts'

/** What authenticates rows. */
export type RowMacs = Pick<Keyring, 'mac' | 'macKey' | 'checkMac'>
type MakesMacs = Pick<Keyring, 'mac'>

export type ViewState = {
  readonly appliedLsn: Lsn
  readonly digest: ViewDigest
}

export const metaTable = 'meta'
export const stateKey = 'state'
/** Tables that lie in the tree of another: what is kept of each band among the bands, what an arming paid beside what its account used. */
const sharing: Partial<Record<string, Pick<StoredTable, 'mark' | 'tree'>>> = {
  ratchet: { tree: 'band', mark: '\u0001' },
  move: { tree: 'band', mark: '\u0002' },
  arming: { tree: 'usage', mark: '\u0001' },
}

/** Every table of the file. */
export const storedTables: readonly StoredTable[] = [...tables, metaTable].map((name) => {
  return { name, ...(sharing[name] ?? { tree: name, mark: '' }) }
})
export const storedTableNames: readonly string[] = storedTables.map(({ name }) => name)
export const viewFileName = 'view.lmdb'

/** Grows when a record comes to mean other rows than before, or they come to lie elsewhere in the file. */
const stateVersion = 5
const emptyState: ViewState = { appliedLsn: 0, digest: emptyDigest }
const stateBytes = 33

/** Row bytes with their MAC behind them, as they are stored. */
export function withMac(macs: MakesMacs, table: string, key: string, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return concatBytes(bytes, macs.mac(table, keyBytes(key), bytes))
}

/** The row bytes of what is stored (borrowed from it). Throws a Fault `view-damaged` when the MAC does not fit. */
export function checkedRow(macs: RowMacs, table: string, key: string, stored: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(stored.buffer, stored.byteOffset, Math.max(stored.length - macBytes, 0))
  if (macs.checkMac(table, keyBytes(key), bytes, stored.subarray(bytes.length))) return bytes
  throw viewDamaged(
    `the ${table} row ${key} (${stored.length} bytes) does not match its MAC: it was altered on disk, or written under a ` +
      'master key that is not given',
  )
}

/** Keys are ASCII; a Buffer of its own pool costs a fifth of what a TextEncoder does. */
function keyBytes(key: string): Uint8Array {
  return Buffer.from(key, 'latin1')
}

export function encodeState(macs: MakesMacs, { appliedLsn, digest }: ViewState): Uint8Array<ArrayBuffer> {
  const sum = fromHex(digest.sum.toString(16).padStart(32, '0'))
  return withMac(macs, metaTable, stateKey, concatBytes(u8(stateVersion), u64(appliedLsn), u64(digest.rows), sum))
}

/** Reads the state row; a view without one is empty. Throws a Fault `view-damaged`. */
export function decodeState(macs: RowMacs, stored: Uint8Array | undefined): ViewState {
  if (stored === undefined) return emptyState
  const bytes = checkedRow(macs, metaTable, stateKey, stored)
  const appliedLsn = readU64(bytes, 1)
  const rows = readU64(bytes, 9)
  const version = bytes[0] ?? 0
  if (bytes.length !== stateBytes || version !== stateVersion || appliedLsn === undefined || rows === undefined) {
    throw viewDamaged(
      `a state row of version ${stateVersion} expected, got version ${version} of ${bytes.length} bytes`,
    )
  }
  const digest = { rows, sum: BigInt(`0x${toHex(bytes.subarray(17))}`) }
  return { appliedLsn, digest }
}

export function viewDamaged(what: string): Fault {
  return new Fault('view-damaged', `${what}. Wipe the view and start again: it is built anew from the journal.`)
}
