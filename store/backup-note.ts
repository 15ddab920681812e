// The note in a data folder of how far a verified backup holds it. It is believed about this journal only: a folder that was put
// together from several, or another engine's note, must not have segments erased that no backup holds.

import { join } from 'node:path'
import type { Lsn } from '../engine/ports/journal.ts'
import { fromHex } from '../base/bytes.ts'
import { readIfThere, replaceFile } from './files/whole-file.ts'
import type { FilePort } from './files/file-port.ts'
import type { FileJournal } from './journal/journal.ts'

const noteName = 'backed-up.json'

/** The last group that the backup holds: its last record, and its chain hash, hex. */
export type BackupNote = { readonly lastLsn: Lsn; readonly headHash: string }

/** How far segments may be recycled, for there is a backup; `refused` says why a note that is there counts for nothing. */
export type BackedUp = { readonly lsn: Lsn; readonly refused: string | undefined }

export function writeBackupNote(files: FilePort, dataFolder: string, { lastLsn, headHash }: BackupNote): void {
  const text = `${JSON.stringify({ version: 1, lastLsn, headHash })}\n`
  replaceFile(files, join(dataFolder, noteName), Buffer.from(text))
}

/** What the note in `dataFolder` says, when it is about this journal. */
export async function readBackedUp(
  files: FilePort,
  dataFolder: string,
  journal: Pick<FileJournal, 'endsAt'>,
): Promise<BackedUp> {
  const path = join(dataFolder, noteName)
  const text = readIfThere(files, path)?.toString()
  if (text === undefined) return { lsn: 0, refused: undefined }
  const note = parseNote(text)
  if (note === undefined) return { lsn: 0, refused: `${path}: a lastLsn and a headHash of 64 hex digits expected` }
  if (await journal.endsAt(note.lastLsn, fromHex(note.headHash))) return { lsn: note.lastLsn, refused: undefined }
  return {
    lsn: 0,
    refused: `${path} is of another history: this journal has no group that ends at lsn ${note.lastLsn} with hash ${note.headHash}`,
  }
}

function parseNote(text: string): BackupNote | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || !('lastLsn' in value) || !('headHash' in value)) return undefined
  const { lastLsn, headHash } = value
  if (typeof lastLsn !== 'number' || !Number.isSafeInteger(lastLsn) || lastLsn < 0) return undefined
  return typeof headHash === 'string' && /^[0-9a-f]{64}$/.test(headHash) ? { lastLsn, headHash } : undefined
}
