import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { parsePartnerId } from '../../protocol/ids.ts'
import { openDataFolder } from './data-folder.ts'
import { loadKeys, rotated, writeKeys } from './engine-keys.ts'
import { addPartner, addVendor, removePartner, restoreVendor, revokeVendor, rotatePartner } from './lists.ts'
import { openSurroundings } from './surroundings.ts'
import { TestClock, testFolder, testLog } from '../log/test-folder.ts'

const root = {
  issuer: 1,
  signatureType: 'ed25519',
  publicKey: nodePrimitives.ed25519PublicKey(new Uint8Array(32)),
} as const

function opened() {
  const clock = new TestClock()
  const { log, lines } = testLog()
  const folder = openDataFolder({ data: testFolder(onTestFinished), masterKeyFile: undefined }, {}, true)
  const surroundings = openSurroundings(folder, clock.chores, log)
  return { ...folder.places, folder, surroundings, clock, lines }
}

describe('partners of a running engine', () => {
  it('are known within a second of being listed, and gone within a second of being removed', () => {
    const { partners, surroundings, clock } = opened()
    const { id, keys } = addPartner(partners, 'Shop', 1)
    expect(surroundings.partners.find(id)).toBeUndefined()
    clock.pass(1_000)
    expect(surroundings.partners.find(id)).toMatchObject({ id, name: 'Shop' })
    expect(surroundings.partners.find(id)?.offerKeys.get(1)).toEqual(keys[0]?.key)
    removePartner(partners, id)
    clock.pass(1_000)
    expect(surroundings.partners.find(id)).toBeUndefined()
    expect(surroundings.partners.find(parsePartnerId('00'.repeat(16)))).toBeUndefined()
  })

  it('have two keys while they rotate, and one after a leak', () => {
    const { partners, surroundings } = opened()
    const { id } = addPartner(partners, 'Shop', 1)
    const kids = () => {
      surroundings.reload()
      return [...(surroundings.partners.find(id)?.offerKeys.keys() ?? [])]
    }
    rotatePartner(partners, { id, dropOld: false }, 2)
    expect(kids()).toEqual([2, 1])
    rotatePartner(partners, { id, dropOld: false }, 3)
    expect(kids()).toEqual([3, 2])
    rotatePartner(partners, { id, dropOld: true }, 4)
    expect(kids()).toEqual([4])
  })

  it('stay as they were when their file goes bad, which is said once', () => {
    const { partners, surroundings, clock, lines } = opened()
    const { id } = addPartner(partners, 'Shop', 1)
    clock.pass(1_000)
    const good = readFileSync(partners.path, 'utf8')
    writeFileSync(partners.path, good.replace('Shop', 'Thief'))
    clock.pass(1_000)
    clock.pass(1_000)
    expect(surroundings.partners.find(id)?.name).toBe('Shop')
    expect(lines.filter((one) => one.event === 'file.not-reloaded')).toMatchObject([
      { level: 'error', fields: { path: partners.path } },
    ])
    writeFileSync(partners.path, good)
    clock.pass(1_000)
    expect(lines.at(-1)).toMatchObject({ event: 'file.reloaded', fields: { path: partners.path } })
  })

  it('are not invented by somebody without the master key', () => {
    const { partners, folder } = opened()
    addPartner(partners, 'Shop', 1)
    writeFileSync(partners.path, readFileSync(partners.path, 'utf8').replace('"kid": 1', '"kid": 7'))
    expect(() => openSurroundings(folder, new TestClock().chores, testLog().log)).toThrow(/does not match its MAC/)
  })

  it('have names of their own', () => {
    const { partners } = opened()
    addPartner(partners, 'Shop', 1)
    expect(() => addPartner(partners, 'Shop', 1)).toThrow(/already/)
    expect(() => removePartner(partners, parsePartnerId('00'.repeat(16)))).toThrow(/no partner/)
  })
})

describe('vendors of a running engine', () => {
  it('are unknown until they are listed', () => {
    const { vendors, surroundings, clock } = opened()
    expect(surroundings.vendors.status(7, 1, 1)).toBe('unknown')
    expect(surroundings.vendors.rootKey(7, 1)).toBeUndefined()
    addVendor(vendors, { vendor: 7, name: 'Works', root })
    clock.pass(1_000)
    expect(surroundings.vendors.status(7, 1, 1)).toBe('active')
    expect(surroundings.vendors.rootKey(7, 1)).toMatchObject({ signatureType: 'ed25519' })
    expect(surroundings.vendors.rootKey(7, 2)).toBeUndefined()
  })

  it.for([
    ['a batch of a model', { model: 2, batch: 41 }, ['revoked', 'active', 'active', 'active']],
    ['a model', { model: 2, batch: null }, ['revoked', 'revoked', 'active', 'active']],
    ['a batch of every model', { model: null, batch: 41 }, ['revoked', 'active', 'revoked', 'active']],
    ['a whole vendor', { model: null, batch: null }, ['revoked', 'revoked', 'revoked', 'revoked']],
  ] as const)('may have %s revoked, and restored', ([, part, expected]) => {
    const { vendors, surroundings, clock } = opened()
    addVendor(vendors, { vendor: 7, name: 'Works', root })
    const statuses = () => {
      clock.pass(1_000)
      const of = (model: number, batch: number) => surroundings.vendors.status(7, model, batch)
      return [of(2, 41), of(2, 42), of(3, 41), of(3, 42)]
    }
    revokeVendor(vendors, { vendor: 7, ...part }, 1)
    expect(statuses()).toEqual(expected)
    expect(() => revokeVendor(vendors, { vendor: 7, ...part }, 1)).toThrow(/already/)
    restoreVendor(vendors, { vendor: 7, ...part })
    expect(statuses()).toEqual(['active', 'active', 'active', 'active'])
  })

  it('keep what is revoked when a root is added', () => {
    const { vendors, surroundings, clock } = opened()
    addVendor(vendors, { vendor: 7, name: 'Works', root })
    revokeVendor(vendors, { vendor: 7, model: 2, batch: null }, 1)
    addVendor(vendors, { vendor: 7, name: 'Works', root: { ...root, issuer: 2 } })
    clock.pass(1_000)
    expect(surroundings.vendors.status(7, 2, 1)).toBe('revoked')
    expect(surroundings.vendors.rootKey(7, 1)).toBeDefined()
    expect(surroundings.vendors.rootKey(7, 2)).toBeDefined()
  })
})

describe('keys of a running engine', () => {
  it('follow a rotation without a restart', () => {
    const { keys, surroundings, clock } = opened()
    const { kid } = surroundings.engineKeys.receipt
    expect(surroundings.engineKeys.ekid).toBe(1)
    writeKeys(keys, rotated(rotated(loadKeys(keys, 1), 'receipt', 1), 'engine', 1))
    clock.pass(1_000)
    expect(surroundings.engineKeys.receipt.kid).not.toBe(kid)
    expect(surroundings.engineKeys.ekid).toBe(2)
    expect(new Set(surroundings.engineKeys.engineSecrets.keys())).toEqual(new Set([1, 2, 3]))
    expect(surroundings.keySet().receipt.map((one) => one.kid)).toContain(kid)
  })

  it('stay when their file vanishes', () => {
    const { keys, surroundings, clock, lines } = opened()
    const { kid } = surroundings.engineKeys.receipt
    rmSync(keys.path)
    clock.pass(1_000)
    expect(surroundings.engineKeys.receipt.kid).toBe(kid)
    expect(lines.at(-1)).toMatchObject({ level: 'error', event: 'file.not-reloaded' })
  })
})
