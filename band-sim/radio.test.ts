import { describe, expect, it } from 'vitest'
import { Reassembler, fragment } from '../protocol/fragments.ts'
import { mtuMax, mtuMin, recordBytesMax } from '../protocol/limits.ts'
import { BandBridge } from '../sdk/phone/band-bridge.ts'
import type { BandRadio } from '../sdk/phone/radio-writer.ts'
import { nodePrimitives } from '../crypto/primitives/node-primitives.ts'
import { Bench } from './bench/bench.ts'
import { VirtualTime } from './virtual/scheduler.ts'
import { seededRandom } from './virtual/seeded-random.ts'

describe('records over Bluetooth', () => {
  it('arrive whole at every MTU, by every radio: one that answers at once and one that takes its time', async () => {
    const random = seededRandom(nodePrimitives, 'mtu')
    for (const isSlow of [false, true]) {
      for (const mtu of [mtuMin, 24, 100, 185, 247, 516, mtuMax]) {
        const time = new VirtualTime()
        const joined: Uint8Array[] = []
        const reassembler = new Reassembler()
        let inFlight = 0
        const radio: BandRadio = {
          mtu,
          send(bytes) {
            expect(bytes.length).toBeLessThanOrEqual(mtu - 3)
            const arrive = (): void => {
              const record = reassembler.push(bytes, time.nowMs())
              if (record !== undefined) joined.push(record)
            }
            if (!isSlow) return arrive()
            inFlight += 1
            expect(inFlight).toBe(1)
            return new Promise((resolve) =>
              time.after(10, () => {
                inFlight -= 1
                arrive()
                resolve()
              }),
            )
          },
          onFragment: () => () => undefined,
        }
        const bridge = new BandBridge({ radio, clock: time, toEngine: () => undefined, linkChanged: () => undefined })
        const records = [1, 2, 19, 20, 200, recordBytesMax].map((length) => random.bytes(length))
        for (const record of records) bridge.fromEngine(record)
        await time.advance(20_000)
        expect(joined, `MTU ${mtu}`).toEqual(records)
      }
    }
  })

  it('that lose a fragment are dropped, and the next record is whole again', () => {
    const random = seededRandom(nodePrimitives, 'loss')
    const [lossy, whole] = [random.bytes(300), random.bytes(300)]
    const fragments = fragment(lossy, 23)
    for (let lost = 0; lost < fragments.length; lost++) {
      const reassembler = new Reassembler()
      const arrived = [...fragments.filter((_, index) => index !== lost), ...fragment(whole, 23)]
      const joined = arrived.map((bytes) => reassembler.push(bytes, 0)).filter((record) => record !== undefined)
      expect(joined).toEqual([whole])
    }
  })
})

describe('a bad radio', () => {
  it('never makes two ends disagree: whatever it loses, the band links again and pays', async () => {
    for (let seed = 0; seed < 12; seed++) {
      const air = { mtu: 60, delayMs: 5, jitterMs: 60, loss: 0.03, duplicates: 0.02 }
      const bench = new Bench({ seed: `bad ${seed}`, heartbeatS: 5 })
      const { band } = await bench.armed()
      bench.radio.air = air
      for (let round = 0; round < 5; round++) {
        bench.engine.challenge(bench.engine.band)
        await bench.time.advance(20_000)
      }
      bench.radio.air = { ...air, loss: 0, duplicates: 0 }
      await bench.time.advance(60_000)
      expect(band.isLinked).toBe(true)
      expect(bench.engine.band.cloneAlarms).toBe(0)
      expect((await bench.during(band.pay(bench.offer().bytes))).approved).toBe(true)
    }
  })

  it('loses what is on the way when it disconnects', async () => {
    const bench = new Bench()
    await bench.armed()
    bench.radio.air = { ...bench.radio.air, delayMs: 50 }
    bench.engine.tell(bench.engine.band, { type: 'alert', pattern: 1, text: 'late' })
    await bench.time.advance(20)
    bench.radio.disconnect()
    bench.radio.connect()
    await bench.time.advance(1_000)
    expect(bench.wearer.count('alert')).toBe(0)
  })
})
