import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { createKeyring } from '../../crypto/at-rest.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import type { KeptSession } from '../../operators/ports/ports.ts'
import { sessionKeeper } from './kept-sessions.ts'
import { KnownDocuments, type KnownText } from '../documents/known-documents.ts'
import { TestClock } from '../log/test-folder.ts'

const folder = mkdtempSync(join(tmpdir(), 'bandpass-sessions-'))
const path = join(folder, 'operator-sessions.json')
const keyring = createKeyring(nodePrimitives, [{ id: 1, key: new Uint8Array(32).fill(7) }])
const told: string[] = []
const log = (_level: string, event: string) => void told.push(event)
/** What the journal knows of the file, over all starts. */
const known = new Map<string, KnownText>()
/** The keeper of one more start. */
function keeper() {
  const documents = new KnownDocuments({ acceptOlder: false, log })
  documents.begin({ known: (name) => known.get(name), take: (name, text) => void known.set(name, text) })
  return sessionKeeper(folder, keyring, { documents, log, chores: new TestClock().chores })
}
const otto: KeptSession = {
  key: 'ab'.repeat(32),
  name: 'otto',
  role: 'operator',
  method: 'passkey',
  beganAtMs: 1_800_000_000_000,
  idleAtMs: 1_800_000_060_000,
  tokenHash: 'cd'.repeat(32),
}

afterEach(() => {
  rmSync(path, { force: true })
  known.clear()
  told.length = 0
})

describe('the sessions of operators on disk', () => {
  it('are read as they were written, by their owner alone', () => {
    const olga = { ...otto, name: 'olga', method: 'oidc', tokenHash: null } as const
    expect(keeper().read()).toEqual([])
    keeper().write([otto, olga])
    expect(keeper().read()).toEqual([otto, olga])
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(told).toEqual([])
  })

  it('sign nobody in whom somebody wrote there without the master key: they are forgotten, and that is told', () => {
    keeper().write([otto])
    writeFileSync(path, readFileSync(path, 'utf8').replace('"operator"', '"admin"'))
    expect(keeper().read()).toEqual([])
    expect(told).toEqual(['operators.sessions-not-kept'])
    expect(keeper().read()).toEqual([])
    expect(told.length).toBe(1)
  })

  it('sign no one in again that an older file, put back, still has', () => {
    keeper().write([otto])
    const older = readFileSync(path)
    keeper().write([])
    writeFileSync(path, older, { mode: 0o600 })
    expect(keeper().read()).toEqual([])
    expect(told).toEqual(['operators.sessions-not-kept'])
    keeper().write([otto])
    expect(keeper().read()).toEqual([otto])
  })

  it('may be gone, as they are after a restore', () => {
    keeper().write([otto])
    rmSync(path)
    expect(keeper().read()).toEqual([])
    keeper().write([otto])
    expect(keeper().read()).toEqual([otto])
    expect(told).toEqual([])
  })
})
