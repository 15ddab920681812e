import { spawnSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { createKeyring } from '../../crypto/at-rest.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { Fault } from '../../engine/ports/fault.ts'
import { bareFile, bareUnsealedFile, keyring, newFolder, removeFolders, row, text } from './test-view.ts'
import { sealName } from './view-seal.ts'
import { macBytes } from './view-digest.ts'
import { keyLengthMax } from './view-packing.ts'
import { metaTable, stateKey, withMac } from './view-state.ts'
import { openView, wipeView } from './view.ts'

afterEach(removeFolders)

describe('a view', () => {
  it('gives back what was written, with how far it is applied, also after it was closed and opened', async () => {
    const folder = newFolder()
    const view = await openView({ folder, keyring })
    expect([view.appliedLsn, view.get('band', 'a')]).toEqual([0, undefined])
    await view.write([row('band', 'a', 'one'), row('bid', 'a', 'two'), row('tally', 'x|y', 'three')], 7)
    const read = (from: typeof view) => [
      from.appliedLsn,
      text(from.get('band', 'a')),
      text(from.get('bid', 'a')),
      text(from.get('tally', 'x|y')),
      from.get('phone', 'a'),
    ]
    expect(read(view)).toEqual([7, 'one', 'two', 'three', undefined])
    await view.close()
    const again = await openView({ folder, keyring })
    expect(read(again)).toEqual([7, 'one', 'two', 'three', undefined])
    await again.close()
  })

  it('replaces, removes, and lets the later of two changes of one row count', async () => {
    const folder = newFolder()
    const view = await openView({ folder, keyring })
    await view.write([row('band', 'a', 'one'), row('band', 'b', 'one'), row('band', 'c', 'one')], 1)
    await view.write([row('band', 'a', 'two'), row('band', 'b', null), row('band', 'none', null)], 2)
    await view.write(
      [row('band', 'c', null), row('band', 'c', 'three'), row('band', 'd', 'x'), row('band', 'd', null)],
      3,
    )
    expect(['a', 'b', 'c', 'd'].map((key) => text(view.get('band', key)))).toEqual([
      'two',
      undefined,
      'three',
      undefined,
    ])
    await view.close()
    rmSync(join(folder, sealName))
    // The digest kept up with all of it.
    const again = await openView({ folder, keyring, check: 'before' })
    expect(again.range('band', { from: ' ', to: '~', limit: 9 }).map(({ key }) => key)).toEqual(['a', 'c'])
    await again.close()
  })

  it('tells a Fault of whoever makes the changes as it is, and has nothing of them then', async () => {
    const view = await openView({ folder: newFolder(), keyring })
    await view.write([row('band', 'a', 'one')], 1)
    const damaged = new Fault('view-damaged', 'a row that does not match its MAC')
    const changes = (function* () {
      yield row('band', 'a', 'two')
      throw damaged
    })()
    await expect(view.write(changes, 2)).rejects.toBe(damaged)
    expect([view.appliedLsn, text(view.get('band', 'a'))]).toEqual([1, 'one'])
    await view.close()
  })

  it('packs a larger part of a batch in each turn of the event loop, the longer the turns are', async () => {
    const rows = Array.from({ length: 4_000 }, (_, index) => row('history', `a|${index}`, 'x'.repeat(100)))
    const turnsWhileWriting = async (turnMs: number): Promise<number> => {
      // Each turn of other work takes `turnMs`, each look at the clock comes 50 µs after the one before.
      let nowMs = 0
      const view = await openView({ folder: newFolder(), keyring, monotonicMs: () => (nowMs += 0.05) })
      let turns = 0
      let isDone = false
      const watched = (function* () {
        yield* rows
        isDone = true
      })()
      const otherWork = (): void => {
        if (isDone) return
        turns++
        nowMs += turnMs
        setImmediate(otherWork)
      }
      setImmediate(otherWork)
      await view.write(watched, 1)
      await view.close()
      return turns
    }
    const short = await turnsWhileWriting(0.1)
    const long = await turnsWhileWriting(30)
    // A turn for each 16 rows, and a turn for a sixth of 30 ms: about a hundred looks at the clock.
    expect([short > 200, long < 10]).toEqual([true, true])
  })

  it('reads ranges of one table in order of bytes: from inclusive, to exclusive, limited, either way', async () => {
    const view = await openView({ folder: newFolder(), keyring })
    const keys = ['B', 'a', 'a|1', 'a|2', 'a|3', 'b', 'c|1', '~']
    await view.write([...keys.map((key) => row('history', key, `is ${key}`)), row('account', 'a|2', 'other')], 1)
    const read = (from: string, to: string, limit: number, reverse?: boolean) =>
      view
        .range('history', { from, to, limit, ...(reverse === undefined ? {} : { reverse }) })
        .map(({ key, bytes }) => {
          expect(text(bytes)).toBe(`is ${key}`)
          return key
        })
    expect(read(' ', '\x7f', 99)).toEqual(keys)
    expect(read(' ', '\x7f', 99, true)).toEqual(keys.toReversed())
    expect(read('a|1', 'a|3', 99)).toEqual(['a|1', 'a|2'])
    expect(read('a|1', 'a|3', 99, true)).toEqual(['a|2', 'a|1'])
    expect(read('a|', 'a}', 2)).toEqual(['a|1', 'a|2'])
    expect(read('a|', 'a}', 2, true)).toEqual(['a|3', 'a|2'])
    expect(read('a|1', 'a|3', 1, true)).toEqual(['a|2'])
    expect(read('a|15', 'b', 99, true)).toEqual(['a|3', 'a|2'])
    expect([read('b', 'b', 9), read('c', 'b', 9), read('a', 'b', 0), read('x', 'y', 9, true)]).toEqual([[], [], [], []])
    await view.close()
  })

  it('gives copies: what is done to them, or written later, does not show in the other', async () => {
    const view = await openView({ folder: newFolder(), keyring })
    await view.write([row('band', 'a', 'one')], 1)
    const got = view.get('band', 'a')
    const [ranged] = view.range('band', { from: 'a', to: 'b', limit: 1 })
    await view.write([row('band', 'a', 'two')], 2)
    expect([text(got), text(ranged?.bytes)]).toEqual(['one', 'one'])
    got?.fill(0)
    expect(text(view.get('band', 'a'))).toBe('two')
    await view.close()
  })

  it('shows nothing of a write before it is durable, and takes two at a time, the second after the first', async () => {
    const view = await openView({ folder: newFolder(), keyring })
    const first = view.write([row('band', 'a', 'one')], 1)
    const second = view.write([row('band', 'a', 'two')], 2)
    expect([view.appliedLsn, view.get('band', 'a')]).toEqual([0, undefined])
    await expect(view.write([], 3)).rejects.toThrow(/2 writes at a time/)
    await first
    expect([view.appliedLsn, text(view.get('band', 'a'))]).toEqual([1, 'one'])
    await second
    expect([view.appliedLsn, text(view.get('band', 'a'))]).toEqual([2, 'two'])
    await view.close()
  })

  it('writes nothing behind a write that failed, and both when they are tried again', async () => {
    const view = await openView({ folder: newFolder(), keyring })
    const ends: string[] = []
    const ended = (name: string) => (error: unknown) => {
      ends.push(name)
      expect(error).toBeInstanceOf(RangeError)
    }
    const first = view.write([row('band', '\n', 'no key')], 1).catch(ended('first'))
    const second = view.write([row('band', 'a', 'one')], 2).catch(ended('second'))
    await Promise.all([first, second])
    expect(ends).toEqual(['first', 'second'])
    expect([view.appliedLsn, view.get('band', 'a')]).toEqual([0, undefined])
    await Promise.all([view.write([row('band', 'a', 'one')], 1), view.write([row('band', 'b', 'two')], 2)])
    expect([view.appliedLsn, text(view.get('band', 'a')), text(view.get('band', 'b'))]).toEqual([2, 'one', 'two'])
    await view.close()
  })

  it('that is closed while it writes has all that it was given, and is whole when it is opened again', async () => {
    const folder = newFolder()
    const view = await openView({ folder, keyring })
    await view.write([row('band', 'a', 'one')], 1)
    const writes = [view.write([row('band', 'a', 'two')], 2), view.write([row('band', 'b', 'three')], 3)]
    await view.close()
    await Promise.all(writes)
    await expect(view.write([], 4)).rejects.toThrow(/closed/)
    expect(existsSync(join(folder, sealName))).toBe(true)
    const again = await openView({ folder, keyring })
    expect([again.appliedLsn, text(again.get('band', 'a')), text(again.get('band', 'b'))]).toEqual([3, 'two', 'three'])
    await again.close()
  })

  it('of another form counts as damaged: it is built anew, and no row of it is believed', async () => {
    const folder = newFolder()
    const view = await openView({ folder, keyring })
    await view.write([row('band', 'a', 'one')], 1)
    await view.close()
    const file = bareUnsealedFile(folder)
    const state = file.get(metaTable, stateKey)
    if (state === undefined) throw new Error('a state row expected')
    for (const version of [0, (state[0] ?? 0) - 1, (state[0] ?? 0) + 1]) {
      const bytes = Uint8Array.of(version, ...state.subarray(1, -macBytes))
      file.commit([{ table: metaTable, key: stateKey, bytes: withMac(keyring, metaTable, stateKey, bytes) }])
      await expect(openView({ folder, keyring, check: 'never' })).rejects.toMatchObject({
        code: 'view-damaged',
        message: expect.stringContaining(`got version ${version} of`),
      })
    }
    await file.close()
  })

  it('finds rows of tables that share a tree apart: one by one, by range either way, and all of them', async () => {
    const folder = newFolder()
    const view = await openView({ folder, keyring })
    const shared = ['band', 'ratchet', 'move'] as const
    // Keys that begin alike, and one that another begins with.
    const keys = ['a', 'ab', 'a|1', 'a|2', 'b', 'b|1']
    await view.write(
      shared.flatMap((table) => keys.map((key) => row(table, key, `${table} ${key}`))),
      1,
    )
    for (const table of shared) {
      const all = keys.map((key) => `${table} ${key}`)
      const texts = (range: Parameters<typeof view.range>[1]) =>
        view.range(table, range).map(({ bytes }) => text(bytes))
      expect(keys.map((key) => text(view.get(table, key)))).toEqual(all)
      expect(texts({ from: ' ', to: '~', limit: 100 })).toEqual(all)
      expect(texts({ from: 'a|', to: 'b', limit: 100 })).toEqual(all.slice(2, 4))
      expect(texts({ from: 'a|1', to: 'b|1', limit: 2, reverse: true })).toEqual([all[4], all[3]])
      expect(texts({ from: 'a', to: 'b', limit: 3 })).toEqual(all.slice(0, 3))
    }
    await view.write([row('ratchet', 'a', null)], 2)
    expect([text(view.get('band', 'a')), view.get('ratchet', 'a'), text(view.get('move', 'a'))]).toEqual([
      'band a',
      undefined,
      'move a',
    ])
    await view.close()
    const file = bareFile(folder)
    expect([...file.all('ratchet')].map(({ key }) => key)).toEqual(keys.slice(1))
    await file.close()
  })

  it('lets other work of the engine come in between, however large a write is', async () => {
    const view = await openView({ folder: newFolder(), keyring })
    const turns = { count: 0, over: false }
    const turn = () => {
      turns.count++
      if (!turns.over) setImmediate(turn)
    }
    turn()
    const rows = Array.from({ length: 3000 }, (_, i) => row('history', `h ${i}`, `row ${i}`))
    await view.write(rows, 1)
    turns.over = true
    expect(turns.count).toBeGreaterThan(50)
    expect(view.range('history', { from: 'h', to: 'i', limit: 5000 })).toHaveLength(3000)
    await view.close()
  })

  it(`takes keys of 1 to ${keyLengthMax} printable ASCII characters and no others`, async () => {
    const view = await openView({ folder: newFolder(), keyring })
    await view.write([row('band', 'x'.repeat(keyLengthMax), 'long')], 1)
    expect(text(view.get('band', 'x'.repeat(keyLengthMax)))).toBe('long')
    for (const key of ['', 'x'.repeat(keyLengthMax + 1), 'ä', 'a\n']) {
      await expect(view.write([row('band', key, 'x')], 2)).rejects.toThrow(RangeError)
    }
    expect(view.appliedLsn).toBe(1)
    await view.close()
  })

  it('takes rows of any length the engine writes', async () => {
    const view = await openView({ folder: newFolder(), keyring })
    const lengths = [0, 1, 500, 4000, 40_000]
    await view.write(
      lengths.map((length) => ({ table: 'band', key: `${length}`, bytes: new Uint8Array(length).fill(3) })),
      1,
    )
    for (const length of lengths) expect(view.get('band', `${length}`)).toEqual(new Uint8Array(length).fill(3))
    expect(
      view
        .range('band', { from: ' ', to: '~', limit: 9 })
        .map(({ bytes }) => bytes.length)
        .sort((a, b) => a - b),
    ).toEqual(lengths)
    await view.close()
  })

  it('is opened by one engine at a time, and wiped by none while it is open', async () => {
    const folder = newFolder()
    const view = await openView({ folder, keyring })
    await expect(openView({ folder, keyring })).rejects.toMatchObject({ code: 'data-in-use' })
    expect(() => wipeView(folder)).toThrow(expect.objectContaining({ code: 'data-in-use' }))
    await view.write([row('band', 'a', 'one')], 5)
    await view.close()
    wipeView(folder)
    const empty = await openView({ folder, keyring })
    expect([empty.appliedLsn, empty.get('band', 'a')]).toEqual([0, undefined])
    await empty.close()
  })

  it('reads rows of an older master key as long as that is given, and not without', async () => {
    const folder = newFolder()
    const view = await openView({ folder, keyring })
    await view.write([row('band', 'a', 'one')], 5)
    await view.close()
    const keys = [1, 2].map((id) => ({ id, key: new Uint8Array(32).fill(id === 1 ? 7 : 8) }))
    const rotated = await openView({ folder, keyring: createKeyring(nodePrimitives, keys.toReversed()) })
    expect(text(rotated.get('band', 'a'))).toBe('one')
    await rotated.close()
    const withoutOld = createKeyring(nodePrimitives, keys.slice(1))
    const opened = await openView({ folder, keyring: withoutOld }).catch((error: unknown) => error)
    expect(opened).toMatchObject({ code: 'view-damaged' })
  })
})

describe('an engine that is killed', () => {
  it('leaves a view that opens and holds every write that resolved', async () => {
    const folder = newFolder()
    const program = `
      import { createKeyring } from '${fileURLToPath(new URL('../../crypto/at-rest.ts', import.meta.url))}'
      import { nodePrimitives } from '${fileURLToPath(new URL('../../crypto/primitives/node-primitives.ts', import.meta.url))}'
      import { openView } from '${fileURLToPath(new URL('./view.ts', import.meta.url))}'
      const keyring = createKeyring(nodePrimitives, [{ id: 1, key: new Uint8Array(32).fill(7) }])
      const view = await openView({ folder: ${JSON.stringify(folder)}, keyring })
      for (let lsn = 1; lsn <= 20; lsn++) {
        await view.write([{ table: 'band', key: 'a', bytes: Buffer.from('at ' + lsn) }, { table: 'history', key: 'h' + lsn, bytes: Buffer.from('x') }], lsn)
      }
      process.kill(process.pid, 'SIGKILL')`
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
    expect([run.signal, run.stderr]).toEqual(['SIGKILL', ''])
    const view = await openView({ folder, keyring })
    expect([view.appliedLsn, text(view.get('band', 'a'))]).toEqual([20, 'at 20'])
    expect(view.range('history', { from: 'h', to: 'i', limit: 99 })).toHaveLength(20)
    await view.close()
  })
})
