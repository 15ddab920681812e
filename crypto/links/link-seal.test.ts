import { createCipheriv, createHmac } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ascii, concatBytes, fromHex, toHex } from '../../base/bytes.ts'
import { type DataRecord, decodeRecord } from '../../protocol/records.ts'
import { nextPhaseKey, noContext, openData, pairingBinding, sealData } from './link-seal.ts'
import { noblePrimitives } from '../primitives/noble-primitives.ts'
import { nodePrimitives } from '../primitives/node-primitives.ts'
import { everyFlip, filled } from '../primitives/test-bytes.ts'

const key = filled(32, 1)
const binding = { bid: fromHex('0102030405060708'), generation: 9 }
const header = { down: true, phase: 3, ratcheted: true, proof: false, sid: 0xabcd, ctr: 0x0102_0304 }
const plaintext = ascii('hello')

function dataOf(bytes: Uint8Array): DataRecord | undefined {
  const decoded = decodeRecord(bytes)
  return decoded.type === 'data' ? decoded : undefined
}

function open(
  bytes: Uint8Array,
  changes: { readonly key?: Uint8Array; readonly binding?: typeof binding; readonly context?: Uint8Array } = {},
) {
  const record = dataOf(bytes)
  if (record === undefined) return undefined
  return openData(nodePrimitives, changes.key ?? key, record, changes.binding ?? binding, changes.context ?? noContext)
}

describe('a sealed DATA record', () => {
  it('has the nonce and associated data that PROTOCOL §5 spells', () => {
    const context = filled(32, 7)
    const cipher = createCipheriv('chacha20-poly1305', key, fromHex('000000000403020100000000'), { authTagLength: 16 })
    const head = fromHex('13bcabcd01020304')
    cipher.setAAD(concatBytes(head, fromHex('01'), fromHex('0102030405060708'), fromHex('00000009'), context), {
      plaintextLength: 5,
    })
    const ciphertext = concatBytes(cipher.update(plaintext), cipher.final())
    const expected = concatBytes(head, ciphertext, cipher.getAuthTag())
    for (const primitives of [nodePrimitives, noblePrimitives]) {
      const sealed = sealData(primitives, key, { ...header, proof: true }, binding, context, plaintext)
      expect(toHex(sealed)).toBe(toHex(expected))
    }
  })

  it('opens to what was sealed, for any header, binding and plaintext', () => {
    const headers = fc.record({
      down: fc.boolean(),
      phase: fc.nat(7),
      ratcheted: fc.boolean(),
      proof: fc.boolean(),
      sid: fc.nat(0xffff),
      ctr: fc.nat(0xffff_ffff),
    })
    const bindings = fc.record({ bid: fc.uint8Array({ minLength: 8, maxLength: 8 }), generation: fc.nat(0xffff_ffff) })
    fc.assert(
      fc.property(headers, bindings, fc.uint8Array({ minLength: 1, maxLength: 999 }), (head, bound, content) => {
        const context = head.proof ? filled(32, 1) : noContext
        const record = dataOf(sealData(noblePrimitives, key, head, bound, context, content))
        if (record === undefined) throw new Error('what was sealed is not a DATA record')
        expect(record).toMatchObject(head)
        expect(openData(nodePrimitives, key, record, bound, context)).toEqual(content)
      }),
    )
  })

  it('does not open with any of its bits changed: flags, session, counter, content or tag', () => {
    const sealed = sealData(nodePrimitives, key, header, binding, noContext, plaintext)
    expect(open(sealed)).toEqual(plaintext)
    for (const forged of everyFlip(sealed)) expect(open(forged)).toBeUndefined()
  })

  it('does not open for another binding, generation, key or context', () => {
    const sealed = sealData(nodePrimitives, key, header, binding, noContext, plaintext)
    for (const bid of everyFlip(binding.bid)) expect(open(sealed, { binding: { ...binding, bid } })).toBeUndefined()
    expect(open(sealed, { binding: { ...binding, generation: 10 } })).toBeUndefined()
    expect(open(sealed, { binding: { ...pairingBinding, bid: filled(8, 0) } })).toBeUndefined()
    expect(open(sealed, { key: filled(32, 2) })).toBeUndefined()
    expect(open(sealed, { context: filled(32, 0) })).toBeUndefined()
  })

  it('opens under the next phase only with the next phase’s key', () => {
    const next = nextPhaseKey(nodePrimitives, key)
    expect(next).toEqual(
      new Uint8Array(createHmac('sha256', key).update(ascii('bnd1 phase')).update(Uint8Array.of(1)).digest()),
    )
    const sealed = sealData(nodePrimitives, next, { ...header, phase: 4 }, binding, noContext, plaintext)
    expect(open(sealed)).toBeUndefined()
    expect(open(sealed, { key: next })).toEqual(plaintext)
  })
})
