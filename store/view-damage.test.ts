import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type RowChange, tables } from '../engine/ports/view.ts'
import { seededChance } from './test-disk.ts'
import { bareFile, bareUnsealedFile, keyring, newFolder, removeFolders, row, text } from './test-view.ts'
import { sealName } from './view-seal.ts'
import { viewFileName } from './view-state.ts'
import { openView, wipeView } from './view.ts'

/** VIEW_FLIPS=10000 flips that often; views that a crash left are walked in another process each, so forty times less. */
const flips = Number(process.env['VIEW_FLIPS'] ?? 1000)

afterEach(removeFolders)
afterEach(() => void vi.unstubAllEnvs())

describe('a row that was altered, or put in another place', () => {
  it('is refused when it is read, where LMDB alone gives it out', async () => {
    const folder = newFolder()
    const view = await openView({ folder, keyring })
    await view.write(
      [row('band', 'a', 'one'), row('band', 'b', 'two'), row('band', 'c', 'three'), row('bid', 'a', 'x')],
      5,
    )
    await view.close()
    const rows = bareUnsealedFile(folder)
    const stored = (table: string, key: string) => Buffer.from(rows.get(table, key) ?? [])
    const altered = stored('band', 'a')
    altered[0] = (altered[0] ?? 0) ^ 1
    rows.commit([
      { table: 'band', key: 'a', bytes: altered },
      { table: 'band', key: 'b', bytes: stored('band', 'c') },
      { table: 'bid', key: 'a', bytes: stored('band', 'c') },
      { table: 'phone', key: 'short', bytes: Buffer.from('too short') },
    ])
    expect(text(rows.get('band', 'a'))).toMatch(/^nne/)
    await rows.close()
    const again = await openView({ folder, keyring, check: 'never' })
    const damaged: unknown = expect.objectContaining({ name: 'Fault', code: 'view-damaged' })
    for (const [table, key] of [
      ['band', 'a'],
      ['band', 'b'],
      ['bid', 'a'],
      ['phone', 'short'],
    ] as const) {
      expect(() => again.get(table, key)).toThrow(damaged)
      expect(() => again.range(table, { from: key, to: '~', limit: 1 })).toThrow(damaged)
    }
    expect(text(again.get('band', 'c'))).toBe('three')
    await again.close()
  })
})

describe('a view that a crash left whole', () => {
  it.for([
    ['talks', "data:text/javascript,console.log('loaded')"],
    ['fails', 'data:text/javascript,process.exit(1)'],
  ])('is not taken for a damaged one because a program that Node loads everywhere %s', async ([, program]) => {
    const folder = newFolder()
    const view = await openView({ folder, keyring })
    await view.write([row('band', 'a', 'one')], 5)
    await view.close()
    await bareUnsealedFile(folder).close()
    vi.stubEnv('NODE_OPTIONS', `--import=${program}`)
    const again = await openView({ folder, keyring })
    vi.unstubAllEnvs()
    expect(text(again.get('band', 'a'))).toBe('one')
    await again.close()
  })
})

describe('a view that is walked beside the engine', () => {
  it('is proven once the walk is over; one that is new, or was closed in order, at once', async () => {
    const folder = newFolder()
    const view = await openView({ folder, keyring, check: 'beside' })
    expect(view.isProven).toBe(true)
    await view.write([row('band', 'a', 'one')], 5)
    await view.close()
    const closed = await openView({ folder, keyring, check: 'beside' })
    expect(closed.isProven).toBe(true)
    await closed.close()
    await bareUnsealedFile(folder).close()
    const left = await openView({ folder, keyring, check: 'beside' })
    expect(left.isProven).toBe(false)
    await left.checked
    expect(left.isProven).toBe(true)
    await left.close()
  })
})

describe('a row that vanished', () => {
  it('is missed when a view that a crash left is opened, before or beside the engine', async () => {
    const folder = newFolder()
    const view = await openView({ folder, keyring })
    await view.write([row('band', 'a', 'one'), row('account', 'b', 'frozen')], 5)
    await view.close()
    const rows = bareUnsealedFile(folder)
    rows.commit([{ table: 'account', key: 'b', bytes: null }])
    await rows.close()
    await expect(openView({ folder, keyring })).rejects.toThrow(/2 rows expected .* got 1/)
    const beside = await openView({ folder, keyring, check: 'beside' })
    expect(beside.isProven).toBe(false)
    await expect(beside.checked).rejects.toMatchObject({ code: 'view-damaged' })
    expect(beside.isProven).toBe(false)
    await beside.close()
    await expect(openView({ folder, keyring })).rejects.toMatchObject({ code: 'view-damaged' })
    wipeView(folder)
    await (await openView({ folder, keyring })).close()
  })

  it('is not mistaken for one that took its place with the same MAC under another key', async () => {
    const folder = newFolder()
    const view = await openView({ folder, keyring })
    await view.write([row('account', 'b', 'frozen')], 5)
    await view.close()
    const rows = bareUnsealedFile(folder)
    rows.commit([
      { table: 'account', key: 'c', bytes: rows.get('account', 'b') ?? null },
      { table: 'account', key: 'b', bytes: null },
    ])
    await rows.close()
    await expect(openView({ folder, keyring })).rejects.toMatchObject({ code: 'view-damaged' })
  })
})

describe('a view file with flipped bytes', () => {
  async function closedView(): Promise<{
    readonly folder: string
    readonly bytes: Buffer
    readonly rows: RowChange[]
  }> {
    const folder = newFolder()
    const view = await openView({ folder, keyring })
    const rows: RowChange[] = []
    for (const table of tables)
      for (let i = 0; i < 30; i++) rows.push(row(table, `key ${i * 7919}`, `${table} ${i}`.repeat(9)))
    await view.write(rows.slice(0, 200), 1)
    await view.write([...rows, row('band', 'gone', 'x')], 2)
    await view.write([row('band', 'gone', null)], 3)
    await view.close()
    return { folder, bytes: readFileSync(join(folder, viewFileName)), rows }
  }

  function flipped(bytes: Buffer, chance: () => number): Buffer {
    const changed = Buffer.from(bytes)
    const count = 1 + Math.floor(chance() * 48)
    const at = Math.floor(chance() * (bytes.length - count))
    for (let i = 0; i < count; i++) changed[at + i] = (changed[at + i] ?? 0) ^ (1 + Math.floor(chance() * 255))
    return changed
  }

  it('that is no view file at all is called damaged, not failed', async () => {
    for (const bytes of [Buffer.alloc(8192, 1), Buffer.from('hello')]) {
      const folder = newFolder()
      writeFileSync(join(folder, viewFileName), bytes)
      for (const check of ['before', 'never'] as const) {
        await expect(openView({ folder, keyring, check })).rejects.toMatchObject({ code: 'view-damaged', retry: false })
      }
    }
  })

  it('shows altered rows through LMDB alone, without a word', async () => {
    const { folder, bytes } = await closedView()
    const changed = Buffer.from(bytes)
    for (let at = changed.indexOf('band 3'); at !== -1; at = changed.indexOf('band 3', at + 1)) changed[at] = 0x42
    writeFileSync(join(folder, viewFileName), changed)
    const rows = bareFile(folder)
    expect(text(rows.get('band', `key ${3 * 7919}`))).toMatch(/^Band 3/)
    await rows.close()
  })

  it(`that was closed in order is refused, each of ${flips} times`, async () => {
    const { folder, bytes } = await closedView()
    const chance = seededChance(11)
    for (let i = 0; i < flips; i++) {
      writeFileSync(join(folder, viewFileName), flipped(bytes, chance))
      const opened = await openView({ folder, keyring }).catch((error: unknown) => error)
      expect(opened, `flip ${i}`).toMatchObject({ code: 'view-damaged' })
    }
    writeFileSync(join(folder, viewFileName), bytes)
    await (await openView({ folder, keyring })).close()
  })

  const crashedFlips = Math.ceil(flips / 40)
  it('that a crash left is refused, or shows every row right or refused, and never ends the process', async () => {
    const { folder, bytes, rows } = await closedView()
    const chance = seededChance(12)
    const seen = { refused: 0, rowsRefused: 0, harmless: 0 }
    for (let i = 0; i < crashedFlips; i++) {
      rmSync(join(folder, sealName), { force: true })
      rmSync(join(folder, `${viewFileName}-lock`), { force: true })
      writeFileSync(join(folder, viewFileName), flipped(bytes, chance))
      const view = await openView({ folder, keyring }).catch((error: unknown) => {
        expect(error, `flip ${i}`).toMatchObject({ code: 'view-damaged' })
      })
      if (view === undefined) {
        seen.refused++
        continue
      }
      let refused = 0
      for (const { table, key, bytes: expected } of rows) {
        try {
          expect(text(view.get(table, key)), `flip ${i}: ${table} ${key}`).toBe(text(expected ?? undefined))
        } catch (error) {
          if (!(error instanceof Error) || error.name !== 'Fault') throw error
          refused++
        }
      }
      if (refused > 0) seen.rowsRefused++
      else seen.harmless++
      await view.close()
    }
    console.log(`${crashedFlips} flipped views after a crash: ${JSON.stringify(seen)}`)
    expect(seen.refused + seen.rowsRefused).toBeGreaterThan(0)
  }, 600_000)
})
