import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { lockFile } from '../../store/files/file-lock.ts'
import { ReadLists, knownWithinMs, versionOf, whenKnown } from './read-lists.ts'
import { TestClock, testFolder } from '../log/test-folder.ts'

/** A data folder with a list in it, an engine's note of it, and a command that waits in time of its own. */
function onTheTable() {
  const data = testFolder(onTestFinished)
  mkdirSync(join(data, 'lists'))
  const path = join(data, 'lists', 'partners.json')
  writeFileSync(path, 'one')
  const clock = new TestClock()
  const lists = new ReadLists(data)
  onTestFinished(() => lists.stop())
  const waited = { ms: 0 }
  const ask = (during: (atMs: number) => void = () => undefined) =>
    whenKnown(data, path, {
      nowMs: () => waited.ms,
      wait: async (ms) => {
        waited.ms += ms
        during(waited.ms)
      },
    })
  const read = (isRead = true): void => lists.tell(path, versionOf(path), isRead)
  return { data, path, lists, clock, waited, ask, read }
}

describe('a command that asks whether the engine has read a list', () => {
  it('hears at once that none runs', async () => {
    const { ask, waited, read, lists, clock } = onTheTable()
    expect(await ask()).toBe('no-engine')
    lists.follow(clock.chores)
    read()
    lists.stop()
    expect(await ask()).toBe('no-engine')
    expect(waited.ms).toBe(0)
  })

  it('waits until the engine has read what stands there now', async () => {
    const { ask, path, lists, clock, read, waited } = onTheTable()
    lists.follow(clock.chores)
    read()
    writeFileSync(path, 'another')
    const known = await ask((atMs) => {
      if (atMs === 700) read()
    })
    expect([known, waited.ms]).toEqual(['known', 700])
  })

  it('hears that the engine could not read it', async () => {
    const { ask, lists, clock, read } = onTheTable()
    lists.follow(clock.chores)
    read(false)
    expect(await ask()).toBe('not-read')
  })

  it('hears soon that the engine does not use that list', async () => {
    const { ask, lists, clock, waited } = onTheTable()
    lists.follow(clock.chores)
    expect(await ask()).toBe('not-followed')
    expect(waited.ms).toBe(1_500)
  })

  it.for([
    [knownWithinMs, 'known'],
    [knownWithinMs + 50, 'late'],
  ] as const)('of one that says it after %i ms hears: %s', async ([atMs, expected]) => {
    const { ask, path, lists, clock, read } = onTheTable()
    lists.follow(clock.chores)
    read()
    writeFileSync(path, 'another')
    const known = await ask((nowMs) => {
      if (nowMs === atMs) read()
    })
    expect(known).toBe(expected)
  })
})

describe('an engine', () => {
  it('that finds its lock taken for a moment takes it later', async () => {
    const { data, ask, lists, clock, read } = onTheTable()
    const unlock = lockFile(join(data, 'lists', 'read.lock'))
    lists.follow(clock.chores)
    unlock()
    read()
    expect(await ask()).toBe('no-engine')
    clock.pass(1_000)
    expect(await ask()).toBe('known')
  })

  it('that cannot write its note writes it when it can, and it is counted until then', async () => {
    const { data, path, ask, lists, clock, read } = onTheTable()
    lists.follow(clock.chores)
    const note = join(data, 'lists', 'read.json')
    rmSync(note)
    mkdirSync(note)
    writeFileSync(path, 'another')
    read()
    clock.pass(1_000)
    expect(clock.chores.failing('read-note')).toBe(1)
    rmSync(note, { recursive: true })
    clock.pass(2_000)
    expect(clock.chores.failing('read-note')).toBe(0)
    expect(await ask()).toBe('known')
  })
})
