import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { readConfig } from '../settings/config.ts'
import { openDataFolder } from '../documents/data-folder.ts'
import { openSurroundings } from '../documents/surroundings.ts'
import { TestClock, testFolder, testLog } from '../log/test-folder.ts'
import { tokenIssuers } from './token-issuers.ts'
import { createTokens, localIssuer, mintToken, publicJwk } from './tokens.ts'

const seeds = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)] as const
const sessionKey = nodePrimitives.ed25519PublicKey(new Uint8Array(32).fill(5))

function keysOf(...of: readonly Uint8Array[]): string {
  return JSON.stringify({ keys: of.map((seed) => publicJwk(nodePrimitives.ed25519PublicKey(seed))) })
}

function opened() {
  const clock = new TestClock()
  const { log, lines } = testLog()
  const data = testFolder(onTestFinished)
  const jwksFile = join(data, 'issuer.json')
  writeFileSync(jwksFile, keysOf(seeds[0]))
  const folder = openDataFolder({ data, masterKeyFile: undefined }, {}, true)
  const surroundings = openSurroundings(folder, clock.chores, log)
  onTestFinished(() => surroundings.stop())
  // Tokens that we can make are those of the local issuer's shape; its name stands for any issuer's.
  const config = readConfig({ flags: { 'tokens-issuer': localIssuer, 'tokens-jwks-file': jwksFile } })
  const tokens = createTokens({
    issuers: tokenIssuers(config, surroundings, { clock, log }).all,
    audience: 'bandpass',
    nowMs: () => clock.nowMs(),
  })
  const isGood = async (seed: Uint8Array<ArrayBuffer>): Promise<boolean> => {
    const request = { account: 'alice', audience: 'bandpass', lifeS: 60, nowMs: clock.nowMs() }
    return (await tokens.verify(await mintToken(seed, request), sessionKey)) !== undefined
  }
  return { clock, lines, jwksFile, isGood, surroundings }
}

describe('the keys of a token issuer, in a file', () => {
  it('are those of the file within a second of a change: a key that was taken out ends', async () => {
    const { clock, jwksFile, isGood } = opened()
    expect([await isGood(seeds[0]), await isGood(seeds[1])]).toEqual([true, false])
    writeFileSync(jwksFile, keysOf(seeds[0], seeds[1]))
    clock.pass(1_000)
    expect([await isGood(seeds[0]), await isGood(seeds[1])]).toEqual([true, true])
    writeFileSync(jwksFile, keysOf(seeds[1]))
    clock.pass(1_000)
    expect([await isGood(seeds[0]), await isGood(seeds[1])]).toEqual([false, true])
  })

  it('are read again when the engine is told to', async () => {
    const { jwksFile, isGood, surroundings } = opened()
    writeFileSync(jwksFile, keysOf(seeds[1]))
    surroundings.reload()
    expect(await isGood(seeds[1])).toBe(true)
  })

  it.for([
    ['is no JSON', (path: string) => writeFileSync(path, '{')],
    ['has no key', (path: string) => writeFileSync(path, '{"keys":[]}')],
    ['is gone', (path: string) => rmSync(path)],
  ] as const)('stay as they were when the file %s, which is said once', async ([, spoil]) => {
    const { clock, lines, jwksFile, isGood } = opened()
    spoil(jwksFile)
    for (let second = 0; second < 3; second++) clock.pass(1_000)
    expect(await isGood(seeds[0])).toBe(true)
    expect(lines.filter(({ event }) => event === 'file.not-reloaded')).toHaveLength(1)
  })
})
