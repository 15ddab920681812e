// What a thief can spend with a band that was snatched while armed: one day of limits over all currencies, whatever day it is and
// whatever the engine lives through, until the owner verifies again.

import { describe, expect, it } from 'vitest'
import { decodeRecord } from '../../engine/ports/records.ts'
import type { LimitTable } from '../../policy/limits.ts'
import { JournalAuditor } from '../support/journal-auditor.ts'
import { World, armedBand, euro, euroLimits } from '../support/world.ts'
import { taps } from '../../band-sim/band/wearer.ts'
import { fromHex } from '../../base/bytes.ts'

const dollar = 840
const dollarLimits: LimitTable = {
  ...euroLimits,
  perUseMinor: 20_000,
  perDayMinor: 40_000,
  perClassDayMinor: { pay: 40_000, receive: 60_000 },
  perLevelUseMinor: [4_000, 6_000, 20_000, 20_000, 20_000],
  perLevelDayMinor: [40_000, 40_000, 40_000, 40_000, 40_000],
  verification: [],
}
const limits = new Map([
  [euro, { ...euroLimits, verification: [] }],
  [dollar, dollarLimits],
])

async function armedWorld() {
  const world = new World({ config: { limits } })
  await world.start()
  const armed = await armedBand(world)
  armed.wearer.habit = taps
  const pays = (amountMinor: number, currency: number, options = {}) =>
    world.run(armed.band.pay(world.offer({ amountMinor, currency }).bytes, options))
  /** The world's first midnight, and a minute more: the band has sent a heartbeat since. */
  const overMidnight = () => world.time.advance(86_400_000 - (world.time.nowMs() % 86_400_000) + 60_000)
  return { world, pays, overMidnight, ...armed }
}

function violationsOf(world: World): readonly string[] {
  const auditor = new JournalAuditor(limits)
  for (const [at, body] of world.disk.records.entries()) auditor.take({ lsn: at + 1, record: decodeRecord(body) })
  return auditor.violations
}

const overArming = { approved: false, reason: 'over-arming-limit', obligation: 'verify-user' }

describe('A band that is snatched while armed', () => {
  it('pays no day of limits in a second currency once it has paid one in the first', async () => {
    const { world, pays } = await armedWorld()
    expect(await pays(10_000, euro)).toMatchObject({ approved: true })
    // Half is spent: half of the other currency is left, and not one minor unit more.
    expect(await pays(20_000, dollar)).toMatchObject({ approved: true, useLeftMinor: 0, dayLeftMinor: 20_000 })
    expect(await pays(1, dollar)).toMatchObject(overArming)
    expect(await pays(1, euro)).toMatchObject({ ...overArming, dayLeftMinor: 10_000 })
    expect(violationsOf(world)).toEqual([])
  })

  it('pays no second day of limits after midnight, nor after the engine crashed', async () => {
    const { world, pays, overMidnight } = await armedWorld()
    expect(await pays(10_000, euro)).toMatchObject({ approved: true })
    expect(await pays(9_000, euro)).toMatchObject({ approved: true })
    await overMidnight()
    expect(await pays(1_001, euro)).toMatchObject({ ...overArming, useLeftMinor: 1_000, dayLeftMinor: 20_000 })
    await world.crash()
    await world.start()
    await world.time.advance(30_000)
    expect(await pays(1_001, euro)).toMatchObject({ ...overArming, useLeftMinor: 1_000 })
    expect(await pays(1_000, euro)).toMatchObject({ approved: true, useLeftMinor: 0 })
    expect(await pays(1, euro)).toMatchObject(overArming)
    expect(violationsOf(world)).toEqual([])
  })

  it('is not bounded for its owner: a verification with the request pays, and arming anew begins a new day', async () => {
    const { world, band, pays, overMidnight } = await armedWorld()
    expect(await pays(10_000, euro)).toMatchObject({ approved: true })
    expect(await pays(10_000, euro)).toMatchObject({ approved: true })
    await overMidnight()
    expect(await pays(5_000, euro)).toMatchObject(overArming)
    expect(await pays(5_000, euro, { verifyUser: true })).toMatchObject({ approved: true, dayLeftMinor: 15_000 })
    // What the owner verified is none of what the arming paid, and gives a thief nothing either.
    expect(await pays(1, euro)).toMatchObject(overArming)
    await world.run(band.arm())
    expect(await pays(10_000, euro)).toMatchObject({ approved: true, dayLeftMinor: 5_000 })
    expect(violationsOf(world)).toEqual([])
  })

  it('has back what a stop reversed, when the stop is vetoed and the arming goes on', async () => {
    const { world, phone, band, pays } = await armedWorld()
    expect(await pays(10_000, euro)).toMatchObject({ approved: true })
    const waiting: (() => void)[] = []
    world.disk.syncing = () => new Promise((resolve) => waiting.push(resolve))
    const before = world.engine.status().appendedLsn
    const paying = band.pay(world.offer({ amountMinor: 10_000 }).bytes)
    for (let step = 0; world.engine.status().appendedLsn === before && step < 500; step++) await world.time.advance(20)
    const stopping = phone.client.deactivate(band.bid)
    stopping.catch(() => undefined)
    for (let step = 0; world.engine.status().appendedLsn < before + 3 && step < 500; step++)
      await world.time.advance(20)
    world.disk.syncing = () => Promise.resolve().then(() => undefined)
    for (const resolve of waiting.splice(0)) resolve()
    expect(await world.run(paying)).toMatchObject({ reason: 'band-deactivating' })
    await world.run(stopping)
    await world.run(phone.client.veto('deactivation', fromHex(band.bid)))
    expect(world.engine.status().bands.armed).toBe(1)
    expect(await pays(20_000, dollar)).toMatchObject({ approved: true, useLeftMinor: 0 })
    expect(await pays(1, dollar)).toMatchObject(overArming)
    expect(violationsOf(world)).toEqual([])
  })

  it('is denied again from the record alone, and the explanation says what spoke against it', async () => {
    const { world, pays } = await armedWorld()
    await pays(10_000, euro)
    await pays(20_000, dollar)
    const { lsn } = await pays(1, euro)
    expect(await world.run(world.engine.operators.replay(lsn))).toMatchObject({ same: true })
    const explained = await world.run(world.engine.operators.explain(lsn))
    expect(explained?.facts.find(({ holds }) => holds === false)).toMatchObject({
      fact: 'left of the arming',
      value: '0 minor units',
    })
    expect(explained?.rule).toContain('shares of the day limits')
  })
})

describe('Two bands of one account', () => {
  it('have an arming each, and the limits of the day together', async () => {
    const { world, phone, pays, overMidnight } = await armedWorld()
    await pays(10_000, euro)
    await pays(10_000, euro)
    await overMidnight()
    const wearer = world.wearer()
    wearer.taps()
    const { packageSecret } = wearer.band.device
    const band = await world.run(phone.client.pair(world.radio(wearer).phone, { packageSecret }))
    wearer.putsOn()
    await world.time.advance(3_000)
    await world.run(band.arm())
    wearer.habit = taps
    expect(await pays(1, euro)).toMatchObject(overArming)
    const offer = world.offer({ amountMinor: 10_000 })
    expect(await world.run(band.pay(offer.bytes))).toMatchObject({ approved: true, dayLeftMinor: 10_000 })
    expect(violationsOf(world)).toEqual([])
  })
})
