import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { bareTimersOf, usesRawClock } from './bare-timers.ts'
import { root, sourceFiles } from './source-files.ts'

/** Folders of programs that run for long: a failure in a timer of theirs must end nothing but itself. */
const guardedFolders = ['engine', 'store', 'transport', 'operators', 'server', 'cli', 'loadtest']

/** Bare timers that are in order, and why. */
const allowed: Readonly<Record<string, string>> = {
  'server/machine/real-clock.ts setTimeout': "the machine's timer itself, which `Chores` is given",
  'server/machine/next-turn.ts setImmediate': 'a pause that is awaited: nothing runs in it',
  'server/log/stderr-lines.ts setTimeout':
    'the log tries again; it catches what the write throws, and could tell nothing',
  'server/figures/traces.ts setTimeout': 'a pause at the very end of the process that is awaited: nothing runs in it',
  'server/machine/watchdog.ts setInterval':
    'a sign of life adds one to a number, which cannot fail, and waits for nothing',
  'server/machine/watchdog-thread.ts setInterval': 'it must end a process whose own timers stand still',
  'store/view/view.ts setImmediate': 'a pause that is awaited: nothing runs in it',
  'store/view/view-writer-main.ts setImmediate':
    'the start of a thread: what fails there ends it, and the next write begins another',
  'store/files/whole-file.ts setImmediate': 'a pause that is awaited: nothing runs in it',
  'store/journal/journal-reading.ts setImmediate': 'a pause that is awaited: nothing runs in it',
  'store/journal/opened-journal.ts setImmediate':
    'the end of a turn writes its group, and what fails there fails the journal',
  'cli/watch/top.ts setTimeout': 'a pause that is awaited: nothing runs in it',
  'cli/command/known-list.ts setTimeout': 'a pause that is awaited: nothing runs in it',
  'cli/engine/engine-process.ts setTimeout':
    "rejects, or ends a child: neither throws, and its process's fate is awaited",
  'loadtest/machine/real-time.ts setTimeout': 'a load test that fails ends and says so: its figures would be wrong',
  'loadtest/machine/real-time.ts setInterval': 'a load test that fails ends and says so: its figures would be wrong',
  'loadtest/machine/real-time.ts setImmediate': 'a load test that fails ends and says so: its figures would be wrong',
}

/** Files that give the machine's timer to the owner, or wait for one, and why. */
const rawClocks: Readonly<Record<string, string>> = {
  'cli/demo/demo.ts': 'a pause that is awaited: nothing runs in it',
}

const guarded = sourceFiles
  .filter(({ path, isTest, folder }) => !isTest && guardedFolders.includes(folder) && !isForTests(path))
  .map(({ path }) => ({ path, code: readFileSync(`${root}/${path}`, 'utf8') }))

/** What only tests load: their clocks, disks and rigs. */
function isForTests(path: string): boolean {
  return /(^|\/)test-[a-z-]+\.ts$/.test(path)
}

describe('a failure in background work ends nothing but itself', () => {
  it('because it is a chore: no bare timer but those listed with a reason', () => {
    const found = guarded.flatMap(({ path, code }) => bareTimersOf(code).map((timer) => `${path} ${timer}`))
    expect(found.toSorted()).toEqual(Object.keys(allowed).toSorted())
  })

  it("because nothing takes the machine's timer past the owner of its failures, but what is listed with a reason", () => {
    const found = guarded.filter(({ code }) => usesRawClock(code)).map(({ path }) => path)
    expect(found).toEqual(Object.keys(rawClocks))
  })
})

describe('a bare timer is found', () => {
  it.for([
    ['called', 'setTimeout(work, 10)'],
    ['handed on', 'const later = setImmediate'],
    ['of the global object', 'globalThis.setInterval(work, 10)'],
    ['by a computed name', "globalThis['setInterval'](work, 10)"],
    ['under another name', "import { setTimeout as pause } from 'node:timers/promises'; await pause(10)"],
    ['as a whole module', "import timers from 'node:timers'"],
    ['loaded later', "const { setTimeout: later } = await import('node:timers')"],
    ['in a class', 'class C { #timer = setInterval(() => this.look(), 10) }'],
  ])('%s', ([, code]) => {
    expect(bareTimersOf(code ?? '')).toHaveLength(1)
  })

  it.for([
    ['a timeout of a socket', 'socket.setTimeout(500)'],
    ['a property of that name', 'const limits = { setTimeout: 1 }'],
    ['a comment', '// setTimeout(work, 10)\nwork()'],
    ['a chore', "chores.every('refusals', { everyMs: 10, work })"],
  ])('and none where there is none: %s', ([, code]) => {
    expect(bareTimersOf(code ?? '')).toEqual([])
  })

  it("the machine's clock used for a timer is found, used for the time it is not", () => {
    expect(usesRawClock('realClock.after(10, work)')).toBe(true)
    expect(usesRawClock('realClock.nowMs()')).toBe(false)
  })
})
