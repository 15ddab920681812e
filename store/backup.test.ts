import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { createKeyring } from '../crypto/at-rest.ts'
import { nodePrimitives } from '../crypto/node-primitives.ts'
import { backedUpLsn, backup, verifyBackup } from './backup.ts'
import { journalFolderOf, viewFolderOf } from './data-folder.ts'
import { segmentBytesMin } from './journal-format.ts'
import { type FileJournal, openJournal } from './journal.ts'
import { bodiesOf, fill, handTimers, recordOf } from './test-disk.ts'
import { type FileView, openView } from './view.ts'

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
    expect(backedUpLsn(data)).toBe(0)
    await copyInto(data, first)
    expect(backedUpLsn(data)).toBe(40)
    await engine.journal.recycle(Math.min(backedUpLsn(data), engine.view.appliedLsn))
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
    expect(backedUpLsn(data)).toBe(0)
  })

  it('goes into a new or empty folder only', async () => {
    const data = newFolder()
    await closeBoth(await openBoth(data))
    await expect(copyInto(data, data)).rejects.toThrow(RangeError)
  })
})
