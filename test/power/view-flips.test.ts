// A view file with flipped bytes: it is refused, or shows every row as it was, and never ends the process that opens it.
//   VIEW_FLIPS=10000   flips that often, VIEW_FLIPS=10m for so long; views that a crash left are walked in another process each, so
//                      they are ten times fewer
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { type RowChange, tables } from '../../engine/ports/view.ts'
import { seededChance } from '../../store/journal/test-disk.ts'
import { bareFile, keyring, newFolder, removeFolders, row, text } from '../../store/view/test-view.ts'
import { sealName } from '../../store/view/view-seal.ts'
import { viewFileName } from '../../store/view/view-state.ts'
import { openView } from '../../store/view/view.ts'
import { Budget } from '../support/budget.ts'

const flips = new Budget('VIEW_FLIPS')

afterEach(removeFolders)

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

  it(
    `that was closed in order is refused, each of ${flips.text} times`,
    async () => {
      const { folder, bytes } = await closedView()
      const chance = seededChance(11)
      const goesOn = flips.start()
      for (let i = 0; goesOn(i); i++) {
        writeFileSync(join(folder, viewFileName), flipped(bytes, chance))
        const opened = await openView({ folder, keyring }).catch((error: unknown) => error)
        expect(opened, `flip ${i}`).toMatchObject({ code: 'view-damaged' })
      }
      writeFileSync(join(folder, viewFileName), bytes)
      await (await openView({ folder, keyring })).close()
    },
    flips.timeoutMs,
  )

  it(
    'that a crash left is refused, or shows every row right or refused, and never ends the process',
    async () => {
      const { folder, bytes, rows } = await closedView()
      const chance = seededChance(12)
      const seen = { refused: 0, rowsRefused: 0, harmless: 0 }
      const goesOn = flips.dividedBy(10).start()
      let i = 0
      for (; goesOn(i); i++) {
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
      console.log(`${i} flipped views after a crash: ${JSON.stringify(seen)}`)
      expect(seen.refused + seen.rowsRefused).toBeGreaterThan(0)
    },
    flips.timeoutMs,
  )
})
