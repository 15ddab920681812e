// The fleet against the engine's own half of the protocol, made of crypto/ and protocol/: whatever the fast code sends must
// be what the plain code expects.
import { describe, expect, it } from 'vitest'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { nextPhaseKey, noContext, openData, sealData } from '../../crypto/links/link-seal.ts'
import { armKey, proofTag, requestDigest } from '../../crypto/signed/proof.ts'
import { nextRoot, resumeKeys, resumeMac } from '../../crypto/links/resume.ts'
import { idBytes } from '../../protocol/ids.ts'
import { phaseAgeMaxMs } from '../../protocol/limits.ts'
import { decodeOffer } from '../../protocol/offer.ts'
import { type DownOp, decodeUpOp, encodeDownOp } from '../../protocol/ops.ts'
import { decodeData, decodeRecord, encodeChal, encodeNolink } from '../../protocol/records.ts'
import { seededRandom } from '../../band-sim/virtual/seeded-random.ts'
import { Chance } from '../machine/chance.ts'
import { Fleet } from './fleet.ts'
import { FleetSeed } from './fleet-seed.ts'
import { OfferWriter } from '../wire/offer-writer.ts'

const p = nodePrimitives
const random = seededRandom(p, 'fleet test')

/** The engine's end of one band's link. */
class EngineEnd {
  readonly binding
  root: Uint8Array
  n = 0
  up: Uint8Array = new Uint8Array(32)
  down: Uint8Array = new Uint8Array(32)
  sid = 0
  downCtr = 0
  downPhase = 0

  constructor(seed: FleetSeed, index: number) {
    const imported = seed.binding(index, 1_700_000_000_000)
    this.binding = imported
    this.root = imported.root.slice()
  }

  get linkBinding() {
    return { bid: idBytes(this.binding.bid), generation: this.binding.generation }
  }

  resume(fleet: Fleet, band: number): void {
    const nonce = random.bytes(16)
    expect(fleet.hear(band, encodeChal(nonce), 0)).toBe('reply')
    const record = decodeRecord(fleet.out.slice(0, fleet.outBytes))
    if (record.type !== 'resume') throw new Error(`a RESUME expected, got ${record.type}`)
    expect(record).toMatchObject({ bid: this.binding.bid, n: this.n })
    expect(record.mac).toEqual(resumeMac(p, this.root, record.maced, nonce))
    const keys = resumeKeys(p, this.root, record.maced, nonce)
    Object.assign(this, { up: keys.up, down: keys.down, sid: keys.sid, downCtr: 0, downPhase: 0 })
  }

  say(op: DownOp): Uint8Array {
    const { sid, downPhase: phase } = this
    const header = { down: true, phase, ratcheted: false, proof: false, sid, ctr: ++this.downCtr }
    return sealData(p, this.down, header, this.linkBinding, noContext, encodeDownOp(op))
  }

  hear(record: Uint8Array, key = this.up, context: Uint8Array = noContext) {
    const data = decodeData(record)
    if (data.type !== 'data') throw new Error(data.expected)
    const plaintext = openData(p, key, data, this.linkBinding, context)
    if (plaintext === undefined) throw new Error('a record that opens expected')
    return { data, op: decodeUpOp(plaintext) }
  }
}

function linked(count = 3, band = 1) {
  const seed = new FleetSeed('a seed')
  const fleet = new Fleet(seed, { first: 100, count })
  const engine = new EngineEnd(seed, 100 + band)
  engine.resume(fleet, band)
  expect(fleet.hear(band, engine.say({ type: 'hello' }), 0)).toBe('linked')
  return { seed, fleet, engine, band }
}

const sent = (fleet: Fleet) => fleet.out.slice(0, fleet.outBytes)

describe('a band of the fleet', () => {
  it('resumes with a mac that the engine expects, and answers HELLO with a STATUS that it is worn', () => {
    const { fleet, engine, band } = linked()
    const { op, data } = engine.hear(sent(fleet))
    expect(op).toMatchObject({ type: 'status', tick: 0, wear: 'on', wearEpoch: 1 })
    expect(data).toMatchObject({ ratcheted: false, ctr: 1, phase: 0, proof: false })
    expect(fleet.isLinked(band)).toBe(true)
  })

  it('never resumes twice with the same nonce of its own', () => {
    const { fleet, engine, band } = linked()
    const nonces = new Set<string>()
    for (let i = 0; i < 20; i++) {
      engine.resume(fleet, band)
      nonces.add(Buffer.from(fleet.out.slice(14, 30)).toString('hex'))
    }
    expect(nonces.size).toBe(20)
  })

  it('ratchets only when told that the next root is on disk, and shows it from then on', () => {
    const { fleet, engine, band } = linked()
    expect(fleet.hear(band, engine.say({ type: 'ratchetAck', n: 2 }), 0)).toBe('bad')
    expect(fleet.hear(band, engine.say({ type: 'ratchetAck', n: 1 }), 0)).toBe('ratcheted')
    fleet.status(band, 0)
    expect(engine.hear(sent(fleet)).data.ratcheted).toBe(true)
    engine.root = nextRoot(p, engine.root)
    engine.n = 1
    engine.resume(fleet, band)
  })

  it('echoes the tick of the last STATE', () => {
    const { fleet, engine, band } = linked()
    const state = { type: 'state', tick: 7, state: 3, holds: 0, armedForS: 60, heartbeatS: 600 } as const
    expect(fleet.hear(band, engine.say(state), 0)).toBe('state')
    fleet.status(band, 0)
    expect(engine.hear(sent(fleet)).op).toMatchObject({ tick: 7 })
  })

  it('proves an offer as an armed band does: only for these bytes, on this link, with its own secret', () => {
    const { fleet, engine, band, seed } = linked()
    const key = random.bytes(32)
    const partner = { id: random.bytes(16), kid: 3, key }
    const offers = new Uint8Array(400)
    const label = new Uint8Array(Buffer.from('Coffee'))
    const terms = { action: 1, amountMinor: 12, currency: 978, label, expiresAtMs: 1_700_000_000_000 }
    new OfferWriter(partner, 0, new Chance(seed.draw('chance', 0))).write(offers, 117, terms)
    fleet.prove(band, offers, 117, { verdict: 2, isForged: false }, 0)
    const offer = decodeOffer(offers.slice(117, 234))
    if (offer.type === 'malformed') throw new Error(offer.expected)
    const rd = requestDigest(p, offer.canon, offer.labelBytes)
    const { data, op } = engine.hear(sent(fleet), engine.up, rd)
    expect(data.proof).toBe(true)
    if (op.type !== 'authProof') throw new Error(op.type)
    expect(op).toMatchObject({ rid: offer.terms.rid, verdict: 'tap', wear: 'on', armEpoch: 1 })
    const { armed, bid } = engine.binding
    const secret = armKey(p, armed?.secret ?? new Uint8Array(0), idBytes(bid), 1)
    expect(op.p).toEqual(proofTag(p, secret, { rd, sid: data.sid, ctr: data.ctr, proved: op.proved }))
    fleet.prove(band, offers, 117, { verdict: 2, isForged: true }, 0)
    const forged = engine.hear(sent(fleet), engine.up, rd)
    if (forged.op.type !== 'authProof') throw new Error(forged.op.type)
    const { ctr } = forged.data
    expect(forged.op.p).not.toEqual(proofTag(p, secret, { rd, sid: data.sid, ctr, proved: forged.op.proved }))
  })

  it('steps its key after a day, and follows the engine when that steps', () => {
    const { fleet, engine, band } = linked()
    fleet.status(band, phaseAgeMaxMs)
    const next = nextPhaseKey(p, engine.up)
    expect(engine.hear(sent(fleet), next).data.phase).toBe(1)
    engine.down = nextPhaseKey(p, engine.down)
    engine.downPhase = 1
    expect(fleet.hear(band, engine.say({ type: 'lock', holds: 1 }), 0)).toBe('locked')
    expect(fleet.hear(band, engine.say({ type: 'lock', holds: 1 }), 0)).toBe('locked')
  })

  it('takes nothing that was replayed, changed, sent by itself or meant for another band', () => {
    const { fleet, engine, band } = linked()
    const record = engine.say({ type: 'authResult', rid: engine.binding.bid as never, outcome: 1, pattern: 1 })
    expect(fleet.hear(band, record, 0)).toBe('result')
    expect(fleet.hear(band, record, 0)).toBe('bad')
    const changed = engine.say({ type: 'lock', holds: 1 })
    changed[20] = (changed[20] ?? 0) ^ 1
    expect(fleet.hear(band, changed, 0)).toBe('bad')
    expect(fleet.hear(0, engine.say({ type: 'lock', holds: 1 }), 0)).toBe('nothing')
    fleet.status(band, 0)
    expect(fleet.hear(band, sent(fleet), 0)).toBe('bad')
    expect(fleet.hear(band, encodeNolink(), 0)).toBe('nothing')
    expect(fleet.hear(band, Uint8Array.of(0x7f), 0)).toBe('bad')
  })

  it('is the same in every run of one seed, and another in a run of another', () => {
    const one = new FleetSeed('x').binding(5, 1_000_000)
    expect(new FleetSeed('x').binding(5, 1_000_000)).toEqual(one)
    expect(new FleetSeed('y').binding(5, 1_000_000).bid).not.toBe(one.bid)
    expect(new FleetSeed('x').binding(6, 1_000_000).bandKey).not.toEqual(one.bandKey)
  })
})
