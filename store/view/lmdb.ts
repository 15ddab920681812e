// The door to lmdb: a file of named tables, binary values under text keys. Opened so that a resolved commit is on disk and
// nothing is readable before it is (`overlappingSync: false`), with a fixed map and without lmdb's own value encoding
// (threat D10). A table of its own costs 0.3 µs less a read than a prefix in one shared tree, and commits are no slower
// (10 tables of 30,000 rows: 1.2 against 1.5 µs; a commit of 80 rows about 4 ms either way).

import { closeSync, existsSync, fstatSync, readSync } from 'node:fs'
import { constants } from 'node:os'
import { type Database, type RootDatabase, open } from 'lmdb'
import { createCopier } from '../../base/bytes.ts'
import { closeToOthers, makePrivateFile } from '../files/private-folder.ts'
import { openRegular } from '../files/regular-file.ts'

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

/**
 * A table, and the tree of the file that its rows lie in. Rows of several tables whose keys begin alike are neighbours in a tree they
 * share: one page is copied and written for all of them, where trees of their own have one each.
 */
export type StoredTable = {
  readonly name: string
  readonly tree: string
  /**
   * Ends the keys of this table in its tree: one character that sorts before all that keys are made of, or none for the table
   * that the tree is named after. So the order of its keys stays, and no key of one table is another's.
   */
  readonly mark: '' | '\u0001' | '\u0002'
}

export type LmdbRows = {
  /** A copy of the value under `key`. */
  readonly get: (table: string, key: string) => Uint8Array | undefined
  /** Copies of the rows of a range, in order of keys or against it. */
  readonly range: (table: string, range: StoredRange) => readonly StoredRow[]
  /** All rows of a table, copied one by one. */
  readonly all: (table: string) => Iterable<StoredRow>
  /**
   * All changes in one transaction, on disk when this returns. The changes are asked for within it: what they read then is as
   * those before them left it. Throws lmdb's error, and what they throw. Not lmdb's asynchronous batches: of one
   * that fails on a full disk, a second promise rejects that no caller can hold, which would end the process.
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
  readonly tables: readonly StoredTable[]
  /** Address space for the file, and so its largest size; neither memory nor disk. */
  readonly mapBytes: number
  readonly isReadOnly: boolean
}

/** Error codes of lmdb.h that mean the file is not what LMDB wrote. */
const damageCodes = { pageNotFound: -30797, corrupted: -30796, versionMismatch: -30794, invalid: -30793 } as const

/** The map's own (lmdb.h), and those of the disk (errno.h). */
const noRoomCodes = { mapFull: -30792, noSpace: constants.errno.ENOSPC, quota: constants.errno.EDQUOT } as const

/** Where the two meta pages say that they are (lmdb.h: mm_magic, mm_version, mm_psize), in the machine's byte order. */
const metaWords = { magic: 6, version: 7, pageBytes: 12, count: 16 } as const
const lmdbMagic = 0xbeefc0de
const lmdbVersion = 2

/** Does this error of lmdb's say that the file is damaged? */
export function isDamage(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return Object.values(damageCodes).some((known) => known === code)
}

/** Does this error of lmdb's say that there is no room, on the disk or in the map? */
export function isNoRoom(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return Object.values(noRoomCodes).some((known) => known === code)
}

type Tree = Database<Uint8Array, string>

/** Where the rows of a table are. */
type Place = { readonly tree: Tree; readonly mark: StoredTable['mark'] }

/** Keys are ASCII, written byte for byte, so that they are ordered as bytes. `target` and `source` are lmdb's own buffers. */
const keyEncoder = {
  writeKey: (key: string, target: Buffer, at: number) => at + target.write(key, at, 'latin1'),
  readKey: (source: Buffer, from: number, to: number) => source.toString('latin1', from, to),
}
const binary = { encoding: 'binary', keyEncoder } as const

/** Opens or makes the file; read-only, tables that are not there are empty. Throws lmdb's error. */
export function openLmdb({ path, tables, mapBytes, isReadOnly }: LmdbOptions): LmdbRows {
  requireMetaPages(path)
  // lmdb's own mode lets others read.
  if (!isReadOnly) makePrivateFile(path)
  makeLockFile(path, isReadOnly)
  const root = open<Uint8Array, string>({
    ...binary,
    path,
    noSubdir: true,
    mapSize: mapBytes,
    maxDbs: tables.length,
    overlappingSync: false,
    readOnly: isReadOnly,
  })
  const places = new Map(tables.map((table) => [table.name, placeOf(root, table)]))
  const place = (table: string) => places.get(table)
  return {
    get: (table, key) => kept(lentAt(place(table), key)),
    range: (table, range) => readRange(place(table), range),
    all: (table) => allRows(place(table)),
    commit: (changes) => commit(root, places, changes),
    refresh: () => root.resetReadTxn(),
    copyTo: async (to) => {
      await root.backup(to, false)
      closeToOthers(to)
    },
    close: () => root.close(),
  }
}

// Rows are kept for a while: each in a buffer of its own would be tens of thousands for the collector to sweep at once.
const copied = createCopier()

/** A copy of what lmdb lends until its next read. Its length is that of the row, the memory behind it longer. */
function kept(lent: Uint8Array | undefined): Uint8Array | undefined {
  return lent === undefined ? undefined : copied(lent.subarray(0, lent.length))
}

/**
 * Who only reads does without one where nothing can be written. One that is there is not opened: to close it again would end the locks
 * that this process has on it by another thread's environment (fcntl's close), and other processes would then take its readers for dead.
 */
function makeLockFile(path: string, isReadOnly: boolean): void {
  if (!existsSync(path) || existsSync(`${path}-lock`)) return
  try {
    makePrivateFile(`${path}-lock`)
  } catch (error) {
    if (!isReadOnly) throw error
  }
}

/** lmdb-js 3.5.6 crashes on a file without meta pages, such as zeros: it throws the right error, but later, from nowhere. */
function requireMetaPages(path: string): void {
  if (!existsSync(path)) return
  const fd = openRegular(path, 'read')
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

/** Undefined when read-only and its tree is not there. */
function placeOf(root: RootDatabase<Uint8Array, string>, { tree, mark }: StoredTable): Place | undefined {
  const opened = openTree(root, tree)
  return opened === undefined ? undefined : { tree: opened, mark }
}

/** Undefined when read-only and not there, whatever lmdb's types say. */
function openTree(root: RootDatabase<Uint8Array, string>, name: string): Tree | undefined {
  return root.openDB<Uint8Array, string>({ ...binary, name })
}

/** The value under a key, lent until the next read. */
function lentAt(place: Place | undefined, key: string): Uint8Array | undefined {
  return place?.tree.getBinaryFast(key + place.mark)
}

function commit(
  root: RootDatabase<Uint8Array, string>,
  places: ReadonlyMap<string, Place | undefined>,
  changes: Iterable<StoredChange>,
): void {
  root.transactionSync(() => {
    for (const { table, key, bytes } of changes) {
      const place = places.get(table)
      if (place === undefined) throw new RangeError(`a table of this file expected, got ${table}`)
      if (bytes === null) place.tree.removeSync(key + place.mark)
      else place.tree.putSync(key + place.mark, bytes)
    }
  })
}

function readRange(place: Place | undefined, { from, to, limit, reverse }: StoredRange): readonly StoredRow[] {
  const found: StoredRow[] = []
  if (place === undefined || from >= to || limit <= 0) return found
  const { tree, mark } = place
  // Against the order lmdb starts at the upper key, if it is there: that row is skipped.
  const [first, end] = [from + mark, to + mark]
  const range = reverse ? { start: end, end: first, reverse, inclusiveEnd: true } : { start: first, end }
  for (const { key: whole, value } of tree.getRange(range)) {
    if (found.length === limit) break
    const key = keyIn(mark, whole)
    if (key !== undefined && key >= from && key < to) found.push({ key, bytes: Uint8Array.from(value) })
  }
  return found
}

function* allRows(place: Place | undefined): Generator<StoredRow> {
  if (place === undefined) return
  const { tree, mark } = place
  for (const { key: whole, value } of tree.getRange({ start: '\0' })) {
    const key = keyIn(mark, whole)
    if (key !== undefined) yield { key, bytes: Uint8Array.from(value) }
  }
}

/** The key of a row without its mark; undefined when it is of another table. */
function keyIn(mark: StoredTable['mark'], whole: string): string | undefined {
  const last = whole.charCodeAt(whole.length - 1)
  if (mark === '') return last < 0x20 ? undefined : whole
  return last === mark.charCodeAt(0) ? whole.slice(0, -1) : undefined
}
