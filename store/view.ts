// The view on LMDB: rows by table and key, each with a MAC, and the applied lsn written in the same transaction. Everything
// in it can be made again from the journal, so a view in doubt is wiped, never repaired.

import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Keyring } from '../crypto/at-rest.ts'
import { Fault } from '../engine/ports/fault.ts'
import type { Lsn } from '../engine/ports/journal.ts'
import { type RowChange, type RowRange, type Table, type View } from '../engine/ports/view.ts'
import { ascii, concatBytes, readU64, u64 } from '../protocol/bytes.ts'
import { lockFolder } from './data-lock.ts'
import { type LmdbRows, keyBytesMax, openLmdb } from './lmdb.ts'

export type ViewOptions = {
  /** Folder of the view; made when it is not there. */
  readonly folder: string
  /** Authenticates rows. */
  readonly keyring: Pick<Keyring, 'mac' | 'checkMac'>
  /** Address space reserved for the file, and so its largest size; 64 GiB unless told. Costs neither memory nor disk. */
  readonly mapBytes?: number
}

const mapBytesDefault = 64 * 1024 ** 3
const macBytes = 16
const fileName = 'view.lmdb'

/** First character of a stored key: which table it is of. Forever. */
const prefixes: Readonly<Record<Table, string>> = {
  band: 'a',
  bid: 'b',
  ratchet: 'c',
  account: 'd',
  accountBand: 'e',
  phone: 'f',
  usage: 'g',
  reference: 'h',
  history: 'i',
  alarm: 'j',
  tally: 'k',
}
const metaTable = 'meta'
const appliedKey = '!applied'

/** Opens the view in `folder` for writing, alone. Rejects with a Fault: `data-in-use`, `view-failed`, `view-damaged`. */
export async function openView(options: ViewOptions): Promise<View> {
  mkdirSync(options.folder, { recursive: true })
  const unlock = lockFolder(options.folder)
  let rows: LmdbRows | undefined
  try {
    rows = openLmdb(join(options.folder, fileName), options.mapBytes ?? mapBytesDefault)
    return new LmdbView(rows, options.keyring, unlock)
  } catch (error) {
    await rows?.close()
    unlock()
    throw error instanceof Fault ? error : failed('opening', error)
  }
}

/** Removes a view, so that the next one is built from the journal. Throws a Fault `data-in-use` when an engine has it open. */
export function wipeView(folder: string): void {
  mkdirSync(folder, { recursive: true })
  const unlock = lockFolder(folder)
  try {
    for (const name of [fileName, `${fileName}-lock`]) rmSync(join(folder, name), { force: true })
  } finally {
    unlock()
  }
}

class LmdbView implements View {
  readonly #rows: LmdbRows
  readonly #keyring: Pick<Keyring, 'mac' | 'checkMac'>
  readonly #unlock: () => void
  #appliedLsn: Lsn
  #isWriting = false

  constructor(rows: LmdbRows, keyring: Pick<Keyring, 'mac' | 'checkMac'>, unlock: () => void) {
    this.#rows = rows
    this.#keyring = keyring
    this.#unlock = unlock
    const stored = rows.get(appliedKey)
    const applied = stored === undefined ? u64(0) : this.#checked(metaTable, appliedKey, stored)
    this.#appliedLsn = readU64(applied, 0) ?? 0
  }

  get appliedLsn(): Lsn {
    return this.#appliedLsn
  }

  get(table: Table, key: string): Uint8Array | undefined {
    const stored = this.#rows.get(prefixes[table] + key)
    return stored === undefined ? undefined : this.#checked(table, key, stored)
  }

  range(table: Table, range: RowRange): readonly { readonly key: string; readonly bytes: Uint8Array }[] {
    const prefix = prefixes[table]
    const found = this.#rows.range({
      from: prefix + range.from,
      to: prefix + range.to,
      limit: range.limit,
      reverse: range.reverse ?? false,
    })
    return found.map((row) => {
      const key = row.key.slice(1)
      return { key, bytes: this.#checked(table, key, row.bytes) }
    })
  }

  async write(changes: readonly RowChange[], appliedLsn: Lsn): Promise<void> {
    if (this.#isWriting) throw new Error('the view takes one write at a time')
    this.#isWriting = true
    try {
      const stored = changes.map((change) => this.#stored(change))
      stored.push({ key: appliedKey, bytes: this.#maced(metaTable, appliedKey, u64(appliedLsn)) })
      await this.#rows.commit(stored)
      this.#appliedLsn = appliedLsn
    } catch (error) {
      throw error instanceof RangeError ? error : failed('writing', error)
    } finally {
      this.#isWriting = false
    }
  }

  async close(): Promise<void> {
    await this.#rows.close()
    this.#unlock()
  }

  #stored({ table, key, bytes }: RowChange): { key: string; bytes: Uint8Array | null } {
    if (!/^[\x20-\x7e]+$/.test(key) || key.length >= keyBytesMax) {
      throw new RangeError(
        `a key of 1 to ${keyBytesMax - 1} printable ASCII characters expected, got ${JSON.stringify(key)}`,
      )
    }
    return { key: prefixes[table] + key, bytes: bytes === null ? null : this.#maced(table, key, bytes) }
  }

  #maced(table: string, key: string, bytes: Uint8Array): Uint8Array {
    return concatBytes(bytes, this.#keyring.mac(table, ascii(key), bytes))
  }

  #checked(table: string, key: string, stored: Uint8Array): Uint8Array {
    const bytes = stored.subarray(0, Math.max(stored.length - macBytes, 0))
    if (!this.#keyring.checkMac(table, ascii(key), bytes, stored.subarray(bytes.length))) {
      throw new Fault(
        'view-damaged',
        `the ${table} row ${key} (${stored.length} bytes) does not match its MAC: it was altered on disk, or written under a ` +
          'master key that is not given. Wipe the view and start again: it is built anew from the journal.',
      )
    }
    return bytes
  }
}

function failed(doing: string, cause: unknown): Fault {
  const said = cause instanceof Error ? cause.message : String(cause)
  return new Fault(
    'view-failed',
    `${doing} the view failed: ${said}. The journal has everything; it will be applied again.`,
    {
      cause,
      retry: true,
    },
  )
}
