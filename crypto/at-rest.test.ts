import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ascii, concatBytes, toHex } from '../base/bytes.ts'
import { createKeyring } from './at-rest.ts'
import { noblePrimitives } from './primitives/noble-primitives.ts'
import { nodePrimitives } from './primitives/node-primitives.ts'
import { everyFlip, filled } from './primitives/test-bytes.ts'

const oldKey = { id: 1, key: filled(32, 1) }
const newKey = { id: 2, key: filled(32, 2) }
const keyring = createKeyring(nodePrimitives, [oldKey])
const rowKey = ascii('row')
const secret = ascii('a root of a resume chain')

describe('what is sealed at rest', () => {
  it('opens at its place, for any place and content', () => {
    const table = fc.string({ maxLength: 40 })
    fc.assert(
      fc.property(
        table,
        fc.uint8Array({ maxLength: 64 }),
        fc.nat(0xffff_ffff),
        fc.uint8Array(),
        (name, key, version, content) => {
          const sealed = keyring.seal(name, key, version, content)
          expect(keyring.open(name, key, version, sealed)).toEqual(content)
          expect(createKeyring(noblePrimitives, [oldKey]).open(name, key, version, sealed)).toEqual(content)
        },
      ),
    )
  })

  it('shows nothing of its content and is never the same twice', () => {
    const [one, two] = [keyring.seal('bands', rowKey, 1, secret), keyring.seal('bands', rowKey, 1, secret)]
    expect(one).not.toEqual(two)
    expect(toHex(one)).not.toContain(toHex(secret.subarray(0, 4)))
    expect(one.slice(0, 4)).toEqual(Uint8Array.of(0, 0, 0, 1))
  })

  it('does not open with any bit changed, cut short or empty', () => {
    const sealed = keyring.seal('bands', rowKey, 1, secret)
    for (const forged of everyFlip(sealed)) expect(keyring.open('bands', rowKey, 1, forged)).toBeUndefined()
    for (let length = 0; length < sealed.length; length++) {
      expect(keyring.open('bands', rowKey, 1, sealed.subarray(0, length))).toBeUndefined()
    }
  })

  it('does not open in another row, table or version: no value passes in another’s place', () => {
    const sealed = keyring.seal('bands', rowKey, 1, secret)
    expect(keyring.open('accounts', rowKey, 1, sealed)).toBeUndefined()
    expect(keyring.open('bands', ascii('rox'), 1, sealed)).toBeUndefined()
    expect(keyring.open('bands', rowKey, 2, sealed)).toBeUndefined()
    // Where a table's name ends and the key begins is part of the place.
    expect(keyring.open('band', ascii('srow'), 1, sealed)).toBeUndefined()
  })

  it('does not open with another master key, even one of the same id', () => {
    const sealed = keyring.seal('bands', rowKey, 1, secret)
    expect(createKeyring(nodePrimitives, [newKey]).open('bands', rowKey, 1, sealed)).toBeUndefined()
    const impostor = createKeyring(nodePrimitives, [{ id: 1, key: filled(32, 9) }])
    expect(impostor.open('bands', rowKey, 1, sealed)).toBeUndefined()
  })
})

describe('a row’s MAC', () => {
  const row = ascii('bound, generation 4')
  const mac = keyring.mac('bands', rowKey, row)

  it('fits its row at its place, and is 16 bytes', () => {
    expect(mac).toHaveLength(16)
    expect(keyring.checkMac('bands', rowKey, row, mac)).toBe(true)
  })

  it('fits no row with any bit changed, at another place, or with another MAC', () => {
    for (const other of everyFlip(row)) expect(keyring.checkMac('bands', rowKey, other, mac)).toBe(false)
    for (const other of everyFlip(mac)) expect(keyring.checkMac('bands', rowKey, row, other)).toBe(false)
    expect(keyring.checkMac('accounts', rowKey, row, mac)).toBe(false)
    expect(keyring.checkMac('bands', ascii('rox'), row, mac)).toBe(false)
    expect(keyring.checkMac('bands', ascii('ro'), ascii('wbound, generation 4'), mac)).toBe(false)
    expect(keyring.checkMac('bands', rowKey, row, mac.subarray(0, 15))).toBe(false)
    expect(keyring.checkMac('bands', rowKey, row, new Uint8Array(0))).toBe(false)
  })
})

describe('a place', () => {
  it('ends where its lengths say, so that no bytes can be shifted from the row into the key or the table', () => {
    // Without the length of the table's name both of these would be `t 00 0200 07 01 01 …`.
    const content = filled(600, 1)
    const mac = keyring.mac('t', Uint8Array.of(0, 7), content)
    const shiftedKey = concatBytes(Uint8Array.of(7), content.subarray(0, 511))
    expect(shiftedKey).toHaveLength(0x0200)
    expect(keyring.checkMac('t\0', shiftedKey, content.subarray(511), mac)).toBe(false)
    expect(keyring.checkMac('t', Uint8Array.of(0, 7), content, mac)).toBe(true)
  })
})

describe('rotating the master key', () => {
  const both = createKeyring(nodePrimitives, [newKey, oldKey])

  it('seals with the new key at once while the old one still opens', () => {
    const [before, after] = [keyring.seal('bands', rowKey, 1, secret), both.seal('bands', rowKey, 1, secret)]
    expect(both.open('bands', rowKey, 1, before)).toEqual(secret)
    expect(both.open('bands', rowKey, 1, after)).toEqual(secret)
    expect(keyring.open('bands', rowKey, 1, after)).toBeUndefined()
    expect(both.checkMac('bands', rowKey, secret, keyring.mac('bands', rowKey, secret))).toBe(true)
    expect(keyring.checkMac('bands', rowKey, secret, both.mac('bands', rowKey, secret))).toBe(false)
  })

  it('leaves nothing readable under the old key once that is destroyed', () => {
    const newOnly = createKeyring(nodePrimitives, [newKey])
    const before = keyring.seal('bands', rowKey, 1, secret)
    const rotated = both.seal('bands', rowKey, 1, both.open('bands', rowKey, 1, before) ?? new Uint8Array(0))
    expect(newOnly.open('bands', rowKey, 1, before)).toBeUndefined()
    expect(newOnly.open('bands', rowKey, 1, rotated)).toEqual(secret)
  })
})

describe('a keyring', () => {
  it('is not made of no key, keys of a wrong size, a bad id, or two keys with one id', () => {
    expect(() => createKeyring(nodePrimitives, [])).toThrow('a keyring needs at least one master key')
    expect(() => createKeyring(nodePrimitives, [{ id: 1, key: filled(31, 1) }])).toThrow('a master key is 32 bytes')
    for (const id of [-1, 1.5, 2 ** 32]) {
      expect(() => createKeyring(nodePrimitives, [{ id, key: filled(32, 1) }])).toThrow('a key id is a u32')
    }
    expect(() => createKeyring(nodePrimitives, [oldKey, { id: 1, key: filled(32, 3) }])).toThrow('two master keys')
  })

  it('does not need the caller’s copy of a key once it is made', () => {
    const key = filled(32, 1)
    const made = createKeyring(nodePrimitives, [{ id: 1, key }])
    key.fill(0)
    expect(made.open('bands', rowKey, 1, keyring.seal('bands', rowKey, 1, secret))).toEqual(secret)
  })

  it('refuses a place whose length could not be told apart', () => {
    expect(() => keyring.seal('t'.repeat(256), rowKey, 1, secret)).toThrow('a table name or key is too long')
    expect(() => keyring.mac('bands', filled(65_536, 1), secret)).toThrow('a table name or key is too long')
    expect(keyring.open('t'.repeat(255), rowKey, 1, keyring.seal('t'.repeat(255), rowKey, 1, secret))).toEqual(secret)
  })
})
