// The door to lmdb: a file of named tables, binary values under text keys. Opened so that a resolved commit is on disk and
// nothing is readable before it is (`overlappingSync: false`), with a fixed map and without lmdb's own value encoding
// (threat D10). A table of its own costs 0.3 µs less a read than a prefix in one shared tree, and commits are no slower
// (10 tables of 30,000 rows: 1.2 against 1.5 µs; a commit of 80 rows about 4 ms either way).

import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { type Database, type RootDatabase, open } from 'lmdb'
import { createCopier } from '../protocol/bytes.ts'

/** One row put (`bytes`) or removed (null). */
export type StoredChange = { readonly table: string; readonly key: string; readonly bytes: Uint8Array | null }

type StoredRow = { readonly key: string; readonly bytes: Uint8Array }

type StoredRange = {
  /** First key, inclusive. */
  readonly from: string
  /** Last key, exclusive. */
  readonly to: string
  readonly limit: number
  readonly reverse: boolean
}

export type LmdbRows = {
  /** A copy of the value under `key`. */
  readonly get: (table: string, key: string) => Uint8Array | undefined
  /** Copies of the rows of a range, in order of keys or against it. */
  readonly range: (table: string, range: StoredRange) => readonly StoredRow[]
  /** All rows of a table, copied one by one. */
  readonly all: (table: string) => Iterable<StoredRow>
  /**
   * All changes in one transaction, on disk when this returns; each is asked for when those before it are written, and `get`
   * then sees them. Throws lmdb's error, or what the changes throw, and nothing is changed. Not lmdb's asynchronous batches: of
   * one that fails on a full disk, a second promise rejects that nobody can hold, which would end the process.
   */
  readonly commit: (changes: Iterable<StoredChange>) => void
  /** What other threads committed is read from here on. */
  readonly refresh: () => void
  /** A consistent copy of the file at another path, while writing goes on. */
  readonly copyTo: (path: string) => Promise<void>
  readonly close: () => Promise<void>
}

export type LmdbOptions = {
  readonly path: string
  readonly tables: readonly string[]
  /** Address space for the file, and so its largest size; neither memory nor disk. */
  readonly mapBytes: number
  readonly isReadOnly: boolean
}

/** Error codes of lmdb.h that mean the file is not what LMDB wrote. */
const damageCodes = { pageNotFound: -30797, corrupted: -30796, versionMismatch: -30794, invalid: -30793 } as const

/** Where the two meta pages say that they are (lmdb.h: mm_magic, mm_version, mm_psize), in the machine's byte order. */
const metaWords = { magic: 6, version: 7, pageBytes: 12, count: 16 } as const
const lmdbMagic = 0xbeefc0de
const lmdbVersion = 2

/** Does this error of lmdb's say that the file is damaged? */
export function isDamage(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return Object.values(damageCodes).some((known) => known === code)
}

type Rows = Database<Uint8Array, string>

/** Keys are ASCII, written byte for byte, so that they are ordered as bytes. `target` and `source` are lmdb's own buffers. */
const keyEncoder = {
  writeKey: (key: string, target: Buffer, at: number) => at + target.write(key, at, 'latin1'),
  readKey: (source: Buffer, from: number, to: number) => source.toString('latin1', from, to),
}
const binary = { encoding: 'binary', keyEncoder } as const

/** Opens or makes the file; read-only, tables that are not there are empty. Throws lmdb's error. */
export function openLmdb({ path, tables, mapBytes, isReadOnly }: LmdbOptions): LmdbRows {
  requireMetaPages(path)
  const root = open<Uint8Array, string>({
    ...binary,
    path,
    noSubdir: true,
    mapSize: mapBytes,
    maxDbs: tables.length,
    overlappingSync: false,
    readOnly: isReadOnly,
  })
  const opened = new Map(tables.map((table) => [table, openTable(root, table)]))
  const rowsOf = (table: string) => opened.get(table)
  return {
    get: (table, key) => kept(rowsOf(table)?.getBinaryFast(key)),
    range: (table, range) => readRange(rowsOf(table), range),
    all: (table) => allRows(rowsOf(table)),
    commit: (changes) => commit(root, opened, changes),
    refresh: () => root.resetReadTxn(),
    copyTo: (to) => root.backup(to, false),
    close: () => root.close(),
  }
}

// Rows are kept for a while: each in a buffer of its own would be tens of thousands for the collector to sweep at once.
const copied = createCopier()

/** A copy of what lmdb lends until its next read. Its length is that of the row, the memory behind it longer. */
function kept(lent: Uint8Array | undefined): Uint8Array | undefined {
  return lent === undefined ? undefined : copied(lent.subarray(0, lent.length))
}

/** lmdb-js 3.5.6 crashes on a file without meta pages, such as zeros: it throws the right error, but later, from nowhere. */
function requireMetaPages(path: string): void {
  if (!existsSync(path)) return
  const fd = openSync(path, 'r')
  try {
    const { size } = fstatSync(fd)
    const pageBytes = metaWord(fd, 0, metaWords.pageBytes)
    const isMeta = (at: number) =>
      metaWord(fd, at, metaWords.magic) === lmdbMagic && metaWord(fd, at, metaWords.version) === lmdbVersion
    if (size === 0 || (size >= 2 * pageBytes && isMeta(0) && isMeta(pageBytes))) return
    throw Object.assign(new Error(`${path} is no LMDB file`), { code: damageCodes.invalid })
  } finally {
    closeSync(fd)
  }
}

function metaWord(fd: number, pageAt: number, word: number): number {
  const words = new Uint32Array(metaWords.count)
  readSync(fd, words, 0, words.byteLength, pageAt)
  return words[word] ?? 0
}

/** Undefined when read-only and not there, whatever lmdb's types say. */
function openTable(root: RootDatabase<Uint8Array, string>, name: string): Rows | undefined {
  return root.openDB<Uint8Array, string>({ ...binary, name })
}

function commit(
  root: RootDatabase<Uint8Array, string>,
  tables: ReadonlyMap<string, Rows | undefined>,
  changes: Iterable<StoredChange>,
): void {
  root.transactionSync(() => {
    for (const { table, key, bytes } of changes) {
      const rows = tables.get(table)
      if (bytes === null) rows?.removeSync(key)
      else rows?.putSync(key, bytes)
    }
  })
}

function readRange(rows: Rows | undefined, { from, to, limit, reverse }: StoredRange): readonly StoredRow[] {
  const found: StoredRow[] = []
  if (rows === undefined || from >= to || limit <= 0) return found
  // Against the order lmdb starts at the upper key, if it is there: that row is skipped, so one more is asked for.
  const options = reverse ? { start: to, end: from, reverse, inclusiveEnd: true } : { start: from, end: to }
  for (const { key, value } of rows.getRange({ ...options, limit: limit + 1 })) {
    if (found.length === limit) break
    if (key >= from && key < to) found.push({ key, bytes: Uint8Array.from(value) })
  }
  return found
}

function* allRows(rows: Rows | undefined): Generator<StoredRow> {
  if (rows === undefined) return
  for (const { key, value } of rows.getRange({ start: '\0' })) yield { key, bytes: Uint8Array.from(value) }
}
