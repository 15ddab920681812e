// The view as the engine sees it: tables of rows by key, written behind the journal in batches.

import type { Lsn } from './journal.ts'

export const tables = [
  'band',
  'bid',
  'ratchet',
  'account',
  'accountBand',
  'phone',
  'usage',
  'arming',
  'reference',
  'history',
  'historyMark',
  'alarm',
  'tally',
  'move',
  'act',
  'phoneAccount',
  'restored',
  'document',
  'rewound',
] as const
export type Table = (typeof tables)[number]

/** One row written (`bytes`) or removed (null). Keys are printable ASCII, ordered as bytes. */
export type RowChange = { readonly table: Table; readonly key: string; readonly bytes: Uint8Array | null }

export type RowRange = {
  /** First key, inclusive. */
  readonly from: string
  /** Last key, exclusive. */
  readonly to: string
  readonly limit: number
  readonly reverse?: boolean
}

/** Writes that a view takes at a time. */
export const viewWritesMax = 2

export type View = {
  /** Every record up to here is in the rows. */
  readonly appliedLsn: Lsn
  /** Was it found whole? Until then a row that is not there may have vanished. Once true it stays so. */
  readonly isProven: boolean
  /** The row's bytes, authenticated; undefined when there is none. Throws a Fault `view-damaged` on a row that fails its MAC. */
  readonly get: (table: Table, key: string) => Uint8Array | undefined
  readonly range: (table: Table, range: RowRange) => readonly { readonly key: string; readonly bytes: Uint8Array }[]
  /**
   * Writes the changes and the applied lsn in one transaction; resolves when that is durable. The changes are read a few at a time,
   * with pauses between. Two calls at a time: the second is made ready meanwhile, and fails when the first one does. A caller whose
   * write has failed must not call for what comes after it before that is written.
   */
  readonly write: (changes: Iterable<RowChange>, appliedLsn: Lsn) => Promise<void>
  readonly close: () => Promise<void>
}
