// What becomes of lists, tokens and kept sessions when the disk takes nothing: full, read-only, or a path that is gone. A full and a
// read-only disk need root for a tmpfs; says so when it cannot.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { createKeyring } from '../crypto/at-rest.ts'
import { nodePrimitives } from '../crypto/primitives/node-primitives.ts'
import { Fault } from '../engine/ports/fault.ts'
import { openAccessToken } from './http/access-token.ts'
import { followOperators } from './documents/followed-operators.ts'
import { sessionKeeper } from './page/kept-sessions.ts'
import { KnownDocuments } from './documents/known-documents.ts'
import { addPartner } from './documents/lists.ts'
import { addOperator, keepPasskey, operatorsPlace, readOperators, renewToken } from './documents/operator-list.ts'
import { TestClock, testLog } from './log/test-folder.ts'

const mountPoint = mkdtempSync(join(tmpdir(), 'bandpass-not-written-'))
const isMounted = mountSmallDisk()
if (!isMounted) console.warn('NOT TRIED: lists on a full or read-only disk, which needs root to mount a tmpfs')
afterAll(() => {
  if (isMounted) execFileSync('umount', [mountPoint])
  rmSync(mountPoint, { recursive: true, force: true })
})

function mountSmallDisk(): boolean {
  if (process.getuid?.() !== 0) return false
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', mountPoint], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Takes every free byte. */
function fill(): void {
  const { bavail, bsize } = statfsSync(mountPoint)
  for (let bytes = bavail * bsize; bytes >= 1; bytes = Math.floor(bytes / 2)) {
    try {
      writeFileSync(join(mountPoint, 'ballast'), new Uint8Array(bytes), { flag: 'a' })
    } catch {
      // Half of it, then.
    }
  }
}

type Trouble = {
  readonly name: string
  readonly code: string
  readonly needsRoot: boolean
  readonly begin: (folder: string) => void
  readonly end: (folder: string) => void
}

const remount = (how: 'ro' | 'rw'): void => void execFileSync('mount', ['-o', `remount,${how}`, mountPoint])

const troubles: readonly Trouble[] = [
  {
    name: 'is full',
    code: 'ENOSPC',
    needsRoot: true,
    begin: fill,
    end: () => rmSync(join(mountPoint, 'ballast'), { force: true }),
  },
  { name: 'is read-only', code: 'EROFS', needsRoot: true, begin: () => remount('ro'), end: () => remount('rw') },
  {
    name: 'has no such folder any more',
    code: 'ENOTDIR',
    needsRoot: false,
    begin: (folder) => {
      renameSync(folder, `${folder}.away`)
      writeFileSync(folder, '')
    },
    end: (folder) => {
      rmSync(folder)
      renameSync(`${folder}.away`, folder)
    },
  },
]

const keyring = createKeyring(nodePrimitives, [{ id: 1, key: new Uint8Array(32).fill(7) }])
const passkey = { id: 'AAAA', publicKey: new Uint8Array([1, 2]), counter: 5, addedAtMs: 9 }
let count = 0

function faultOf(work: () => unknown): Fault {
  try {
    work()
  } catch (error) {
    if (error instanceof Fault) return error
    throw error
  }
  throw new Error('expected a Fault')
}

describe.each(troubles.filter(({ needsRoot }) => isMounted || !needsRoot))('when the disk $name', (trouble) => {
  function opened() {
    const folder = join(mountPoint, `data-${++count}`)
    mkdirSync(folder)
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const place = operatorsPlace(folder, keyring)
    addOperator(place, { name: 'alice', role: 'operator' })
    keepPasskey(place, 'alice', passkey)
    const clock = new TestClock()
    const { log, lines } = testLog()
    const followed = followOperators(place, clock.chores, log)
    onTestFinished(() => followed.stop())
    let isTroubled = false
    const over = (): void => {
      if (isTroubled) trouble.end(folder)
      isTroubled = false
    }
    onTestFinished(over)
    const begin = (): void => {
      trouble.begin(folder)
      isTroubled = true
    }
    return { folder, place, followed, clock, lines, begin, over, log }
  }

  it('a passkey that counts signs in all the same: its counter is kept in memory, and written when that works again', () => {
    const { place, followed, lines, begin, over } = opened()
    begin()
    followed.keepPasskey('alice', { ...passkey, counter: 6 })
    followed.keepPasskey('alice', { ...passkey, counter: 7 })
    const counter = () => followed.all()[0]?.passkeys[0]?.counter
    expect(counter()).toBe(7)
    expect(lines.filter(({ event }) => event === 'operators.counter-not-kept')).toHaveLength(1)
    over()
    expect(readOperators(place)[0]?.passkeys[0]?.counter).toBe(5)
    followed.keepPasskey('alice', { ...passkey, counter: 8 })
    expect([counter(), readOperators(place)[0]?.passkeys[0]?.counter]).toEqual([8, 8])
  })

  it('the counter that was kept in memory is written at the stop at the latest', () => {
    const { place, followed, begin, over } = opened()
    begin()
    followed.keepPasskey('alice', { ...passkey, counter: 6 })
    over()
    followed.stop()
    expect(readOperators(place)[0]?.passkeys[0]?.counter).toBe(6)
  })

  it('a passkey of an operator whose token is renewed meanwhile is nobody’s: what was kept in memory goes with it', () => {
    const { place, followed, begin, over } = opened()
    begin()
    followed.keepPasskey('alice', { ...passkey, counter: 6 })
    over()
    renewToken(place, 'alice')
    followed.reload()
    expect(followed.all()[0]?.passkeys).toEqual([])
    followed.stop()
    expect(readOperators(place)[0]?.passkeys).toEqual([])
  })

  it('nothing that is new is listed, the list stays whole, and what went wrong is said with what to do', () => {
    const { folder, place, followed, begin, over } = opened()
    begin()
    const clock = new TestClock()
    const access = { clock, chores: clock.chores }
    const writes = [
      () => followed.keepPasskey('alice', { ...passkey, id: 'BBBB' }),
      () => addOperator(place, { name: 'bob', role: 'viewer' }),
      () => renewToken(place, 'alice'),
      () => addPartner({ path: join(folder, 'lists', 'partners.json'), name: 'partners', keyring }, 'Shop', 1),
      () => openAccessToken(join(folder, 'lists', 'admin-token'), access, () => undefined),
    ]
    for (const write of writes) {
      const fault = faultOf(write)
      expect([fault.code, fault.retry]).toEqual(['not-written', true])
      expect(fault.message).toContain(`(${trouble.code})`)
    }
    over()
    expect(readOperators(place)).toMatchObject([{ name: 'alice', passkeys: [{ id: 'AAAA', counter: 5 }] }])
    expect(readdirSync(folder).filter((name) => name.endsWith('.next'))).toEqual([])
  })

  it('a change that it did not take leaves no lock behind', () => {
    const { folder, place, begin, over } = opened()
    rmSync(join(folder, 'lists'), { recursive: true })
    mkdirSync(join(folder, 'lists'))
    begin()
    faultOf(() => addOperator(place, { name: 'bob', role: 'viewer' }))
    over()
    addOperator(place, { name: 'bob', role: 'viewer' })
    expect(readOperators(place)).toHaveLength(2)
  })

  it('operators sign in and out as before, and that their sessions are not kept is told once', () => {
    const { folder, lines, begin, over, log } = opened()
    const documents = new KnownDocuments({ acceptOlder: false, log })
    const keeper = sessionKeeper(folder, keyring, { documents, log, chores: new TestClock().chores })
    const kept = {
      key: 'ab'.repeat(32),
      name: 'otto',
      role: 'operator',
      method: 'token',
      beganAtMs: 1,
      idleAtMs: 2,
      tokenHash: null,
    } as const
    keeper.write([kept])
    begin()
    for (let time = 0; time < 3; time++) {
      keeper.write([])
      // The file that was removed made room.
      if (trouble.code === 'ENOSPC') fill()
    }
    const told = () => lines.filter(({ event }) => event.startsWith('operators.sessions-not-')).length
    expect(told()).toBe(1)
    over()
    keeper.write([kept])
    expect(keeper.read()).toEqual([kept])
    expect(told()).toBe(1)
  })
})
