// Whose change is it? Each change that waits has an owner of its own, and no phone stops what a web sign-in began.

import { describe, expect, it } from 'vitest'
import { errorCodes } from '../../protocol/errors.ts'
import { changes } from '../../protocol/messages/frames.ts'
import { idBytes } from '../../protocol/ids.ts'
import type { LimitTable } from '../../policy/limits.ts'
import { RawPhone } from '../support/raw-phone.ts'
import { World, armedBand, euro, euroLimits } from '../support/world.ts'

const dollar = 840
const limits: ReadonlyMap<number, LimitTable> = new Map([
  [euro, euroLimits],
  [dollar, euroLimits],
])
const uv = new Uint8Array(96)

async function ownersWorld() {
  const world = new World({ config: { limits } })
  await world.start()
  const owned = await armedBand(world)
  const web = await RawPhone.connect(world, 'alice', { scopes: ['web'] })
  const { client } = owned.phone
  for (const currency of [euro, dollar])
    await world.run(client.limits({ perUseMinor: 1_000, perDayMinor: 5_000, currency }, false))
  return { world, web, client, ...owned }
}

function raise(world: World, web: RawPhone, currency: number, perUseMinor = 2_000) {
  void world
  return web.ask({ type: 'limits', bid: null, perUseMinor, perDayMinor: 5_000, currency, uv })
}

describe('A finding that the web began', () => {
  it('is not vetoed by a phone that began a deactivation of the same band afterwards', async () => {
    const { world, web, client, band } = await ownersWorld()
    await world.run(client.lost(band.bid))
    expect(await web.ask({ type: 'found', bid: idBytes(band.bid), uv: null })).toMatchObject({ type: 'foundAnswer' })
    await world.run(client.deactivate(band.bid))
    await expect(world.run(client.veto('found', idBytes(band.bid)))).rejects.toMatchObject({ code: 'wrong-surface' })
    await world.run(client.veto('deactivation', idBytes(band.bid)))
    expect(await web.ask({ type: 'veto', change: changes.found, target: idBytes(band.bid) })).toMatchObject({
      type: 'vetoAnswer',
    })
  })

  it('nor does the web lose its own when it began a deactivation that a phone then vetoes', async () => {
    const { world, web, client, band } = await ownersWorld()
    await world.run(client.lost(band.bid))
    await web.ask({ type: 'deactivate', bid: idBytes(band.bid), uv })
    await expect(world.run(client.veto('deactivation', idBytes(band.bid)))).rejects.toMatchObject({
      code: 'wrong-surface',
    })
  })
})

describe('Limits that the web raises', () => {
  it('in one currency are not vetoed by a phone that raises another', async () => {
    const { world, web, client } = await ownersWorld()
    expect(await raise(world, web, euro)).toMatchObject({ type: 'limitsAnswer' })
    await world.run(client.limits({ perUseMinor: 2_000, perDayMinor: 5_000, currency: dollar }, true))
    // The phone's own goes, the web's stays.
    await world.run(client.veto('limits'))
    await expect(world.run(client.veto('limits'))).rejects.toMatchObject({ code: 'wrong-surface' })
    await world.time.advance(3_700_000)
    expect(await web.ask({ type: 'veto', change: changes.limits, target: null })).toMatchObject({ type: 'error' })
  })

  it('are not taken back by a phone that asks for the limits there are', async () => {
    const { world, web, client, band } = await ownersWorld()
    await raise(world, web, euro)
    await world.run(client.limits({ perUseMinor: 1_000, perDayMinor: 5_000, currency: euro }, false))
    await world.time.advance(3_700_000)
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer({ amountMinor: 2_000 }).bytes))).toMatchObject({ approved: true })
  })

  it('are not replaced by a phone that raises less', async () => {
    const { world, web, client } = await ownersWorld()
    await raise(world, web, euro, 3_000)
    await expect(
      world.run(client.limits({ perUseMinor: 1_001, perDayMinor: 5_000, currency: euro }, true)),
    ).rejects.toMatchObject({ code: 'wrong-surface' })
  })

  it('rise at an instant of their own: another currency neither hastens nor delays them', async () => {
    const { world, web, client, band } = await ownersWorld()
    await raise(world, web, euro)
    await world.time.advance(1_800_000)
    await world.run(client.limits({ perUseMinor: 2_000, perDayMinor: 5_000, currency: dollar }, true))
    await world.time.advance(1_900_000)
    await world.run(band.arm())
    const dollars = { amountMinor: 2_000, currency: dollar }
    expect(await world.run(band.pay(world.offer({ amountMinor: 2_000 }).bytes))).toMatchObject({ approved: true })
    expect(await world.run(band.pay(world.offer(dollars).bytes))).toMatchObject({ reason: 'over-use-limit' })
    await world.time.advance(1_900_000)
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer(dollars).bytes))).toMatchObject({ approved: true })
  })

  it('are lowered at once by a phone all the same: stopping is cheap', async () => {
    const { world, web, client, band } = await ownersWorld()
    await raise(world, web, euro)
    await world.run(client.limits({ perUseMinor: 500, perDayMinor: 5_000, currency: euro }, false))
    expect(await world.run(band.pay(world.offer({ amountMinor: 501 }).bytes))).toMatchObject({
      reason: 'over-use-limit',
    })
  })
})

describe('A veto without a target', () => {
  it('stops every finding or deactivation that this surface may stop, and says when there is none', async () => {
    const { world, web, client, band } = await ownersWorld()
    const none = await web.ask({ type: 'veto', change: changes.deactivation, target: null })
    expect(RawPhone.errorOf(none)).toBe(errorCodes['nothing-to-veto'])
    await world.run(client.deactivate(band.bid))
    expect(await web.ask({ type: 'veto', change: changes.deactivation, target: null })).toMatchObject({
      type: 'vetoAnswer',
    })
    expect(await world.run(band.pay(world.offer({ amountMinor: 900 }).bytes))).toMatchObject({ approved: true })
  })
})
