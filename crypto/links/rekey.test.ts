import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { ascii, concatBytes, fromHex } from '../../base/bytes.ts'
import { parseBid } from '../../protocol/ids.ts'
import { type BandRecord, decodeRecord } from '../../protocol/records.ts'
import { noblePrimitives } from '../primitives/noble-primitives.ts'
import { nodePrimitives as node } from '../primitives/node-primitives.ts'
import type { Primitives } from '../primitives/primitives.ts'
import { rekeyMac, rekeyRoot, startRekeyAsBand, startRekeyAsEngine } from './rekey.ts'
import { equalSecret } from '../primitives/secret.ts'
import { everyFlip, filled } from '../primitives/test-bytes.ts'

const bid = parseBid('0102030405060708')
const root = filled(32, 1)
const engineNonce = filled(16, 2)
const bandSecret = filled(32, 3)
const engineSecret = filled(32, 4)
const hello = { timeMs: 1_893_456_000_123, flags: 0x8001 }

const asBand = (changes: object = {}, primitives: Primitives = node) =>
  startRekeyAsBand(primitives, {
    bid,
    generation: 6,
    n: 9,
    root,
    engineNonce,
    engineKey: node.x25519PublicKey(engineSecret),
    bandSecret,
    ...changes,
  })
const asEngine = (maced: Uint8Array, changes: object = {}, primitives: Primitives = node) =>
  startRekeyAsEngine(primitives, {
    maced,
    generation: 6,
    root,
    engineNonce,
    engineSecret,
    bandKey: node.x25519PublicKey(bandSecret),
    ...changes,
  })

function rekey1Of(record: Uint8Array): Extract<BandRecord, { type: 'rekey1' }> {
  const decoded = decodeRecord(record)
  if (decoded.type !== 'rekey1') throw new Error(`REKEY1 expected, got ${decoded.type}`)
  return decoded
}

function rekey2Of(record: Uint8Array): Uint8Array {
  const decoded = decodeRecord(record)
  if (decoded.type !== 'rekey2') throw new Error(`REKEY2 expected, got ${decoded.type}`)
  return decoded.message
}

describe('a rekey', () => {
  it.each([
    { ofBand: noblePrimitives, ofEngine: node },
    { ofBand: node, ofEngine: noblePrimitives },
  ])('gives band ($ofBand.name) and engine ($ofEngine.name) the same link and root', ({ ofBand, ofEngine }) => {
    const band = asBand({}, ofBand)
    const rekey1 = rekey1Of(band.rekey1())
    expect(rekey1).toMatchObject({ bid, n: 9 })
    expect(equalSecret(rekeyMac(node, root, rekey1.maced, engineNonce), rekey1.mac)).toBe(true)
    const engine = asEngine(rekey1.maced, {}, ofEngine)
    expect(engine.readRekey1(rekey1.message)).toBe(true)
    expect(band.readRekey2(rekey2Of(engine.rekey2(hello)))).toEqual(hello)
    expect(band.finish()).toEqual(engine.finish())
    const roots = [band, engine].map((end) => rekeyRoot(node, end.finish().ask, { bid, generation: 6, n: 9 }))
    expect(roots[0]).toEqual(roots[1])
    expect(roots[0]).not.toEqual(root)
  })

  it('has the mac and root that PROTOCOL §4 spells', () => {
    const hmac = (key: Uint8Array, ...parts: readonly Uint8Array[]) =>
      new Uint8Array(
        createHmac('sha256', key)
          .update(concatBytes(...parts))
          .digest(),
      )
    const maced = fromHex('1c01010203040506070800000009')
    const macKey = hmac(root, ascii('bnd1 rekmac'), Uint8Array.of(1))
    expect(rekeyMac(node, root, maced, engineNonce)).toEqual(hmac(macKey, maced, engineNonce).slice(0, 16))
    expect(rekeyRoot(node, root, { bid, generation: 6, n: 9 })).toEqual(
      hmac(root, ascii('bnd1 root'), fromHex('0102030405060708'), fromHex('00000006'), fromHex('0000000a01')),
    )
  })

  it('fails when the two ends differ in anything the prologue or the root covers', () => {
    const differences = [
      { root: filled(32, 0x11) },
      { generation: 7 },
      { engineNonce: filled(16, 0x12) },
      { bandSecret: filled(32, 0x13) },
      { engineKey: node.x25519PublicKey(filled(32, 0x14)) },
    ]
    for (const difference of differences) {
      const rekey1 = rekey1Of(asBand(difference).rekey1())
      expect(asEngine(rekey1.maced).readRekey1(rekey1.message)).toBe(false)
    }
    const honest = rekey1Of(asBand().rekey1())
    for (const other of [{ bid: parseBid('ff02030405060708') }, { n: 10 }]) {
      const rekey1 = rekey1Of(asBand(other).rekey1())
      expect(asEngine(honest.maced).readRekey1(rekey1.message)).toBe(false)
    }
    expect(asEngine(honest.maced).readRekey1(honest.message)).toBe(true)
  })

  it('heals: a thief of the whole chain so far cannot take the link without the band’s own key', () => {
    // The attack without rekey: the stolen root is all that a resume needs. Here it is not.
    const thief = rekey1Of(asBand({ bandSecret: filled(32, 0x66) }).rekey1())
    expect(equalSecret(rekeyMac(node, root, thief.maced, engineNonce), thief.mac)).toBe(true)
    expect(asEngine(thief.maced).readRekey1(thief.message)).toBe(false)
  })

  it('heals: with the root, both static keys and every byte on the air, an onlooker still lacks the new root', () => {
    const band = asBand()
    const rekey1 = rekey1Of(band.rekey1())
    const engine = asEngine(rekey1.maced)
    engine.readRekey1(rekey1.message)
    band.readRekey2(rekey2Of(engine.rekey2(hello)))
    const onlooker = asEngine(rekey1.maced)
    expect(onlooker.readRekey1(rekey1.message)).toBe(true)
    onlooker.rekey2(hello)
    expect(onlooker.finish().ask).not.toEqual(band.finish().ask)
  })

  it('refuses each message with any bit changed and still takes the true one', () => {
    const band = asBand()
    const rekey1 = rekey1Of(band.rekey1())
    const engine = asEngine(rekey1.maced)
    for (const forged of everyFlip(rekey1.message)) expect(engine.readRekey1(forged)).toBe(false)
    expect(engine.readRekey1(rekey1.message)).toBe(true)
    const rekey2 = rekey2Of(engine.rekey2(hello))
    for (const forged of everyFlip(rekey2)) expect(band.readRekey2(forged)).toBeUndefined()
    expect(band.readRekey2(rekey2.subarray(1))).toBeUndefined()
    expect(band.readRekey2(rekey2)).toEqual(hello)
  })
})
