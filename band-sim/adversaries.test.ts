import { describe, expect, it } from 'vitest'
import { nodePrimitives } from '../crypto/primitives/node-primitives.ts'
import { decodePhoneFrame } from '../protocol/messages/frame-codec.ts'
import { phoneFrameBytesMax } from '../protocol/limits.ts'
import { decodeRecord } from '../protocol/records.ts'
import { HostileRadio, flipBit, forgeries } from './adversaries.ts'
import { Bench } from './bench/bench.ts'
import { seededRandom } from './virtual/seeded-random.ts'

async function hostileBench() {
  const bench = new Bench()
  const hostile = new HostileRadio(bench.radio.phone, bench.time)
  const { band, phone } = await bench.armed(hostile)
  return { bench, band, phone, hostile }
}

describe('a hostile radio', () => {
  it('is like any other until it is told otherwise, and keeps what it carried', async () => {
    const { bench, band, hostile } = await hostileBench()
    expect((await bench.during(band.pay(bench.offer().bytes))).approved).toBe(true)
    const types = hostile.captured.map(({ record }) => decodeRecord(record).type)
    expect(new Set(types)).toEqual(new Set(['pair0', 'pair1', 'pair2', 'pair3', 'data', 'chal', 'resume', 'offer']))
  })

  it('gains nothing from playing the whole day back, to either end, record by record', async () => {
    const { bench, band, hostile } = await hostileBench()
    await bench.during(band.pay(bench.offer().bytes))
    bench.wearer.takesOff()
    bench.wearer.putsOn()
    await bench.time.advance(1_000)
    const { firmware, row } = { firmware: bench.wearer.band, row: bench.engine.band }
    const before = { wearEpoch: firmware.wearEpoch, approvals: bench.engine.proofs.length, armEpoch: row.armEpoch }
    for (const captured of hostile.captured.slice()) {
      hostile.inject(captured)
      await bench.time.advance(100)
      expect(firmware.isArmed).toBe(false)
      expect(firmware.isPaired).toBe(true)
    }
    expect(bench.engine.proofs.length).toBe(before.approvals)
    expect(row).toMatchObject({ armEpoch: before.armEpoch, cloneAlarms: 0, tombstoned: false })
    expect(bench.engine.bands.size).toBe(1)
    await bench.time.advance(60_000)
    await bench.arm(band)
    expect((await bench.during(band.pay(bench.offer().bytes))).approved).toBe(true)
  })

  it('that lets nothing through is out of reach, no more', async () => {
    const { bench, band, hostile } = await hostileBench()
    hostile.tamper(() => [])
    const paying = band.pay(bench.offer().bytes, { wearerTimeoutMs: 5_000 })
    await expect(bench.during(paying)).rejects.toMatchObject({ code: 'band-silent' })
    hostile.letGo()
    await bench.time.advance(120_000)
    expect((await bench.during(band.pay(bench.offer().bytes))).approved).toBe(true)
  })
})

describe('forged bytes', () => {
  it('never make a decoder throw, whatever they are made of, and repeat with their seed', async () => {
    const { hostile } = await hostileBench()
    const samples = hostile.captured.map(({ record }) => record)
    const streams = ['one', 'one'].map((seed) => forgeries(seededRandom(nodePrimitives, seed), samples))
    for (let count = 0; count < 3_000; count++) {
      const [bytes, again] = streams.map((stream) => stream.next().value)
      if (bytes === undefined) throw new Error('the stream ended')
      expect(bytes).toEqual(again)
      decodeRecord(bytes)
      decodePhoneFrame(bytes, phoneFrameBytesMax)
    }
  })

  it('differ by one bit where they should', () => {
    expect(flipBit(Uint8Array.of(0, 0), 9)).toEqual(Uint8Array.of(0, 2))
  })
})

describe('seeded chance', () => {
  it('repeats, forks independently of use, and stays in its bounds', () => {
    const [one, two] = [seededRandom(nodePrimitives, 's'), seededRandom(nodePrimitives, 's')]
    one.bytes(100)
    expect(one.fork('a').bytes(40)).toEqual(two.fork('a').bytes(40))
    expect(one.fork('a').bytes(40)).not.toEqual(one.fork('b').bytes(40))
    const counts = [0, 0, 0]
    for (let draw = 0; draw < 3_000; draw++) {
      const value = one.integer(3)
      counts[value] = (counts[value] ?? 0) + 1
    }
    for (const count of counts) expect(count).toBeGreaterThan(850)
    expect(one.fraction()).toBeLessThan(1)
  })
})
