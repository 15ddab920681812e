import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createKeyring } from '../../crypto/at-rest.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { hashToken } from '../../operators/sign-in/token-sign-in.ts'
import { lockFile } from '../../store/files/file-lock.ts'
import { followOperators } from './followed-operators.ts'
import { addOperator, keepPasskey, operatorsPlace, readOperators, removeOperator, renewToken } from './operator-list.ts'
import { TestClock, testFolder, testLog } from '../log/test-folder.ts'

function newPlace() {
  const folder = testFolder(onTestFinished)
  const keyring = createKeyring(nodePrimitives, [{ id: 1, key: new Uint8Array(32).fill(7) }])
  return { folder, place: operatorsPlace(folder, keyring) }
}

const passkey = { id: 'AAAA', publicKey: new Uint8Array([1, 2]), counter: 5, addedAtMs: 9 }

describe('the list of operators', () => {
  it('keeps a hash of the token, which is told once, in a file for its owner alone', () => {
    const { place } = newPlace()
    expect(readOperators(place)).toEqual([])
    const { operator, token } = addOperator(place, { name: 'alice', role: 'operator' })
    expect(token).toMatch(/^[\w-]{43}$/)
    expect(readOperators(place)).toEqual([operator])
    expect(operator.token.hash).toEqual(hashToken(operator.token.salt, token))
    expect(readFileSync(place.path, 'utf8')).not.toContain(token)
    expect(statSync(place.path).mode & 0o777).toBe(0o600)
  })

  it('has each name once, and only names that a journal can have', () => {
    const { place } = newPlace()
    for (const name of ['a', 'a.b_c-9', 'x'.repeat(32)]) addOperator(place, { name, role: 'viewer' })
    expect(() => addOperator(place, { name: 'a', role: 'admin' })).toThrow(/already/)
    for (const name of ['', 'x'.repeat(33), 'Alice', 'a b', 'a:b', 'operator:a', '../a', 'ä', 'admin-token']) {
      expect(() => addOperator(place, { name, role: 'viewer' })).toThrow(/1 to 32 of a-z/)
    }
    expect(readOperators(place).length).toBe(3)
  })

  it('gives a new token, and the one before is worth nothing, nor is any passkey', () => {
    const { place } = newPlace()
    const first = addOperator(place, { name: 'alice', role: 'operator' })
    keepPasskey(place, 'alice', passkey)
    const second = renewToken(place, 'alice')
    expect(second.token).not.toBe(first.token)
    const [alice] = readOperators(place)
    expect(alice?.token.hash).toEqual(hashToken(second.operator.token.salt, second.token))
    // Who had the token may have added one.
    expect(alice?.passkeys).toEqual([])
    expect(() => renewToken(place, 'bob')).toThrow(/no operator "bob"/)
  })

  it('keeps passkeys, whose counters never fall', () => {
    const { place } = newPlace()
    addOperator(place, { name: 'alice', role: 'operator' })
    keepPasskey(place, 'alice', passkey)
    keepPasskey(place, 'alice', { ...passkey, id: 'BBBB' })
    keepPasskey(place, 'alice', { ...passkey, counter: 3 })
    expect(readOperators(place)[0]?.passkeys.map(({ id, counter }) => [id, counter])).toEqual([
      ['BBBB', 5],
      ['AAAA', 5],
    ])
    removeOperator(place, 'alice')
    expect(readOperators(place)).toEqual([])
  })

  it('is believed only as we wrote it: who can write the disk makes no operator', () => {
    const { place } = newPlace()
    addOperator(place, { name: 'alice', role: 'viewer' })
    const text = readFileSync(place.path, 'utf8')
    writeFileSync(place.path, text.replace('viewer', 'admin'))
    expect(() => readOperators(place)).toThrow(/does not match its MAC/)
  })

  it('is changed by one at a time', () => {
    const { folder, place } = newPlace()
    addOperator(place, { name: 'alice', role: 'viewer' })
    const unlock = lockFile(join(folder, 'lists', 'lock'))
    expect(() => removeOperator(place, 'alice')).toThrow(/held by process/)
    unlock()
    removeOperator(place, 'alice')
  })

  it('is changed after a command that died in another container: what that left behind locks nothing', () => {
    const { folder, place } = newPlace()
    addOperator(place, { name: 'alice', role: 'viewer' })
    const theirs = { host: 'pod-7', boot: 'another', pid: 12, startedAt: '3' }
    writeFileSync(join(folder, 'lists', 'lock'), JSON.stringify(theirs))
    removeOperator(place, 'alice')
    expect(readOperators(place)).toEqual([])
  })

  it('is followed: a running engine hears of a change within a second, and keeps the list from before should it be spoilt', () => {
    const { place } = newPlace()
    const clock = new TestClock()
    const { log, lines } = testLog()
    const followed = followOperators(place, clock.chores, log)
    onTestFinished(() => followed.stop())
    let told = 0
    followed.onChange(() => told++)
    addOperator(place, { name: 'alice', role: 'viewer' })
    clock.pass(1_000)
    expect([told, followed.all().length]).toEqual([1, 1])
    const text = readFileSync(place.path, 'utf8')
    writeFileSync(place.path, text.replace('viewer', 'admin'))
    clock.pass(1_000)
    expect(followed.all()[0]?.role).toBe('viewer')
    expect(lines.at(-1)).toMatchObject({ level: 'error', event: 'file.not-reloaded' })
  })
})
