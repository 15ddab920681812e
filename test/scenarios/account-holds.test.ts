// Holds of an account as a whole: everything frozen stays frozen, also what comes to the account afterwards.

import { describe, expect, it } from 'vitest'
import type { ActingOperator } from '../../engine/operators/port.ts'
import { decodeRecord } from '../../engine/ports/records.ts'
import { freedBandsMax } from '../../engine/ports/rows.ts'
import type { ImportedBinding } from '../../protocol/messages/imported-binding.ts'
import { errorCodes } from '../../protocol/errors.ts'
import { parseAccountId } from '../../protocol/ids.ts'
import { holdBits } from '../../protocol/states.ts'
import { sampleBinding } from '../../server/http/test-import.ts'
import { JournalAuditor } from '../support/journal-auditor.ts'
import { RawPhone } from '../support/raw-phone.ts'
import { type Phone, World, armedBand } from '../support/world.ts'

const ann: ActingOperator = { by: 'operator:ann', reason: 'ticket 4711' }
const annAndBob: ActingOperator = { ...ann, also: 'operator:bob' }

async function armedWorld() {
  const world = new World()
  await world.start()
  return { world, ...(await armedBand(world)) }
}

async function another(world: World, phone: Phone) {
  const wearer = world.wearer()
  const radio = world.radio(wearer)
  wearer.taps()
  const pairing = phone.client.pair(radio.phone, { packageSecret: wearer.band.device.packageSecret })
  return { wearer, pairing }
}

function bandIdOf(world: World): string {
  return world.engine.operators.findBands('alice').bands[0]?.bandId ?? ''
}

/** Bindings of alice's, made elsewhere. */
function bindingsOf(count: number): readonly ImportedBinding[] {
  return Array.from({ length: count }, (_none, at) => ({ ...sampleBinding(at + 1), account: parseAccountId('alice') }))
}

async function imports(world: World, bindings: readonly ImportedBinding[]): Promise<void> {
  await world.run(world.engine.importBindings(bindings, () => Promise.resolve()))
}

function violationsOf(world: World): readonly string[] {
  const auditor = new JournalAuditor(world.config.limits)
  for (const [at, body] of world.disk.records.entries()) auditor.take({ lsn: at + 1, record: decodeRecord(body) })
  return auditor.violations
}

describe.each([
  { by: 'its owner', reason: 'owner-freeze' },
  { by: 'operators', reason: 'operator-freeze' },
] as const)('An account frozen as a whole by $by', ({ by, reason }) => {
  async function freeze(world: World, phone: Phone): Promise<void> {
    if (by === 'its owner') await world.run(phone.client.freeze())
    else await world.run(world.engine.operators.perform({ act: 'freeze-account', bandId: bandIdOf(world) }, ann))
  }
  async function lift(world: World, phone: Phone): Promise<void> {
    if (by === 'its owner') await world.run(phone.client.unfreeze())
    else
      await world.run(world.engine.operators.perform({ act: 'unfreeze-account', bandId: bandIdOf(world) }, annAndBob))
  }

  it('pairs no band meanwhile, and pairs again once the freeze is lifted', async () => {
    const { world, phone } = await armedWorld()
    await freeze(world, phone)
    const { pairing } = await another(world, phone)
    await expect(world.run(pairing)).rejects.toMatchObject({ code: 'band-held' })
    await lift(world, phone)
    const again = await another(world, phone)
    const band = await world.run(again.pairing)
    again.wearer.putsOn()
    await world.time.advance(3_000)
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    expect(violationsOf(world)).toEqual([])
  })

  it('holds a band whose pairing was under way: it is not bound', async () => {
    const { world, phone } = await armedWorld()
    const wearer = world.wearer()
    const radio = world.radio(wearer)
    const pairing = phone.client.pair(radio.phone, { packageSecret: wearer.band.device.packageSecret })
    await world.time.advance(500)
    await freeze(world, phone)
    wearer.taps()
    await expect(world.run(pairing)).rejects.toMatchObject({ code: 'pair-refused' })
    expect(await world.run(phone.client.bands())).toHaveLength(1)
    expect(violationsOf(world)).toEqual([])
  })

  it('holds a band that is imported afterwards, armed as it was', async () => {
    const { world, phone } = await armedWorld()
    await freeze(world, phone)
    await imports(world, bindingsOf(1))
    const listed = await world.run(phone.client.bands())
    expect(listed).toHaveLength(2)
    for (const one of listed) expect(one.holds).toEqual([reason])
  })

  it('holds its bands however many there are, and holds them still when it is frozen twice', async () => {
    const { world, phone, band } = await armedWorld()
    await imports(world, bindingsOf(1_000))
    for (let time = 0; time < 2; time++) {
      const before = world.disk.records.length
      await freeze(world, phone).catch(() => undefined)
      // One durable record, and one for the band that was armed; an operator's act has one of its own.
      expect(world.disk.records.length - before).toBeLessThanOrEqual(time === 0 ? 3 : 0)
      await expect(world.run(band.arm())).rejects.toMatchObject({ code: 'band-held' })
      expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: false, reason })
    }
    expect(violationsOf(world)).toEqual([])
  })

  it('stays frozen across a crash right after the answer', async () => {
    const { world, phone, band } = await armedWorld()
    await freeze(world, phone)
    await world.crash()
    await world.start()
    await world.time.advance(30_000)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: false, reason })
    await lift(world, phone)
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
  })
})

describe('Everything frozen', () => {
  it('lists every band, beyond the first thousand too', async () => {
    const { world, phone } = await armedWorld()
    await imports(world, bindingsOf(1_100))
    const listed = await world.run(phone.client.bands())
    expect(listed).toHaveLength(1_101)
  })

  it('is undone for one band by who may lift it, and the others stay frozen, and those that come', async () => {
    const { world, phone, band } = await armedWorld()
    await imports(world, bindingsOf(1))
    await world.run(phone.client.freeze())
    expect(await world.run(band.unfreeze())).toEqual([])
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    const holds = (await world.run(phone.client.bands())).map((one) => one.holds)
    expect(holds).toContainEqual(['owner-freeze'])
    expect(holds).toContainEqual([])
    const { pairing } = await another(world, phone)
    await expect(world.run(pairing)).rejects.toMatchObject({ code: 'band-held' })
    await world.run(phone.client.freeze())
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: false, reason: 'owner-freeze' })
    expect(violationsOf(world)).toEqual([])
  })

  it('ends with the last band that is unfrozen', async () => {
    const { world, phone, band } = await armedWorld()
    await world.run(phone.client.freeze())
    expect(await world.run(band.unfreeze())).toEqual([])
    const { pairing } = await another(world, phone)
    expect(await world.run(pairing)).toMatchObject({ isLinked: true })
  })

  it(`is undone for ${freedBandsMax} bands one by one, and not for one more: then for all of them`, async () => {
    const { world, phone } = await armedWorld()
    await imports(world, bindingsOf(freedBandsMax + 5))
    await world.run(phone.client.freeze())
    const bands = await world.run(phone.client.bands())
    for (const { bid } of bands.slice(0, freedBandsMax)) expect(await world.run(phone.client.unfreeze(bid))).toEqual([])
    const one = bands[freedBandsMax]?.bid
    await expect(world.run(phone.client.unfreeze(one))).rejects.toMatchObject({ code: 'band-held' })
    expect(await world.run(phone.client.unfreeze())).toEqual([])
  })

  it('on the web is not unfrozen by a phone', async () => {
    const { world, phone, band } = await armedWorld()
    const web = await RawPhone.connect(world, 'alice', { scopes: ['web'] })
    expect(await web.ask({ type: 'freeze', bid: null })).toMatchObject({
      type: 'frozen',
      holds: holdBits['owner-freeze'],
    })
    await expect(world.run(phone.client.unfreeze())).rejects.toMatchObject({ code: 'wrong-surface' })
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ reason: 'owner-freeze' })
    const lifted = await web.ask({ type: 'unfreeze', bid: null, uv: new Uint8Array(96) })
    expect(lifted).toMatchObject({ type: 'unfrozen', holds: 0 })
  })

  it('by one phone and then by a second surface is not unfrozen by the first', async () => {
    const { world, phone, wearer } = await armedWorld()
    await world.run(phone.client.freeze())
    wearer.pressesLong()
    await world.time.advance(5_000)
    await expect(world.run(phone.client.unfreeze())).rejects.toMatchObject({ code: 'wrong-surface' })
  })

  it('unfreezes the bands that were frozen one by one as well, on the same terms', async () => {
    const { world, phone, band } = await armedWorld()
    await world.run(band.freeze())
    await world.run(phone.client.freeze())
    expect(await world.run(phone.client.unfreeze())).toEqual([])
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
  })

  it('can be done by an owner who has no band yet, and holds the first one from the beginning', async () => {
    const world = new World()
    await world.start()
    const phone = await RawPhone.connect(world, 'alice')
    expect(await phone.ask({ type: 'freeze', bid: null })).toMatchObject({ type: 'frozen' })
    const pair = await phone.verified({ type: 'pairStart', slot: 1, ps: new Uint8Array(16), hint: null })
    expect(RawPhone.errorOf(await phone.ask(pair))).toBe(errorCodes['band-held'])
    const unfreeze = await phone.verified({ type: 'unfreeze', bid: null })
    expect(await phone.ask(unfreeze)).toMatchObject({ type: 'unfrozen', holds: 0 })
  })

  it('hastens no deactivation: neither while it lasts nor for a day after it was lifted', async () => {
    const { world, phone, band, wearer } = await armedWorld()
    await world.run(phone.client.freeze())
    await world.run(phone.client.unfreeze())
    await world.run(band.arm())
    wearer.band.tapReader({ id: new Uint8Array(16), nonce: new Uint8Array(8), intervalMs: 50 })
    await world.time.advance(1_000)
    const { dueAtMs } = await world.run(phone.client.deactivate(band.bid))
    expect(dueAtMs).toBeGreaterThan(world.time.nowMs() + 3_500_000)
  })
})

describe('A band of an account that operators froze', () => {
  it('does not get away by leaving the account: it is frozen by operators when it is no one’s, too', async () => {
    const { world, phone, band, wearer } = await armedWorld()
    const bandId = bandIdOf(world)
    await world.run(phone.client.deactivate(band.bid))
    await world.run(world.engine.operators.perform({ act: 'freeze-account', bandId }, ann))
    await world.time.advance(3_700_000)
    expect(world.engine.status().bands.unbound).toBe(1)
    expect(world.engine.status().holds['operator-freeze']).toBe(1)
    const mallory = await world.phone('mallory')
    wearer.taps()
    const pairing = mallory.client.pair(world.radio(wearer).phone, {
      packageSecret: wearer.band.device.packageSecret,
    })
    await expect(world.run(pairing)).rejects.toMatchObject({ code: 'pair-refused' })
    const lifted = await world.run(world.engine.operators.perform({ act: 'unfreeze-band', bandId }, annAndBob))
    expect(lifted).toMatchObject({ type: 'done' })
    expect(violationsOf(world)).toEqual([])
  })

  it('is not unfrozen by itself: the page says that its account is frozen', async () => {
    const { world } = await armedWorld()
    const bandId = bandIdOf(world)
    await world.run(world.engine.operators.perform({ act: 'freeze-account', bandId }, ann))
    const alone = await world.run(world.engine.operators.perform({ act: 'unfreeze-band', bandId }, annAndBob))
    expect(alone).toMatchObject({ type: 'refused', error: 'wrong-state' })
    expect(world.engine.operators.findBands('alice').bands[0]?.holds).toEqual(['operator-freeze'])
    expect(world.engine.status().accountHolds).toEqual({ 'operator-freeze': 1, 'owner-freeze': 0 })
  })
})
