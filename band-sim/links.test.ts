import { describe, expect, it } from 'vitest'
import { toHex } from '../base/bytes.ts'
import { decodeRecord, encodeChal, encodeNolink } from '../protocol/records.ts'
import { flipBit, forgeries } from './adversaries.ts'
import { Bench } from './bench/bench.ts'
import { Band } from './band/firmware.ts'
import { type FlashOperation, PowerCut } from './band/flash.ts'
import { Radio } from './radio.ts'

async function linked(seed = 'links') {
  const bench = new Bench({ seed })
  const phone = await bench.connect()
  const band = await bench.pair(phone)
  await bench.time.advance(100)
  return { bench, phone, band, engine: bench.engine, row: bench.engine.band, firmware: bench.wearer.band }
}

/** The n of every RESUME and REKEY1 the band sent. */
function resumed(bench: Bench): readonly number[] {
  return bench.engine.captured
    .filter(({ way }) => way === 'up')
    .map(({ bytes }) => decodeRecord(bytes))
    .flatMap((record) => (record.type === 'resume' || record.type === 'rekey1' ? [record.n] : []))
}

describe('a link', () => {
  it('moves the root on both sides each time it comes up, and the old one is gone from flash', async () => {
    const { bench, engine, row, firmware } = await linked()
    expect(firmware.flash.root?.n).toBe(1)
    const old = firmware.flash.root?.root ?? new Uint8Array(0)
    expect(toHex(firmware.flash.image)).toContain(toHex(old))
    engine.restart()
    await bench.time.advance(10_000)
    expect(resumed(bench)).toEqual([0, 1])
    expect(firmware.flash.root?.n).toBe(2)
    expect(firmware.flash.root?.root).toEqual(row.root)
    expect(toHex(firmware.flash.image)).not.toContain(toHex(old))
    expect(firmware.isLinked).toBe(true)
  })

  it('tells the engine with its next word that the old root is erased', async () => {
    const { bench, row } = await linked()
    expect(row.previous).toBeDefined()
    await bench.time.advance(30_000)
    expect(row.previous).toBeUndefined()
  })

  it('answers the same challenge differently each time, so nothing of it can be replayed', async () => {
    const { bench, engine, row } = await linked()
    const chal = encodeChal(new Uint8Array(16))
    engine.sendRaw(row, chal)
    engine.sendRaw(row, chal)
    await bench.time.settle()
    const nonces = engine.captured
      .map(({ bytes }) => decodeRecord(bytes))
      .flatMap((record) => (record.type === 'resume' ? [toHex(record.bandNonce)] : []))
    expect(nonces.length).toBeGreaterThanOrEqual(3)
    expect(new Set(nonces).size).toBe(nonces.length)
  })

  it('outlives a CHAL or a NOLINK that anyone can send', async () => {
    const { bench, engine, row, firmware } = await linked()
    // Nobody hears what the band answers, so no new link can come of it.
    bench.radio.disconnect()
    firmware.receive(encodeChal(new Uint8Array(16)))
    firmware.receive(encodeNolink())
    expect(firmware.isLinked).toBe(true)
    bench.radio.connect()
    engine.tell(row, { type: 'alert', pattern: 1, text: 'still here' })
    await bench.time.settle()
    expect(bench.wearer.events.at(-1)).toMatchObject({ type: 'alert', text: 'still here' })
  })

  it('ends at what this version does not know, and the next CHAL brings a new one', async () => {
    for (const bytes of [Uint8Array.of(0x77, 1), Uint8Array.of(0x10, 2, ...new Uint8Array(16)), Uint8Array.of(0x11)]) {
      const { bench, engine, row, firmware } = await linked()
      engine.sendRaw(row, bytes)
      await bench.time.settle()
      expect(firmware.isLinked).toBe(false)
      engine.challenge(row)
      await bench.time.advance(1_000)
      expect(firmware.isLinked).toBe(true)
    }
  })

  it('ends at the eighth bad tag within a minute, not at the seventh', async () => {
    for (const [count, isLinked] of [
      [7, true],
      [8, false],
    ] as const) {
      const { bench, engine, row, firmware } = await linked()
      engine.tell(row, { type: 'hello' })
      await bench.time.advance(100)
      const genuine = engine.captured.findLast(({ way }) => way === 'down')?.bytes ?? new Uint8Array(0)
      for (let ctr = 1; ctr <= count; ctr++) {
        const forged = flipBit(genuine, 8 * 20)
        forged[7] = (forged[7] ?? 0) + ctr
        engine.sendRaw(row, forged)
      }
      await bench.time.settle()
      expect(firmware.isLinked).toBe(isLinked)
    }
  })

  it('accepts each record once', async () => {
    const { bench, engine, row } = await linked()
    engine.tell(row, { type: 'alert', pattern: 1, text: 'once' })
    await bench.time.settle()
    const record = engine.captured.findLast(({ way }) => way === 'down')?.bytes.slice() ?? new Uint8Array(0)
    for (let again = 0; again < 3; again++) engine.sendRaw(row, record)
    await bench.time.settle()
    expect(bench.wearer.count('alert')).toBe(1)
  })

  it('is not confused by forged records, whatever they are made of', async () => {
    const { bench, engine, row, firmware } = await linked()
    const samples = engine.captured.map(({ bytes }) => bytes)
    const stream = forgeries(bench.random.fork('forger'), samples)
    for (let count = 0; count < 3_000; count++) firmware.receive(stream.next().value)
    expect(bench.wearer.count('released')).toBe(0)
    expect(bench.wearer.count('armed')).toBe(0)
    expect(firmware.isPaired).toBe(true)
    engine.challenge(row)
    await bench.time.advance(2_000)
    expect(firmware.isLinked).toBe(true)
    expect(row.cloneAlarms).toBe(0)
  })
})

describe('a battery that comes out', () => {
  const operations: readonly FlashOperation[] = ['root', 'root-erase']

  it('in the middle of any write of the ratchet costs nothing but the link', async () => {
    for (const operation of operations) {
      const { bench, engine, row, firmware } = await linked()
      let cutsCount = 0
      firmware.flash.beforeWrite = (writes) => {
        if (writes !== operation || cutsCount > 0) return
        cutsCount += 1
        throw new PowerCut()
      }
      engine.challenge(row)
      await bench.time.advance(1_000)
      expect(cutsCount).toBe(1)
      expect(firmware.isLinked).toBe(false)
      engine.restart()
      await bench.time.advance(10_000)
      expect(firmware.isLinked, operation).toBe(true)
      expect(row.cloneAlarms).toBe(0)
    }
  })
})

describe('a copied band', () => {
  it('raises the alarm at the first resume after the other went on', async () => {
    const { bench, engine, row, firmware } = await linked()
    const clone = new Band({
      device: firmware.device,
      scheduler: bench.time,
      primitives: bench.primitives,
      flash: firmware.flash.copy(),
    })
    engine.restart()
    // The genuine band goes on and shows that it erased the root that the copy has.
    await bench.time.advance(60_000)
    expect(row.cloneAlarms).toBe(0)
    bench.radio.disconnect()
    const thief = await bench.connect()
    const cloneRadio = new Radio(clone, { scheduler: bench.time, random: bench.random.fork('thief') })
    const attaching = thief.attach(cloneRadio.phone, row.bid)
    attaching.catch(() => undefined)
    await bench.time.advance(2_000)
    expect(row.cloneAlarms).toBeGreaterThan(0)
    expect(clone.isLinked).toBe(false)
  })

  it('is shut out for good when the genuine one rekeys', async () => {
    const { bench, engine, row, firmware } = await linked()
    const stolen = firmware.flash.copy()
    engine.askRekey(row)
    await bench.time.advance(5_000)
    expect(bench.wearer.count('rekeyed')).toBe(1)
    await bench.time.advance(30_000)
    expect(firmware.flash.root?.root).toEqual(row.root)
    const clone = new Band({
      device: firmware.device,
      scheduler: bench.time,
      primitives: bench.primitives,
      flash: stolen,
    })
    const answers: Uint8Array[] = []
    clone.connect((record) => answers.push(record))
    engine.challenge(row)
    clone.receive(encodeChal(row.nonce ?? new Uint8Array(16)))
    const resume = decodeRecord(answers[0] ?? new Uint8Array(0))
    expect(resume.type === 'resume' && resume.n).toBeLessThan(row.k)
  })
})

describe('the engine’s public word', () => {
  it('RELEASE frees a band of a generation that is over, keeps its package secret, and lets it pair again', async () => {
    const { bench, phone, engine, row, firmware } = await linked()
    row.tombstoned = true
    bench.wearer.taps()
    engine.sendRaw(row, engine.release(row.bandId, row.generation))
    await bench.time.settle()
    expect(firmware.isPaired).toBe(false)
    expect(bench.wearer.count('released')).toBe(1)
    engine.bands.delete(row.bid)
    // The tap before RELEASE is touch enough: pair.start sends RELEASE and PAIR0 in one breath.
    await bench.during(phone.pair(bench.radio.phone, firmware.device))
    expect(engine.band.generation).toBe(2)
  })

  it('RELEASE of an older generation, of another band or with a false signature changes nothing', async () => {
    const { bench, engine, row, firmware } = await linked()
    const [older, genuine] = [
      engine.release(row.bandId, row.generation - 1),
      engine.release(row.bandId, row.generation),
    ]
    const { bandId } = new Bench({ seed: 'another' }).wearer.band.device
    for (const release of [older, engine.release(bandId, 9), flipBit(genuine, 8 * 40), flipBit(genuine, 8 * 17 + 7)]) {
      engine.sendRaw(row, release)
    }
    await bench.time.settle()
    expect(firmware.isPaired).toBe(true)
    expect(firmware.isLinked).toBe(true)
  })

  it('KEYSET adds the next engine key only under the pinned signature, and keeps two', async () => {
    const { bench, engine, row, firmware } = await linked()
    const next = new Uint8Array(32).fill(9)
    engine.announceKey(row, 2, next, new Uint8Array(32).fill(1))
    await bench.time.settle()
    expect(firmware.flash.engineKeys.map((key) => key.id)).toEqual([1])
    engine.announceKey(row, 2, next)
    await bench.time.settle()
    expect(firmware.flash.engineKeys.map((key) => key.id)).toEqual([1, 2])
    engine.announceKey(row, 3, next)
    await bench.time.settle()
    expect(firmware.flash.engineKeys.map((key) => key.id)).toEqual([2, 3])
  })
})
