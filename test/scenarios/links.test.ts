// Live links on the real engine: resume, ratchet, rekey, clones, replays, crashes and bad air.

import { describe, expect, it } from 'vitest'
import { resumeMac } from '../../crypto/links/resume.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { decodeRecord } from '../../engine/ports/records.ts'
import { decodeEngineFrame, decodePhoneFrame, encodePhoneFrame } from '../../protocol/messages/frame-codec.ts'
import { encodeResumeMaced, recordTypes } from '../../protocol/records.ts'
import { concatBytes } from '../../base/bytes.ts'
import { BandFlash } from '../../band-sim/band/flash.ts'
import { crowdedAir } from '../../band-sim/radio.ts'
import type { Wearer } from '../../band-sim/band/wearer.ts'
import { World, armedBand } from '../support/world.ts'

async function armedWorld(options: ConstructorParameters<typeof World>[0] = {}) {
  const world = new World(options)
  await world.start()
  return { world, ...(await armedBand(world)) }
}

/** A copy of a band's flash, as somebody who opened it could make. */
function copyOfFlash(wearer: Wearer): BandFlash {
  const { binding, root, engineKeys } = wearer.band.flash
  const copy = new BandFlash(engineKeys)
  if (root === undefined || binding === undefined) throw new Error('the band is not paired')
  copy.writeRoot(root.n, root.root)
  copy.writeBinding(binding)
  return copy
}

/** Counts what a journal says of a band's ratchet. */
function lastRatchet(world: World) {
  const records = world.disk.records.map(decodeRecord)
  return records.findLast((record) => record.type === 'ratchet')
}

describe('A link', () => {
  it('comes back by itself after the band reboots, the engine crashes and the network drops, fifty times over', async () => {
    const { world, band, wearer } = await armedWorld()
    for (let round = 0; round < 50; round++) {
      if (round % 3 === 0) wearer.band.reboot()
      if (round % 3 === 1) {
        await world.crash()
        await world.start()
      }
      if (round % 3 === 2) world.cutSockets()
      await world.time.advance(40_000)
      await world.run(band.whenLinked(200_000))
    }
    wearer.putsOn()
    await world.time.advance(5_000)
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    expect(world.failures).toEqual([])
  })

  it('moves the engine’s root on, and the old one is dropped once the band has shown that it ratcheted', async () => {
    const { world, wearer } = await armedWorld()
    await world.time.advance(40_000)
    const ratchet = lastRatchet(world)
    expect(ratchet).toMatchObject({ k: 1, sealedPrevious: null })
    expect(wearer.band.flash.root?.n).toBe(1)
  })

  it('is rekeyed when a day has passed, and pays on', async () => {
    const { world, band, wearer } = await armedWorld()
    await world.time.advance(30 * 3_600_000)
    wearer.band.reboot()
    await world.time.advance(200_000)
    await world.run(band.whenLinked(200_000))
    await world.time.advance(60_000)
    expect(wearer.count('rekeyed')).toBeGreaterThan(0)
    wearer.putsOn()
    await world.time.advance(5_000)
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    await world.crash()
    await world.start()
    await world.time.advance(60_000)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    expect(world.failures).toEqual([])
  })

  it('works over bad air, slowly', async () => {
    const world = new World({ seed: 5 })
    await world.start()
    const phone = await world.phone('alice')
    const wearer = world.wearer()
    const radio = world.radio(wearer, crowdedAir)
    const pairOnce = async (): Promise<Awaited<ReturnType<typeof phone.client.pair>>> => {
      wearer.taps()
      const { packageSecret, bandId } = wearer.band.device
      const paired = await world.run(phone.client.pair(radio.phone, { packageSecret, bandId }).catch(() => undefined))
      return paired ?? pairOnce()
    }
    const band = await pairOnce()
    wearer.putsOn()
    await world.time.advance(60_000)
    const armOnce = async (): Promise<unknown> => (await world.run(band.arm().catch(() => undefined))) ?? armOnce()
    await armOnce()
    let approved = 0
    for (let payment = 0; payment < 10; payment++) {
      const decision = await world.run(band.pay(world.offer({ amountMinor: 100 }).bytes).catch(() => undefined))
      if (decision?.approved === true) approved++
    }
    expect(approved).toBeGreaterThan(4)
    expect(world.failures).toEqual([])
  })
})

describe('A RESUME', () => {
  it('replayed, on the same socket or after a restart, opens nothing', async () => {
    const { world } = await armedWorld()
    const captured: Uint8Array[] = []
    world.intercept = (way, bytes) => {
      const frame = way === 'up' ? decodePhoneFrame(bytes, 4_096) : undefined
      if (frame?.type === 'record' && frame.bytes[0] === recordTypes.resume) captured.push(bytes.slice())
      return bytes
    }
    await world.crash()
    await world.start()
    await world.time.advance(60_000)
    expect(captured.length).toBeGreaterThan(0)
    const links = world.engine.status().links
    const ratchet = lastRatchet(world)
    for (const bytes of captured) world.inject(bytes)
    await world.time.advance(1_000)
    expect(world.engine.status().links).toBe(links)
    await world.crash()
    await world.start()
    await world.time.advance(60_000)
    for (const bytes of captured) world.inject(bytes)
    await world.time.advance(1_000)
    expect(lastRatchet(world)?.k).toBeGreaterThanOrEqual(ratchet?.k ?? 0)
    expect(
      world.engine.status().bands.armed + world.engine.status().bands.offWrist + world.engine.status().bands.disarmed,
    ).toBe(1)
    expect(world.engine.status().links).toBeLessThanOrEqual(1)
  })

  it('that is forged does not use up the nonce of the honest one', async () => {
    const { world, wearer, band } = await armedWorld()
    wearer.band.reboot()
    world.intercept = (way, bytes) => {
      const frame = way === 'up' ? decodePhoneFrame(bytes, 4_096) : undefined
      if (frame?.type === 'record' && frame.bytes[0] === recordTypes.resume) {
        const forged = frame.bytes.slice()
        forged[40] = (forged[40] ?? 0) ^ 1
        world.inject(encodePhoneFrame({ ...frame, bytes: forged }))
      }
      return bytes
    }
    await world.time.advance(100_000)
    await world.run(band.whenLinked(100_000))
    expect(band.isLinked).toBe(true)
  })
})

describe('A clone of a band’s flash', () => {
  it('that resumes after the band has ratcheted raises the alarm: both links end, the band is frozen, its owner told', async () => {
    const { world, phone, band, wearer, radio } = await armedWorld()
    await world.time.advance(40_000)
    const clone = world.wearer(wearer.band.device, copyOfFlash(wearer))
    await world.crash()
    await world.start()
    await world.time.advance(100_000)
    await world.run(band.whenLinked(100_000))
    expect(wearer.band.flash.root?.n).toBeGreaterThan(clone.band.flash.root?.n ?? 0)
    const alerts: string[] = []
    phone.client.on('alert', (alert) => alerts.push(alert.kind))
    // The thief's clone speaks in the band's place.
    radio.disconnect()
    await world.cloneInstead(band.slot, clone.band)
    expect(alerts).toContain('clone-suspected')
    const [listed] = await world.run(phone.client.bands())
    expect(listed?.holds).toEqual(['risk-freeze'])
    expect(world.failures).toEqual([])
  })

  it('cannot be made up: an older number under no root freezes nobody', async () => {
    const { world, phone, band } = await armedWorld()
    await world.time.advance(40_000)
    let nonce: Uint8Array | undefined
    world.intercept = (way, bytes) => {
      const frame = way === 'down' ? decodeEngineFrame(bytes) : undefined
      if (frame?.type === 'record' && frame.bytes[0] === recordTypes.chal) nonce = frame.bytes.slice(2)
      return bytes
    }
    world.cutSockets()
    await world.time.advance(5_000)
    const maced = encodeResumeMaced(band.bid, 0, new Uint8Array(16))
    const mac = resumeMac(nodePrimitives, new Uint8Array(32), maced, nonce ?? new Uint8Array(16))
    world.inject(encodePhoneFrame({ type: 'record', id: 0, slot: band.slot, bytes: concatBytes(maced, mac) }))
    await world.time.advance(5_000)
    const [listed] = await world.run(phone.client.bands())
    expect(listed?.holds).toEqual([])
  })
})
