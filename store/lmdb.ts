// The door to lmdb: one B+ tree of binary values under text keys. Opened so that a resolved commit is on disk and nothing is
// readable before it is (`overlappingSync: false`), with a fixed map and without lmdb's own value encoding (threat D10).

import { type RootDatabase, open } from 'lmdb'

/** One row put (`bytes`) or removed (null). */
export type StoredChange = { readonly key: string; readonly bytes: Uint8Array | null }

export type StoredRange = {
  readonly from: string
  readonly to: string
  readonly limit: number
  readonly reverse: boolean
}

export type LmdbRows = {
  /** A copy of the value under `key`. */
  readonly get: (key: string) => Uint8Array | undefined
  /** Copies of the values from `from` (inclusive) to `to` (exclusive), in order of keys or against it. */
  readonly range: (range: StoredRange) => readonly { readonly key: string; readonly bytes: Uint8Array }[]
  /** All changes in one transaction; resolves when it is on disk. Rejects with lmdb's error, and nothing else does. */
  readonly commit: (changes: readonly StoredChange[]) => Promise<void>
  /** A consistent copy of the file at another path, while writing goes on. */
  readonly copyTo: (path: string) => Promise<void>
  readonly close: () => Promise<void>
}

/** Longest key in bytes; lmdb itself would take 1,978. */
export const keyBytesMax = 512

/** Keys are ASCII, written byte for byte, so that they are ordered as bytes. `target` and `source` are lmdb's own buffers. */
const keyEncoder = {
  writeKey: (key: string, target: Buffer, at: number) => at + target.write(key, at, 'latin1'),
  readKey: (source: Buffer, from: number, to: number) => source.toString('latin1', from, to),
}

/** Opens or makes the file at `path`. `mapBytes` is address space, not memory or disk. */
export function openLmdb(path: string, mapBytes: number): LmdbRows {
  const database: RootDatabase<Uint8Array, string> = open<Uint8Array, string>({
    path,
    noSubdir: true,
    mapSize: mapBytes,
    encoding: 'binary',
    keyEncoder,
    overlappingSync: false,
    maxDbs: 1,
  })
  return {
    get: (key) => database.getBinary(key),
    range: (range) => readRange(database, range),
    commit: (changes) => commit(database, changes),
    copyTo: (to) => database.backup(to, false),
    close: () => database.close(),
  }
}

async function commit(database: RootDatabase<Uint8Array, string>, changes: readonly StoredChange[]): Promise<void> {
  try {
    await database.batch(() => {
      for (const { key, bytes } of changes) {
        // The promises of single operations resolve at once inside a batch; the batch's own is the one that counts.
        if (bytes === null) void database.remove(key)
        else void database.put(key, bytes)
      }
    })
  } catch (error) {
    throw await causeOf(error)
  }
}

/**
 * A failed commit rejects with "Commit failed" and a second promise that rejects with the cause. Nobody else holds that one:
 * unhandled it would end the process (seen on a full disk), so it is taken up here, in the same turn.
 */
async function causeOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('commitError' in error)) return error
  try {
    await error.commitError
    return error
  } catch (cause) {
    return cause
  }
}

function readRange(
  database: RootDatabase<Uint8Array, string>,
  { from, to, limit, reverse }: StoredRange,
): readonly { readonly key: string; readonly bytes: Uint8Array }[] {
  const rows: { key: string; bytes: Uint8Array }[] = []
  // Against the order lmdb starts at the upper end, inclusive: the row at `to` is skipped, so one more is asked for.
  const options = reverse ? { start: to, end: from, reverse, inclusiveEnd: true } : { start: from, end: to }
  for (const { key, value } of database.getRange({ ...options, limit: limit + 1 })) {
    if (rows.length === limit) break
    if (key < from || key >= to) continue
    rows.push({ key, bytes: Uint8Array.from(value) })
  }
  return rows
}
