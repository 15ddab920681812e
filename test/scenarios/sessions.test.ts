// A phone's session: who may speak, who gives way, what is taken over, and what an engine that is full or ending says.

import { describe, expect, it } from 'vitest'
import { errorCodes } from '../../protocol/errors.ts'
import { idBytes } from '../../protocol/ids.ts'
import { createSoftwareKeys } from '../../sdk/phone/phone-keys.ts'
import { World, armedBand } from '../support/world.ts'
import { RawPhone } from '../support/raw-phone.ts'

async function startedWorld(options: ConstructorParameters<typeof World>[0] = {}) {
  const world = new World(options)
  await world.start()
  return world
}

describe('A session', () => {
  it('is refused without a good signature by the session key', async () => {
    const world = await startedWorld()
    const keys = createSoftwareKeys(world.primitives)
    const phone = new RawPhone(world, {
      keys: { ...keys, session: { ...keys.session, sign: () => new Uint8Array(64) } },
    })
    await world.time.advance(10)
    await phone.hello(world.token({ account: 'alice' }))
    await world.time.advance(100)
    expect(phone.closeCode).toBe(4002)
  })

  it('is not opened by another host, whatever was signed for it there', async () => {
    const world = await startedWorld()
    // An engine at evil.example that passes on what phones say to it would come by that host, for phones sign it.
    for (const host of ['evil.example', 'engine.test.evil.example', 'localhost']) {
      const relayed = world.listener.connect({ host })
      await world.time.advance(10)
      expect(relayed.refusal?.status).toBe(421)
    }
    expect((await RawPhone.connect(world, 'alice')).last('helloAnswer')).toBeDefined()
  })

  it('is closed when it has not said who it is within five seconds', async () => {
    const world = await startedWorld()
    const phone = new RawPhone(world)
    await world.time.advance(6_000)
    expect(phone.closeCode).toBe(4001)
  })

  it('may do nothing before its hello', async () => {
    const world = await startedWorld()
    const phone = new RawPhone(world)
    await world.time.advance(10)
    expect(RawPhone.errorOf(await phone.ask({ type: 'challenge' }))).toBe(errorCodes['not-authenticated'])
  })

  it('gives way to a newer one of the same phone, and is told so', async () => {
    const world = await startedWorld()
    const first = await RawPhone.connect(world, 'alice')
    const { keys, phoneId } = first
    const second = await RawPhone.connect(world, 'alice', { keys, phoneId })
    expect(first.closeCode).toBe(4003)
    expect(second.last('helloAnswer')?.sessionNumber).toBeGreaterThan(first.last('helloAnswer')?.sessionNumber ?? 0)
    expect(await second.ask({ type: 'challenge' })).toMatchObject({ type: 'challengeAnswer' })
  })

  it('has numbers that grow across restarts', async () => {
    const world = await startedWorld()
    const first = await RawPhone.connect(world, 'alice')
    await world.crash()
    await world.start()
    const { keys, phoneId } = first
    const second = await RawPhone.connect(world, 'alice', { keys, phoneId })
    expect(second.last('helloAnswer')?.sessionNumber).toBeGreaterThan(first.last('helloAnswer')?.sessionNumber ?? 0)
  })

  it('of a known phone with other keys is refused', async () => {
    const world = await startedWorld()
    const first = await RawPhone.connect(world, 'alice')
    const second = await RawPhone.connect(world, 'alice', { phoneId: first.phoneId })
    expect(second.closeCode).toBe(4002)
  })

  it('takes over its bands with its resume token, and pays without a new link', async () => {
    const world = await startedWorld()
    const { phone, band, wearer } = await armedBand(world)
    const linked = wearer.count('linked')
    const before = phone.client
    let isReconnected = false
    before.on('reconnected', ({ resumed }) => {
      isReconnected = resumed
    })
    world.cutSockets()
    await world.time.advance(10_000)
    expect(isReconnected).toBe(true)
    expect(wearer.count('linked')).toBe(linked)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
  })

  it('of another account cannot attach a band: the same error as for one that does not exist', async () => {
    const world = await startedWorld()
    const { band } = await armedBand(world)
    const mallory = await RawPhone.connect(world, 'mallory')
    const foreign = await mallory.ask({ type: 'attach', slot: 0, bid: idBytes(band.bid), account: null })
    const unknown = await mallory.ask({ type: 'attach', slot: 0, bid: new Uint8Array(8), account: null })
    expect(RawPhone.errorOf(foreign)).toBe(errorCodes['unknown-band'])
    expect(RawPhone.errorOf(unknown)).toBe(errorCodes['unknown-band'])
    expect(RawPhone.errorOf(await mallory.ask({ type: 'freeze', bid: idBytes(band.bid) }))).toBe(
      errorCodes['unknown-band'],
    )
  })

  it('ends with its token', async () => {
    const world = await startedWorld()
    const phone = new RawPhone(world)
    await world.time.advance(10)
    await phone.hello(world.token({ account: 'alice', expiresAtMs: world.time.nowMs() + 60_000 }))
    await world.time.advance(59_000)
    expect(await phone.ask({ type: 'challenge' })).toMatchObject({ type: 'challengeAnswer' })
    await world.time.advance(2_000)
    await phone.ask({ type: 'challenge' })
    expect(phone.closeCode).toBe(4008)
  })

  it('that sends what is no frame is closed', async () => {
    const world = await startedWorld()
    const phone = await RawPhone.connect(world, 'alice')
    phone.socket.send(Uint8Array.of(0x93, 0xc7, 0x00))
    await world.time.advance(100)
    expect(phone.closeCode).toBe(4000)
  })

  it('of one account is slowed past its rate before any cryptography', async () => {
    const world = await startedWorld({ config: { accountFramesPerSecond: 10, accountFramesBurst: 3 } })
    const phone = await RawPhone.connect(world, 'alice')
    for (let frame = 0; frame < 3; frame++)
      expect(await phone.ask({ type: 'challenge' }, 0)).toMatchObject({ type: 'challengeAnswer' })
    expect(await phone.ask({ type: 'challenge' }, 0)).toMatchObject({
      code: errorCodes['rate-limited'],
      retryAfterMs: 100,
    })
    await world.time.advance(100)
    expect(await phone.ask({ type: 'challenge' }, 0)).toMatchObject({ type: 'challengeAnswer' })
  })

  it('asks for doors and tickets in vain: this engine says so', async () => {
    const world = await startedWorld()
    const phone = await RawPhone.connect(world, 'alice')
    expect(RawPhone.errorOf(await phone.ask({ type: 'grants', cursor: 0, count: 1 }))).toBe(
      errorCodes['unsupported-frame'],
    )
  })
})

describe('A hub', () => {
  it('carries bands of the accounts it may speak for, and signs no verification', async () => {
    const world = await startedWorld()
    const { band, phone } = await armedBand(world)
    await world.run(band.detach())
    const hub = await RawPhone.connect(world, 'hub-1', { path: '/hub', scopes: ['hub'], hubAccounts: ['alice'] })
    expect(hub.last('helloAnswer')).toBeDefined()
    const bid = idBytes(band.bid)
    expect(await hub.ask({ type: 'attach', slot: 700, bid, account: 'alice' })).toMatchObject({ type: 'attachAnswer' })
    expect(RawPhone.errorOf(await hub.ask({ type: 'attach', slot: 1, bid, account: 'bob' }))).toBe(
      errorCodes['unknown-band'],
    )
    expect(RawPhone.errorOf(await hub.ask({ type: 'unfreeze', bid, uv: new Uint8Array(96) }))).toBe(
      errorCodes['not-for-hubs'],
    )
    expect(phone.client.isLive).toBe(true)
  })

  it('without the hub scope is refused', async () => {
    const world = await startedWorld()
    const hub = await RawPhone.connect(world, 'hub-1', { path: '/hub', hubAccounts: ['alice'] })
    expect(hub.closeCode).toBe(4002)
  })
})

describe('An engine', () => {
  it('whose disk is full refuses what needs room, freezes still, loses nothing, and goes on when there is room', async () => {
    const world = await startedWorld()
    const { band } = await armedBand(world)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    world.disk.trouble = 'full'
    await expect(world.run(band.pay(world.offer().bytes))).rejects.toMatchObject({ code: 'storage-full' })
    expect(await world.run(band.freeze())).toEqual(['owner-freeze'])
    world.disk.trouble = 'none'
    await world.run(band.unfreeze())
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true, dayLeftMinor: 17_500 })
    expect(world.failures).toEqual([])
  })

  it('that is asked to stop answers what is under way and tells its phones to come back', async () => {
    const world = await startedWorld()
    const { band, phone } = await armedBand(world)
    const paying = band.pay(world.offer().bytes)
    paying.catch(() => undefined)
    let wasDisconnected = false
    phone.client.on('disconnected', () => {
      wasDisconnected = true
    })
    await world.time.advance(0)
    await world.stop()
    await world.start()
    expect(await world.run(paying)).toMatchObject({ approved: true })
    expect(wasDisconnected).toBe(true)
  })
})
