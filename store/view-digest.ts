// A digest of all rows of the view that can be kept up row by row: the sum, modulo 2^128, of one number per row, made from
// where the row is and its MAC. LMDB has no checksums: a row that a damaged page no longer leads to would simply be absent,
// and only a digest of the whole can tell (view-check.ts).

import { crc32c } from './crc32c.ts'
import type { StoredChange } from './lmdb.ts'

export const macBytes = 16

export type ViewDigest = { readonly rows: number; readonly sum: bigint }

export const emptyDigest: ViewDigest = { rows: 0, sum: 0n }

const modulus = 1n << 128n

/** The digest with one more row. `stored` ends with the row's MAC. */
export function withRow(digest: ViewDigest, table: string, key: string, stored: Uint8Array): ViewDigest {
  return { rows: digest.rows + 1, sum: (digest.sum + rowNumber(table, key, stored)) % modulus }
}

/** The digest with one row less. */
function withoutRow(digest: ViewDigest, table: string, key: string, stored: Uint8Array): ViewDigest {
  return { rows: digest.rows - 1, sum: (digest.sum + modulus - rowNumber(table, key, stored)) % modulus }
}

/** The digest after one row changed: `old` is what was stored there, `bytes` what is now (with its MAC), null where it is removed. */
export function digestAfter(
  digest: ViewDigest,
  { table, key, bytes }: StoredChange,
  old: Uint8Array | undefined,
): ViewDigest {
  const without = old === undefined ? digest : withoutRow(digest, table, key, old)
  return bytes === null ? without : withRow(without, table, key, bytes)
}

/** The MAC covers the key, but a walk has no master key to check it with: so the key stands here as well. */
function rowNumber(table: string, key: string, stored: Uint8Array): bigint {
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength)
  const macAt = stored.length - macBytes
  if (macAt < 0) return 0n
  const place = BigInt(crc32c(Buffer.from(`${table} ${key}`, 'latin1')))
  return ((view.getBigUint64(macAt) << 64n) | view.getBigUint64(macAt + 8)) ^ (place << 48n)
}
