// What is approved and what is denied, end to end: real phones, real firmware, one engine.

import { describe, expect, it } from 'vitest'
import { base64url } from '../../base/base64url.ts'
import { decodePhoneFrame, encodePhoneFrame } from '../../protocol/messages/frame-codec.ts'
import { verifyReceipt } from '../../sdk/receipts.ts'
import { createPartner } from '../../sdk/offers.ts'
import { refuses, taps } from '../../band-sim/band/wearer.ts'
import { World, armedBand, euro, euroLimits, tillResource } from '../support/world.ts'

async function armedWorld(options: ConstructorParameters<typeof World>[0] = {}) {
  const world = new World(options)
  await world.start()
  return { world, ...(await armedBand(world)) }
}

describe('A worn and armed band', () => {
  it('pays, shows its wearer the result and gives a receipt that the partner verifies offline', async () => {
    const { world, band, wearer } = await armedWorld()
    const offer = world.offer()
    const decision = await world.run(band.pay(offer.bytes, { receipt: true }))
    expect(decision).toMatchObject({ approved: true, reason: 'approved', obligation: null })
    expect(wearer.count('result')).toBe(1)
    const jwks = { keys: [{ kty: 'OKP', crv: 'Ed25519', kid: 'r1', x: base64url(world.receiptKey) }] }
    const verdict = await verifyReceipt(decision.receipt ?? '', {
      jwks,
      issuer: 'https://engine.test',
      offer: offer.bytes,
      ownerEpochs: new Map(),
      nowMs: world.time.nowMs(),
    })
    expect(verdict).toMatchObject({ type: 'valid', claims: { amountMinor: 1_250, currency: euro } })
    expect(world.failures).toEqual([])
  })

  it('receives money too', async () => {
    const { world, band } = await armedWorld()
    const decision = await world.run(band.pay(world.offer({ action: 'receive', amountMinor: 2_000 }).bytes))
    expect(decision.approved).toBe(true)
  })

  it.each(['unlock', 'admit', 'redeem', 'identify', 'ride', 200] as const)(
    'is refused %s, which no engine decides yet',
    async (action) => {
      const { world, band } = await armedWorld()
      const decision = await world.run(band.pay(world.offer({ action }).bytes))
      expect(decision).toMatchObject({ approved: false, reason: 'unsupported-action', obligation: null })
    },
  )

  it('needs a tap for more than its signal strength supports, and pays once its wearer has tapped', async () => {
    const { world, band, wearer } = await armedWorld()
    const offer = world.offer({ amountMinor: 4_000 })
    const denied = await world.run(band.pay(offer.bytes))
    expect(denied).toMatchObject({ approved: false, reason: 'proximity-too-low', obligation: 'tap' })
    wearer.habit = taps
    const approved = await world.run(band.pay(offer.bytes))
    expect(approved).toMatchObject({ approved: true })
  })

  it('is denied when its wearer says no, and the same offer stays denied', async () => {
    const { world, band, wearer } = await armedWorld()
    wearer.habit = refuses
    const offer = world.offer()
    expect(await world.run(band.pay(offer.bytes))).toMatchObject({ reason: 'refused-by-wearer' })
    wearer.habit = taps
    expect(await world.run(band.pay(offer.bytes))).toMatchObject({ reason: 'refused-by-wearer' })
  })

  it('pays up to the limit of one use and not a cent above it', async () => {
    const { world, band, wearer } = await armedWorld()
    wearer.habit = taps
    expect(await world.run(band.pay(world.offer({ amountMinor: 10_001 }).bytes))).toMatchObject({
      reason: 'over-use-limit',
    })
    expect(await world.run(band.pay(world.offer({ amountMinor: 10_000 }).bytes))).toMatchObject({ approved: true })
  })

  it('tells after each payment exactly what the next one may be', async () => {
    const table = {
      ...euroLimits,
      perUseMinor: 50_000,
      perDayMinor: 100_000,
      perClassDayMinor: { pay: 100_000, receive: 500_000 },
      perLevelUseMinor: [0, 2_500, 15_000, 25_000, 50_000],
      perLevelDayMinor: [0, 10_000, 50_000, 75_000, 100_000],
      verification: [{ aboveMinor: 30_000, withinMs: 0 }],
    } as const
    const world = new World({ config: { limits: new Map([[euro, table]]) } })
    await world.start()
    const { band, wearer } = await armedBand(world)
    wearer.habit = taps
    const useLeft: number[] = []
    for (const amountMinor of [15_000, 15_000, 15_000, 4_000, 1_000]) {
      const decision = await world.run(band.pay(world.offer({ amountMinor }).bytes))
      expect(decision.approved).toBe(true)
      useLeft.push(decision.useLeftMinor)
    }
    expect(useLeft).toEqual([15_000, 15_000, 5_000, 1_000, 0])
    expect(await world.run(band.pay(world.offer({ amountMinor: 1 }).bytes))).toMatchObject({
      reason: 'over-evidence-limit',
    })
  })

  it('never pays more than the limit of a day, also across a crash, and pays again on the next day', async () => {
    const { world, band, wearer } = await armedWorld()
    wearer.habit = taps
    expect(await world.run(band.pay(world.offer({ amountMinor: 10_000 }).bytes))).toMatchObject({
      approved: true,
      dayLeftMinor: 10_000,
    })
    await world.crash()
    await world.start()
    await world.time.advance(30_000)
    expect(await world.run(band.pay(world.offer({ amountMinor: 9_000 }).bytes))).toMatchObject({
      approved: true,
      dayLeftMinor: 1_000,
    })
    expect(await world.run(band.pay(world.offer({ amountMinor: 1_001 }).bytes))).toMatchObject({
      reason: 'over-day-limit',
    })
    expect(await world.run(band.pay(world.offer({ amountMinor: 1_000 }).bytes))).toMatchObject({
      approved: true,
      dayLeftMinor: 0,
    })
    await world.time.advance(24 * 3_600_000)
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer({ amountMinor: 1_000 }).bytes))).toMatchObject({ approved: true })
  })

  it('asks for a fresh verification above the amount that needs one', async () => {
    const { world, band, wearer } = await armedWorld()
    wearer.habit = taps
    await world.time.advance(2 * 3_600_000)
    const offer = world.offer({ amountMinor: 6_000 })
    expect(await world.run(band.pay(offer.bytes))).toMatchObject({
      reason: 'verification-stale',
      obligation: 'verify-user',
    })
    expect(await world.run(band.pay(offer.bytes, { verifyUser: true }))).toMatchObject({ approved: true })
  })
})

describe('One reference', () => {
  it('has one decision: asked again it is the same, across a crash and without charging twice', async () => {
    const { world, band } = await armedWorld()
    const offer = world.offer()
    const first = await world.run(band.pay(offer.bytes, { receipt: true }))
    const again = await world.run(band.pay(offer.bytes, { receipt: true }))
    expect(again).toEqual(first)
    await world.crash()
    await world.start()
    await world.time.advance(30_000)
    expect(await world.run(band.pay(offer.bytes, { receipt: true }))).toEqual(first)
    const entries = []
    for await (const entry of historyOf(world, band)) entries.push(entry)
    expect(entries).toHaveLength(1)
  })

  it('with other content is a conflict', async () => {
    const { world, band } = await armedWorld()
    const reference = '0102030405060708'
    await world.run(band.pay(world.offer({ reference }).bytes))
    expect(await world.run(band.pay(world.offer({ reference, amountMinor: 1 }).bytes))).toMatchObject({
      reason: 'reference-conflict',
      lsn: 0,
    })
  })

  it('of another account is a conflict', async () => {
    const { world, band } = await armedWorld()
    const other = await armedBand(world, 'bob')
    const offer = world.offer()
    expect(await world.run(band.pay(offer.bytes))).toMatchObject({ approved: true })
    expect(await world.run(other.band.pay(offer.bytes))).toMatchObject({
      approved: false,
      reason: 'reference-conflict',
    })
  })

  it('that was denied to another account is decided for whom the offer was made, and stays denied to the other', async () => {
    const { world, band } = await armedWorld()
    const bob = await armedBand(world, 'bob')
    await world.run(bob.phone.client.limits({ perUseMinor: 1, perDayMinor: 20_000, currency: euro }, false))
    const offer = world.offer()
    const toBob = await world.run(bob.band.pay(offer.bytes))
    expect(toBob).toMatchObject({ approved: false, reason: 'over-use-limit' })
    expect(toBob.lsn).toBeGreaterThan(0)
    const approved = await world.run(band.pay(offer.bytes))
    expect(approved).toMatchObject({ approved: true })
    for (let restart = 0; restart < 2; restart++) {
      expect(await world.run(bob.band.pay(offer.bytes))).toEqual(toBob)
      expect(await world.run(band.pay(offer.bytes))).toMatchObject({ approved: true, lsn: approved.lsn })
      await world.crash()
      await world.start()
      await world.time.advance(30_000)
    }
    expect(world.failures).toEqual([])
  })

  it('is not held by a denial that asks another account for something', async () => {
    const { world, band } = await armedWorld()
    const bob = await armedBand(world, 'bob')
    const offer = world.offer({ amountMinor: 4_000 })
    expect(await world.run(bob.band.pay(offer.bytes))).toMatchObject({ obligation: 'tap' })
    expect(await world.run(band.pay(offer.bytes))).toMatchObject({ obligation: 'tap' })
  })

  it('that two accounts ask for at once is approved for one of them, and a conflict for the other', async () => {
    const { world, band } = await armedWorld()
    const bob = await armedBand(world, 'bob')
    const offer = world.offer()
    const both = await world.run(Promise.all([band.pay(offer.bytes), bob.band.pay(offer.bytes)]))
    const reasons = both.map((decision) => (decision.approved ? 'approved' : decision.reason))
    expect(reasons.toSorted()).toEqual(['approved', 'reference-conflict'])
  })

  it('whose approval was reversed is free for another account, and denied for good to the one', async () => {
    const { world, band } = await armedWorld()
    const bob = await armedBand(world, 'bob')
    const offer = world.offer()
    world.disk.syncing = () => new Promise((resolve) => world.time.after(500, resolve))
    const paying = band.pay(offer.bytes)
    await world.time.advance(400)
    const frozen = band.freeze()
    expect(await world.run(paying)).toMatchObject({ approved: false, reason: 'owner-freeze' })
    await world.run(frozen)
    world.disk.syncing = () => Promise.resolve()
    expect(await world.run(bob.band.pay(offer.bytes))).toMatchObject({ approved: true })
    await world.run(band.unfreeze())
    await world.run(band.arm())
    expect(await world.run(band.pay(offer.bytes))).toMatchObject({ approved: false, reason: 'owner-freeze' })
  })

  it('is not used up by bytes that are no proof', async () => {
    const { world, band } = await armedWorld()
    const offer = world.offer()
    let spoilt = 0
    world.intercept = (way, bytes) => {
      const frame = way === 'up' ? decodePhoneFrame(bytes, 4_096) : undefined
      if (frame?.type !== 'authorize' || spoilt++ > 0) return bytes
      const record = frame.record.slice()
      record[20] = (record[20] ?? 0) ^ 1
      return encodePhoneFrame({ ...frame, record })
    }
    expect(await world.run(band.pay(offer.bytes))).toMatchObject({ reason: 'proof-invalid', lsn: 0 })
    expect(await world.run(band.pay(offer.bytes))).toMatchObject({ approved: true })
  })
})

describe('An offer', () => {
  it('of an unknown partner, or under another key, is never approved', async () => {
    const { world, band } = await armedWorld()
    const forged = createPartner({ id: 'aa'.repeat(16), kid: 1, key: new Uint8Array(32).fill(7) }, world.primitives)
    const unknown = createPartner({ id: 'bb'.repeat(16), kid: 1, key: new Uint8Array(32).fill(7) }, world.primitives)
    const request = {
      action: 'pay',
      resource: tillResource,
      amountMinor: 1,
      currency: euro,
      label: '',
      expiresAtMs: world.time.nowMs() + 1_000,
    } as const
    for (const partner of [forged, unknown]) {
      expect(await world.run(band.pay(partner.offer(request).bytes))).toMatchObject({
        approved: false,
        reason: 'offer-not-authentic',
        lsn: 0,
      })
    }
  })

  it('altered by the phone in any bit after the band saw it is never approved', async () => {
    const { world, band } = await armedWorld()
    let bit = 0
    world.intercept = (way, bytes) => {
      const frame = way === 'up' ? decodePhoneFrame(bytes, 4_096) : undefined
      if (frame?.type !== 'authorize') return bytes
      const offer = frame.offer.slice()
      offer[bit >> 3] = (offer[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      return encodePhoneFrame({ ...frame, offer })
    }
    for (bit = 0; bit < 117 * 8; bit += 7) {
      const decision = await world.run(band.pay(world.offer().bytes))
      expect(decision.approved, `bit ${bit}`).toBe(false)
    }
  })

  it('that has expired, or lives too long, is denied', async () => {
    const { world, band } = await armedWorld()
    const nowMs = world.time.nowMs()
    expect(await world.run(band.pay(world.offer({ expiresAtMs: nowMs }).bytes))).toMatchObject({
      reason: 'offer-expired',
    })
    expect(
      await world.run(band.pay(world.offer({ expiresAtMs: world.time.nowMs() + 15 * 60_000 + 5_000 }).bytes)),
    ).toMatchObject({ reason: 'offer-too-long-lived' })
  })

  it('in a currency without limits, or of no amount, is denied', async () => {
    const { world, band } = await armedWorld()
    expect(await world.run(band.pay(world.offer({ currency: 840 }).bytes))).toMatchObject({
      reason: 'currency-not-allowed',
    })
    expect(await world.run(band.pay(world.offer({ amountMinor: 0 }).bytes))).toMatchObject({ reason: 'amount-invalid' })
  })
})

describe('A proof', () => {
  it('is accepted once: the same frame replayed gives the stored answer, for another offer nothing', async () => {
    const { world, band } = await armedWorld()
    let captured: Uint8Array | undefined
    world.intercept = (way, bytes) => {
      const frame = way === 'up' ? decodePhoneFrame(bytes, 4_096) : undefined
      if (frame?.type !== 'authorize') return bytes
      captured ??= frame.record.slice()
      return encodePhoneFrame({ ...frame, record: captured })
    }
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: false, reason: 'proof-invalid' })
    await world.crash()
    await world.start()
    await world.time.advance(30_000)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: false, reason: 'proof-invalid' })
  })

  it('from a band that is not armed is denied, and arming helps', async () => {
    const world = new World()
    await world.start()
    const { band, wearer } = await armedBand(world)
    wearer.takesOff()
    await world.time.advance(3_000)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: false, reason: 'band-off-wrist' })
    wearer.putsOn()
    await world.time.advance(3_000)
    const offer = world.offer()
    expect(await world.run(band.pay(offer.bytes))).toMatchObject({
      reason: 'band-not-armed',
      obligation: 'verify-user',
    })
    await world.run(band.arm())
    expect(await world.run(band.pay(offer.bytes))).toMatchObject({ approved: true })
  })
})

function historyOf(world: World, band: Awaited<ReturnType<typeof armedBand>>['band']) {
  void band
  return (async function* () {
    const phone = await world.phone('alice', { scopes: ['web'] })
    const iterator = phone.client.history()
    for (;;) {
      const next = await world.run(iterator.next())
      if (next.done === true) return
      yield next.value
    }
  })()
}
