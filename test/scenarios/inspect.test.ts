// What an operator sees of one band, and what opening an account leaves behind.

import { describe, expect, it } from 'vitest'
import type { BandNamed, Inspected, InspectWish } from '../../engine/operators/inspect-band.ts'
import { decodeRecord } from '../../engine/ports/records.ts'
import { decodeRow } from '../../engine/ports/rows.ts'
import { toHex } from '../../base/bytes.ts'
import { type AccountId, idBytes, parseAccountId, parseBandId, parseBid } from '../../protocol/ids.ts'
import { JournalAuditor } from '../support/journal-auditor.ts'
import { RawPhone } from '../support/raw-phone.ts'
import { World, armedBand, euro } from '../support/world.ts'

const alice = parseAccountId('alice')
const open = { by: 'operator:admin-token', reason: 'ticket 4711' } as const
const plainWish: InspectWish = { decisionsMax: 10, open: undefined, pause: () => Promise.resolve() }

async function armedWorld() {
  const world = new World()
  await world.start()
  return { world, ...(await armedBand(world)) }
}

function inspect(world: World, named: BandNamed, wish: Partial<InspectWish> = {}): Promise<Inspected> {
  return world.run(world.engine.inspectBand(named, { ...plainWish, ...wish }))
}

async function inspectBand(world: World, account: AccountId = alice, wish: Partial<InspectWish> = {}) {
  const inspected = await inspect(world, { account }, wish)
  if (inspected.type !== 'band') throw new Error(`expected a band, got ${inspected.type}`)
  return inspected
}

function recordsOf(world: World) {
  return world.disk.records.map((body) => decodeRecord(body))
}

describe('An operator who inspects a band', () => {
  it('sees how it stands, how it is present, and what it was last asked', async () => {
    const { world, band } = await armedWorld()
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    expect(await world.run(band.pay(world.offer({ amountMinor: 19_000, label: 'Bicycle' }).bytes))).toMatchObject({
      reason: 'over-use-limit',
    })
    const seen = await inspectBand(world)
    expect(seen).toMatchObject({
      bid: band.bid,
      state: 'armed',
      holds: [],
      awake: true,
      generation: 1,
      generationEnded: 0,
      hardware: { vendor: 1, model: 1, batch: 1, standing: 'active' },
      arm: { epoch: 1, ownerEpoch: 0 },
      session: { kind: 'phone', link: { wear: 'on', present: true, badTags: 0 } },
      proximity: { level: expect.any(Number) },
      pending: [],
      decisionsCut: false,
      endedGeneration: null,
    })
    const { nowMs, arm, session, decisions } = seen
    expect((arm.untilMs ?? 0) - nowMs).toBeGreaterThan(23 * 3_600_000)
    expect(nowMs - (arm.verifiedAtMs ?? 0)).toBeLessThan(60_000)
    expect(session?.link?.leaseLeftMs).toBeGreaterThan(0)
    expect(session?.link?.leaseLeftMs).toBeLessThanOrEqual(90_000)
    expect(session?.link?.up.ctr).toBeGreaterThan(1)
    expect(
      decisions.map(({ label, amountMinor, reason, partnerName }) => [label, amountMinor, reason, partnerName]),
    ).toEqual([
      ['Bicycle', 19_000, 'over-use-limit', 'Test till'],
      ['Coffee', 1_250, 'approved', 'Test till'],
    ])
    expect(decisions.every(({ reversedByLsn }) => reversedByLsn === null)).toBe(true)
  })

  it('finds it by its id, by its bid and by its account, and nothing by what is none of them', async () => {
    const { world, band } = await armedWorld()
    const { bandId } = await inspectBand(world)
    for (const named of [{ bandId }, { bid: parseBid(band.bid) }, { account: alice }]) {
      expect(await inspect(world, named)).toMatchObject({ type: 'band', bandId })
    }
    const unknown = [
      { bandId: parseBandId('00'.repeat(16)) },
      { bid: parseBid('00'.repeat(8)) },
      { account: parseAccountId('nobody') },
      {},
    ]
    for (const named of unknown) expect(await inspect(world, named)).toEqual({ type: 'unknown' })
  })

  it('finds an account whose id looks like that of a band', async () => {
    const world = new World()
    await world.start()
    const account = parseAccountId('ab'.repeat(16))
    await armedBand(world, account)
    expect(await inspect(world, { bandId: parseBandId(account), account })).toMatchObject({
      type: 'band',
      state: 'armed',
    })
  })

  it('sees the bands of an account that has several, and each by its id', async () => {
    const { world, phone } = await armedWorld()
    const second = world.wearer()
    second.taps()
    const { packageSecret } = second.band.device
    await world.run(phone.client.pair(world.radio(second).phone, { packageSecret }))
    const listed = await inspect(world, { account: alice })
    if (listed.type !== 'account') throw new Error('expected the account')
    expect(listed.account).toBe('alic…')
    expect(listed.bands.map(({ state }) => state).toSorted()).toEqual(['armed', 'offWrist'])
    for (const { bandId, state } of listed.bands)
      expect(await inspect(world, { bandId })).toMatchObject({ bandId, state })
    expect(await inspect(world, { account: alice }, { open })).toMatchObject({ account: 'alice' })
  })

  it('does not wake it: what sleeps goes on sleeping', async () => {
    const { world } = await armedWorld()
    await world.time.advance(120_000)
    expect(world.engine.status().bandsAwake).toBe(0)
    expect(await inspectBand(world)).toMatchObject({ awake: false })
    expect(world.engine.status().bandsAwake).toBe(0)
  })

  it('sees who froze it, and a loss, and when a finding falls due', async () => {
    const { world, band, phone } = await armedWorld()
    await world.run(band.freeze())
    await world.run(phone.client.lost(band.bid))
    const web = await RawPhone.connect(world, 'alice', { scopes: ['web'] })
    await web.ask({ type: 'found', bid: idBytes(parseBid(band.bid)), uv: null })
    const { holds, pending, state, nowMs } = await inspectBand(world)
    expect(holds).toEqual([
      { hold: 'owner-freeze', of: 'band', surfaces: [`phone:${phone.phoneId}`] },
      { hold: 'lost', of: 'band', surfaces: [] },
    ])
    expect(state).toBe('disarmed')
    expect(pending).toMatchObject([{ change: 'found', begunBy: 'web' }])
    expect((pending[0]?.dueAtMs ?? 0) - nowMs).toBeGreaterThan(23 * 3_600_000)
  })

  it('sees when a hold was last set or lifted, of the band and of its account, and never an end that has not come', async () => {
    const { world, band, phone } = await armedWorld()
    expect((await inspectBand(world)).holdsChangedAtMs).toBeNull()
    await world.time.advance(1_000)
    await world.run(band.freeze())
    const frozen = await inspectBand(world)
    expect(frozen.holds).toMatchObject([{ hold: 'owner-freeze', of: 'band' }])
    expect(frozen.holdsChangedAtMs).toBeGreaterThanOrEqual(frozen.nowMs - 500)
    await world.time.advance(60_000)
    await world.run(phone.client.freeze())
    const whole = await inspectBand(world)
    expect(whole.holdsChangedAtMs).toBeGreaterThanOrEqual((frozen.holdsChangedAtMs ?? 0) + 60_000)
  })

  it('sees a deactivation on its way, then a band that is nobody’s, also by the bid that has ended', async () => {
    const { world, band, phone } = await armedWorld()
    const { bandId } = await inspectBand(world)
    await world.run(phone.client.deactivate(band.bid))
    expect(await inspectBand(world)).toMatchObject({
      state: 'deactivating',
      pending: [{ change: 'deactivation', begunBy: `phone:${phone.phoneId}` }],
    })
    await world.time.advance(3_660_000)
    const ended = { bandId, state: 'unbound', bid: null, account: null, generationEnded: 1, resume: null, limits: [] }
    expect(await inspect(world, { bandId })).toMatchObject({ ...ended, decisions: [], endedGeneration: null })
    expect(await inspect(world, { bid: parseBid(band.bid) }, { open })).toMatchObject({ ...ended, endedGeneration: 1 })
    expect(recordsOf(world).filter(({ type }) => type === 'operator')).toEqual([])
  })

  it('sees by a bid that has ended nothing of who has the band now, and opens nobody’s account', async () => {
    const { world, band, phone, wearer, radio } = await armedWorld()
    await world.run(phone.client.deactivate(band.bid))
    await world.time.advance(3_660_000)
    radio.disconnect()
    await world.time.advance(5_000)
    const next = await world.phone('bob')
    const { packageSecret, bandId } = wearer.band.device
    const nextRadio = world.radio(wearer)
    wearer.taps()
    const paired = await world.run(next.client.pair(nextRadio.phone, { packageSecret, bandId }))
    const byOldBid = await inspect(world, { bid: parseBid(band.bid) }, { open })
    expect(byOldBid).toMatchObject({
      bandId,
      bid: null,
      account: null,
      name: '',
      limits: [],
      pending: [],
      decisions: [],
    })
    expect(byOldBid).toMatchObject({ endedGeneration: 1, session: null })
    expect(recordsOf(world).filter(({ type }) => type === 'operator')).toEqual([])
    expect(await inspect(world, { bid: parseBid(paired.bid) })).toMatchObject({ bandId, account: 'bo…' })
  })

  it('sees limits: the table’s, the owner’s own, what was used today and what is left, and what will rise', async () => {
    const { world, band, phone } = await armedWorld()
    await world.run(phone.client.limits({ perUseMinor: 1_500, perDayMinor: 5_000, currency: euro }, false))
    await world.run(phone.client.limits({ perUseMinor: 2_000, perDayMinor: 5_000, currency: euro }, true))
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    expect(await world.run(band.pay(world.offer({ action: 'receive', amountMinor: 300 }).bytes))).toMatchObject({
      approved: true,
    })
    const { limits, pending } = await inspectBand(world)
    expect(limits).toEqual([
      {
        currency: euro,
        table: { perUseMinor: 10_000, perDayMinor: 20_000, receivePerDayMinor: 30_000 },
        own: { perUseMinor: 1_500, perDayMinor: 5_000 },
        usedToday: { payMinor: 1_250, receiveMinor: 300 },
        leftToday: { useMinor: 1_500, payMinor: 3_750, receiveMinor: 29_700 },
      },
    ])
    expect(pending).toMatchObject([
      { change: 'limits', rising: [{ currency: euro, perUseMinor: 2_000, perDayMinor: 5_000 }] },
    ])
    await world.time.advance(86_400_000)
    const [tomorrow] = (await inspectBand(world)).limits
    expect(tomorrow?.usedToday).toEqual({ payMinor: 0, receiveMinor: 0 })
    expect(tomorrow?.leftToday).toMatchObject({ useMinor: 2_000, payMinor: 5_000 })
  })

  it('sees the lowest limits for a band whose batch is revoked', async () => {
    const { world } = await armedWorld()
    world.vendorStatus = 'revoked'
    expect(await inspectBand(world)).toMatchObject({
      hardware: { standing: 'revoked' },
      limits: [{ leftToday: { useMinor: 500 } }],
    })
  })

  it('tells a decision that was reversed from one that stands', async () => {
    const { world, band, phone } = await armedWorld()
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    let frozen: Promise<unknown> | undefined
    world.intercept = (way, bytes) => {
      if (way === 'up' && bytes[1] === 5 && frozen === undefined)
        queueMicrotask(() => {
          frozen = phone.client.freeze(band.bid)
        })
      return bytes
    }
    await world.run(band.pay(world.offer().bytes))
    await world.run(frozen ?? Promise.reject(new Error('the freeze never left')))
    const { decisions } = await inspectBand(world)
    const records = recordsOf(world)
    const reversal = records.findIndex(({ type }) => type === 'reversal') + 1
    expect(reversal).toBeGreaterThan(0)
    expect(decisions.map(({ reason, reversedByLsn }) => [reason, reversedByLsn])).toEqual([
      ['owner-freeze', reversal],
      ['approved', null],
    ])
  })

  it('gets as many decisions as are asked for, of this band alone, over many pages', async () => {
    const { world, band, phone } = await armedWorld()
    const { bandId } = await inspectBand(world)
    const second = world.wearer()
    second.taps()
    const { packageSecret } = second.band.device
    const other = await world.run(phone.client.pair(world.radio(second).phone, { packageSecret }))
    second.putsOn()
    await world.time.advance(3_000)
    await world.run(other.arm())
    await world.run(band.pay(world.offer({ amountMinor: 7 }).bytes))
    for (let at = 0; at < 70; at++) await world.run(other.pay(world.offer({ amountMinor: 1 }).bytes))
    let pausesCount = 0
    const pause = async () => void pausesCount++
    const seen = await inspect(world, { bandId }, { pause })
    expect(seen).toMatchObject({ decisions: [{ amountMinor: 7 }], decisionsCut: false })
    expect(pausesCount).toBe(2)
    const many = await inspect(world, { bid: parseBid(other.bid) }, { decisionsMax: 50 })
    expect(many.type === 'band' ? many.decisions.map(({ amountMinor }) => amountMinor) : []).toEqual(
      Array.from({ length: 50 }, () => 1),
    )
    expect(await inspect(world, { bandId }, { decisionsMax: 0 })).toMatchObject({
      decisions: [],
      proximity: { level: expect.any(Number) },
    })
  })
})

describe('An account', () => {
  it('is shortened unless it is opened, and shortened also when it is short', async () => {
    const world = new World()
    await world.start()
    for (const [account, shown] of [
      ['alice', 'alic…'],
      ['abc', 'ab…'],
      ['x', '…'],
    ] as const) {
      await armedBand(world, account)
      const seen = await inspectBand(world, parseAccountId(account))
      expect(seen.account).toBe(shown)
      expect(JSON.stringify(seen)).not.toContain(`"${account}"`)
    }
  })

  it('is opened by an act that the journal has: who, whose, which band and why', async () => {
    const { world } = await armedWorld()
    const before = world.disk.records.length
    const { bandId } = await inspectBand(world)
    expect(world.disk.records.length).toBe(before)
    expect((await inspectBand(world, alice, { open })).account).toBe('alice')
    expect(recordsOf(world).slice(before)).toEqual([
      {
        type: 'operator',
        atMs: expect.any(Number),
        cause: 'account.opened',
        ...open,
        account: alice,
        bandId,
        also: null,
        subject: null,
      },
    ])
    const auditor = new JournalAuditor(world.config.limits)
    for (const [at, record] of recordsOf(world).entries()) auditor.take({ lsn: at + 1, record })
    expect(auditor.violations).toEqual([])
  })

  it('is told only when the act is on disk', async () => {
    const { world } = await armedWorld()
    let sync: () => void = () => undefined
    world.disk.syncing = () =>
      new Promise((resolve) => {
        sync = resolve
      })
    let told: Inspected | undefined
    void world.engine.inspectBand({ account: alice }, { ...plainWish, open }).then((inspected) => (told = inspected))
    await world.time.advance(5_000)
    expect(told).toBeUndefined()
    sync()
    await world.time.advance(100)
    expect(told).toMatchObject({ account: 'alice' })
  })

  it('is not opened when the journal cannot take that it is; looking at the band still works', async () => {
    const { world } = await armedWorld()
    for (const [trouble, error] of [
      ['full', 'storage-full'],
      ['failed', 'unavailable'],
    ] as const) {
      world.disk.trouble = trouble
      expect(await inspect(world, { account: alice }, { open })).toEqual({ type: 'refused', error })
      expect(await inspectBand(world)).toMatchObject({ account: 'alic…', state: 'armed' })
    }
  })

  it('opened leaves one line on the timeline of the band, and every other row as it was', async () => {
    const { world } = await armedWorld()
    const rows = () => new Map([...world.disk.rows].map(([key, { bytes }]) => [key, toHex(bytes)]))
    await world.time.advance(1_000)
    const before = rows()
    await inspectBand(world, alice, { open })
    await world.time.advance(1_000)
    const added = [...rows()].filter(([key]) => !before.has(key))
    expect(added.map(([key]) => key.slice(0, 9))).toEqual(['act/band|'])
    expect(new Map([...rows()].filter(([key]) => before.has(key)))).toEqual(before)
    await world.crash()
    await world.start()
    expect(world.engine.status().bands.armed).toBe(1)
  })
})

/** Every field there is: who adds one says here that it may be seen. */
const seenFields = `
  phones.phoneId phones.enrolledAtMs phones.seenAtMs phones.live phones.pendingUntilMs phones.suspendedAtMs phones.removeAtMs
  type nowMs bandId bid name state holdsChangedAtMs awake endedGeneration generation generationEnded pairingUntilMs account
  holds.hold holds.of holds.surfaces hardware.vendor hardware.model hardware.batch hardware.standing
  arm.untilMs arm.epoch arm.ownerEpoch arm.verifiedAtMs ownerEpoch wearEpoch session.kind
  session.link.wear session.link.wearEpoch session.link.present session.link.leaseLeftMs session.link.tick session.link.tickAgeMs
  session.link.up.phase session.link.up.ctr session.link.down.phase session.link.down.ctr session.link.badTags
  proximity.level proximity.atMs resume.k resume.resumes resume.rekeyedAtMs resume.keepsPrevious
  limits.currency limits.table.perUseMinor limits.table.perDayMinor limits.table.receivePerDayMinor
  limits.own.perUseMinor limits.own.perDayMinor limits.usedToday.payMinor limits.usedToday.receiveMinor
  limits.leftToday.useMinor limits.leftToday.payMinor limits.leftToday.receiveMinor
  pending.change pending.dueAtMs pending.begunBy pending.rising.currency pending.rising.perUseMinor pending.rising.perDayMinor
  decisions.lsn decisions.atMs decisions.partner decisions.partnerName decisions.resource decisions.reference decisions.action
  decisions.amountMinor decisions.currency decisions.label decisions.reason decisions.obligation decisions.reversedByLsn
  decisionsCut`

describe('No secret', () => {
  it('has a field: those that there are have been looked at one by one', async () => {
    const { world, band, phone } = await armedWorld()
    await world.run(band.pay(world.offer().bytes))
    await world.run(phone.client.limits({ perUseMinor: 1_500, perDayMinor: 5_000, currency: euro }, false))
    await world.run(phone.client.limits({ perUseMinor: 2_000, perDayMinor: 5_000, currency: euro }, true))
    await world.run(band.freeze())
    const paths = fieldsOf(await inspectBand(world)).map(([path]) =>
      path.replace(/^band\./, '').replaceAll(/\.\d+/g, ''),
    )
    expect([...new Set(paths)].toSorted()).toEqual(seenFields.trim().split(/\s+/).toSorted())
  })

  it('is in any field of what an operator sees, opened or not', async () => {
    const { world, band, wearer } = await armedWorld()
    await world.run(band.pay(world.offer().bytes))
    await world.time.advance(1_000)
    const seen = await inspectBand(world, alice, { open })
    const secrets = [...secretsAtRest(world), wearer.band.device.packageSecret]
    expect(secrets.length).toBeGreaterThanOrEqual(6)
    const written = JSON.stringify(seen)
    for (const secret of secrets) {
      const buffer = Buffer.from(secret)
      for (const form of ['hex', 'base64', 'base64url'] as const) expect(written).not.toContain(buffer.toString(form))
      expect(written).not.toContain(JSON.stringify([...secret]).slice(1, -1))
    }
    for (const [path, value] of fieldsOf(seen)) {
      expect(['string', 'number', 'boolean'].includes(typeof value) || value === null, path).toBe(true)
      expect(path).not.toMatch(/secret|sealed|root|mac|tag$|key(?!edAtMs)/i)
      // The only long runs of hex digits are names: of the band, the partner, and what was bought.
      const isName = /(bandId|bid|phoneId|partner|resource|reference|surfaces\.\d+)$/.test(path)
      if (typeof value === 'string' && !isName) expect(value, path).not.toMatch(/[0-9a-f]{12}/i)
    }
  })
})

/** Everything sealed or keyed of the bands, as it lies in the rows and as it opens. */
function secretsAtRest(world: World): readonly Uint8Array[] {
  const { keyring } = world.keys
  return [...world.disk.rows.values()].flatMap(({ table, key, bytes }) => {
    if (table === 'band') {
      const { bandKey, acctTag, sealedArmSecret, armEpoch } = decodeRow('band', bytes)
      const secret = keyring.open('arm', idBytes(parseBandId(key)), armEpoch, sealedArmSecret ?? new Uint8Array(0))
      return [bandKey, acctTag, sealedArmSecret, secret].flatMap((one) =>
        one === null || one === undefined ? [] : [one],
      )
    }
    if (table !== 'ratchet') return []
    const { k, sealedRoot, sealedPrevious, sealedOldMacKeys } = decodeRow('ratchet', bytes)
    const root = keyring.open('ratchet', idBytes(parseBandId(key)), k, sealedRoot)
    return [sealedRoot, sealedPrevious, sealedOldMacKeys, root].flatMap((one) =>
      one === null || one === undefined ? [] : [one],
    )
  })
}

function fieldsOf(value: unknown, path = 'band'): readonly (readonly [string, unknown])[] {
  if (typeof value !== 'object' || value === null) return [[path, value]]
  return Object.entries(value).flatMap(([name, inner]) => fieldsOf(inner, `${path}.${name}`))
}
