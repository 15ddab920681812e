// Holes that were found by attack, each with the attack that must not work again.

import { describe, expect, it } from 'vitest'
import { errorCodes } from '../../protocol/errors.ts'
import { decodePhoneFrame } from '../../protocol/messages/frame-codec.ts'
import { changes } from '../../protocol/messages/frames.ts'
import { idBytes } from '../../protocol/ids.ts'
import { BandFlash } from '../../band-sim/band/flash.ts'
import { makeBand } from '../../band-sim/band/package.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { RawPhone } from '../support/raw-phone.ts'
import { World, armedBand } from '../support/world.ts'

async function armedWorld(options: ConstructorParameters<typeof World>[0] = {}) {
  const world = new World(options)
  await world.start()
  return { world, ...(await armedBand(world)) }
}

describe('The view', () => {
  it('that is slow to write loses nothing of what is appended meanwhile', async () => {
    const { world, band } = await armedWorld({ config: { viewFlushMs: 1 } })
    world.disk.writing = () => new Promise((resolve) => world.time.after(40, resolve))
    for (let payment = 0; payment < 6; payment++) {
      expect(await world.run(band.pay(world.offer({ amountMinor: 100 }).bytes))).toMatchObject({ approved: true })
      await world.time.advance(payment * 7)
    }
    await world.run(band.freeze())
    await world.time.advance(1_000)
    world.disk.writing = () => Promise.resolve()
    await world.crash()
    await world.start()
    await world.time.advance(60_000)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: false, reason: 'owner-freeze' })
    await world.run(band.unfreeze())
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer({ amountMinor: 100 }).bytes))).toMatchObject({
      dayLeftMinor: 20_000 - 700,
    })
  })

  it('that cannot be written keeps nobody from freezing everything or reading the bands', async () => {
    const { world, phone, wearer } = await armedWorld({ config: { viewFlushMs: 1 } })
    world.disk.writing = () => Promise.reject(new Error('no room'))
    expect(await world.run(phone.client.freeze(), 5_000)).toEqual(['owner-freeze'])
    expect(wearer.band.isArmed).toBe(false)
    expect(await world.run(phone.client.bands(), 5_000)).toMatchObject([{ holds: ['owner-freeze'] }])
    world.disk.writing = () => Promise.resolve()
    await world.time.advance(5_000)
    expect(world.engine.status()).toMatchObject({ appliedLsn: world.engine.status().durableLsn })
  })
})

describe('A thief with a token', () => {
  it('gets no phone past its delay by enrolling many that are vetoed', async () => {
    const { world, phone } = await armedWorld()
    for (let number = 0; number < 17; number++) {
      const phoneId = `00${number.toString(16).padStart(2, '0')}`.padEnd(32, '0')
      await RawPhone.connect(world, 'alice', { phoneId })
      await world.run(phone.client.veto('phone', Uint8Array.from(Buffer.from(phoneId, 'hex'))))
      await world.time.advance(1_000)
    }
    const thief = await RawPhone.connect(world, 'alice')
    expect(thief.last('helloAnswer')?.pendingUntilMs).toBeGreaterThan(world.time.nowMs())
  })

  it('from the future is not freshly signed in', async () => {
    const { world } = await armedWorld()
    const thief = await RawPhone.connect(world, 'alice', { authTimeMs: world.time.nowMs() + 3_600_000 })
    expect(thief.closeCode).toBe(4002)
  })
})

describe('A phone', () => {
  it('does not veto a deactivation that the web began', async () => {
    const { world, phone, band } = await armedWorld()
    const web = await RawPhone.connect(world, 'alice', { scopes: ['web'] })
    const bid = idBytes(band.bid)
    expect(await web.ask({ type: 'deactivate', bid, uv: new Uint8Array(96) })).toMatchObject({
      type: 'deactivateAnswer',
    })
    await expect(world.run(phone.client.veto('deactivation', bid))).rejects.toMatchObject({ code: 'wrong-surface' })
    expect(await web.ask({ type: 'veto', change: changes.deactivation, target: bid })).toMatchObject({
      type: 'vetoAnswer',
    })
  })

  it('that floods its account does not keep the owner’s browser from freezing', async () => {
    const { world, band, phone } = await armedWorld({ config: { accountFramesPerSecond: 10, accountFramesBurst: 20 } })
    const web = await RawPhone.connect(world, 'alice', { scopes: ['web'] })
    for (let frame = 0; frame < 100; frame++) void phone.client.bands().catch(() => undefined)
    await world.time.advance(0)
    expect(await web.ask({ type: 'freeze', bid: idBytes(band.bid) }, 0)).toMatchObject({ type: 'frozen' })
  })

  it('writes nothing into the journal by asking for what is so already', async () => {
    const { world, phone } = await armedWorld()
    await world.run(phone.client.freeze())
    await world.run(phone.client.limits({ perUseMinor: 10_000, perDayMinor: 20_000, currency: 978 }, false))
    const { appendedLsn } = world.engine.status()
    for (let again = 0; again < 5; again++) {
      await world.run(phone.client.freeze())
      await world.run(phone.client.limits({ perUseMinor: 10_000, perDayMinor: 20_000, currency: 978 }, false))
      await world.time.advance(1_000)
    }
    expect(world.engine.status().appendedLsn).toBe(appendedLsn)
  })

  it('that gives up its windows after failed proofs is limited all the same', async () => {
    const world = new World()
    await world.start()
    const phone = await world.phone('alice')
    const outcomes: string[] = []
    for (let window = 0; window < 7; window++) {
      const wearer = world.wearer()
      wearer.taps()
      const pairing = phone.client.pair(world.radio(wearer).phone, { packageSecret: new Uint8Array(16) }).then(
        () => 'paired',
        (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : String(error)),
      )
      await world.time.advance(1_500)
      await world.run(phone.client.cancelPairing().catch(() => undefined))
      outcomes.push(await world.run(pairing))
    }
    expect(outcomes).toContain('rate-limited')
  })

  it('is told that all bands are unfrozen only when that is durable', async () => {
    const { world, phone } = await armedWorld()
    const second = world.wearer()
    second.taps()
    await world.run(phone.client.pair(world.radio(second).phone, { packageSecret: second.band.device.packageSecret }))
    const [first] = await world.run(phone.client.bands())
    if (first === undefined) throw new Error('no bands')
    await world.run(phone.client.freeze(first.bid))
    expect(await world.run(phone.client.unfreeze())).toEqual([])
    const { appendedLsn, durableLsn } = world.engine.status()
    expect(durableLsn).toBe(appendedLsn)
  })
})

describe('A band', () => {
  it('that has pinned the next engine key, or the one before, is rekeyed with it and links on', async () => {
    const world = new World()
    await world.start()
    const next = nodePrimitives.randomBytes(32)
    world.addEngineKey(2, next)
    const pinned = world.device()
    const device = makeBand(world.primitives, world.vendor, {
      engineKeys: [...pinned.engineKeys, { id: 2, publicKey: nodePrimitives.x25519PublicKey(next) }],
      releaseKeys: pinned.releaseKeys,
    })
    const wearer = world.wearer(device, new BandFlash(device.engineKeys))
    const phone = await world.phone('alice')
    wearer.taps()
    const band = await world.run(phone.client.pair(world.radio(wearer).phone, { packageSecret: device.packageSecret }))
    await world.time.advance(30 * 3_600_000)
    await world.crash()
    await world.start()
    await world.time.advance(120_000)
    await world.run(band.whenLinked(100_000))
    expect(wearer.count('rekeyed')).toBeGreaterThan(0)
    await world.crash()
    await world.start()
    await world.time.advance(120_000)
    await world.run(band.whenLinked(100_000))
  })

  it('whose key the engine does not know any more falls back to resuming', async () => {
    const world = new World()
    await world.start()
    const pinned = world.device()
    const unknown = { id: 9, publicKey: nodePrimitives.x25519PublicKey(nodePrimitives.randomBytes(32)) }
    const flash = new BandFlash([...pinned.engineKeys, unknown])
    const wearer = world.wearer(pinned, flash)
    const phone = await world.phone('alice')
    wearer.taps()
    const band = await world.run(phone.client.pair(world.radio(wearer).phone, { packageSecret: pinned.packageSecret }))
    await world.time.advance(30 * 3_600_000)
    await world.crash()
    await world.start()
    await world.time.advance(300_000)
    await world.run(band.whenLinked(200_000))
  })

  it('that a clone has outrun twice raises the alarm when it speaks', async () => {
    const { world, phone, band, wearer, radio } = await armedWorld()
    await world.time.advance(40_000)
    const { binding, root, engineKeys } = wearer.band.flash
    if (binding === undefined || root === undefined) throw new Error('not paired')
    const copied = new BandFlash(engineKeys)
    copied.writeRoot(root.n, root.root)
    copied.writeBinding(binding)
    const clone = world.wearer(wearer.band.device, copied)
    const cloneRadio = world.radio(clone)
    radio.disconnect()
    // The clone speaks in the band's place, through the same phone, twice.
    const relay = (bytes: Uint8Array) => clone.band.receive(bytes)
    world.bridgeInstead(band.slot, clone.band, relay)
    await world.crash()
    await world.start()
    const outrun = async (stepsLeft: number): Promise<void> => {
      if ((clone.band.flash.root?.n ?? 0) >= root.n + 2 || stepsLeft === 0) return
      await world.time.advance(500)
      return outrun(stepsLeft - 1)
    }
    await outrun(400)
    expect(clone.band.flash.root?.n).toBeGreaterThanOrEqual(root.n + 2)
    cloneRadio.disconnect()
    world.bridgeInstead(undefined, undefined, undefined)
    radio.connect()
    await world.crash()
    await world.start()
    await world.time.advance(120_000)
    const [listed] = await world.run(phone.client.bands())
    expect(listed?.holds).toEqual(['risk-freeze'])
  })
})

describe('A hello', () => {
  it('that is refused says why before the socket closes', async () => {
    const world = new World()
    await world.start()
    const unbound = await RawPhone.connect(world, 'alice', { boundToKey: false })
    expect(unbound.last('error')?.code).toBe(errorCodes['phone-unknown'])
    expect(unbound.closeCode).toBe(4002)
  })
})

describe('A pairing', () => {
  it('whose COMMIT_ACK is lost is answered when the band resumes', async () => {
    const world = new World()
    await world.start()
    const phone = await world.phone('alice')
    const wearer = world.wearer()
    let dropped = 0
    let committed = false
    world.intercept = (way, bytes) => {
      const frame = way === 'up' ? decodePhoneFrame(bytes, 4_096) : undefined
      if (frame?.type !== 'record' || frame.bytes[0] !== 0x13) return bytes
      committed = true
      dropped++
      return undefined
    }
    wearer.taps()
    const pairing = phone.client.pair(world.radio(wearer).phone, { packageSecret: wearer.band.device.packageSecret })
    pairing.catch(() => undefined)
    for (let wait = 0; wait < 100 && !wearer.band.isPaired; wait++) await world.time.advance(100)
    expect(committed && dropped > 0).toBe(true)
    const other = await RawPhone.connect(world, 'alice', { keys: phone.keys, phoneId: 'ab'.repeat(16) })
    void other
    world.intercept = (_way, bytes) => bytes
    await world.time.advance(200_000)
    expect(world.engine.status().pairingWindows).toBe(0)
    expect(world.engine.status().bands.pairing).toBe(0)
  })
})
