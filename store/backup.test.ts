import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { createKeyring } from '../crypto/at-rest.ts'
import { nodePrimitives } from '../crypto/primitives/node-primitives.ts'
import { backup, verifyBackup } from './backup.ts'
import { readBackedUp, writeBackupNote } from './backup-note.ts'
import { realFiles } from './files/real-files.ts'
import { journalFolderOf, viewFolderOf } from './files/data-folder.ts'
import { segmentBytesMin } from './journal/journal-format.ts'
import { type FileJournal, openJournal } from './journal/journal.ts'
import { bodiesOf, fill, handTimers, recordOf } from './journal/test-disk.ts'
import { type FileView, openView } from './view/view.ts'

const keyring = createKeyring(nodePrimitives, [{ id: 1, key: new Uint8Array(32).fill(7) }])
const readRecord = () => {}
const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bandpass-backup-'))
  folders.push(folder)
  return folder
}

type Engine = { readonly journal: FileJournal; readonly view: FileView }

/** What an engine holds open: view, then journal. */
async function openBoth(dataFolder: string): Promise<Engine> {
  const view = await openView({ folder: viewFolderOf(dataFolder), keyring })
  const journal = await openJournal({
    folder: journalFolderOf(dataFolder),
    durability: 'disk',
    after: handTimers().after,
    segmentBytes: segmentBytesMin,
    appliedLsn: view.appliedLsn,
  })
  return { journal, view }
}

async function work({ journal, view }: Engine, count: number): Promise<void> {
  await fill(journal, count, 10_000)
  const lsn = journal.durableLsn - 2
  await view.write([{ table: 'band', key: `at ${lsn}`, bytes: recordOf(lsn) }], lsn)
}

async function closeBoth({ journal, view }: Engine): Promise<void> {
  await journal.close()
  await view.close()
}

const backedUp = (data: string, { journal }: Engine) => readBackedUp(realFiles(), data, journal)

const copyInto = (from: string, to: string) => backup({ from, to, keyring, readRecord, nowMs: 1_700_000_000_000 })

describe('a backup', () => {
  it('of a running engine holds all that was durable, opens as a data folder, and goes on from there', async () => {
    const [data, copy] = [newFolder(), join(newFolder(), 'copy')]
    const engine = await openBoth(data)
    await work(engine, 30)
    const manifest = await copyInto(data, copy)
    expect(manifest).toMatchObject({
      version: 1,
      madeAtMs: 1_700_000_000_000,
      firstLsn: 1,
      lastLsn: 30,
      appliedLsn: 28,
      epoch: 1,
    })
    await work(engine, 30)
    await closeBoth(engine)

    const restored = newFolder()
    cpSync(copy, restored, { recursive: true })
    const again = await openBoth(restored)
    expect(bodiesOf(again.journal)).toEqual(Array.from({ length: 30 }, (_, i) => recordOf(i + 1, 10_000)))
    expect([again.view.appliedLsn, again.view.get('band', 'at 28')]).toEqual([28, recordOf(28)])
    await work(again, 5)
    await closeBoth(again)
  })

  it('taken while the engine writes is one whole state, each of several times', async () => {
    const data = newFolder()
    const engine = await openBoth(data)
    await work(engine, 5)
    const over = { now: false }
    const working = (async () => {
      while (!over.now) await work(engine, 3)
    })()
    for (let i = 0; i < 5; i++) {
      const copy = join(newFolder(), 'copy')
      const manifest = await copyInto(data, copy)
      expect(manifest.lastLsn).toBeGreaterThanOrEqual(manifest.appliedLsn)
      expect(await verifyBackup(copy, { keyring, readRecord })).toEqual(manifest)
    }
    over.now = true
    await working
    await closeBoth(engine)
  })

  it('lets the engine recycle what it holds, and later backups go on from there', async () => {
    const [data, first, second] = [newFolder(), join(newFolder(), 'a'), join(newFolder(), 'b')]
    const engine = await openBoth(data)
    await work(engine, 40)
    expect(await backedUp(data, engine)).toEqual({ lsn: 0, refused: undefined })
    await copyInto(data, first)
    expect(await backedUp(data, engine)).toEqual({ lsn: 40, refused: undefined })
    await engine.journal.recycle(engine.view.appliedLsn)
    expect(engine.journal.firstLsn).toBeGreaterThan(1)
    await work(engine, 10)
    const manifest = await copyInto(data, second)
    expect([manifest.firstLsn, manifest.lastLsn]).toEqual([engine.journal.firstLsn, 50])
    await closeBoth(engine)
    const restored = newFolder()
    cpSync(second, restored, { recursive: true })
    await closeBoth(await openBoth(restored))
  })

  it('is refused when any file of it is changed, missing or cut short, and notes nothing then', async () => {
    const [data, copy] = [newFolder(), join(newFolder(), 'copy')]
    const engine = await openBoth(data)
    await work(engine, 30)
    await closeBoth(engine)
    await copyInto(data, copy)
    const names = [
      ...readdirSync(journalFolderOf(copy)).map((name) => join('journal', name)),
      join('view', 'view.lmdb'),
    ]
    expect(names.length).toBeGreaterThan(3)
    for (const name of names) {
      const path = join(copy, name)
      const bytes = readFileSync(path)
      const changed = Buffer.from(bytes)
      changed[1000] = (changed[1000] ?? 0) ^ 1
      for (const bad of [changed, bytes.subarray(0, 5000), undefined]) {
        if (bad === undefined) rmSync(path)
        else writeFileSync(path, bad)
        const verdict = verifyBackup(copy, { keyring, readRecord })
        await expect(verdict, name).rejects.toMatchObject({ name: 'Fault' })
        await expect(verdict, name).rejects.toThrow(/is not good/)
      }
      writeFileSync(path, bytes)
    }
    await verifyBackup(copy, { keyring, readRecord })
    rmSync(join(copy, 'manifest.json'))
    await expect(verifyBackup(copy, { keyring, readRecord })).rejects.toThrow(/manifest.json expected/)
  })

  it('of a damaged journal is not made, and nothing is noted', async () => {
    const data = newFolder()
    const engine = await openBoth(data)
    await work(engine, 30)
    await closeBoth(engine)
    const [name = ''] = readdirSync(journalFolderOf(data)).filter((one) => one.endsWith('.segment'))
    const path = join(journalFolderOf(data), name)
    const bytes = readFileSync(path)
    bytes[5000] = (bytes[5000] ?? 0) ^ 1
    writeFileSync(path, bytes)
    await expect(copyInto(data, join(newFolder(), 'copy'))).rejects.toMatchObject({ code: 'journal-damaged' })
    expect(existsSync(join(data, 'backed-up.json'))).toBe(false)
  })

  it('is believed about the history that it holds only: not about another one, a later one, or by a note that is none', async () => {
    const [data, other] = [newFolder(), newFolder()]
    const engine = await openBoth(data)
    await work(engine, 40)
    const manifest = await copyInto(data, join(newFolder(), 'copy'))
    // The same data folder went on elsewhere, and was backed up there.
    cpSync(data, other, { recursive: true })
    for (const folder of ['journal', 'view']) rmSync(join(other, folder, 'lock'))
    const elsewhere = await openBoth(other)
    await work(elsewhere, 10)
    const otherManifest = await copyInto(other, join(newFolder(), 'copy'))
    await closeBoth(elsewhere)
    await fill(engine.journal, 40, 9_000)
    const files = realFiles()
    for (const note of [
      otherManifest,
      { lastLsn: 1_000_000, headHash: manifest.headHash },
      { lastLsn: 30, headHash: manifest.headHash },
      { lastLsn: 40, headHash: '00'.repeat(32) },
    ]) {
      writeBackupNote(files, data, note)
      expect(await backedUp(data, engine)).toMatchObject({ lsn: 0, refused: expect.stringMatching(/another history/) })
    }
    for (const text of ['', 'null', '{"lastLsn": 1000000, "headHash": "of another history"}', '{"lastLsn": -1}']) {
      writeFileSync(join(data, 'backed-up.json'), text)
      expect(await backedUp(data, engine)).toMatchObject({ lsn: 0, refused: expect.stringMatching(/expected/) })
    }
    writeBackupNote(files, data, manifest)
    expect(await backedUp(data, engine)).toEqual({ lsn: 40, refused: undefined })
    await closeBoth(engine)
    const again = await openBoth(data)
    expect(await backedUp(data, again)).toEqual({ lsn: 40, refused: undefined })
    await closeBoth(again)
  })

  it('of a journal without a record since its start is believed as well', async () => {
    const data = newFolder()
    const engine = await openBoth(data)
    await work(engine, 5)
    await closeBoth(engine)
    const again = await openBoth(data)
    await copyInto(data, join(newFolder(), 'copy'))
    expect(await backedUp(data, again)).toEqual({ lsn: 5, refused: undefined })
    await fill(again.journal, 5)
    expect(await backedUp(data, again)).toEqual({ lsn: 5, refused: undefined })
    await closeBoth(again)
  })

  it('and all that the store makes is for its owner alone, also in a folder that was open before', async () => {
    const [data, copy] = [newFolder(), newFolder()]
    chmodSync(copy, 0o755)
    mkdirSync(join(data, 'lists'))
    writeFileSync(join(data, 'lists', 'partners.json'), '{}', { mode: 0o644 })
    const engine = await openBoth(data)
    await work(engine, 30)
    await backup({
      from: data,
      to: copy,
      keyring,
      readRecord,
      nowMs: 0,
      documents: [join('lists', 'partners.json'), 'keys.json'],
    })
    expect(readdirSync(join(copy, 'lists'))).toEqual(['partners.json'])
    for (const folder of ['journal', 'view'])
      expect(modesIn(join(data, folder))).toEqual({ folders: '700', files: '600' })
    await closeBoth(engine)
    for (const folder of ['journal', 'view'])
      expect(modesIn(join(data, folder))).toEqual({ folders: '700', files: '600' })
    expect(modesIn(copy)).toEqual({ folders: '700', files: '600' })
  })

  it('goes into a new or empty folder only', async () => {
    const data = newFolder()
    await closeBoth(await openBoth(data))
    await expect(copyInto(data, data)).rejects.toThrow(RangeError)
  })
})

/** The modes of all folders and of all files in a folder, and of itself, when they are alike. */
function modesIn(folder: string): { readonly folders: string; readonly files: string } {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true })
  const modes = { folders: new Set([modeOf(folder)]), files: new Set<string>() }
  for (const one of found) modes[one.isDirectory() ? 'folders' : 'files'].add(modeOf(join(one.parentPath, one.name)))
  return { folders: [...modes.folders].join(), files: [...modes.files].join() }
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8)
}
