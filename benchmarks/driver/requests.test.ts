import { describe, expect, it } from 'vitest'
import { openData } from '../../crypto/links/link-seal.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { verifyOffer } from '../../crypto/signed/offers.ts'
import { proofTag, requestDigest } from '../../crypto/signed/proof.ts'
import { decodePhoneFrame, encodeEngineFrame, encodeHubRecords } from '../../protocol/messages/frame-codec.ts'
import { decodeOffer } from '../../protocol/offer.ts'
import { decodeUpOp } from '../../protocol/ops.ts'
import { decodeData } from '../../protocol/records.ts'
import { fixedLink, fleetBand, fleetPartner } from './fleet.ts'
import { FrameWriter } from './raw-socket.ts'
import { type Answer, errorOutcome, frameWire, jsonWire, makeRequest, outcomeName } from './requests.ts'

const band = fleetBand('seed', 7)
const partner = fleetPartner('seed')

describe('a request made ahead', () => {
  it('is one that a server which checks everything finds right', () => {
    const link = fixedLink('seed', band)
    const sent = [makeRequest({ band, link }, partner), makeRequest({ band, link }, partner)]
    const theirs = fixedLink('seed', fleetBand('seed', 7))
    for (const [index, { offer, record }] of sent.entries()) {
      const frame = decodePhoneFrame(frameWire.encode(index, band.slot, { offer, record }), 16_384)
      if (frame.type !== 'authorize') throw new Error('frame 5 expected')
      const decoded = decodeOffer(frame.offer)
      const data = decodeData(frame.record)
      if (decoded.type !== 'offer' || data.type !== 'data') throw new Error('a request expected')
      expect(verifyOffer(nodePrimitives, partner.key, decoded)).toBe(true)
      const rd = requestDigest(nodePrimitives, decoded.canon, decoded.labelBytes)
      const opened = openData(nodePrimitives, theirs.up, data, theirs, rd)
      const op = decodeUpOp(opened ?? new Uint8Array(0))
      if (op.type !== 'authProof') throw new Error('a proof expected')
      expect(data.ctr).toBe(index + 1)
      expect(op.rid).toBe(decoded.terms.rid)
      expect(op.p).toEqual(
        proofTag(nodePrimitives, theirs.armKey, { rd, sid: data.sid, ctr: data.ctr, proved: op.proved }),
      )
    }
  })

  it('names another payment each time unless it is to be the same', () => {
    const link = fixedLink('seed', band)
    const rid = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8])
    const ridOf = (offer: Uint8Array) => [...offer.subarray(59, 67)]
    expect(ridOf(makeRequest({ band, link }, partner).offer)).not.toEqual(
      ridOf(makeRequest({ band, link }, partner).offer),
    )
    expect(ridOf(makeRequest({ band, link }, partner, { rid }).offer)).toEqual([...rid])
  })
})

describe('an answer', () => {
  const into: Answer = { id: -1, outcome: -1 }
  /** As it lies in a chunk that holds more than it. */
  const read = (wire: typeof frameWire, message: Uint8Array) => {
    const chunk = Buffer.concat([Buffer.from('before'), message, Buffer.from('after')])
    return wire.read(chunk, 6, 6 + message.length, into)
  }

  it('of the engine is read for every size of id', () => {
    for (const id of [0, 127, 128, 255, 256, 65_535, 65_536, 4_000_000]) {
      for (const reason of [0, 15, 200, 300]) {
        const approved = reason === 0
        const rest = { obligation: null, receipt: null, useLeftMinor: 5, dayLeftMinor: 6, lsn: 7 }
        expect(read(frameWire, encodeEngineFrame({ type: 'decision', id, approved, reason, ...rest }))).toBe(true)
        expect(into).toEqual({ id, outcome: reason })
      }
      expect(read(frameWire, encodeEngineFrame({ type: 'error', id, code: 13, retryAfterMs: 500 }))).toBe(true)
      expect(into).toEqual({ id, outcome: errorOutcome + 13 })
    }
  })

  it('is not mistaken in what the engine says besides', () => {
    expect(read(frameWire, encodeHubRecords('engine', [{ slot: 3, bytes: new Uint8Array(40) }]))).toBe(false)
    expect(read(frameWire, encodeEngineFrame({ type: 'attachAnswer', id: 3 }))).toBe(false)
  })

  it('of a peer is read whether it is a decision or an error', () => {
    expect(read(jsonWire, Buffer.from('{"id":123456,"reason":16,"obligation":0,"useLeft":1}'))).toBe(true)
    expect(into).toEqual({ id: 123_456, outcome: 16 })
    expect(read(jsonWire, Buffer.from('{"id":7,"error":12}'))).toBe(true)
    expect(into).toEqual({ id: 7, outcome: errorOutcome + 12 })
    expect(read(jsonWire, Buffer.from('{"attached":7}'))).toBe(false)
  })
})

describe('an answer that is no approval', () => {
  it('is shown by the name the reference gives it', () => {
    expect(outcomeName(16)).toBe('denied: over-day-limit')
    expect(outcomeName(errorOutcome + 9)).toBe('refused: busy')
    expect(outcomeName(999)).toBe('denied: 999')
    expect(outcomeName(errorOutcome + 999)).toBe('refused: 999')
  })
})

describe('frames made ahead', () => {
  it('are masked WebSocket frames, short and long, one behind the other', () => {
    const writer = new FrameWriter('binary')
    const payloads = [0, 5, 125, 126, 300, 65_535].map((length) => Buffer.alloc(length, length & 0xff))
    for (const payload of payloads) writer.add(payload)
    const { frames, ends } = writer.finish()
    let from = 0
    for (const [index, payload] of payloads.entries()) {
      const to = ends[index] ?? 0
      const head = payload.length < 126 ? 2 : 4
      expect(frames[from]).toBe(0x82)
      expect(frames[from + 1]).toBe(0x80 | (payload.length < 126 ? payload.length : 126))
      if (head === 4) expect(frames.readUInt16BE(from + 2)).toBe(payload.length)
      expect(frames.subarray(from + head, from + head + 4)).toEqual(Buffer.alloc(4))
      expect(frames.subarray(from + head + 4, to)).toEqual(payload)
      from = to
    }
  })
})
