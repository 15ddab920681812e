// The fast writers and readers of the load tester against protocol/ and crypto/, which are the judges.
import { describe, expect, it } from 'vitest'
import { nodePrimitives } from '../crypto/primitives/node-primitives.ts'
import { makeOffer } from '../crypto/signed/offers.ts'
import { seededRandom } from '../band-sim/virtual/seeded-random.ts'
import {
  decodeHubRecords,
  decodePhoneFrame,
  encodeEngineFrame,
  encodeHubRecords,
} from '../protocol/messages/frame-codec.ts'
import { parsePartnerId, parseResourceId, parseRid } from '../protocol/ids.ts'
import { hubFrameBytesMax } from '../protocol/limits.ts'
import { decodeOffer } from '../protocol/offer.ts'
import { Chance } from './machine/chance.ts'
import { FrameReader } from './wire/frame-reader.ts'
import { OfferWriter } from './wire/offer-writer.ts'
import { Outbox } from './wire/outbox.ts'

const random = seededRandom(nodePrimitives, 'wire test')

/** Splits what an outbox wrote into payloads, checking each head by RFC 6455. */
function payloadsOf(written: readonly Uint8Array[]): readonly Uint8Array[] {
  const bytes = Buffer.concat(written)
  const payloads: Uint8Array[] = []
  for (let at = 0; at < bytes.length;) {
    expect(bytes[at]).toBe(0x82)
    const short = (bytes[at + 1] ?? 0) & 0x7f
    expect((bytes[at + 1] ?? 0) & 0x80).toBe(0x80)
    expect(short).toBeLessThanOrEqual(126)
    const length = short === 126 ? bytes.readUInt16BE(at + 2) : short
    if (short === 126) expect(length).toBeGreaterThan(125)
    const head = short === 126 ? 8 : 6
    expect(bytes.subarray(at + head - 4, at + head)).toEqual(Buffer.alloc(4))
    payloads.push(new Uint8Array(bytes.subarray(at + head, at + head + length)))
    at += head + length
  }
  return payloads
}

function outbox(kind: 'phone' | 'hub') {
  const written: Uint8Array[] = []
  return { written, box: new Outbox(kind, (bytes) => written.push(Uint8Array.from(bytes))) }
}

describe('what the load tester sends', () => {
  it('is the same frames that the phone protocol describes', () => {
    const { box, written } = outbox('hub')
    const offers = random.bytes(300)
    const [record, bid] = [random.bytes(75), random.bytes(8)]
    box.authorize(0x7fff_ffff, 40_000, offers, 100, record, 75)
    box.attach(0x8000_0001, 5, bid, 'load-0123456789ab-77')
    box.attach(7, 200, bid, null)
    box.attach(7, 200, bid, 'a'.repeat(60))
    box.message(Uint8Array.of(0x93, 4, 9, 1))
    box.flush()
    const frames = payloadsOf(written).map((payload) => decodePhoneFrame(payload, hubFrameBytesMax))
    expect(frames).toEqual([
      {
        type: 'authorize',
        id: 0x7fff_ffff,
        slot: 40_000,
        offer: offers.subarray(100, 217),
        record,
        uv: null,
        wantsReceipt: null,
      },
      { type: 'attach', id: 0x8000_0001, slot: 5, bid, account: 'load-0123456789ab-77' },
      { type: 'attach', id: 7, slot: 200, bid, account: null },
      { type: 'attach', id: 7, slot: 200, bid, account: 'a'.repeat(60) },
      { type: 'detach', id: 9, slot: 1 },
    ])
    expect(written).toHaveLength(1)
  })

  it('puts the records of a hub side by side up to the largest message, and begins another then', () => {
    const { box, written } = outbox('hub')
    const records = Array.from({ length: 1_200 }, (_, slot) => ({ slot: slot * 50, bytes: random.bytes(36) }))
    for (const { slot, bytes } of records) box.record(slot, bytes, bytes.length)
    box.flush()
    const payloads = payloadsOf(written)
    expect(payloads.length).toBeGreaterThan(2)
    const read = payloads.flatMap((payload) => {
      expect(payload.length).toBeLessThanOrEqual(hubFrameBytesMax)
      expect(decodePhoneFrame(payload, hubFrameBytesMax).type).toBe('record')
      const pairs = decodeHubRecords(payload)
      if ('type' in pairs) throw new Error(pairs.expected)
      return pairs
    })
    expect(read).toEqual(records)
  })

  it('keeps the order in which a band sealed: a request never overtakes the records before it', () => {
    const { box, written } = outbox('hub')
    box.record(1, random.bytes(36), 36)
    box.authorize(1, 1, random.bytes(117), 0, random.bytes(75), 75)
    box.record(1, random.bytes(36), 36)
    box.flush()
    const types = payloadsOf(written).map((payload) => decodePhoneFrame(payload, hubFrameBytesMax).type)
    expect(types).toEqual(['record', 'authorize', 'record'])
  })

  it('gives a phone one record a message', () => {
    const { box, written } = outbox('phone')
    for (let i = 0; i < 3; i++) box.record(0, random.bytes(36), 36)
    box.flush()
    expect(payloadsOf(written)).toHaveLength(3)
  })

  it('sends nothing that waited for a socket that is gone', () => {
    const { box, written } = outbox('hub')
    box.record(1, random.bytes(36), 36)
    box.drop()
    box.flush()
    expect(written).toEqual([])
    expect(box.isEmpty).toBe(true)
  })

  it('carries offers that are byte for byte those of a partner', () => {
    const key = random.bytes(32)
    const id = random.bytes(16)
    const writer = new OfferWriter({ id, kid: 0xfedc_ba98, key }, 9, new Chance(random.bytes(16)))
    const written = new Uint8Array(200)
    for (const amountMinor of [0, 1, 250, 1_000_000_000]) {
      const label = new Uint8Array(Buffer.from('Gate 4'))
      writer.write(written, 50, { action: 1, amountMinor, currency: 978, label, expiresAtMs: 1_763_800_000_123 })
      const offer = decodeOffer(written.slice(50, 167))
      if (offer.type === 'malformed') throw new Error(offer.expected)
      const { partnerNonce, rid } = offer.terms
      const expected = makeOffer(nodePrimitives, key, {
        partner: parsePartnerId(id),
        resource: parseResourceId('00'.repeat(16)),
        action: 1,
        amountMinor,
        currency: 978,
        partnerNonce,
        rid: parseRid(rid),
        expiresAtMs: 1_763_800_000_123,
        label: 'Gate 4',
        kid: 0xfedc_ba98,
      })
      expect(written.slice(50, 167)).toEqual(expected)
    }
  })
})

describe('what the load tester reads', () => {
  it('is what the engine wrote', () => {
    const reader = new FrameReader()
    for (const receipt of [null, 'x', 'y'.repeat(40), 'z'.repeat(900)]) {
      for (const lsn of [0, 200, 70_000, 5_000_000_000]) {
        const decision = { approved: lsn > 0, reason: 300, obligation: 2, useLeftMinor: 1e12, dayLeftMinor: 77, lsn }
        const bytes = encodeEngineFrame({ type: 'decision', id: 0x7000_0001, receipt, ...decision })
        expect(reader.begin(bytes)).toBe(105)
        expect([reader.unsigned(), reader.truth(), reader.unsigned()]).toEqual([0x7000_0001, lsn > 0, 300])
        for (let i = 0; i < 4; i++) reader.skip()
        expect(reader.unsigned()).toBe(lsn)
        expect(reader.isBroken).toBe(false)
      }
    }
    const records = Array.from({ length: 40 }, (_, slot) => ({ slot: slot * 1_000, bytes: random.bytes(slot * 9) }))
    expect(reader.begin(encodeHubRecords('engine', records))).toBe(120)
    expect(reader.unsigned()).toBe(0)
    const read = records.map(() => ({ slot: reader.unsigned(), bytes: Uint8Array.from(reader.binary()) }))
    expect(read).toEqual(records)
    expect([reader.begin(encodeEngineFrame({ type: 'error', id: 5, code: 9, retryAfterMs: 100 }))]).toEqual([200])
    expect([reader.unsigned(), reader.unsigned(), reader.isBroken]).toEqual([5, 9, false])
  })

  it('notices what is cut short or none of the subset', () => {
    const reader = new FrameReader()
    const whole = encodeEngineFrame({ type: 'record', id: 0, slot: 7, bytes: random.bytes(40) })
    reader.begin(whole.subarray(0, 20))
    reader.unsigned()
    reader.unsigned()
    reader.binary()
    expect(reader.isBroken).toBe(true)
    reader.begin(Uint8Array.of(0x81, 0x01))
    expect(reader.isBroken).toBe(true)
  })
})
