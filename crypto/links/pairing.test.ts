import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { ascii, concatBytes, fromHex, u32 } from '../../base/bytes.ts'
import { parseAccountId, parseBandId, parsePairingId } from '../../protocol/ids.ts'
import { decodeRecord, encodePair0 } from '../../protocol/records.ts'
import { noblePrimitives } from '../primitives/noble-primitives.ts'
import { nodePrimitives } from '../primitives/node-primitives.ts'
import {
  acctTagOf,
  pairingCode,
  pairingIdOf,
  pairingRoot,
  pskOf,
  startPairingAsBand,
  startPairingAsEngine,
} from './pairing.ts'
import type { Primitives } from '../primitives/primitives.ts'
import { everyFlip, filled, flipped } from '../primitives/test-bytes.ts'

const ps = filled(16, 1)
const bandSecret = filled(32, 2)
const engineSecret = filled(32, 3)
const engineKey = nodePrimitives.x25519PublicKey(engineSecret)
const pair0 = encodePair0({ ekid: 1, pairingId: filled(16, 4), acctTag: filled(8, 5) })
const cert = filled(128, 6)
const bandHello = { model: 0x0102_0304, conformance: 0x1f, firmware: 0xffff_ffff }
const engineHello = { timeMs: 1_893_456_000_123, flags: 0x8000_0001 }

/** The Noise message of a record, as a peer gets it: decoded, so type, version and length were right. */
function message(record: Uint8Array): Uint8Array {
  const decoded = decodeRecord(record)
  if (!('message' in decoded)) throw new Error(`not a Noise record: ${decoded.type}`)
  return decoded.message
}

const asBand = (changes: object = {}, primitives: Primitives = nodePrimitives) =>
  startPairingAsBand(primitives, { pair0, ps, engineKey, bandSecret, ...changes })
const asEngine = (changes: object = {}, primitives: Primitives = nodePrimitives) =>
  startPairingAsEngine(primitives, { pair0, ps, engineSecret, ...changes })

describe('pairing', () => {
  it.each([
    { ofBand: noblePrimitives, ofEngine: nodePrimitives },
    { ofBand: nodePrimitives, ofEngine: noblePrimitives },
  ])(
    'gives band ($ofBand.name) and engine ($ofEngine.name) the same keys and tells each what it must know',
    ({ ofBand, ofEngine }) => {
      const [band, engine] = [asBand({}, ofBand), asEngine({}, ofEngine)]
      expect(engine.readPair1(message(band.pair1(bandHello)))).toEqual(bandHello)
      expect(band.readPair2(message(engine.pair2(engineHello)))).toEqual(engineHello)
      expect(engine.readPair3(message(band.pair3(cert, 7)))).toEqual({
        bandKey: nodePrimitives.x25519PublicKey(bandSecret),
        cert,
        flags: 7,
      })
      expect(band.finish()).toEqual(engine.finish())
      const { up, down, ask, sid } = band.finish()
      expect(new Set([up.join(), down.join(), ask.join()]).size).toBe(3)
      expect(sid).toBeLessThanOrEqual(0xffff)
    },
  )

  it('reveals the band to no one but the engine whose key is pinned', () => {
    // The attack: whoever sits between has its own key; a band that trusts it would name itself in PAIR3.
    const impostorSecret = filled(32, 9)
    const impostor = asEngine({ engineSecret: impostorSecret })
    const trusting = asBand({ engineKey: nodePrimitives.x25519PublicKey(impostorSecret) })
    expect(impostor.readPair1(message(trusting.pair1(bandHello)))).toEqual(bandHello)
    expect(trusting.readPair2(message(impostor.pair2(engineHello)))).toEqual(engineHello)

    const band = asBand()
    const again = asEngine({ engineSecret: impostorSecret })
    const pair1 = message(band.pair1(bandHello))
    expect(again.readPair1(pair1)).toBeUndefined()
    const madeUp = message(impostorPair2(impostorSecret))
    expect(band.readPair2(madeUp)).toBeUndefined()
    expect(() => band.pair3(cert, 0)).toThrow('not this side’s turn')
  })

  it('stops a band at PAIR2 when any of its bits was changed: it never sends PAIR3', () => {
    const [band, engine] = [asBand(), asEngine()]
    engine.readPair1(message(band.pair1(bandHello)))
    const pair2 = message(engine.pair2(engineHello))
    for (const forged of everyFlip(pair2)) {
      expect(band.readPair2(forged)).toBeUndefined()
      expect(() => band.pair3(cert, 0)).toThrow('not this side’s turn')
    }
    expect(band.readPair2(pair2)).toEqual(engineHello)
  })

  it('fails at PAIR3 without the package’s secret, and a window bears the failures until the right band answers', () => {
    // PAIR1 and PAIR2 need no secret of the package: a phone can make them. PAIR3 is where it must know `ps`.
    const thief = asBand({ ps: filled(16, 0xee), bandSecret: filled(32, 0xdd) })
    const [window, engine] = [asEngine(), asEngine()]
    expect(window.readPair1(message(thief.pair1(bandHello)))).toEqual(bandHello)
    expect(thief.readPair2(message(window.pair2(engineHello)))).toEqual(engineHello)
    expect(window.readPair3(message(thief.pair3(cert, 0)))).toBeUndefined()

    const band = asBand()
    engine.readPair1(message(band.pair1(bandHello)))
    band.readPair2(message(engine.pair2(engineHello)))
    const pair3 = message(band.pair3(cert, 0))
    for (let failure = 0; failure < 5; failure++)
      expect(engine.readPair3(flipped(pair3, failure * 300))).toBeUndefined()
    expect(engine.readPair3(pair3)).toBeDefined()
    expect(engine.finish()).toEqual(band.finish())
  })

  it('is bound to its PAIR0: ekid, pairing id and account tag all count', () => {
    for (const [bit, other] of everyFlip(pair0).entries()) {
      if (bit % 8 !== 0) continue
      const [band, engine] = [asBand({ pair0: other }), asEngine()]
      expect(engine.readPair1(message(band.pair1(bandHello)))).toBeUndefined()
    }
  })

  it('refuses messages of another length, secrets and certs of another size', () => {
    const [band, engine] = [asBand(), asEngine()]
    const pair1 = message(band.pair1(bandHello))
    expect(engine.readPair1(concatBytes(pair1, u32(0)))).toBeUndefined()
    expect(engine.readPair1(pair1.subarray(1))).toBeUndefined()
    expect(engine.readPair1(pair1)).toEqual(bandHello)
    const pair2 = message(engine.pair2(engineHello))
    expect(band.readPair2(concatBytes(pair2, u32(0)))).toBeUndefined()
    expect(band.readPair2(pair2)).toEqual(engineHello)
    expect(() => band.pair3(cert.subarray(1), 0)).toThrow('a BandCert is 128 bytes, got 127')
    const pair3 = message(band.pair3(cert, 0))
    expect(engine.readPair3(pair3.subarray(1))).toBeUndefined()
    expect(engine.readPair3(pair3)).toBeDefined()
    expect(() => asBand({ ps: filled(15, 1) })).toThrow('ps is 16 bytes, got 15')
    expect(() => asEngine({ pair0: pair0.subarray(1) })).toThrow('PAIR0 is 30 bytes, got 29')
  })

  /** A PAIR2 by someone who saw PAIR1 but has another engine key: made against a band that trusts it. */
  function impostorPair2(secret: Uint8Array): Uint8Array {
    const engine = asEngine({ engineSecret: secret })
    const band = asBand({ engineKey: nodePrimitives.x25519PublicKey(secret) })
    engine.readPair1(message(band.pair1(bandHello)))
    return engine.pair2(engineHello)
  }
})

describe('what comes of a pairing', () => {
  const ask = filled(32, 0x33)
  const bandId = parseBandId('000102030405060708090a0b0c0d0e0f')
  const binding = { bandId, acctTag: filled(8, 5), generation: 0x0102_0304 }
  const hmac = (key: Uint8Array, ...parts: readonly Uint8Array[]) =>
    new Uint8Array(
      createHmac('sha256', key)
        .update(concatBytes(...parts))
        .digest(),
    )

  it('has the psk, root, tag and id that PROTOCOL §3 spells', () => {
    expect(pskOf(nodePrimitives, ps)).toEqual(hmac(ascii('bnd1 psk'), ps))
    expect(pairingRoot(nodePrimitives, ask, binding)).toEqual(
      hmac(ask, ascii('bnd1 root'), fromHex('000102030405060708090a0b0c0d0e0f'), filled(8, 5), fromHex('0102030401')),
    )
    const [account, pairingId] = [parseAccountId('alice'), parsePairingId(filled(16, 7))]
    expect(acctTagOf(nodePrimitives, filled(32, 8), account, pairingId)).toEqual(
      hmac(filled(32, 8), ascii('bnd1 acct'), ascii('alice'), filled(16, 7)).slice(0, 8),
    )
    expect(pairingIdOf(nodePrimitives, ascii('abc'))).toBe('ba7816bf8f01cfea414140de5dae2223')
  })

  it('is another root for another band, account tag, generation or handshake', () => {
    const roots = [
      pairingRoot(nodePrimitives, ask, binding),
      pairingRoot(nodePrimitives, filled(32, 0x34), binding),
      pairingRoot(nodePrimitives, ask, { ...binding, bandId: parseBandId('ff'.repeat(16)) }),
      pairingRoot(nodePrimitives, ask, { ...binding, acctTag: filled(8, 6) }),
      pairingRoot(nodePrimitives, ask, { ...binding, generation: 0x0102_0305 }),
    ]
    expect(new Set(roots.map((root) => root.join())).size).toBe(roots.length)
  })

  it('gives one wearer’s bands account tags that no one can join', () => {
    const pepper = filled(32, 8)
    const tags = [1, 2, 3].map((window) =>
      acctTagOf(nodePrimitives, pepper, parseAccountId('alice'), parsePairingId(filled(16, window))),
    )
    expect(new Set(tags.map((tag) => tag.join())).size).toBe(3)
  })

  it('shows the same six digits on both displays, with leading zeros', () => {
    for (const primitives of [nodePrimitives, noblePrimitives]) {
      for (let i = 0; i < 50; i++) {
        const hash = filled(32, i)
        const number = BigInt(`0x${Buffer.from(hmac(hash, ascii('bnd1 sas')).subarray(0, 8)).toString('hex')}`)
        expect(pairingCode(primitives, hash)).toBe(String(number % 1_000_000n).padStart(6, '0'))
        expect(pairingCode(primitives, hash)).toMatch(/^\d{6}$/)
      }
    }
  })
})
