import { describe, expect, it } from 'vitest'
import { HostileRadio } from './adversaries.ts'
import { Bench } from './bench/bench.ts'

async function armedBench() {
  const bench = new Bench()
  const { band, phone } = await bench.armed()
  return { bench, band, phone, engine: bench.engine, row: bench.engine.band, firmware: bench.wearer.band }
}

describe('the wrist latch', () => {
  it('bears a sensor that is silent for 1.5 s, and not a moment longer', async () => {
    const { bench, firmware } = await armedBench()
    firmware.sensor(false)
    await bench.time.advance(1_500)
    firmware.sensor(true)
    await bench.time.advance(5_000)
    expect(firmware.isArmed).toBe(true)
    firmware.sensor(false)
    await bench.time.advance(1_501)
    expect(firmware.isArmed).toBe(false)
  })

  it('disarms at once when the strap opens, the charger is connected or the battery comes out', async () => {
    for (const end of ['strapOpened', 'charger', 'reboot'] as const) {
      const { firmware } = await armedBench()
      if (end === 'charger') firmware.charger(true)
      else firmware[end]()
      expect(firmware.isArmed, end).toBe(false)
    }
  })

  it('counts every wearing and never repeats a number, not even across a reboot', async () => {
    const { bench, firmware } = await armedBench()
    const seen = [firmware.wearEpoch]
    bench.wearer.takesOff()
    bench.wearer.putsOn()
    seen.push(firmware.wearEpoch)
    firmware.reboot()
    seen.push(firmware.wearEpoch)
    expect(seen).toEqual([1, 2, 3])
  })

  it('tells the engine of an edge at once, else with the heartbeat the engine asked for', async () => {
    const { bench, row, engine } = await armedBench()
    bench.wearer.takesOff()
    await bench.time.settle()
    expect(row.wear).toBe('off')
    await bench.time.advance(5_000)
    const before = engine.captured.length
    await bench.time.advance(24_000)
    expect(engine.captured.length).toBe(before)
    await bench.time.advance(2_000)
    expect(engine.captured.length).toBeGreaterThan(before)
  })

  it('tells again after two seconds when the edge got lost on the air', async () => {
    const { bench, row } = await armedBench()
    bench.radio.disconnect()
    bench.wearer.takesOff()
    await bench.time.settle()
    expect(row.wear).toBe('on')
    bench.radio.connect()
    await bench.time.advance(2_000)
    expect(row.wear).toBe('off')
  })
})

describe('arming', () => {
  it('is obeyed only by a worn band, and only for this wearing', async () => {
    const { bench, engine, row, firmware } = await armedBench()
    bench.wearer.takesOff()
    engine.arm(row, 1)
    await bench.time.settle()
    expect(firmware.isArmed).toBe(false)
    bench.wearer.putsOn()
    engine.arm(row, 1)
    await bench.time.settle()
    expect(firmware.isArmed).toBe(false)
    engine.arm(row, 2)
    await bench.time.settle()
    expect(firmware.isArmed).toBe(true)
  })

  it('that a hostile phone holds back is useless on the next wrist', async () => {
    const bench = new Bench()
    const hostile = new HostileRadio(bench.radio.phone, bench.time)
    const phone = await bench.connect()
    const band = await bench.pair(phone, hostile)
    bench.wearer.putsOn()
    await bench.time.advance(1_000)
    hostile.holdBack('toBand')
    const arming = band.arm()
    arming.catch(() => undefined)
    await bench.time.advance(1_000)
    bench.wearer.takesOff()
    bench.wearer.putsOn()
    hostile.letGo()
    await bench.time.advance(1_000)
    expect(bench.wearer.band.isArmed).toBe(false)
    // The same, not held back: it is the holding that makes it useless.
    await bench.arm(band)
    expect(bench.wearer.band.isArmed).toBe(true)
  })

  it('ends with its time', async () => {
    const { bench, engine, row, firmware } = await armedBench()
    engine.arm(row, 1, 60)
    await bench.time.advance(59_000)
    expect(firmware.isArmed).toBe(true)
    await bench.time.advance(1_000)
    expect(firmware.isArmed).toBe(false)
  })

  it('never goes back to an older one', async () => {
    const { bench, engine, row, firmware } = await armedBench()
    row.armEpoch = 5
    engine.arm(row, 1)
    await bench.time.settle()
    row.armEpoch = 2
    engine.arm(row, 1)
    await bench.time.settle()
    expect(bench.wearer.events.filter((event) => event.type === 'armed')).toMatchObject([
      { armEpoch: 1 },
      { armEpoch: 6 },
    ])
    expect(firmware.isArmed).toBe(true)
  })

  it('ends at LOCK', async () => {
    const { bench, engine, row, firmware } = await armedBench()
    engine.lock(row, 1)
    await bench.time.settle()
    expect(firmware.isArmed).toBe(false)
  })
})

describe('a long press', () => {
  it('disarms at once, and tells the engine until the engine shows that it froze', async () => {
    const { bench, row, firmware } = await armedBench()
    bench.radio.disconnect()
    bench.wearer.pressesLong()
    expect(firmware.isArmed).toBe(false)
    await bench.time.advance(5_000)
    expect(row.holds).toBe(0)
    bench.radio.connect()
    await bench.time.advance(3_000)
    expect(row.holds).toBe(1)
    const upBefore = bench.engine.captured.length
    await bench.time.advance(8_000)
    expect(bench.engine.captured.length).toBe(upBefore)
  })
})
