import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ReloadedFile } from './reloaded-file.ts'
import { TestClock, testFolder } from '../log/test-folder.ts'

describe('a file that is followed', () => {
  it('that cannot even be looked at any more keeps its content, says so once, and is read again when it can be', () => {
    const folder = join(testFolder(onTestFinished), 'secrets')
    const path = join(folder, 'secret')
    const made = (text: string): void => {
      mkdirSync(folder)
      writeFileSync(path, text)
    }
    made('one')
    const told: unknown[] = []
    const clock = new TestClock()
    const file = new ReloadedFile(
      path,
      () => readFileSync(path, 'utf8'),
      (error) => void told.push(error),
    )
    file.follow(clock.chores)
    // Where its folder was there is a file now: ENOTDIR.
    rmSync(folder, { recursive: true })
    writeFileSync(folder, '')
    for (let second = 0; second < 5; second++) clock.pass(1_000)
    expect([file.content, told.length]).toEqual(['one', 1])
    expect(told[0]).toMatchObject({ code: 'ENOTDIR' })
    rmSync(folder)
    made('two')
    clock.pass(1_000)
    expect([file.content, told.length, told[1]]).toEqual(['two', 2, undefined])
  })

  it('that could not be read for a moment, as when no open file was left, is read again although it did not change', () => {
    const path = join(testFolder(onTestFinished), 'secret')
    writeFileSync(path, 'one')
    const told: unknown[] = []
    const clock = new TestClock()
    let isOutOfFiles = false
    const read = () => {
      if (isOutOfFiles) throw new Error('EMFILE: too many open files')
      return readFileSync(path, 'utf8')
    }
    const file = new ReloadedFile(path, read, (error) => void told.push(error))
    file.follow(clock.chores)
    isOutOfFiles = true
    writeFileSync(path, 'the second')
    for (let second = 0; second < 10; second++) clock.pass(1_000)
    expect([file.content, told.length, clock.chores.failing('file-reload')]).toEqual(['one', 1, 1])
    isOutOfFiles = false
    for (let second = 0; second < 10; second++) clock.pass(1_000)
    expect([file.content, told.length, told[1]]).toEqual(['the second', 2, undefined])
    expect(clock.chores.failing('file-reload')).toBe(0)
  })
})
