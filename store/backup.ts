// Online backup. A copy of a data folder, taken beside a running engine: first the view, then the journal up to what is durable, so that the
// journal of a backup always reaches its view. On disk and verified before it counts; then the data folder notes how far it is backed up, and
// older segments may be recycled.

import { basename, dirname, join } from 'node:path'
import { Fault } from '../engine/ports/fault.ts'
import type { Lsn } from '../engine/ports/journal.ts'
import { type AuditOptions, verifyJournal } from './audit.ts'
import { journalFolderOf, viewFolderOf } from './files/data-folder.ts'
import { writeBackupNote } from './backup-note.ts'
import { closeFolderToOthers } from './files/private-folder.ts'
import { type FilePort, fileErrorCode, readWhole } from './files/file-port.ts'
import { segmentName } from './journal/journal-format.ts'
import { headBefore } from './journal/journal-recovery.ts'
import { scanSegment } from './journal/journal-scan.ts'
import { type Segment, damaged, listSegments } from './journal/journal-segments.ts'
import { openLmdb } from './view/lmdb.ts'
import { realFiles } from './files/real-files.ts'
import { checkView } from './view/view-check.ts'
import { type RowMacs, decodeState, metaTable, stateKey, storedTables, viewFileName } from './view/view-state.ts'
import { mapBytesDefault } from './view/view.ts'
import { hashFile, readIfThere, replaceFile } from './files/whole-file.ts'

/** What a backup holds; stands in it as `manifest.json`. */
export type BackupManifest = {
  readonly version: 1
  readonly madeAtMs: number
  readonly firstLsn: Lsn
  readonly lastLsn: Lsn
  readonly epoch: number
  /** Chain hash of the last group, hex. */
  readonly headHash: string
  /** How far the copied view is applied. */
  readonly appliedLsn: Lsn
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly sha256: string }[]
}

export type BackupOptions = {
  /** The data folder, of a running engine or a stopped one. */
  readonly from: string
  /** The folder of the backup: new or empty. */
  readonly to: string
  /** Authenticates the copied view. */
  readonly keyring: RowMacs
  /** Wall time, ms since 1970, for the manifest. */
  readonly nowMs: number
  readonly mapBytes?: number
  /** Files of the data folder that are copied as they are, by their names in it: what keys and lists the journal needs. */
  readonly documents?: readonly string[]
} & Pick<AuditOptions, 'readRecord'>

const manifestName = 'manifest.json'
/** How often copying starts again because a running engine recycled a segment meanwhile. */
const attemptsMax = 5

/** Copies, verifies, notes. Rejects with a Fault that says which file of the copy is not what it should be. */
export async function backup(options: BackupOptions): Promise<BackupManifest> {
  const { from, to, documents = [] } = options
  const files = realFiles()
  if (files.list(to).length > 0) throw new RangeError(`a new or empty folder expected for the backup, got ${to}`)
  for (const folder of [journalFolderOf(to), viewFolderOf(to)]) files.makeFolder(folder)
  closeFolderToOthers(to)
  const appliedLsn = await copyView(files, options)
  copyJournal(files, journalFolderOf(from), journalFolderOf(to))
  for (const name of documents) copyDocument(files, join(from, name), join(to, name))
  const manifest = await describe(files, options, appliedLsn)
  replaceFile(files, join(to, manifestName), Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`))
  await verifyBackup(to, options)
  writeBackupNote(files, from, manifest)
  return manifest
}

/** Checks a backup against its manifest: every file's hash, the journal's chain, the view's rows. Rejects with a Fault. */
export async function verifyBackup(
  folder: string,
  options: { readonly keyring: RowMacs; readonly mapBytes?: number } & Pick<AuditOptions, 'readRecord'>,
): Promise<BackupManifest> {
  const files = realFiles()
  const manifest = parseManifest(folder, readIfThere(files, join(folder, manifestName))?.toString())
  for (const { name, bytes, sha256 } of manifest.files) {
    const found = await hashed(files, folder, name)
    if (found.bytes === bytes && found.sha256 === sha256) continue
    throw notGood(
      folder,
      `${name} of ${bytes} bytes and hash ${sha256} expected, got ${found.bytes} and ${found.sha256}`,
    )
  }
  const audit = verifyJournal(journalFolderOf(folder), options.readRecord === undefined ? {} : options)
  if (audit.type === 'damaged')
    throw notGood(folder, `${audit.segment}, offset ${audit.offset}, lsn ${audit.lsn}: ${audit.why}`)
  if (audit.lastLsn !== manifest.lastLsn || audit.headHash !== manifest.headHash) {
    throw notGood(
      folder,
      `lsn ${manifest.lastLsn} with hash ${manifest.headHash} expected, got ${audit.lastLsn} with ${audit.headHash}`,
    )
  }
  if (manifest.appliedLsn > audit.lastLsn || manifest.appliedLsn < audit.firstLsn - 1) {
    throw notGood(
      folder,
      `a journal that reaches the view at ${manifest.appliedLsn} expected, got ${audit.firstLsn} to ${audit.lastLsn}`,
    )
  }
  await checkView(join(viewFolderOf(folder), viewFileName), options.mapBytes ?? mapBytesDefault, options.keyring)
  return manifest
}

/** Copies the view's file as of one moment; returns how far it is applied. */
async function copyView(
  files: FilePort,
  { from, to, keyring, mapBytes = mapBytesDefault }: BackupOptions,
): Promise<Lsn> {
  const open = (folder: string) =>
    openLmdb({ path: join(viewFolderOf(folder), viewFileName), tables: storedTables, mapBytes, isReadOnly: true })
  const source = open(from)
  try {
    await source.copyTo(join(viewFolderOf(to), viewFileName))
  } finally {
    await source.close()
  }
  // lmdb leaves its copy in the page cache, and what the note says may be recycled as soon as it stands.
  const written = files.open(join(viewFolderOf(to), viewFileName), 'existing')
  try {
    written.datasync()
  } finally {
    written.close()
  }
  files.syncFolder(viewFolderOf(to))
  const copy = open(to)
  try {
    return decodeState(keyring, copy.get(metaTable, stateKey)).appliedLsn
  } finally {
    await copy.close()
  }
}

function copyJournal(files: FilePort, from: string, to: string): void {
  for (let attempt = 1; ; attempt++) {
    try {
      const segments = listSegments(files, from)
      for (const segment of segments) copySegment(files, segment, to)
      files.syncFolder(to)
      return
    } catch (error) {
      // A recycled segment is gone, or shows zeros; the next list is without it.
      const isMoving = error instanceof Fault || fileErrorCode(error) === 'ENOENT'
      if (!isMoving || attempt === attemptsMax) throw error
      for (const name of files.list(to)) files.remove(join(to, name))
    }
  }
}

/** The groups that are whole, and zeros behind them: what is being written just now is not part of the backup. */
function copySegment(files: FilePort, segment: Segment, to: string): void {
  const source = files.open(segment.path, 'read')
  let bytes: Buffer
  try {
    bytes = readWhole(source)
  } finally {
    source.close()
  }
  const scan = scanSegment(bytes, segment.header, headBefore(segment))
  let step = scan.next()
  while (!step.done) step = scan.next()
  const end = step.value
  if (end.type === 'damaged') throw damaged({ path: segment.path, ...end })
  bytes.fill(0, end.offset)
  const copy = files.open(join(to, segmentName(segment.header.firstLsn)), 'create')
  try {
    copy.write(0, bytes)
    copy.datasync()
  } finally {
    copy.close()
  }
}

function copyDocument(files: FilePort, from: string, to: string): void {
  const bytes = readIfThere(files, from)
  if (bytes === undefined) return
  files.makeFolder(dirname(to))
  replaceFile(files, to, bytes)
}

async function describe(
  files: FilePort,
  { to, readRecord, nowMs, documents = [] }: BackupOptions,
  appliedLsn: Lsn,
): Promise<BackupManifest> {
  const audit = verifyJournal(journalFolderOf(to), readRecord === undefined ? {} : { readRecord })
  if (audit.type === 'damaged')
    throw notGood(to, `${audit.segment}, offset ${audit.offset}, lsn ${audit.lsn}: ${audit.why}`)
  const { firstLsn, lastLsn, epoch, headHash } = audit
  const segments = files.list(journalFolderOf(to)).map((name) => join('journal', name))
  const listed: BackupManifest['files'][number][] = []
  const copied = documents.filter((name) => files.list(dirname(join(to, name))).includes(basename(name)))
  for (const name of [join('view', viewFileName), ...segments, ...copied])
    listed.push({ name, ...(await hashed(files, to, name)) })
  return {
    version: 1,
    madeAtMs: nowMs,
    firstLsn,
    lastLsn,
    epoch,
    headHash,
    appliedLsn,
    files: listed,
  }
}

async function hashed(
  files: FilePort,
  folder: string,
  name: string,
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const { bytes, sha256 } = await hashFile(files, join(folder, name))
  return { bytes, sha256: sha256.toString('hex') }
}

function parseManifest(folder: string, text: string | undefined): BackupManifest {
  if (text === undefined)
    throw notGood(folder, `${manifestName} expected: the backup was not finished, or this is none`)
  const value: unknown = JSON.parse(text)
  if (!isManifest(value)) throw notGood(folder, `a ${manifestName} of version 1 expected`)
  return value
}

function isManifest(value: unknown): value is BackupManifest {
  if (typeof value !== 'object' || value === null) return false
  const has = (name: string, type: 'number' | 'string') => typeof Reflect.get(value, name) === type
  return (
    Reflect.get(value, 'version') === 1 &&
    ['firstLsn', 'lastLsn', 'epoch', 'appliedLsn'].every((name) => has(name, 'number')) &&
    has('headHash', 'string') &&
    Array.isArray(Reflect.get(value, 'files'))
  )
}

function notGood(folder: string, why: string): Fault {
  return new Fault('journal-damaged', `the backup in ${folder} is not good: ${why}. Use another one; make a new one.`)
}
