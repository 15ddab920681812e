import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createKeyring } from '../../crypto/at-rest.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { toHex } from '../../base/bytes.ts'
import { keysPlace, loadKeys, readKeys, rotated, writeKeys } from './engine-keys.ts'
import { newMasterKey } from './master-key.ts'
import { testFolder } from '../log/test-folder.ts'

function place(data = testFolder(onTestFinished)) {
  return keysPlace(data, createKeyring(nodePrimitives, [newMasterKey()]))
}

describe("the engine's keys", () => {
  it('are made once, and are the same at every later start', () => {
    const at = place()
    const made = loadKeys(at, 1)
    expect(loadKeys(at, 2)).toEqual(made)
    expect(made.engine).toHaveLength(2)
    expect(made.release).toHaveLength(2)
  })

  it('lie in a file that only its owner may read, and are refused when others may', () => {
    const at = place()
    loadKeys(at, 1)
    expect(statSync(at.path).mode & 0o777).toBe(0o600)
    chmodSync(at.path, 0o644)
    expect(() => loadKeys(at, 2)).toThrow(/only its owner/)
  })

  it('have no secret half in the clear on disk', () => {
    const at = place()
    const { engine, release, receipt, pepper, issuerSeed } = loadKeys(at, 1)
    const text = readFileSync(at.path, 'utf8')
    const secrets = [...engine, ...release].map((one) => one.secret)
    for (const secret of [...secrets, receipt[0]?.seed ?? pepper, pepper, issuerSeed]) {
      expect(text).not.toContain(toHex(secret))
    }
  })

  it('are refused after any change of their file: a public half, a role, an id, or the MAC itself', () => {
    const at = place()
    loadKeys(at, 1)
    const text = readFileSync(at.path, 'utf8')
    const changes = [
      text.replace(/"publicKey": "../, '"publicKey": "00'),
      text.replace('"id": 2', '"id": 3'),
      text.replace(/mac ./, 'mac x'),
      text.replace(/\nmac .*\n/, '\n'),
    ]
    for (const changed of changes) {
      expect(changed).not.toBe(text)
      writeFileSync(at.path, changed)
      expect(() => readKeys(at)).toThrow(/does not match its MAC/)
    }
  })

  it('of receipts overlap: the old public half stays, the old seed is destroyed', () => {
    const at = place()
    const before = loadKeys(at, 1)
    writeKeys(at, rotated(before, 'receipt', 2))
    const after = loadKeys(at, 3)
    expect(after.receipt).toHaveLength(2)
    expect(after.receipt[0]?.seed).toBeDefined()
    expect(after.receipt[1]).toMatchObject({ kid: before.receipt[0]?.kid, seed: undefined })
    expect(after.engine).toEqual(before.engine)
  })

  it('that bands pin rotate to the one they have pinned already', () => {
    const at = place()
    const before = loadKeys(at, 1)
    for (const which of ['engine', 'release'] as const) {
      const after = rotated(before, which, 2)
      expect(after[which].map((one) => one.id)).toEqual([2, 3, 1])
      expect(after[which][0]).toEqual(before[which][1])
      expect(rotated(after, which, 3)[which].map((one) => one.id)).toEqual([3, 4, 2])
    }
  })
})
