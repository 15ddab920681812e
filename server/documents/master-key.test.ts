import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openDataFolder } from './data-folder.ts'
import { loadKeys } from './engine-keys.ts'
import { loadMasterKeys, newMasterKey, writeMasterKeys } from './master-key.ts'
import { testFolder } from '../log/test-folder.ts'

const hex = 'a1'.repeat(32)
const base64 = Buffer.from(hex, 'hex').toString('base64')

function load(data: string, environment: Record<string, string> = {}, mayCreate = true) {
  return loadMasterKeys({ data, file: undefined, environment, mayCreate })
}

describe('the master key', () => {
  it('is made at the first start, in a file that only its owner may read', () => {
    const data = testFolder(onTestFinished)
    const { keys, from } = load(data)
    expect(from).toBe(join(data, 'master.key'))
    expect(statSync(from).mode & 0o777).toBe(0o600)
    expect(keys[0]?.key).toHaveLength(32)
    expect(load(data).keys).toEqual(keys)
  })

  it.for([0o644, 0o640, 0o660, 0o602])('is refused when its file has mode %o', (mode) => {
    const data = testFolder(onTestFinished)
    const { from } = load(data)
    chmodSync(from, mode)
    expect(() => load(data)).toThrow(/chmod 600 .*master\.key/)
  })

  it('comes from the environment before the file, as hex or base64', () => {
    const data = testFolder(onTestFinished)
    const fromHex = load(data, { BANDPASS_MASTER_KEY: hex })
    const fromBase64 = load(data, { BANDPASS_MASTER_KEY: base64 })
    const fromBase64Url = load(data, { BANDPASS_MASTER_KEY: base64.replaceAll('+', '-').replace(/=$/, '') })
    expect(fromHex.from).toBe('environment')
    expect(fromBase64).toEqual(fromHex)
    expect(fromBase64Url).toEqual(fromHex)
  })

  it.for(['', 'a1', `${hex}00`, hex.replace('a', 'x'), 'not a key'])('is not "%s"', (text) => {
    expect(() => load(testFolder(onTestFinished), { BANDPASS_MASTER_KEY: text })).toThrow(
      /BANDPASS_MASTER_KEY: 32 bytes/,
    )
  })

  it('is taken from its file when the variable is empty, but none is made then: a secret may not have been found', () => {
    const data = testFolder(onTestFinished)
    const { from, keys } = load(data)
    const empty = { BANDPASS_MASTER_KEY: ' ', BANDPASS_MASTER_KEY_OLD: '' }
    expect(load(data, empty, false)).toEqual({ keys, from })
    expect(() => load(testFolder(onTestFinished), empty)).toThrow(/BANDPASS_MASTER_KEY: 32 bytes/)
  })

  it('may stand in a file with a byte order mark and line ends of another system', () => {
    const data = testFolder(onTestFinished)
    const { from, keys } = load(data)
    writeFileSync(from, `\uFEFF${readFileSync(from, 'utf8').replaceAll('\n', '\r\n')}`)
    expect(load(data).keys).toEqual(keys)
  })

  it('is never shown by a message that refuses it', () => {
    const almost = `${hex}ff`
    try {
      load(testFolder(onTestFinished), { BANDPASS_MASTER_KEY: almost })
    } catch (error) {
      expect(String(error)).not.toContain('a1a1')
    }
  })

  it('is not made anew where data is already sealed under one that is gone', () => {
    const data = testFolder(onTestFinished)
    const config = { data, masterKeyFile: undefined }
    const folder = openDataFolder(config, { BANDPASS_MASTER_KEY: hex }, true)
    expect(folder.master.from).toBe('environment')
    expect(() => openDataFolder(config, {}, true)).toThrow(/no master key.*bring it\s+back/s)
    expect(() => openDataFolder(config, { BANDPASS_MASTER_KEY: 'b2'.repeat(32) }, true).places.keys).not.toThrow()
    const other = openDataFolder(config, { BANDPASS_MASTER_KEY: 'b2'.repeat(32) }, true)
    expect(() => loadKeys(other.places.keys, 1)).toThrow(/does not match its MAC/)
  })

  it('has a second one beside it while it is replaced, and the first seals', () => {
    const data = testFolder(onTestFinished)
    const { from, keys } = load(data)
    const added = newMasterKey()
    writeMasterKeys(from, [added, ...keys])
    expect(load(data).keys).toEqual([added, ...keys])
    const both = load(data, { BANDPASS_MASTER_KEY: hex, BANDPASS_MASTER_KEY_OLD: 'b2'.repeat(32) })
    expect(both.keys).toHaveLength(2)
    expect(() => load(data, { BANDPASS_MASTER_KEY_OLD: hex })).toThrow(/without BANDPASS_MASTER_KEY/)
  })

  it('is refused when its file says something else', () => {
    const data = testFolder(onTestFinished)
    const { from } = load(data)
    for (const text of ['', 'bandpass master key 1\n', `${hex}\n`, readFileSync(from, 'utf8') + `${hex}\n${hex}\n`]) {
      writeFileSync(from, text)
      expect(() => load(data)).toThrow(/one or two lines of 64 hex digits/)
    }
  })
})
