// What the tests of the view share: folders, rows, a keyring, and the file as it is without the view's care.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKeyring } from '../../crypto/at-rest.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import type { RowChange } from '../../engine/ports/view.ts'
import { type LmdbRows, openLmdb } from './lmdb.ts'
import { sealName } from './view-seal.ts'
import { storedTables, viewFileName } from './view-state.ts'
import { mapBytesDefault } from './view.ts'

export const keyring = createKeyring(nodePrimitives, [{ id: 1, key: new Uint8Array(32).fill(7) }])

const folders: string[] = []

export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bandpass-view-'))
  folders.push(folder)
  return folder
}

export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
}

export function row(table: RowChange['table'], key: string, text: string | null): RowChange {
  return { table, key, bytes: text === null ? null : Buffer.from(text) }
}

export function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString()
}

/** The file as another program sees it. */
export function bareFile(folder: string): LmdbRows {
  const path = join(folder, viewFileName)
  return openLmdb({ path, tables: storedTables, mapBytes: mapBytesDefault, isReadOnly: false })
}

/** The same, of a view that looks as if a crash had left it. */
export function bareUnsealedFile(folder: string): LmdbRows {
  rmSync(join(folder, sealName), { force: true })
  return bareFile(folder)
}
