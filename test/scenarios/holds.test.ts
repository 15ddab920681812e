// Stopping is cheap and at once, restoring is dear: freeze, lost, found, deactivate, veto, the owner's epoch.

import { describe, expect, it } from 'vitest'
import { errorCodes } from '../../protocol/errors.ts'
import { changes } from '../../protocol/messages/frames.ts'
import { holdBits } from '../../protocol/states.ts'
import { idBytes } from '../../protocol/ids.ts'
import { BandFlash } from '../../band-sim/band/flash.ts'
import { World, armedBand } from '../support/world.ts'
import { RawPhone } from '../support/raw-phone.ts'

async function armedWorld() {
  const world = new World()
  await world.start()
  return { world, ...(await armedBand(world)) }
}

describe('A freeze', () => {
  it('stops the very next payment, disarms the band, and holds across a crash', async () => {
    const { world, band, wearer } = await armedWorld()
    expect(await world.run(band.freeze())).toEqual(['owner-freeze'])
    expect(wearer.band.isArmed).toBe(false)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: false, reason: 'owner-freeze' })
    await world.crash()
    await world.start()
    await world.time.advance(30_000)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: false, reason: 'owner-freeze' })
    expect(world.failures).toEqual([])
  })

  it('that arrives while an approval goes to disk wins: the payment is denied and given back to the limits', async () => {
    const { world, band, phone } = await armedWorld()
    let frozen: Promise<unknown> | undefined
    // The decision's record is about to be durable: the freeze's record follows it.
    world.disk.becameDurable = () => undefined
    const paying = band.pay(world.offer({ amountMinor: 2_000 }).bytes)
    world.intercept = (way, bytes) => {
      if (way === 'up' && bytes[1] === 5 && frozen === undefined) {
        queueMicrotask(() => {
          frozen = phone.client.freeze(band.bid)
        })
      }
      return bytes
    }
    const decision = await world.run(paying)
    expect(decision).toMatchObject({ approved: false, reason: 'owner-freeze' })
    await world.run(frozen ?? Promise.reject(new Error('the freeze never left')))
    expect(world.engine.status()).toMatchObject({ decisions: { 'owner-freeze': 1 } })
    await world.run(band.unfreeze())
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({
      approved: true,
      dayLeftMinor: 20_000 - 1_250,
    })
  })

  it('is lifted by the phone that set it, with verification, and only arming makes the band pay again', async () => {
    const { world, band } = await armedWorld()
    await world.run(band.freeze())
    expect(await world.run(band.unfreeze())).toEqual([])
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ reason: 'band-not-armed' })
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
  })

  it('set on the web is not lifted by the phone', async () => {
    const { world, band } = await armedWorld()
    const web = await RawPhone.connect(world, 'alice', { scopes: ['web'] })
    const answer = await web.ask({ type: 'freeze', bid: idBytes(band.bid) })
    expect(answer).toMatchObject({ type: 'frozen', holds: holdBits['owner-freeze'] })
    await expect(world.run(band.unfreeze())).rejects.toMatchObject({ code: 'wrong-surface' })
    const lifted = await web.ask({ type: 'unfreeze', bid: idBytes(band.bid), uv: new Uint8Array(96) })
    expect(lifted).toMatchObject({ type: 'unfrozen', holds: 0 })
  })

  it('by a long press on the band reaches everything its wearer owns', async () => {
    const { world, band, wearer, phone } = await armedWorld()
    const second = world.wearer()
    const radio = world.radio(second)
    second.taps()
    const other = await world.run(phone.client.pair(radio.phone, { packageSecret: second.band.device.packageSecret }))
    second.putsOn()
    await world.time.advance(3_000)
    await world.run(other.arm())
    wearer.pressesLong()
    await world.time.advance(5_000)
    for (const one of [band, other]) {
      expect(await world.run(one.pay(world.offer().bytes))).toMatchObject({ approved: false, reason: 'owner-freeze' })
    }
  })

  it('is durable before it is acknowledged: a crash right after the answer keeps it', async () => {
    const { world, band, phone } = await armedWorld()
    await world.run(phone.client.freeze(band.bid))
    await world.crash()
    await world.start()
    await world.time.advance(30_000)
    const [listed] = await world.run(phone.client.bands())
    expect(listed?.holds).toEqual(['owner-freeze'])
  })
})

describe('A lost band', () => {
  it('is refused everywhere, and no phone key shortens the way back', async () => {
    const { world, band, phone } = await armedWorld()
    expect(await world.run(phone.client.lost(band.bid))).toEqual(['lost'])
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ reason: 'band-lost' })
    await expect(world.run(phone.client.found(band.bid))).rejects.toMatchObject({ code: 'wrong-surface' })
    await expect(world.run(band.arm())).rejects.toMatchObject({ code: 'band-held' })
  })

  it('is found again by a strong web sign-in after a day, unless somebody vetoes', async () => {
    const { world, band, phone } = await armedWorld()
    await world.run(phone.client.lost(band.bid))
    const web = await RawPhone.connect(world, 'alice', { scopes: ['web'] })
    const begun = await web.ask({ type: 'found', bid: idBytes(band.bid), uv: null })
    expect(begun).toMatchObject({ type: 'foundAnswer' })
    await expect(world.run(phone.client.veto('found', idBytes(band.bid)))).rejects.toMatchObject({
      code: 'wrong-surface',
    })
    await world.time.advance(23 * 3_600_000)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ reason: 'band-lost' })
    await world.crash()
    await world.time.advance(3_600_000)
    await world.start()
    await world.time.advance(60_000)
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
  })

  it('stays lost when a web session vetoes the finding', async () => {
    const { world, band, phone } = await armedWorld()
    await world.run(phone.client.lost(band.bid))
    const web = await RawPhone.connect(world, 'alice', { scopes: ['web'] })
    await web.ask({ type: 'found', bid: idBytes(band.bid), uv: null })
    expect(await web.ask({ type: 'veto', change: changes.found, target: idBytes(band.bid) })).toMatchObject({
      type: 'vetoAnswer',
    })
    await world.time.advance(25 * 3_600_000)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ reason: 'band-lost' })
  })
})

describe('A deactivation', () => {
  it('waits for the security delay, during which nothing is approved, and a veto returns to what was', async () => {
    const { world, band, phone } = await armedWorld()
    const { dueAtMs } = await world.run(phone.client.deactivate(band.bid))
    expect(dueAtMs).toBeGreaterThan(world.time.nowMs() + 3_500_000)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ reason: 'band-deactivating' })
    await world.run(phone.client.veto('deactivation', idBytes(band.bid)))
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
  })

  it('survives a restart and then ends the binding: its keys are gone and its band is released', async () => {
    const { world, band, phone, wearer } = await armedWorld()
    await world.run(phone.client.deactivate(band.bid))
    await world.crash()
    await world.time.advance(3_600_000)
    await world.start()
    await world.time.advance(60_000)
    expect(world.engine.status().bands.unbound).toBe(1)
    expect(await world.run(phone.client.bands())).toEqual([])
    await world.time.advance(120_000)
    expect(wearer.count('released')).toBe(1)
    const again = world.wearer(wearer.band.device, new BandFlash(wearer.band.device.engineKeys))
    again.taps()
    const bob = await world.phone('bob')
    const paired = await world.run(
      bob.client.pair(world.radio(again).phone, { packageSecret: again.band.device.packageSecret }),
    )
    expect(paired.isLinked).toBe(true)
  })

  it('of an armed band that was just tapped, and not held for a day, needs no delay', async () => {
    const { world, band, phone, wearer } = await armedWorld()
    wearer.band.tapReader({ id: new Uint8Array(16), nonce: new Uint8Array(8), intervalMs: 50 })
    await world.time.advance(1_000)
    await world.run(phone.client.deactivate(band.bid))
    expect(world.engine.status().bands.unbound).toBe(1)
  })

  it('is not hastened while a hold is set, or was within a day', async () => {
    const { world, band, phone, wearer } = await armedWorld()
    await world.run(band.freeze())
    await world.run(band.unfreeze())
    await world.run(band.arm())
    wearer.band.tapReader({ id: new Uint8Array(16), nonce: new Uint8Array(8), intervalMs: 50 })
    await world.time.advance(1_000)
    const { dueAtMs } = await world.run(phone.client.deactivate(band.bid))
    expect(dueAtMs).toBeGreaterThan(world.time.nowMs() + 3_500_000)
  })
})

describe('Limits of one\u2019s own', () => {
  it('fall at once and rise only after the security delay, across a restart', async () => {
    const { world, band, phone } = await armedWorld()
    await world.run(phone.client.limits({ perUseMinor: 1_000, perDayMinor: 5_000, currency: 978 }, false))
    expect(await world.run(band.pay(world.offer({ amountMinor: 1_001 }).bytes))).toMatchObject({
      reason: 'over-use-limit',
    })
    await world.run(phone.client.limits({ perUseMinor: 3_000, perDayMinor: 5_000, currency: 978 }, true))
    expect(await world.run(band.pay(world.offer({ amountMinor: 1_001 }).bytes))).toMatchObject({
      reason: 'over-use-limit',
    })
    await world.crash()
    await world.start()
    await world.time.advance(3_600_000 + 60_000)
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer({ amountMinor: 3_000 }).bytes))).toMatchObject({ approved: true })
    expect(await world.run(band.pay(world.offer({ amountMinor: 3_001 }).bytes))).toMatchObject({
      reason: 'over-use-limit',
    })
  })

  it('do not rise without verification, nor after a veto', async () => {
    const { world, band, phone } = await armedWorld()
    await world.run(phone.client.limits({ perUseMinor: 1_000, perDayMinor: 5_000, currency: 978 }, false))
    await expect(
      world.run(phone.client.limits({ perUseMinor: 2_000, perDayMinor: 5_000, currency: 978 }, false)),
    ).rejects.toMatchObject({
      code: 'verification-invalid',
    })
    await world.run(phone.client.limits({ perUseMinor: 2_000, perDayMinor: 5_000, currency: 978 }, true))
    await world.run(phone.client.veto('limits'))
    await world.time.advance(3_600_000 + 60_000)
    expect(await world.run(band.pay(world.offer({ amountMinor: 1_001 }).bytes))).toMatchObject({
      reason: 'over-use-limit',
    })
  })
})

describe('A web session', () => {
  it('verifies no user: it can neither arm a band nor pair one', async () => {
    const { world, band } = await armedWorld()
    const web = await RawPhone.connect(world, 'alice', { scopes: ['web'] })
    const pair = await web.verified({ type: 'pairStart', slot: 1, ps: new Uint8Array(16), hint: null })
    expect(RawPhone.errorOf(await web.ask(pair))).toBe(errorCodes['verification-invalid'])
    await web.ask({ type: 'attach', slot: 0, bid: idBytes(band.bid), account: null })
    const arm = await web.verified({ type: 'arm', slot: 0, wearEpoch: 1 })
    expect(RawPhone.errorOf(await web.ask(arm))).toBe(errorCodes['verification-invalid'])
  })
})

describe('A new phone', () => {
  it('of an account that has one waits for the security delay: meanwhile it may stop and read, nothing else', async () => {
    const { world, band } = await armedWorld()
    const second = await RawPhone.connect(world, 'alice')
    expect(second.last('helloAnswer')?.pendingUntilMs).toBeGreaterThan(world.time.nowMs())
    const unfreeze = await second.verified({ type: 'unfreeze', bid: idBytes(band.bid) })
    expect(RawPhone.errorOf(await second.ask(unfreeze))).toBe(errorCodes['phone-pending'])
    expect(await second.ask({ type: 'bands', cursor: 0, count: 10 })).toMatchObject({ type: 'bandsPage' })
    const attach = await second.ask({ type: 'attach', slot: 0, bid: idBytes(band.bid), account: null })
    expect(RawPhone.errorOf(attach)).toBe(errorCodes['phone-pending'])
    expect(await second.ask({ type: 'freeze', bid: idBytes(band.bid) })).toMatchObject({ type: 'frozen' })
  })

  it('can be vetoed by the phone that was there before, and is then gone', async () => {
    const { world, phone } = await armedWorld()
    const second = await RawPhone.connect(world, 'alice')
    await world.run(phone.client.veto('phone', Uint8Array.from(Buffer.from(second.phoneId, 'hex'))))
    await world.time.advance(1_000)
    expect(second.closeCode).toBe(4002)
  })

  it('is not enrolled by a token that is old or bound to another key', async () => {
    const world = new World()
    await world.start()
    const old = await RawPhone.connect(world, 'alice', { authTimeMs: world.time.nowMs() - 6 * 60_000 })
    expect(old.closeCode).toBe(4002)
    const unbound = await RawPhone.connect(world, 'alice', { boundToKey: false })
    expect(unbound.closeCode).toBe(4002)
  })
})
