import { afterEach, describe, expect, it, vi } from 'vitest'
import { bareUnsealedFile, keyring, newFolder, removeFolders, row, text } from './test-view.ts'
import { openView, wipeView } from './view.ts'

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
