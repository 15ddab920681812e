import { describe, expect, it } from 'vitest'
import { Bench } from './bench/bench.ts'
import { Fleet, type FleetEvent } from './fleet.ts'
import { crowdedAir } from './radio.ts'

function fleetOn(bench: Bench, seed: string, options: { readonly crowded?: boolean } = {}) {
  const events: FleetEvent[] = []
  const fleet = new Fleet({
    count: 12,
    seed,
    primitives: bench.primitives,
    scheduler: bench.time,
    engine: { url: 'wss://bench.test/phone', webSocket: bench.engine.webSocket },
    vendor: bench.vendor,
    pins: bench.engine.pins,
    partner: bench.partner,
    account: (index) => `wearer-${index}`,
    token: (account) => () => account,
    startGapMs: 200,
    payEveryMs: 10_000,
    payment: (random) => ({
      action: 'pay',
      resource: '0b'.repeat(16),
      amountMinor: 100 + random.integer(900),
      currency: 978,
      label: 'Snack',
    }),
    report: (event) => events.push(event),
    ...(options.crowded === true ? { air: crowdedAir } : {}),
  })
  return { fleet, events }
}

/** What happened, without what chance outside the fleet decides. */
function story(events: readonly FleetEvent[]): readonly string[] {
  return events.map((event) => `${event.index} ${event.type === 'decided' ? event.decision.reason : event.step}`)
}

describe('a fleet', () => {
  it('lives its day: everybody pairs, arms and pays again and again', async () => {
    const bench = new Bench()
    const { fleet, events } = fleetOn(bench, 'day')
    fleet.start()
    await bench.time.advance(120_000)
    await bench.during(fleet.stop())
    expect(fleet.counts).toMatchObject({ connected: 12, paired: 12, armed: 12 })
    expect(fleet.counts.approved).toBeGreaterThan(100)
    expect([...fleet.counts.denied, ...fleet.counts.failed]).toEqual([])
    expect(events.filter((event) => event.type === 'decided').length).toBe(fleet.counts.approved)
  })

  it('lives the same day again from the same seed, and another from another', async () => {
    const stories: (readonly string[])[] = []
    for (const seed of ['one', 'one', 'two']) {
      const bench = new Bench()
      const { fleet, events } = fleetOn(bench, seed)
      fleet.start()
      await bench.time.advance(60_000)
      await bench.during(fleet.stop())
      stories.push(story(events))
    }
    expect(stories[0]).toEqual(stories[1])
    expect(stories[0]).not.toEqual(stories[2])
  })

  it('counts what fails, and the others go on', async () => {
    const bench = new Bench()
    const { fleet } = fleetOn(bench, 'failing')
    const [first] = fleet.members
    first?.radio.disconnect()
    fleet.start()
    await bench.time.advance(300_000)
    await bench.during(fleet.stop())
    expect(fleet.counts.paired).toBe(11)
    expect([...fleet.counts.failed.keys()]).toEqual(['pair: timeout'])
    expect(fleet.counts.approved).toBeGreaterThan(200)
  })

  it('stops cleanly in the middle of everything, also in bad air', async () => {
    const bench = new Bench()
    const { fleet } = fleetOn(bench, 'crowd', { crowded: true })
    fleet.start()
    await bench.time.advance(20_000)
    await bench.during(fleet.stop())
    expect(bench.engine.sessions.size).toBeLessThanOrEqual(12)
  })
})
