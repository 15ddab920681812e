// What an engine does when more is asked than it can do: it says so at once, and those who are there go before newcomers.

import { describe, expect, it } from 'vitest'
import { Fault } from '../../engine/ports/fault.ts'
import { concatBytes } from '../../base/bytes.ts'
import { closeCodes, errorCodes } from '../../protocol/errors.ts'
import { decodeEngineFrame } from '../../protocol/messages/frame-codec.ts'
import type { EngineFrame } from '../../protocol/messages/frames.ts'
import { idBytes } from '../../protocol/ids.ts'
import { encodeNolink, encodeResumeMaced } from '../../protocol/records.ts'
import { World, armedBand } from '../support/world.ts'
import { RawPhone } from '../support/raw-phone.ts'

describe('An engine that is behind with the disk', () => {
  it('answers new requests busy, spends no cryptography on them, and takes them again when it has caught up', async () => {
    const world = new World({ config: { gateWaitMaxMs: 20 } })
    await world.start()
    const [{ band: first }, { band: second }] = [await armedBand(world, 'alice'), await armedBand(world, 'bob')]
    let syncs: (() => void)[] = []
    world.disk.syncing = () => new Promise((resolve) => syncs.push(resolve))
    const waiting = first.pay(world.offer().bytes)
    await world.time.advance(21)
    const offer = world.offer()
    await expect(world.run(second.pay(offer.bytes))).rejects.toMatchObject({ code: 'busy', retryAfterMs: 100 })
    world.disk.syncing = () => Promise.resolve()
    for (const sync of syncs) sync()
    syncs = []
    expect(await world.run(waiting)).toMatchObject({ approved: true })
    expect(await world.run(second.pay(offer.bytes))).toMatchObject({ approved: true })
    expect(world.failures).toEqual([])
  })

  it('takes what comes within the time it may be behind', async () => {
    const world = new World({ config: { gateWaitMaxMs: 20 } })
    await world.start()
    const [{ band: first }, { band: second }] = [await armedBand(world, 'alice'), await armedBand(world, 'bob')]
    const syncs: (() => void)[] = []
    world.disk.syncing = () => new Promise((resolve) => syncs.push(resolve))
    const payments = [first.pay(world.offer().bytes)]
    await world.time.advance(15)
    payments.push(second.pay(world.offer().bytes))
    await world.time.advance(1)
    world.disk.syncing = () => Promise.resolve()
    for (const sync of syncs) sync()
    expect(await world.run(Promise.all(payments))).toMatchObject([{ approved: true }, { approved: true }])
  })
})

describe('An engine whose view a crash left, and which was not found whole yet', () => {
  /** Two rows bound what a band pays: its account's day, and its present arming. */
  const boundingTables = ['usage', 'arming']

  /** An account has used up its day in one arming, the engine died, and rows that say so vanished from the disk. */
  async function startedOnLessRows(approveBeforeProven: boolean, vanished = boundingTables) {
    const world = new World({ config: { approveBeforeProven } })
    await world.start()
    const member = await armedBand(world, 'alice')
    const pay = () => world.run(member.band.pay(world.offer({ amountMinor: 2_000 }).bytes))
    let count = 0
    while ((await pay()).approved) count++
    expect(count).toBe(10)
    await world.time.advance(1_000)
    await world.crash()
    for (const table of vanished) {
      const lost = [...world.disk.rows.keys()].filter((key) => key.startsWith(`${table}/alice`))
      expect(lost.map((key) => world.disk.rows.delete(key))).toEqual([true])
    }
    world.disk.isViewProven = false
    await world.start()
    await world.time.advance(30_000)
    await world.run(member.band.whenLinked(200_000))
    return { world, ...member }
  }

  it('approves where its operator takes the risk, and so beyond a limit whose sum has vanished', async () => {
    const { world, band } = await startedOnLessRows(true)
    expect(world.engine.status()).toMatchObject({ view: 'believed' })
    expect(await world.run(band.pay(world.offer({ amountMinor: 2_000 }).bytes))).toMatchObject({ approved: true })
  })

  it.each(boundingTables)(
    'denies what the one sum that is left forbids, when only that of the %s vanished',
    async (lost) => {
      const { world, band } = await startedOnLessRows(true, [lost])
      const reason = lost === 'usage' ? 'over-arming-limit' : 'over-day-limit'
      const answer = await world.run(band.pay(world.offer({ amountMinor: 2_000 }).bytes))
      expect(answer).toMatchObject({ approved: false, reason })
    },
  )

  it('approves nothing unless told to, journals nothing of it, and says when to ask again', async () => {
    const { world, band } = await startedOnLessRows(false)
    const asking = world.run(band.pay(world.offer({ amountMinor: 2_000 }).bytes))
    await expect(asking).rejects.toMatchObject({ code: 'busy', retryAfterMs: 1_000 })
    const { view, decisions } = world.engine.status()
    expect([view, Object.values(decisions).filter((count) => count > 0)]).toEqual(['checking', []])
  })

  it('decides the same offer once the view was found whole', async () => {
    const world = new World()
    await world.start()
    const { band } = await armedBand(world, 'alice')
    await world.crash()
    world.disk.isViewProven = false
    await world.start()
    await world.run(band.whenLinked(200_000))
    const offer = world.offer({ amountMinor: 50 })
    await expect(world.run(band.pay(offer.bytes))).rejects.toMatchObject({ code: 'busy' })
    world.disk.isViewProven = true
    expect(await world.run(band.pay(offer.bytes))).toMatchObject({ approved: true })
    expect(world.engine.status()).toMatchObject({ view: 'proven' })
  })

  it('still takes what takes rights away, and reads', async () => {
    const { world, phone, band } = await startedOnLessRows(false)
    expect(await world.run(band.freeze())).toEqual(['owner-freeze'])
    expect((await world.run(phone.client.bands())).map(({ bid }) => bid)).toEqual([band.bid])
  })
})

/** How many payments were approved before the engine said that it is busy. */
async function payUntilBusy(world: World, band: { pay: (offer: Uint8Array) => Promise<object> }): Promise<number> {
  for (let approved = 0; ; approved++) {
    const answer = await world.run(
      band.pay(world.offer({ amountMinor: 100 }).bytes).catch((error: unknown) => Object(error)),
    )
    if ('code' in answer) {
      expect(answer).toMatchObject({ code: 'busy', retryAfterMs: 100 })
      return approved
    }
    expect(answer).toMatchObject({ approved: true })
  }
}

describe('An engine whose view cannot keep up', () => {
  it('decides nothing new and resumes nobody until it can, and then both', async () => {
    const world = new World({ config: { viewFlushRecords: 2 } })
    await world.start()
    const { band, phone } = await armedBand(world, 'alice')
    const written: (() => void)[] = []
    world.disk.writing = () => new Promise((resolve) => written.push(resolve))
    // More than three flushes of two records, and no more than that and what was there before.
    expect(await payUntilBusy(world, band)).toBeOneOf([4, 5, 6, 7])
    // What stops something waits for no view.
    expect(await world.run(phone.client.freeze())).toEqual(['owner-freeze'])
    world.disk.writing = () => Promise.resolve()
    for (const done of written) done()
    await world.time.advance(5_000)
    await world.run(band.unfreeze())
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer({ amountMinor: 100 }).bytes))).toMatchObject({ approved: true })
  })

  it('has bands that resume try again until it can take them', async () => {
    const world = new World({ config: { viewFlushRecords: 2 } })
    await world.start()
    const { band, wearer } = await armedBand(world, 'alice')
    const written: (() => void)[] = []
    world.disk.writing = () => new Promise((resolve) => written.push(resolve))
    await payUntilBusy(world, band)
    wearer.band.reboot()
    // The phone notices after a while.
    await world.time.advance(200_000)
    expect(wearer.band.isLinked).toBe(false)
    world.disk.writing = () => Promise.resolve()
    for (const done of written) done()
    await world.time.advance(10_000)
    expect(wearer.band.isLinked).toBe(true)
  })
})

describe('An engine that has as many hellos to verify as it may', () => {
  it('sends the next newcomer away to try again, and lets in who comes back with a resume token', async () => {
    const world = new World({ config: { hellosMax: 1 } })
    await world.start()
    const known = await RawPhone.connect(world, 'alice')
    const resumeToken = known.last('helloAnswer')?.resumeToken.slice()
    if (resumeToken === undefined) throw new Error('no resume token')
    const verified: (() => void)[] = []
    world.verifying = () => new Promise((resolve) => verified.push(resolve))
    const newcomer = await RawPhone.connect(world, 'bob')
    const nextNewcomer = await RawPhone.connect(world, 'carol')
    const back = await RawPhone.connect(world, 'alice', { phoneId: known.phoneId, keys: known.keys, resumeToken })
    expect(verified.length).toBe(2)
    expect(nextNewcomer.last('error')).toMatchObject({ code: errorCodes.busy, retryAfterMs: 100 })
    expect(nextNewcomer.closeCode).toBe(closeCodes.unavailable.number)
    for (const go of verified) go()
    await world.time.advance(100)
    expect(newcomer.last('helloAnswer')).toMatchObject({ resumed: false })
    expect(back.last('helloAnswer')).toMatchObject({ resumed: true })
    world.verifying = () => Promise.resolve()
    expect((await RawPhone.connect(world, 'carol')).last('helloAnswer')).toMatchObject({ resumed: false })
  })

  it('tells a phone whose token cannot be judged now to come back, and no bug for each of them', async () => {
    const world = new World()
    await world.start()
    world.verifying = () => Promise.reject(new Fault('issuer-unreachable', 'the issuer is away', { retry: true }))
    const phone = await RawPhone.connect(world, 'alice')
    expect(phone.last('error')).toMatchObject({ code: errorCodes.unavailable })
    expect([phone.closeCode, world.failures]).toEqual([closeCodes.unavailable.number, []])
    world.verifying = () => Promise.resolve()
    expect((await RawPhone.connect(world, 'alice')).last('helloAnswer')).toMatchObject({ resumed: false })
  })

  it('lets in no more than four times as many of those', async () => {
    const world = new World({ config: { hellosMax: 1 } })
    await world.start()
    const known: RawPhone[] = []
    for (let phone = 0; phone < 5; phone++) known.push(await RawPhone.connect(world, `account-${phone}`))
    const verified: (() => void)[] = []
    world.verifying = () => new Promise((resolve) => verified.push(resolve))
    const back: RawPhone[] = []
    for (const [number, phone] of known.entries()) {
      const resumeToken = phone.last('helloAnswer')?.resumeToken.slice() ?? new Uint8Array(32)
      const { phoneId, keys } = phone
      back.push(await RawPhone.connect(world, `account-${number}`, { phoneId, keys, resumeToken }))
    }
    expect(verified.length).toBe(4)
    expect(back.map((phone) => phone.closeCode)).toEqual([...Array(4).fill(undefined), closeCodes.unavailable.number])
  })
})

describe('An engine with as many links as it may have', () => {
  /** Alice wears a band that is linked, and Bob one that is not paired yet; `errors` are what the engine refused since. */
  async function twoBands(linksMax: number) {
    const world = new World({ config: { linksMax } })
    await world.start()
    const alice = await armedBand(world, 'alice')
    const heard: EngineFrame[] = []
    world.intercept = (way, bytes) => {
      const frame = way === 'down' ? decodeEngineFrame(bytes.slice()) : undefined
      if (frame !== undefined && frame.type !== 'malformed') heard.push(frame)
      return bytes
    }
    const phone = await world.phone('bob')
    const wearer = world.wearer()
    const radio = world.radio(wearer).phone
    wearer.taps()
    const pairing = () => world.run(phone.client.pair(radio, { packageSecret: wearer.band.device.packageSecret }))
    const errors = () => heard.filter((frame) => frame.type === 'error').map(({ id, code }) => ({ id, code }))
    return { world, errors, alice, bob: { phone, radio, wearer, pairing } }
  }

  it('links as many bands as that', async () => {
    const { errors, bob } = await twoBands(2)
    expect((await bob.pairing()).isLinked).toBe(true)
    expect(errors()).toEqual([])
  })

  it('answers one band more with busy, and links it when there is room', async () => {
    const { world, errors, alice, bob } = await twoBands(1)
    await expect(bob.pairing()).rejects.toMatchObject({ code: 'busy', then: 'retry' })
    expect(errors().length).toBeGreaterThan(0)
    expect(errors().every(({ id, code }) => id === 0 && code === errorCodes.busy)).toBe(true)
    expect(await world.run(alice.band.pay(world.offer().bytes))).toMatchObject({ approved: true })

    // It is paired: what it lacks is a link.
    const [paired] = await world.run(bob.phone.client.bands())
    if (paired === undefined) throw new Error('the band is paired')
    await world.run(alice.band.detach())
    const band = await world.run(bob.phone.client.attach(bob.radio, paired.bid))
    bob.wearer.putsOn()
    await world.time.advance(5_000)
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    expect(world.failures).toEqual([])
  })

  it('lets a band that lost its link come back in its own place', async () => {
    const { world, errors, alice } = await twoBands(1)
    alice.wearer.band.reboot()
    await world.time.advance(260_000)
    alice.wearer.putsOn()
    await world.time.advance(5_000)
    await world.run(alice.band.arm())
    expect(await world.run(alice.band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    expect(errors()).toEqual([])
  })

  it('answers a band that wants new keys with busy, and its link goes on', async () => {
    const { world, errors, alice } = await twoBands(1)
    await world.time.advance(30 * 3_600_000)
    alice.wearer.band.reboot()
    await world.time.advance(600_000)
    expect(errors()).toContainEqual({ id: 0, code: errorCodes.busy })
    expect(alice.wearer.count('rekeyed')).toBe(0)
    alice.wearer.putsOn()
    await world.time.advance(5_000)
    await world.run(alice.band.arm())
    expect(await world.run(alice.band.pay(world.offer().bytes))).toMatchObject({ approved: true })
  })

  it('says nothing of it to what proves no band', async () => {
    const { world, bob } = await twoBands(1)
    await expect(bob.pairing()).rejects.toMatchObject({ code: 'busy' })
    const [paired] = await world.run(bob.phone.client.bands())
    if (paired === undefined) throw new Error('the band is paired')
    const phone = await RawPhone.connect(world, 'bob', bob.phone)
    const bid = idBytes(paired.bid)
    expect(await phone.ask({ type: 'attach', slot: 0, bid, account: null })).toMatchObject({ type: 'attachAnswer' })
    const bytes = concatBytes(encodeResumeMaced(paired.bid, 0, new Uint8Array(16)), new Uint8Array(16))
    expect(await phone.ask({ type: 'record', slot: 0, bytes })).toMatchObject({ type: 'recordAnswer' })
    expect(phone.last('record')?.bytes).toEqual(encodeNolink())
    expect(phone.all('error')).toEqual([])
  })
})
