// The view on LMDB: rows by table and key, each with a MAC, and the applied lsn written in the same transaction. Everything
// in it can be made again from the journal, so a view in doubt is wiped, never repaired.
//
// What is noticed: an altered row, when it is read (its MAC). An altered file, when a view that was closed in order is opened
// (its seal). A row that vanished, when a view that was left by a crash is opened (its digest). Not noticed before the next
// such opening: a row that vanishes from the file under a running engine.

import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Chores } from '../../engine/ports/chores.ts'
import type { Clock } from '../../engine/ports/clock.ts'
import { Fault } from '../../engine/ports/fault.ts'
import type { Lsn } from '../../engine/ports/journal.ts'
import { type RowChange, type RowRange, type Table, type View, viewWritesMax } from '../../engine/ports/view.ts'
import { lockFolder } from '../files/data-lock.ts'
import { type LmdbRows, isDamage, isNoRoom, openLmdb } from './lmdb.ts'
import { makePrivateFolder } from '../files/private-folder.ts'
import { realFiles } from '../files/real-files.ts'
import { checkView } from './view-check.ts'
import { RowPacker } from './view-packing.ts'
import { putViewOnDisk, sealName, sealView, unsealView } from './view-seal.ts'
import {
  type RowMacs,
  type ViewState,
  checkedRow,
  decodeState,
  metaTable,
  stateKey,
  storedTables,
  viewDamaged,
  viewFileName,
} from './view-state.ts'
import { ViewWriter } from './view-writer.ts'

export type ViewOptions = {
  /** Folder of the view; made when it is not there. */
  readonly folder: string
  /** Authenticates rows. */
  readonly keyring: RowMacs
  /** Address space reserved for the file, and so its largest size; 64 GiB unless told. Costs neither memory nor disk. */
  readonly mapBytes?: number
  /**
   * When a view that a crash left is walked, row by row (about 4 µs each): `before` it is opened, unless told, or `beside`
   * the running engine, which then watches `checked`. Or `never`.
   */
  readonly check?: 'before' | 'beside' | 'never'
  /** By which packing takes its share of the thread; without it, a few rows each turn of the event loop. */
  readonly monotonicMs?: Clock['monotonicMs']
  /** Own the walk `beside`: where its process cannot be started it is tried again. Without them it is not. */
  readonly chores?: Pick<Chores, 'untilDone'>
}

export type FileView = View & {
  /** Resolves when the file was found whole; rejects with a Fault `view-damaged`. Settled on opening, but with `beside`. */
  readonly checked: Promise<void>
  /** A consistent copy of the view's file, while writing goes on. */
  readonly copyTo: (path: string) => Promise<void>
}

export const mapBytesDefault = 64 * 1024 ** 3

/** Opens the view in `folder` for writing, alone. Rejects with a Fault: `data-in-use`, `view-failed`, `view-damaged`. */
export async function openView(options: ViewOptions): Promise<FileView> {
  const { folder, keyring, check = 'before', mapBytes = mapBytesDefault, monotonicMs = () => 0 } = options
  makePrivateFolder(folder)
  const unlock = lockFolder(folder)
  const path = join(folder, viewFileName)
  let rows: LmdbRows | undefined
  try {
    putViewOnDisk(realFiles(), folder)
    // Nothing can have vanished from a view that begins here: the journal is applied to it from its first record.
    const isNew = !existsSync(path)
    const isProven = (await unsealView(realFiles(), folder, keyring)) || isNew || check === 'never'
    if (!isProven && check === 'before') await checkView(path, mapBytes, keyring)
    const isFound = isProven || check === 'before'
    rows = openLmdb({ path, tables: storedTables, mapBytes, isReadOnly: false })
    const state = decodeState(keyring, rows.get(metaTable, stateKey))
    const closing = new AbortController()
    const walk = () => checkView(path, mapBytes, keyring)
    const checked = isFound ? Promise.resolve() : checkedBeside(walk, options.chores, closing.signal)
    return new LmdbView({
      folder,
      keyring,
      rows,
      state,
      writer: new ViewWriter({ path, mapBytes, macKey: keyring.macKey() }),
      checked,
      isProven: isFound,
      monotonicMs,
      closing,
      unlock,
    })
  } catch (error) {
    await rows?.close()
    unlock()
    throw error instanceof Fault ? error : failed(`opening the view in ${folder}`, error)
  }
}

function checkedBeside(walk: () => Promise<void>, chores: ViewOptions['chores'], signal: AbortSignal): Promise<void> {
  const mayPass = (error: unknown): boolean => error instanceof Fault && error.retry
  return chores === undefined ? walk() : chores.untilDone('view-check', walk, { mayPass, signal })
}

/** Removes a view, so that the next one is built from the journal. Throws a Fault `data-in-use` when an engine has it open. */
export function wipeView(folder: string): void {
  makePrivateFolder(folder)
  const unlock = lockFolder(folder)
  try {
    for (const name of [viewFileName, `${viewFileName}-lock`, sealName]) rmSync(join(folder, name), { force: true })
    realFiles().syncFolder(folder)
  } finally {
    unlock()
  }
}

/** Rows between two looks at the clock: about 50 µs of encoding. */
const rowsPerLook = 16
/** Packing takes at most this share of the engine's thread, whatever a turn of the event loop takes. */
const packingShare = 1 / 6
/** But not for longer in one go, after a pause that was long for another reason. */
const packingMsMax = 5

type Opened = {
  readonly folder: string
  readonly keyring: RowMacs
  readonly rows: LmdbRows
  readonly state: ViewState
  readonly writer: ViewWriter
  readonly checked: Promise<void>
  readonly isProven: boolean
  readonly monotonicMs: Clock['monotonicMs']
  /** Ends the waiting for a walk that could not be started. */
  readonly closing: AbortController
  readonly unlock: () => void
}

class LmdbView implements FileView {
  readonly checked: Promise<void>
  readonly #opened: Opened
  readonly #rows: LmdbRows
  readonly #keyring: RowMacs
  readonly #writer: ViewWriter
  #state: ViewState
  /** Under way, oldest first. */
  readonly #writing: Promise<void>[] = []
  #isClosed = false
  /** Since a write that failed for more than room: what the page cache shows of it may not be on disk. */
  #isDoubtful = false
  #isProven: boolean

  constructor(opened: Opened) {
    this.checked = opened.checked
    // A caller that does not watch still learns of it: a damaged view is not sealed, so the next opening refuses it.
    this.checked.then(
      () => (this.#isProven = true),
      () => {},
    )
    this.#isProven = opened.isProven
    this.#opened = opened
    this.#rows = opened.rows
    this.#keyring = opened.keyring
    this.#writer = opened.writer
    this.#state = opened.state
  }

  get appliedLsn(): Lsn {
    return this.#state.appliedLsn
  }

  get isProven(): boolean {
    return this.#isProven
  }

  get(table: Table, key: string): Uint8Array | undefined {
    const stored = this.#read(() => this.#rows.get(table, key))
    return stored === undefined ? undefined : checkedRow(this.#keyring, table, key, stored)
  }

  range(table: Table, range: RowRange): readonly { readonly key: string; readonly bytes: Uint8Array }[] {
    const found = this.#read(() => this.#rows.range(table, { ...range, reverse: range.reverse ?? false }))
    return found.map(({ key, bytes }) => ({ key, bytes: checkedRow(this.#keyring, table, key, bytes) }))
  }

  /** The changes are borrowed until this resolves. */
  async write(changes: Iterable<RowChange>, appliedLsn: Lsn): Promise<void> {
    if (this.#isClosed) throw new Error('the view is closed')
    if (this.#writing.length >= viewWritesMax) throw new Error(`the view takes ${viewWritesMax} writes at a time`)
    const before = this.#writing.at(-1)
    const writing = this.#writeAfter(before, changes, appliedLsn)
    this.#writing.push(writing)
    try {
      await writing
    } finally {
      void this.#writing.shift()
    }
  }

  /** Packs while the write before is under way. After one that failed nothing is written: the rows would lack its own. */
  async #writeAfter(before: Promise<void> | undefined, changes: Iterable<RowChange>, appliedLsn: Lsn): Promise<void> {
    try {
      const packing = pack(changes, this.#opened.monotonicMs)
      // Heard of below, once the write before is back.
      packing.catch(() => {})
      await before
      const digest = await this.#writer.write(await packing, appliedLsn, this.#state.digest)
      this.#rows.refresh()
      this.#state = { appliedLsn, digest }
    } catch (error) {
      this.#isDoubtful ||= !isNoRoom(error)
      this.#readState()
      throw error instanceof RangeError || error instanceof Fault ? error : failed('writing the view', error)
    }
  }

  /** The thread may have ended after it wrote and before it said so: what is written again must begin from what is there. */
  #readState(): void {
    this.#rows.refresh()
    const stored = this.#read(() => this.#rows.get(metaTable, stateKey))
    this.#state = decodeState(this.#keyring, stored)
  }

  copyTo(path: string): Promise<void> {
    return this.#rows.copyTo(path)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    const { folder, keyring, closing, unlock } = this.#opened
    closing.abort()
    // A view that is still being checked, or was found damaged, is not sealed: nor is one that may not be on disk as it is read.
    const isWhole = await this.checked.then(
      () => true,
      () => false,
    )
    // A write that was handed over cannot be called back, and must not come after the seal.
    await Promise.allSettled(this.#writing)
    try {
      await this.#writer.close()
      await this.#rows.close()
      if (isWhole && !this.#isDoubtful) await sealView(realFiles(), folder, keyring)
    } finally {
      unlock()
    }
  }

  #read<Result>(read: () => Result): Result {
    try {
      return read()
    } catch (error) {
      throw failed('reading the view', error)
    }
  }
}

/**
 * Packs the rows, a few at a time: whatever else the engine's thread has to do comes in between. Under load a turn of the event
 * loop takes many milliseconds: a fixed number of rows a turn would not keep up with what the same turn adds.
 */
async function pack(changes: Iterable<RowChange>, monotonicMs: Clock['monotonicMs']): Promise<Uint8Array<ArrayBuffer>> {
  const packer = new RowPacker()
  let count = 0
  let turnAtMs = monotonicMs()
  let pauseMs = 0
  for (const change of changes) {
    packer.add(change)
    if (++count % rowsPerLook !== 0) continue
    const nowMs = monotonicMs()
    if (nowMs - turnAtMs < Math.min(packingMsMax, pauseMs * packingShare)) continue
    await nextTurn()
    turnAtMs = monotonicMs()
    pauseMs = turnAtMs - nowMs
  }
  return packer.finish()
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function failed(doing: string, cause: unknown): Fault {
  const said = cause instanceof Error ? cause.message : String(cause)
  if (isDamage(cause)) return viewDamaged(`${doing} failed: ${said}`)
  return new Fault('view-failed', `${doing} failed: ${said}. The journal has everything; it will be applied again.`, {
    cause,
    retry: true,
  })
}
