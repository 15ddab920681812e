import { describe, expect, it } from 'vitest'
import { signBandCert } from '../crypto/signed/band-certs.ts'
import { nodePrimitives } from '../crypto/primitives/node-primitives.ts'
import { pairingBinding } from '../crypto/links/link-seal.ts'
import { type EnginePairing, type PairingKeys, startPairingAsEngine } from '../crypto/links/pairing.ts'
import { SealedChannel } from '../crypto/links/sealed-channel.ts'
import { decodeBandCert } from '../protocol/band-cert.ts'
import { parseBid } from '../protocol/ids.ts'
import { pairingWindowMs } from '../protocol/limits.ts'
import { decodeUpOp, encodeDownOp } from '../protocol/ops.ts'
import { type BandRecord, decodeRecord, encodeChal, encodePair0 } from '../protocol/records.ts'
import { flipBit } from './adversaries.ts'
import type { BandEvent } from './band/band-body.ts'
import { Band } from './band/firmware.ts'
import { makeBand } from './band/package.ts'
import { VirtualTime } from './virtual/scheduler.ts'

const primitives = nodePrimitives
const engineSecret = primitives.randomBytes(32)
const vendor = { vendor: 1, model: 1, batch: 1, issuer: 1, seed: primitives.randomBytes(32) }
const pins = {
  engineKeys: [{ id: 1, publicKey: primitives.x25519PublicKey(engineSecret) }],
  releaseKeys: [{ id: 1, publicKey: primitives.ed25519PublicKey(primitives.randomBytes(32)) }],
}
const acctTag = new Uint8Array(8).fill(5)

/** A new band, what it sends, and an engine's hand that does each step of pairing when told. */
function onTheTable() {
  const time = new VirtualTime()
  const sent: Uint8Array[] = []
  const events: BandEvent[] = []
  const device = makeBand(primitives, vendor, pins)
  const told = (event: BandEvent): void => void events.push(event)
  const band = new Band({ device, scheduler: time, primitives, body: { told } })
  band.connect((record) => sent.push(record))
  const pair0 = encodePair0({ ekid: 1, pairingId: primitives.randomBytes(16), acctTag })
  const last = (): BandRecord => {
    const record = decodeRecord(sent.at(-1) ?? new Uint8Array(0))
    if (record.type === 'malformed') throw new Error(`the band sent ${record.expected}`)
    return record
  }
  const pair2For = (ps = device.packageSecret): { engine: EnginePairing; pair2: Uint8Array } => {
    const engine = startPairingAsEngine(primitives, { pair0, ps, engineSecret })
    const record = last()
    if (record.type !== 'pair1' || engine.readPair1(record.message) === undefined) throw new Error('PAIR1 did not open')
    return { engine, pair2: engine.pair2({ timeMs: 1, flags: 0 }) }
  }
  const commitOn = (keys: PairingKeys, tag = acctTag) => {
    const options = { end: 'engine', keys, binding: pairingBinding, monotonicMs: time.nowMs } as const
    const channel = new SealedChannel(primitives, options)
    const commit = encodeDownOp({ type: 'commit', bid: parseBid('0102030405060708'), generation: 3, acctTag: tag })
    band.receive(channel.seal(commit) ?? new Uint8Array(0))
    return channel
  }
  /** As far as PAIR3; the keys of both ends. */
  const proven = (): PairingKeys => {
    band.tap()
    band.receive(pair0)
    const { engine, pair2 } = pair2For()
    band.receive(pair2)
    const record = last()
    if (record.type !== 'pair3' || engine.readPair3(record.message) === undefined) throw new Error('PAIR3 did not open')
    return engine.finish()
  }
  return { time, sent, events, device, band, pair0, last, pair2For, commitOn, proven }
}

describe('a band that may be paired', () => {
  it('answers an engine only within thirty seconds of a touch', async () => {
    const table = onTheTable()
    table.band.receive(table.pair0)
    expect(table.sent).toEqual([])
    table.band.tap()
    await table.time.advance(30_000)
    table.band.receive(table.pair0)
    expect(table.last().type).toBe('pair1')
    const later = onTheTable()
    later.band.tap()
    await later.time.advance(30_001)
    later.band.receive(later.pair0)
    expect(later.sent).toEqual([])
  })

  it('does not speak to an engine whose key it does not know', () => {
    const { band, sent } = onTheTable()
    band.tap()
    band.receive(encodePair0({ ekid: 2, pairingId: new Uint8Array(16), acctTag }))
    expect(sent).toEqual([])
  })

  it('shows who it is only to the engine that it knows: no altered PAIR2 makes it speak', () => {
    const table = onTheTable()
    table.band.tap()
    for (let bit = 16; bit < 60 * 8; bit += 3) {
      table.band.receive(encodePair0({ ekid: 1, pairingId: primitives.randomBytes(16), acctTag }))
      table.band.receive(table.pair0)
      table.band.receive(flipBit(table.pair2For().pair2, bit))
      expect(table.last().type, `bit ${bit}`).toBe('pair1')
    }
    table.band.receive(table.pair2For().pair2)
    expect(table.last().type).toBe('pair3')
  })

  it('bears four PAIR2 that do not open and gives up at the fifth', () => {
    for (const [failures, answer] of [
      [4, 'pair3'],
      [5, 'pair1'],
    ] as const) {
      const table = onTheTable()
      table.band.tap()
      table.band.receive(table.pair0)
      const { pair2 } = table.pair2For()
      for (let failure = 0; failure < failures; failure++) table.band.receive(flipBit(pair2, 100))
      table.band.receive(pair2)
      expect(table.last().type).toBe(answer)
    }
  })

  it('proves the package: an engine with another package secret reads nothing past PAIR1', () => {
    const table = onTheTable()
    table.band.tap()
    table.band.receive(table.pair0)
    const { engine, pair2 } = table.pair2For(new Uint8Array(16))
    table.band.receive(pair2)
    const pair3 = table.last()
    expect(pair3.type === 'pair3' ? engine.readPair3(pair3.message) : 'no PAIR3').toBeUndefined()
  })

  it('repeats what may have been lost, a few times, and no more', async () => {
    const table = onTheTable()
    table.band.tap()
    table.band.receive(table.pair0)
    await table.time.advance(60_000)
    expect(table.sent.length).toBe(4)
    expect(new Set(table.sent.map((record) => record.join())).size).toBe(1)
  })
})

describe('a band that was given a binding', () => {
  it('keeps it only once its wearer taps, and says so then', () => {
    const table = onTheTable()
    const channel = table.commitOn(table.proven())
    expect(table.band.isPaired).toBe(false)
    expect(table.last().type).toBe('pair3')
    expect(table.events.map((event) => event.type)).toContain('pairing.confirm')
    table.band.tap()
    expect(table.band.isPaired).toBe(true)
    const record = table.last()
    const opened = record.type === 'data' ? channel.open(record) : undefined
    expect(opened instanceof Uint8Array && decodeUpOp(opened)).toEqual({ type: 'commitAck', generation: 3 })
  })

  it('says so again until the engine shows that it heard', async () => {
    const table = onTheTable()
    table.commitOn(table.proven())
    table.band.tap()
    const before = table.sent.length
    await table.time.advance(6_000)
    expect(table.sent.length - before).toBe(3)
  })

  it('answers no CHAL before the tap, and forgets everything at the end of the window', async () => {
    const table = onTheTable()
    table.commitOn(table.proven())
    const before = table.sent.length
    table.band.receive(encodeChal(primitives.randomBytes(16)))
    expect(table.sent.length).toBe(before)
    await table.time.advance(pairingWindowMs)
    expect(table.band.flash.binding).toBeUndefined()
    expect(table.band.flash.root).toBeUndefined()
    table.band.tap()
    expect(table.band.isPaired).toBe(false)
  })

  it('forgets an unconfirmed one when its battery comes out, and keeps a confirmed one', () => {
    const table = onTheTable()
    table.commitOn(table.proven())
    table.band.reboot()
    expect(table.band.flash.binding).toBeUndefined()
    const kept = onTheTable()
    kept.commitOn(kept.proven())
    kept.band.tap()
    kept.band.reboot()
    expect(kept.band.isPaired).toBe(true)
    kept.band.receive(encodeChal(primitives.randomBytes(16)))
    expect(kept.last().type).toBe('resume')
  })

  it('refuses one that names another account tag than PAIR0 did', () => {
    const table = onTheTable()
    table.commitOn(table.proven(), new Uint8Array(8).fill(6))
    table.band.tap()
    expect(table.band.isPaired).toBe(false)
  })

  it('is not open for another pairing, however often it is tapped', () => {
    const table = onTheTable()
    table.commitOn(table.proven())
    table.band.tap()
    const before = table.sent.length
    table.band.tap()
    table.band.receive(encodePair0({ ekid: 1, pairingId: primitives.randomBytes(16), acctTag }))
    expect(table.sent.length).toBe(before)
  })
})

describe('a package', () => {
  it('holds a certificate that the vendor signed for this very key', () => {
    const device = makeBand(primitives, vendor, pins)
    const cert = decodeBandCert(device.cert)
    if (cert.type !== 'bandCert') throw new Error('no BandCert')
    expect(cert.bandKey).toEqual(primitives.x25519PublicKey(device.bandSecret))
    expect(signBandCert(primitives, vendor.seed, cert)).toEqual(device.cert)
    expect(device.packageSecret.length).toBe(16)
  })
})
