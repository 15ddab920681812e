import { describe, expect, it } from 'vitest'
import { ascii } from '../../base/bytes.ts'
import { badTagsMax, badTagsWindowMs, counterJumpMax, phaseAgeMaxMs, phaseMax } from '../../protocol/limits.ts'
import { opCodes } from '../../protocol/ops.ts'
import { type DataRecord, decodeData } from '../../protocol/records.ts'
import { noContext, openData, sealData } from './link-seal.ts'
import { nodePrimitives as node } from '../primitives/node-primitives.ts'
import { SealedChannel, type SealOptions } from './sealed-channel.ts'
import { everyFlip, filled, flipped } from '../primitives/test-bytes.ts'

const keys = { up: filled(32, 1), down: filled(32, 2), sid: 0xabcd }
const binding = { bid: filled(8, 3), generation: 1 }
const status = Uint8Array.of(opCodes.status, 1, 2, 3)
const proof = Uint8Array.of(opCodes.authProof, 1, 2, 3)
const rd = filled(32, 4)

/** Both ends of one link, on a clock that the test moves. */
function link(options: { readonly phaseRecords?: number } = {}) {
  let nowMs = 1_000
  const shared = { keys, binding, monotonicMs: () => nowMs, ...options }
  return {
    band: new SealedChannel(node, { ...shared, end: 'band' }),
    engine: new SealedChannel(node, { ...shared, end: 'engine' }),
    wait: (ms: number) => {
      nowMs += ms
    },
  }
}

function sent(channel: SealedChannel, plaintext: Uint8Array = status, options: SealOptions = {}): DataRecord {
  const bytes = channel.seal(plaintext, options)
  if (bytes === undefined) throw new Error('the channel is over')
  return decoded(bytes)
}

function decoded(bytes: Uint8Array): DataRecord {
  const record = decodeData(bytes)
  if (record.type !== 'data') throw new Error(record.expected)
  return record
}

/** A record of the band with this counter, made without a channel. */
function withCounter(ctr: number, phase = 0): DataRecord {
  return decoded(sealData(node, keys.up, { down: false, phase, ratcheted: false, proof: false, sid: keys.sid, ctr }, binding, noContext, status)) // prettier-ignore
}

function forged(ctr: number): DataRecord {
  const record = withCounter(ctr)
  return { ...record, sealed: flipped(record.sealed, 0) }
}

const refused = (why: string) => ({ type: 'refused', why })

describe('a sealed channel', () => {
  it('carries records both ways, counted from 1', () => {
    const { band, engine } = link()
    for (let ctr = 1; ctr <= 3; ctr++) {
      const [up, down] = [sent(band), sent(engine, ascii('down'))]
      expect([up.ctr, down.ctr, up.down, down.down]).toEqual([ctr, ctr, false, true])
      expect(engine.open(up)).toEqual(status)
      expect(band.open(down)).toEqual(ascii('down'))
    }
  })

  it('takes each counter once, and never one that lies behind', () => {
    const { band, engine } = link()
    const [first, second, third] = [sent(band), sent(band), sent(band)]
    expect(engine.open(second)).toEqual(status)
    // Without the counter the same bytes open again and again: the tag alone stops no replay.
    expect(openData(node, keys.up, second, binding, noContext)).toEqual(status)
    expect(engine.open(second)).toEqual(refused('stale-counter'))
    expect(engine.open(first)).toEqual(refused('stale-counter'))
    expect(engine.open(third)).toEqual(status)
    expect(engine.open({ ...third, ctr: 0 })).toEqual(refused('stale-counter'))
  })

  it(`jumps ${counterJumpMax} ahead, and not one more`, () => {
    const { engine } = link()
    expect(engine.open(withCounter(counterJumpMax + 1))).toEqual(refused('counter-jump'))
    expect(engine.open(withCounter(counterJumpMax))).toEqual(status)
    expect(engine.open(withCounter(2 * counterJumpMax + 1))).toEqual(refused('counter-jump'))
    expect(engine.open(withCounter(2 * counterJumpMax))).toEqual(status)
  })

  it('looks at the counter before any decryption, so a flood of old or far records costs no tags', () => {
    const { engine } = link()
    expect(engine.open(withCounter(5))).toEqual(status)
    for (let i = 0; i < 100; i++) {
      expect(engine.open(forged(5))).toEqual(refused('stale-counter'))
      expect(engine.open(forged(5 + counterJumpMax + 1))).toEqual(refused('counter-jump'))
    }
    expect(engine.isEnded).toBe(false)
  })

  it('does not move its counter for a record that does not open', () => {
    const { engine } = link()
    expect(engine.open(forged(900))).toEqual(refused('bad-tag'))
    expect(engine.open(withCounter(1))).toEqual(status)
  })

  it(`ends at the ${badTagsMax}th bad tag within a minute, and not at the ${badTagsMax - 1}th`, () => {
    const { engine, wait } = link()
    for (let i = 1; i < badTagsMax; i++) {
      expect(engine.open(forged(i))).toEqual(refused('bad-tag'))
      wait(1_000)
    }
    expect(engine.isEnded).toBe(false)
    expect(engine.open(withCounter(1))).toEqual(status)
    expect(engine.open(forged(9))).toEqual(refused('bad-tag'))
    expect(engine.isEnded).toBe(true)
    expect(engine.open(withCounter(2))).toEqual(refused('ended'))
    expect(engine.seal(status)).toBeUndefined()
  })

  it('forgets bad tags after a minute', () => {
    const { engine, wait } = link()
    for (let i = 0; i < 100; i++) {
      expect(engine.open(forged(1))).toEqual(refused('bad-tag'))
      wait(Math.ceil(badTagsWindowMs / (badTagsMax - 1)))
    }
    expect(engine.isEnded).toBe(false)
  })

  it('refuses its own records sent back, and those of another link', () => {
    const { band, engine } = link()
    expect(band.open(sent(band))).toEqual(refused('wrong-direction'))
    expect(engine.open({ ...sent(band), sid: 0xabce })).toEqual(refused('wrong-link'))
    const other = new SealedChannel(node, { end: 'band', keys, binding: { ...binding, generation: 2 }, monotonicMs: () => 0 }) // prettier-ignore
    expect(engine.open(sent(other))).toEqual(refused('bad-tag'))
  })

  it('keeps its keys when the caller wipes the ones it gave, and holds none after its end', () => {
    const mine = { up: filled(32, 1), down: filled(32, 2), sid: keys.sid }
    const band = new SealedChannel(node, { end: 'band', keys: mine, binding, monotonicMs: () => 0 })
    mine.up.fill(0)
    mine.down.fill(0)
    expect(link().engine.open(sent(band))).toEqual(status)
    band.end()
    expect(band.isEnded).toBe(true)
    expect(band.seal(status)).toBeUndefined()
  })
})

describe('PROOF on a sealed channel', () => {
  it('is on AUTH_PROOF with the request’s digest, and opens only with that digest', () => {
    const { band, engine } = link()
    expect(engine.open(sent(band, proof, { proof: true, context: rd }), rd)).toEqual(proof)
    for (const other of everyFlip(rd).slice(0, 4)) {
      expect(engine.open(sent(band, proof, { proof: true, context: rd }), other)).toEqual(refused('bad-tag'))
    }
  })

  it('lets other records pass whatever request is being awaited', () => {
    const { band, engine } = link()
    expect(engine.open(sent(band), rd)).toEqual(status)
  })

  it.each([
    { name: 'PROOF on another op', flag: true, plaintext: status },
    { name: 'AUTH_PROOF without PROOF', flag: false, plaintext: proof },
  ])('ends the link when flag and op disagree: $name', ({ flag, plaintext }) => {
    const { band, engine } = link()
    const context = flag ? rd : noContext
    const header = { down: false, phase: 0, ratcheted: false, proof: flag, sid: keys.sid, ctr: 1 }
    const record = decoded(sealData(node, keys.up, header, binding, context, plaintext))
    expect(engine.open(record, rd)).toEqual(refused('proof-flag'))
    expect(engine.isEnded).toBe(true)
    // An honest end cannot be made to send one.
    expect(() => band.seal(plaintext, flag ? { proof: true, context: rd } : {})).toThrow('PROOF is set exactly on AUTH_PROOF') // prettier-ignore
  })

  it('is not sealed without a digest, nor a digest without PROOF', () => {
    const { band } = link()
    expect(() => band.seal(proof, { proof: true })).toThrow('rd as context')
    expect(() => band.seal(status, { context: rd })).toThrow('rd as context')
  })
})

describe('key phases of a sealed channel', () => {
  it('step when a phase is full, each way for itself, and the counter goes on', () => {
    const { band, engine } = link({ phaseRecords: 3 })
    const seen: (readonly number[])[] = []
    for (let i = 0; i < 7; i++) {
      const record = sent(band)
      seen.push([record.phase, record.ctr])
      expect(engine.open(record)).toEqual(status)
    }
    expect(seen).toEqual([[0, 1], [0, 2], [0, 3], [1, 4], [1, 5], [1, 6], [2, 7]]) // prettier-ignore
    expect(sent(engine, ascii('down')).phase).toBe(0)
  })

  it('step after a day, not before', () => {
    const { band, engine, wait } = link()
    wait(phaseAgeMaxMs - 1)
    expect(sent(band).phase).toBe(0)
    wait(1)
    const record = sent(band)
    expect(record.phase).toBe(1)
    expect(engine.open(record)).toEqual(status)
    expect(sent(band).phase).toBe(1)
  })

  it('are taken one at a time: the same or the next, never two ahead or one back', () => {
    const { band, engine } = link({ phaseRecords: 1 })
    const [zero, one, two] = [sent(band), sent(band), sent(band)]
    expect([zero.phase, one.phase, two.phase]).toEqual([0, 1, 2])
    expect(engine.open(two)).toEqual(refused('wrong-phase'))
    expect(engine.open(one)).toEqual(status)
    expect(engine.open({ ...withCounter(9), phase: 0 })).toEqual(refused('wrong-phase'))
    expect(engine.open(two)).toEqual(status)
  })

  it('do not move for a forged record that claims the next one', () => {
    const { band, engine } = link({ phaseRecords: 1 })
    const next = withCounter(1, 1)
    expect(engine.open(next)).toEqual(refused('bad-tag'))
    expect(engine.open(sent(band))).toEqual(status)
    expect(engine.open(sent(band))).toEqual(status)
  })

  it(`end the link after phase ${phaseMax}`, () => {
    const { band, engine } = link({ phaseRecords: 2 })
    for (let i = 0; i < 2 * (phaseMax + 1); i++) {
      const record = sent(band)
      expect(record.phase).toBe(Math.floor(i / 2))
      expect(engine.open(record)).toEqual(status)
    }
    expect(band.isEnded).toBe(false)
    expect(band.seal(status)).toBeUndefined()
    expect(band.isEnded).toBe(true)
  })

  it('never seal two records with one key and counter', () => {
    const { band } = link({ phaseRecords: 2 })
    const counters = Array.from({ length: 16 }, () => sent(band).ctr)
    expect(new Set(counters).size).toBe(16)
  })
})
