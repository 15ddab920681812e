// The journal is ahead of the clock, because the engine once ran under a wrong one: nothing is approved before an operator accepts it,
// and then the engine works at once, while what was written under the wrong clock gives no right.

import { describe, expect, it } from 'vitest'
import { decodeRecord } from '../../engine/ports/records.ts'
import { JournalAuditor } from '../support/journal-auditor.ts'
import { World, armedBand, engineConfig } from '../support/world.ts'

const dayMs = 86_400_000
const aheadMs = 400 * dayMs

/** Only its settings change: the next start takes the record as accepted. */
function accepting(world: World, lsn: number): void {
  Object.assign(world.config, { clockAcceptBehindLsn: lsn })
}

/** A world that begins under a clock that is 400 days ahead. */
async function aheadWorld() {
  const world = new World({ config: { ...engineConfig } })
  world.wallSkewMs = aheadMs
  await world.start()
  return world
}

/** The clock is right again, and the engine is started anew. */
async function rightAgain(world: World, acceptedLsn = 0): Promise<void> {
  await world.crash()
  world.wallSkewMs = 0
  accepting(world, acceptedLsn)
  await world.start()
}

function recordsOf(world: World) {
  return world.disk.records.map((body, at) => ({ lsn: at + 1, record: decodeRecord(body) }))
}

function expectClean(world: World): void {
  const auditor = new JournalAuditor(world.config.limits)
  for (const one of recordsOf(world)) auditor.take(one)
  expect(auditor.violations).toEqual([])
  expect(world.failures).toEqual([])
}

describe('An engine whose journal is 400 days ahead of the clock', () => {
  it('is not ready, and works at once when that is accepted: a new phone pairs, arms and pays, also after the next restart', async () => {
    const world = await aheadWorld()
    await rightAgain(world)
    expect(world.engine.ready()).toBe(false)
    expect(world.engine.status()).toMatchObject({ clockCertain: false, startedLsn: 2 })
    await rightAgain(world, world.engine.status().startedLsn)
    expect(world.engine.ready()).toBe(true)
    const { band } = await armedBand(world)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    // The setting is left on, then taken away.
    for (const lsn of [2, 0]) {
      await rightAgain(world, lsn)
      expect(world.engine.ready()).toBe(true)
      await world.time.advance(60_000)
      expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    }
    const told = recordsOf(world).filter(({ record }) => record.type === 'engine.rewound')
    expect(told.map(({ record }) => 'done' in record && record.done)).toEqual([false, true])
    expectClean(world)
  })

  it.each([
    [
      'a record that is not in the journal',
      999,
      /which is not in the journal.*start once with --clock-accept-behind 3/,
    ],
    ['a record from before the wrong clock', 1, /not ahead of the clock/],
  ])('refuses the acceptance of %s, and writes nothing', async (_, lsn, expected) => {
    const world = new World({ config: { ...engineConfig } })
    await world.start()
    await world.crash()
    world.wallSkewMs = aheadMs
    await world.start()
    await world.crash()
    world.wallSkewMs = aheadMs
    await world.start()
    await world.crash()
    const records = world.disk.records.length
    await expect(rightAgain(world, lsn)).rejects.toThrow(expected)
    expect(world.disk.records).toHaveLength(records)
  })

  it('is not accepted twice by one setting, nor in advance', async () => {
    const world = await aheadWorld()
    await rightAgain(world, 1)
    await world.crash()
    world.wallSkewMs = aheadMs
    accepting(world, 0)
    await world.start()
    await expect(rightAgain(world, 1)).rejects.toThrow(/names record 1, from before time ran back at 2/)
    await rightAgain(world, world.disk.records.length)
    expect(world.engine.ready()).toBe(true)
    await expect(rightAgain(world, 10_000)).rejects.toThrow(/nothing to accept/)
  })

  it('goes on where it was when the power went in the middle of the acceptance', async () => {
    const world = await aheadWorld()
    const { band } = await armedBand(world)
    await rightAgain(world, world.disk.records.length)
    const begun = recordsOf(world).findIndex(({ record }) => record.type === 'engine.rewound')
    await world.crash()
    world.disk.records = world.disk.records.slice(0, begun + 1)
    world.disk.rows.clear()
    world.disk.appliedLsn = 0
    accepting(world, 0)
    await world.start()
    await world.time.advance(60_000)
    expect(world.engine.status()).toMatchObject({ clockCertain: true, bands: { armed: 0 } })
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: false, reason: 'band-not-armed' })
    expectClean(world)
  })
})

describe('What was written under a clock 400 days ahead', () => {
  it('ends when it is an arming, counts against the limits of today, and not against those of tomorrow', async () => {
    const world = await aheadWorld()
    const { band } = await armedBand(world)
    const wrong = { expiresAtMs: world.time.nowMs() + aheadMs + 60_000, amountMinor: 3_000 }
    for (let use = 0; use < 6; use++) {
      const paid = await world.run(band.pay(world.offer({ ...wrong, expiresAtMs: wrong.expiresAtMs + use }).bytes))
      expect(paid).toMatchObject({ approved: true })
    }
    await rightAgain(world, world.disk.records.length)
    await world.time.advance(60_000)
    expect(world.engine.status()).toMatchObject({ bands: { armed: 0, disarmed: 1 } })
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: false, reason: 'band-not-armed' })
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer({ amountMinor: 2_500 }).bytes))).toMatchObject({
      reason: 'over-day-limit',
    })
    expect(await world.run(band.pay(world.offer({ amountMinor: 1_500 }).bytes))).toMatchObject({ approved: true })
    expect(await world.run(band.pay(world.offer({ amountMinor: 1_000 }).bytes))).toMatchObject({
      reason: 'over-day-limit',
    })
    await world.time.advance(dayMs)
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer({ amountMinor: 2_500 }).bytes))).toMatchObject({ approved: true })
    expectClean(world)
  })

  it('holds on when it is a freeze, and is lifted as any other', async () => {
    const world = await aheadWorld()
    const { band, phone } = await armedBand(world)
    await world.run(phone.client.freeze())
    await rightAgain(world, world.disk.records.length)
    await world.time.advance(60_000)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: false, reason: 'owner-freeze' })
    await world.run(phone.client.unfreeze())
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    expectClean(world)
  })

  it('waits exactly as long as a change that begins at the acceptance', async () => {
    const world = await aheadWorld()
    const { band, phone } = await armedBand(world)
    await world.run(phone.client.deactivate(band.bid))
    await rightAgain(world, world.disk.records.length)
    const due = recordsOf(world).flatMap(({ record }) =>
      record.type === 'band' && record.cause === 'change.waits-anew' ? [[record.atMs, record.deactivateAtMs]] : [],
    )
    expect(due).toHaveLength(1)
    const [beganMs = 0, dueMs = 0] = due[0] ?? []
    expect(dueMs - beganMs).toBe(world.config.delays.afterPhoneMs)
    await world.time.advance(dueMs - world.time.nowMs() - 60_000)
    expect(world.engine.status()).toMatchObject({ bands: { deactivating: 1 } })
    await world.time.advance(120_000)
    expect(world.engine.status()).toMatchObject({ bands: { deactivating: 0 } })
    expectClean(world)
  })

  it('keeps numbers rising: a restore made under it lets offers be decided, and one after it has higher epochs', async () => {
    const world = await aheadWorld()
    await armedBand(world)
    // Under the wrong clock: the restore's instant is the newest of the journal.
    await world.restore(() => undefined, world.time.nowMs() + aheadMs)
    await rightAgain(world, world.disk.records.length)
    const { band } = await armedBand(world, 'bob')
    await world.time.advance(16 * 60_000)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    await world.restore(() => undefined)
    await world.time.advance(16 * 60_000)
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    expectClean(world)
  })
})
