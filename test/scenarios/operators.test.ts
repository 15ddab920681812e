// What an operator does to a band, an account, a session: it acts at once, it is answered for, and giving back takes two.

import { describe, expect, it } from 'vitest'
import { lookBackMax } from '../../engine/ledger/history.ts'
import { foundBandsMax } from '../../engine/operators/find-bands.ts'
import { type ActingOperator, type Performed, timelineEntriesMax } from '../../engine/operators/port.ts'
import { decodeRecord } from '../../engine/ports/records.ts'
import type { OperatorAct, TimelineAnswer } from '../../protocol/operator-api.ts'
import { alertKinds } from '../../protocol/messages/frames.ts'
import { parseBandId } from '../../protocol/ids.ts'
import { JournalAuditor } from '../support/journal-auditor.ts'
import { RawPhone } from '../support/raw-phone.ts'
import { World, armedBand } from '../support/world.ts'

const ann: ActingOperator = { by: 'operator:ann', reason: 'ticket 4711' }
const annAndBob: ActingOperator = { ...ann, also: 'operator:bob' }

async function armedWorld() {
  const world = new World()
  await world.start()
  const owned = await armedBand(world)
  return { world, bandId: bandIdOf(world, 'alice'), ...owned }
}

function bandIdOf(world: World, account: string): string {
  const [first] = world.engine.operators.findBands(account).bands
  if (first === undefined) throw new Error(`${account} has no band`)
  return first.bandId
}

function act(world: World, what: OperatorAct, who: ActingOperator = ann): Promise<Performed> {
  return world.run(world.engine.operators.perform(what, who))
}

async function done(world: World, what: OperatorAct, who: ActingOperator = ann) {
  const performed = await act(world, what, who)
  if (performed.type !== 'done') throw new Error(`${what.act}: ${performed.error}, ${performed.message}`)
  return performed
}

function recordsOf(world: World) {
  return world.disk.records.map((body) => decodeRecord(body))
}

/** A second band of the same phone, worn and armed. */
async function second(world: World, phone: Awaited<ReturnType<typeof armedBand>>['phone']) {
  const wearer = world.wearer()
  wearer.taps()
  const { packageSecret } = wearer.band.device
  const band = await world.run(phone.client.pair(world.radio(wearer).phone, { packageSecret }))
  wearer.putsOn()
  await world.time.advance(3_000)
  await world.run(band.arm())
  return { band, wearer }
}

describe('A freeze by an operator', () => {
  it('stops the very next payment and says which approval was the last', async () => {
    const { world, band, bandId, wearer } = await armedWorld()
    await world.run(band.pay(world.offer().bytes))
    const last = await world.run(band.pay(world.offer({ amountMinor: 900 }).bytes))
    const { outcome } = await done(world, { act: 'freeze-band', bandId })
    expect(outcome.fanOut).toMatchObject({ reversed: 0, lastApproval: { lsn: last.lsn }, sessionsTold: 1 })
    expect(wearer.band.isArmed).toBe(false)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: false, reason: 'operator-freeze' })
    expect(world.failures).toEqual([])
  })

  it('says that there was no approval before it when there was none', async () => {
    const { world, bandId } = await armedWorld()
    const { outcome } = await done(world, { act: 'freeze-band', bandId })
    expect(outcome.fanOut).toMatchObject({ reversed: 0, lastApproval: null })
  })

  it(`looks for the last approval among ${lookBackMax} decisions of the account, not further`, async () => {
    const { world, band, bandId, phone } = await armedWorld()
    const last = await world.run(band.pay(world.offer({ amountMinor: 7 }).bytes))
    const other = await second(world, phone)
    for (let payment = 1; payment < lookBackMax; payment++) {
      await world.run(other.band.pay(world.offer({ amountMinor: 1 }).bytes))
    }
    const at = await done(world, { act: 'freeze-band', bandId })
    expect(at.outcome.fanOut).toMatchObject({ lastApproval: { lsn: last.lsn } })
    await done(world, { act: 'unfreeze-band', bandId }, annAndBob)
    await world.run(other.band.pay(world.offer({ amountMinor: 1 }).bytes))
    const past = await done(world, { act: 'freeze-band', bandId })
    expect(past.outcome.fanOut).toMatchObject({ lastApproval: null })
  })

  it('that overtakes an approval on its way to the disk takes it back, and counts it', async () => {
    const { world, band, bandId } = await armedWorld()
    const stands = await world.run(band.pay(world.offer().bytes))
    let sync: () => void = () => undefined
    world.disk.syncing = () =>
      new Promise((resolve) => {
        sync = resolve
      })
    const paying = band.pay(world.offer({ amountMinor: 2_000 }).bytes)
    for (let step = 0; world.disk.records.length + 1 > world.engine.status().appendedLsn && step < 500; step++)
      await world.time.advance(20)
    const frozen = world.engine.operators.perform({ act: 'freeze-band', bandId }, ann)
    world.disk.syncing = () => Promise.resolve().then(() => undefined)
    sync()
    expect(await world.run(paying)).toMatchObject({ approved: false, reason: 'operator-freeze' })
    expect(await world.run(frozen)).toMatchObject({
      type: 'done',
      outcome: { fanOut: { reversed: 1, lastApproval: { lsn: stands.lsn } } },
    })
  })

  it('is on disk when it is acknowledged, and every session has heard of it', async () => {
    const { world, bandId, wearer } = await armedWorld()
    let sync: () => void = () => undefined
    world.disk.syncing = () =>
      new Promise((resolve) => {
        sync = resolve
      })
    let told: Performed | undefined
    void world.engine.operators.perform({ act: 'freeze-band', bandId }, ann).then((one) => (told = one))
    await world.time.advance(2_000)
    expect([told, wearer.band.isArmed]).toEqual([undefined, true])
    world.disk.syncing = () => Promise.resolve()
    sync()
    await world.time.advance(1_000)
    if (told?.type !== 'done') throw new Error('expected it to be done')
    const { fanOut } = told.outcome
    expect(fanOut?.durableMs).toBeGreaterThanOrEqual(2_000)
    expect(fanOut?.toldMs).toBeGreaterThanOrEqual(fanOut?.durableMs ?? Number.NaN)
    expect(wearer.band.isArmed).toBe(false)
  })

  it('loses nothing when the engine is killed right after it was acknowledged', async () => {
    const { world, band, bandId } = await armedWorld()
    await world.run(band.pay(world.offer().bytes))
    const { lsn } = await done(world, { act: 'freeze-band', bandId })
    await world.crash()
    await world.start()
    await world.time.advance(30_000)
    expect(world.engine.status()).toMatchObject({ bandsHeld: 1, holds: { 'operator-freeze': 1, 'owner-freeze': 0 } })
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: false, reason: 'operator-freeze' })
    const { entries } = await world.run(timeline(world, bandId))
    expect(entries).toContainEqual(
      expect.objectContaining({ type: 'act', lsn, act: 'freeze-band', by: 'operator:ann', reason: 'ticket 4711' }),
    )
  })

  it('works on a full disk, and is refused whole when even the reserve is gone', async () => {
    const { world, band, bandId } = await armedWorld()
    world.disk.trouble = 'failed'
    expect(await act(world, { act: 'freeze-band', bandId })).toMatchObject({ type: 'refused', error: 'unavailable' })
    world.disk.trouble = 'full'
    await done(world, { act: 'freeze-band', bandId })
    await done(world, { act: 'raise-epoch', bandId })
    expect(await act(world, { act: 'unfreeze-band', bandId }, annAndBob)).toMatchObject({ error: 'storage-full' })
    expect(await act(world, { act: 'open-account', bandId })).toMatchObject({ error: 'storage-full' })
    world.disk.trouble = 'none'
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ reason: 'operator-freeze' })
  })

  it('outlives the binding: whoever has the band next cannot pair it before operators let go', async () => {
    const { world, band, bandId, phone, wearer } = await armedWorld()
    await done(world, { act: 'freeze-band', bandId })
    await world.run(phone.client.deactivate(band.bid))
    await world.time.advance(2 * 3_600_000)
    expect(world.engine.operators.findBands(bandId).bands).toMatchObject([
      { state: 'unbound', holds: ['operator-freeze'], account: null },
    ])
    wearer.taps()
    const { packageSecret } = wearer.band.device
    const pairing = phone.client.pair(world.radio(wearer).phone, { packageSecret })
    await expect(world.run(pairing)).rejects.toMatchObject({ code: 'pair-refused' })
  })
})

describe('What an operator froze', () => {
  it('two operators lift, one does not, nor the same twice', async () => {
    const { world, band, bandId } = await armedWorld()
    await done(world, { act: 'freeze-band', bandId })
    for (const who of [ann, { ...ann, also: ann.by }]) {
      expect(await act(world, { act: 'unfreeze-band', bandId }, who)).toMatchObject({ error: 'needs-second' })
    }
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ reason: 'operator-freeze' })
    const { lsn } = await done(world, { act: 'unfreeze-band', bandId }, annAndBob)
    expect(recordsOf(world)[lsn - 1]).toMatchObject({ by: 'operator:ann', also: 'operator:bob', reason: 'ticket 4711' })
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ reason: 'band-not-armed' })
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
  })

  it('reaches others, and says so, once a band is frozen anew, or another band of its account is', async () => {
    const { world, phone, bandId } = await armedWorld()
    const { fingerprintOf } = world.engine.operators
    const lift = { act: 'unfreeze-account', bandId } as const
    await done(world, { act: 'freeze-account', bandId })
    const aim = fingerprintOf(lift)
    await done(world, { act: 'open-account', bandId })
    await done(world, { act: 'raise-epoch', bandId })
    expect(fingerprintOf(lift)).toBe(aim)
    await done(world, lift, annAndBob)
    await done(world, { act: 'freeze-band', bandId })
    const again = fingerprintOf(lift)
    expect(again).not.toBe(aim)
    await second(world, phone)
    expect(fingerprintOf(lift)).toBe(again)
    const other = world.engine.operators.findBands('alice').bands.find((one) => one.bandId !== bandId)
    await done(world, { act: 'freeze-band', bandId: other?.bandId ?? '' })
    expect(fingerprintOf(lift)).not.toBe(again)
    expect(fingerprintOf({ act: 'drain' })).toBe('')
  })

  it('its owner does not lift, by no surface', async () => {
    const { world, band, bandId } = await armedWorld()
    await done(world, { act: 'freeze-band', bandId })
    await world.run(band.unfreeze())
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ reason: 'operator-freeze' })
  })

  it('leaves what the owner froze: lifting takes away one hold, not the other', async () => {
    const { world, band, bandId } = await armedWorld()
    await world.run(band.freeze())
    await done(world, { act: 'freeze-band', bandId })
    expect(world.engine.status()).toMatchObject({ bandsHeld: 1, holds: { 'operator-freeze': 1, 'owner-freeze': 1 } })
    await done(world, { act: 'unfreeze-band', bandId }, annAndBob)
    expect(world.engine.status()).toMatchObject({ bandsHeld: 1, holds: { 'operator-freeze': 0, 'owner-freeze': 1 } })
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ reason: 'owner-freeze' })
  })

  it('cannot be frozen again, nor lifted again: that is said, and changes nothing', async () => {
    const { world, bandId } = await armedWorld()
    expect(await act(world, { act: 'unfreeze-band', bandId }, annAndBob)).toMatchObject({ error: 'wrong-state' })
    await done(world, { act: 'freeze-band', bandId })
    const before = world.disk.records.length
    expect(await act(world, { act: 'freeze-band', bandId })).toMatchObject({ error: 'wrong-state' })
    expect(world.disk.records.length).toBe(before)
  })
})

describe('A freeze of an account', () => {
  it('reaches every band of it, and no other; two operators lift it from all', async () => {
    const { world, band, bandId, phone } = await armedWorld()
    const other = await second(world, phone)
    const foreign = await armedBand(world, 'bob')
    const newest = await world.run(other.band.pay(world.offer().bytes))
    const { outcome } = await done(world, { act: 'freeze-account', bandId })
    expect(outcome.fanOut).toMatchObject({ lastApproval: { lsn: newest.lsn }, sessionsTold: 1 })
    for (const one of [band, other.band]) {
      expect(await world.run(one.pay(world.offer().bytes))).toMatchObject({ reason: 'operator-freeze' })
    }
    expect(other.wearer.band.isArmed).toBe(false)
    expect(await world.run(foreign.band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    expect(await act(world, { act: 'unfreeze-account', bandId })).toMatchObject({ error: 'needs-second' })
    await done(world, { act: 'unfreeze-account', bandId }, annAndBob)
    for (const one of [band, other.band]) {
      await world.run(one.arm())
      expect(await world.run(one.pay(world.offer().bytes))).toMatchObject({ approved: true })
    }
  })

  it('stands on the timeline of each of its bands', async () => {
    const { world, bandId, phone } = await armedWorld()
    await second(world, phone)
    await done(world, { act: 'freeze-account', bandId })
    for (const one of world.engine.operators.findBands('alice').bands) {
      const { entries } = await world.run(timeline(world, one.bandId))
      expect(entries.slice(0, 2)).toMatchObject([
        { type: 'moved', cause: 'epoch.raised', by: 'operator:ann', holds: ['operator-freeze'] },
        { type: 'act', act: 'freeze-account', by: 'operator:ann', also: null },
      ])
    }
  })
})

describe('A raised owner epoch', () => {
  it('ends every arming at once; the bands pay again when they are armed again', async () => {
    const { world, band, bandId, wearer } = await armedWorld()
    await done(world, { act: 'raise-epoch', bandId })
    expect(wearer.band.isArmed).toBe(false)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ reason: 'band-not-armed' })
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
  })
})

describe('A session that an operator ends', () => {
  it('is closed, and its phone comes back by signing in again', async () => {
    const { world, band, bandId } = await armedWorld()
    expect(world.engine.operators.preview({ act: 'end-session', bandId })).toMatchObject({
      touches: { bands: 1, armed: 1, links: 1, sessions: 1 },
      blocked: null,
    })
    const before = world.engine.status().sessions
    expect(before.live).toBe(1)
    const { lsn } = await done(world, { act: 'end-session', bandId })
    expect(recordsOf(world)[lsn - 1]).toMatchObject({ cause: 'end-session', by: 'operator:ann' })
    expect(world.engine.status().sessions.live).toBe(0)
    await world.time.advance(60_000)
    expect(world.engine.status().sessions.live).toBe(1)
    await world.run(band.whenLinked(120_000))
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
  })

  it('must be there: a band that nobody carries has none', async () => {
    const { world, bandId, phone } = await armedWorld()
    phone.client.close()
    await world.time.advance(1_000)
    expect(world.engine.operators.preview({ act: 'end-session', bandId }).blocked).toMatch(/No session/)
    expect(await act(world, { act: 'end-session', bandId })).toMatchObject({ error: 'wrong-state' })
  })
})

describe('A phone that operators remove', () => {
  const listed = async (world: World, bandId: string) => {
    const pause = () => Promise.resolve()
    const wish = { decisionsMax: 0, open: undefined, pause }
    const seen = await world.run(world.engine.operators.band(parseBandId(bandId), wish))
    if (seen.type !== 'band') throw new Error(`a band expected, got ${seen.type}`)
    return seen.phones
  }

  it('is listed with its band, and gone at once with its session when two agree; the others hear of it', async () => {
    const { world, bandId } = await armedWorld()
    const other = await RawPhone.connect(world, 'alice')
    const [first, second] = (await listed(world, bandId)).toSorted(
      (left, right) => left.enrolledAtMs - right.enrolledAtMs,
    )
    if (first === undefined || second === undefined) throw new Error('two phones expected')
    expect(first).toMatchObject({ live: true, pendingUntilMs: null, suspendedAtMs: null, removeAtMs: null })
    expect(second).toMatchObject({ phoneId: other.phoneId, live: true, suspendedAtMs: null, removeAtMs: null })
    expect(second.pendingUntilMs).toBeGreaterThan(world.time.nowMs())

    const removing = { act: 'remove-phone', bandId, phoneId: first.phoneId } as const
    expect(world.engine.operators.preview(removing)).toMatchObject({
      says: expect.stringContaining(first.phoneId.slice(0, 8)),
      touches: { sessions: 1 },
      blocked: null,
      needsSecond: true,
    })
    expect(await act(world, removing)).toMatchObject({ type: 'refused', error: 'needs-second' })
    expect((await listed(world, bandId)).length).toBe(2)
    const { lsn } = await done(world, removing, annAndBob)
    expect(recordsOf(world).slice(lsn - 1, lsn + 1)).toMatchObject([
      { type: 'operator', cause: 'remove-phone', by: 'operator:ann', also: 'operator:bob', subject: first.phoneId },
      { type: 'phone', cause: 'phone.removed', by: 'operator:ann', phoneId: first.phoneId, removed: true },
    ])
    expect((await listed(world, bandId)).map(({ phoneId }) => phoneId)).toEqual([other.phoneId])
    expect(other.last('alert')).toMatchObject({ kind: alertKinds['phone-removed'] })
    expect(world.engine.operators.preview(removing).blocked).toMatch(/no such phone/)
    expect(await act(world, removing, annAndBob)).toMatchObject({ error: 'wrong-state' })
    await world.crash()
    await world.start()
    expect((await listed(world, bandId)).map(({ phoneId }) => phoneId)).toEqual([other.phoneId])
    expect(world.failures).toEqual([])
  })

  it('was agreed to as it was: enrolled anew it is another phone', async () => {
    const { world, bandId } = await armedWorld()
    const other = await RawPhone.connect(world, 'alice')
    const removing = { act: 'remove-phone', bandId, phoneId: other.phoneId } as const
    const aim = world.engine.operators.fingerprintOf(removing)
    await done(world, removing, annAndBob)
    await world.time.advance(1_000)
    const { keys, phoneId } = other
    await RawPhone.connect(world, 'alice', { keys, phoneId })
    expect(world.engine.operators.fingerprintOf(removing)).not.toBe(aim)
  })

  it.each(['', 'ab', 'zz'.repeat(16), '00'.repeat(16)])('must be one of the account: %j is none', async (phoneId) => {
    const { world, bandId } = await armedWorld()
    expect(await act(world, { act: 'remove-phone', bandId, phoneId }, annAndBob)).toMatchObject({
      error: 'wrong-state',
    })
  })
})

describe('Every act of an operator', () => {
  it('is in the journal with who, also, whose and why, and the journal stays beyond reproach', async () => {
    const { world, bandId } = await armedWorld()
    await done(world, { act: 'freeze-band', bandId })
    await done(world, { act: 'unfreeze-band', bandId }, annAndBob)
    await done(world, { act: 'raise-epoch', bandId })
    await done(world, { act: 'freeze-account', bandId })
    await done(world, { act: 'unfreeze-account', bandId }, annAndBob)
    expect((await done(world, { act: 'open-account', bandId })).outcome.account).toBe('alice')
    await done(world, { act: 'end-session', bandId })
    await world.run(world.engine.operators.journal('revoke-vendor', 'vendor 7', annAndBob))
    const acts = recordsOf(world).flatMap((record) => (record.type === 'operator' ? [record] : []))
    const whole = { account: 'alice', bandId: null, subject: null }
    const one = { account: 'alice', bandId, subject: null }
    expect(
      acts.map(({ cause, account, bandId: band, also, subject }) => [cause, { account, bandId: band, subject }, also]),
    ).toEqual([
      ['freeze-band', one, null],
      ['unfreeze-band', one, 'operator:bob'],
      ['raise-epoch', whole, null],
      ['freeze-account', whole, null],
      ['unfreeze-account', whole, 'operator:bob'],
      ['account.opened', one, null],
      ['end-session', one, null],
      ['revoke-vendor', { account: null, bandId: null, subject: 'vendor 7' }, 'operator:bob'],
    ])
    expect(acts.every(({ by, reason }) => by === 'operator:ann' && reason === 'ticket 4711')).toBe(true)
    const auditor = new JournalAuditor(world.config.limits)
    for (const [at, record] of recordsOf(world).entries()) auditor.take({ lsn: at + 1, record })
    expect(auditor.violations).toEqual([])
  })

  it('needs a reason, and a band that is known', async () => {
    const { world, bandId } = await armedWorld()
    await expect(act(world, { act: 'freeze-band', bandId }, { ...ann, reason: '  ' })).rejects.toThrow(/needs a reason/)
    await expect(act(world, { act: 'freeze-band', bandId }, { ...ann, reason: 'x'.repeat(201) })).rejects.toThrow(
      /200 bytes/,
    )
    expect(recordsOf(world).filter(({ type }) => type === 'operator')).toEqual([])
    for (const unknown of ['ab'.repeat(16), '<img src=x onerror=alert(1)>', '']) {
      expect(await act(world, { act: 'freeze-band', bandId: unknown })).toMatchObject({ error: 'unknown-band' })
      expect(world.engine.operators.preview({ act: 'freeze-band', bandId: unknown }).blocked).toMatch(/No band/)
    }
  })

  it('that the server carries out is written down here, and done there', async () => {
    const { world } = await armedWorld()
    expect(await act(world, { act: 'drain' })).toMatchObject({ error: 'wrong-state' })
    const lsn = await world.run(world.engine.operators.journal('drain', 'the engine', ann))
    expect(typeof lsn).toBe('number')
    expect(recordsOf(world).at(-1)).toMatchObject({ cause: 'drain', subject: 'the engine' })
    world.disk.trouble = 'full'
    expect(await world.run(world.engine.operators.journal('restore-vendor', 'vendor 7', annAndBob))).toBe(
      'storage-full',
    )
    expect(typeof (await world.run(world.engine.operators.journal('revoke-vendor', 'vendor 7', annAndBob)))).toBe(
      'number',
    )
  })
})

describe('A preview', () => {
  it('says what an act will touch, and changes nothing', async () => {
    const { world, bandId, phone } = await armedWorld()
    await second(world, phone)
    const before = world.disk.records.length
    const { preview } = world.engine.operators
    expect(preview({ act: 'freeze-band', bandId })).toMatchObject({
      touches: { bands: 1, armed: 1, links: 1, sessions: 1 },
      blocked: null,
      needsSecond: false,
    })
    expect(preview({ act: 'freeze-account', bandId })).toMatchObject({
      touches: { bands: 2, armed: 2, links: 2, sessions: 1 },
    })
    expect(preview({ act: 'unfreeze-band', bandId })).toMatchObject({ needsSecond: true, blocked: expect.any(String) })
    expect(preview({ act: 'revoke-vendor', vendor: 1 })).toMatchObject({
      needsSecond: true,
      says: expect.stringContaining('not counted'),
    })
    expect(preview({ act: 'drain' })).toMatchObject({ touches: { sessions: 1, links: 2 } })
    // What was not counted has no number, least of all a zero.
    expect(preview({ act: 'drain' }).touches).toEqual({ sessions: 1, links: 2 })
    for (const act of ['revoke-vendor', 'restore-vendor'] as const) {
      expect(preview({ act, vendor: 1 }).touches).toEqual({})
      expect(preview({ act, vendor: 1, model: 1 }).touches).toEqual({})
    }
    expect(preview({ act: 'open-account', bandId }).touches).toEqual({})
    expect(preview({ act: 'freeze-band', bandId: 'f'.repeat(32) }).touches).toEqual({})
    expect(world.disk.records.length).toBe(before)
  })
})

describe('Bands', () => {
  it('are found by band id, bid, account and phone id; accounts are shown shortened', async () => {
    const { world, band, bandId, phone } = await armedWorld()
    for (const name of [bandId, band.bid, 'alice', phone.phoneId]) {
      expect(world.engine.operators.findBands(name)).toEqual({
        bands: [{ bandId, bid: band.bid, name: expect.any(String), state: 'armed', holds: [], account: 'alic…' }],
        isCut: false,
      })
    }
    for (const name of ['nobody', '', '<img src=x onerror=alert(1)>', 'ff'.repeat(16), 'ff'.repeat(8)]) {
      expect(world.engine.operators.findBands(name)).toEqual({ bands: [], isCut: false })
    }
  })
})

describe('A band', () => {
  it('is found by every way in which its ids are shown: short, in capitals, with spaces, with an ellipsis', async () => {
    const { world, band, bandId, phone } = await armedWorld()
    const ids = [bandId, band.bid, phone.phoneId]
    const shown = ids.flatMap((id) => [
      id.toUpperCase(),
      ` ${id} `,
      id.slice(0, 8),
      id.slice(0, 8).toUpperCase(),
      `${id.slice(0, 8)}…`,
      `${id.slice(0, 12)}...`,
      id.match(/.{4}/g)?.join(' ') ?? '',
    ])
    for (const name of [...shown, `phone:${phone.phoneId.slice(0, 8)}…`]) {
      const found = world.engine.operators.findBands(name, 'id').bands.map((one) => one.bandId)
      expect([name, found]).toEqual([name, [bandId]])
    }
    const { bands } = world.engine.operators.findBands('alic…')
    expect(bands.map((one) => one.bandId)).toEqual([bandId])
    expect(world.engine.operators.findBands('alic…', 'id').bands).toEqual([])
  })

  it('whose id begins as that of another is listed with it, and inspected by none of the two', async () => {
    const { world, bandId, phone } = await armedWorld()
    await second(world, phone)
    const other = world.engine.operators.findBands('alice').bands.find((one) => one.bandId !== bandId)
    if (other === undefined) throw new Error('a second band expected')
    const stems = Array.from({ length: 32 }, (_, at) => bandId.slice(0, at))
    const shared = stems.findLast((stem) => stem !== '' && other.bandId.startsWith(stem))
    const names = shared !== undefined && shared.length >= 4 ? [shared] : [phone.phoneId.slice(0, 8)]
    for (const written of names) {
      expect(world.engine.operators.findBands(written).bands).toHaveLength(2)
      const inspected = await world.run(
        world.engine.inspectBand({ written }, { decisionsMax: 1, open: undefined, pause: () => Promise.resolve() }),
      )
      expect(inspected).toMatchObject({ type: 'several', isCut: false })
      expect(inspected.type === 'several' && inspected.bands.map((one) => one.bandId).toSorted()).toEqual(
        [bandId, other.bandId].toSorted(),
      )
    }
    const one = await world.run(
      world.engine.inspectBand(
        { written: `${bandId.slice(0, 12).toUpperCase()}…` },
        { decisionsMax: 1, open: undefined, pause: () => Promise.resolve() },
      ),
    )
    expect(one).toMatchObject({ type: 'band', bandId })
  })
})

describe('A search for bands by ids alone', () => {
  it('finds none by an account, also when the account looks like an id', async () => {
    const { world, band, bandId, phone } = await armedWorld()
    for (const name of [bandId, band.bid, phone.phoneId]) {
      expect(world.engine.operators.findBands(name, 'id').bands).toHaveLength(1)
    }
    expect(world.engine.operators.findBands('alice', 'id').bands).toEqual([])
    const looksLikeId = 'ab'.repeat(16)
    await armedBand(world, looksLikeId)
    expect(world.engine.operators.findBands(looksLikeId, 'id').bands).toEqual([])
    expect(world.engine.operators.findBands(looksLikeId).bands).toHaveLength(1)
  })
})

describe('A search for bands', () => {
  it(`lists ${foundBandsMax} of an account, and says when there are more`, async () => {
    const world = new World()
    await world.start()
    const phone = await world.phone('alice')
    const pair = async () => {
      const wearer = world.wearer()
      wearer.taps()
      const { packageSecret } = wearer.band.device
      await world.run(phone.client.pair(world.radio(wearer).phone, { packageSecret }))
    }
    for (let band = 0; band < foundBandsMax; band++) await pair()
    expect(world.engine.operators.findBands('alice')).toMatchObject({ isCut: false, bands: { length: foundBandsMax } })
    await pair()
    expect(world.engine.operators.findBands('alice')).toMatchObject({ isCut: true, bands: { length: foundBandsMax } })
  })
})

describe('Who watches a band', () => {
  it('hears that it moved, was asked for or acted on, once that is on disk, and not of other bands', async () => {
    const { world, band, bandId } = await armedWorld()
    const other = await armedBand(world, 'bob')
    let told = 0
    const stop = world.engine.operators.watchBand(parseBandId(bandId), () => told++)
    await world.run(other.band.pay(world.offer().bytes))
    expect(told).toBe(0)
    await world.run(band.pay(world.offer().bytes))
    expect(told).toBe(1)
    let sync: () => void = () => undefined
    world.disk.syncing = () =>
      new Promise((resolve) => {
        sync = resolve
      })
    const freezing = world.engine.operators.perform({ act: 'freeze-band', bandId }, ann)
    await world.time.advance(1_000)
    expect(told).toBe(1)
    world.disk.syncing = () => Promise.resolve()
    sync()
    await world.run(freezing)
    expect(told).toBeGreaterThan(1)
    const before = told
    stop()
    await done(world, { act: 'unfreeze-band', bandId }, annAndBob)
    expect(told).toBe(before)
  })

  it('sees each event that its actor takes, with the state before and after, and none of other bands', async () => {
    const { world, band, bandId, wearer } = await armedWorld()
    const other = await armedBand(world, 'bob')
    const steps: string[] = []
    const watch = () =>
      world.engine.operators.watchSteps(parseBandId(bandId), ({ event, from, to }) =>
        steps.push(`${event}: ${from} → ${to}`),
      )
    const [stop, stopToo] = [watch(), watch()]
    stopToo()
    await world.run(other.band.pay(world.offer().bytes))
    await world.run(band.pay(world.offer().bytes))
    await done(world, { act: 'freeze-band', bandId })
    await done(world, { act: 'unfreeze-band', bandId }, annAndBob)
    wearer.takesOff()
    await world.time.advance(3_000)
    const seen = [
      'band.authorize: armed → armed',
      'hold.set: armed → disarmed held',
      'hold.lift: disarmed held → disarmed',
      'band.removed: disarmed → offWrist',
    ]
    expect(steps).toEqual(seen)
    // Its actor goes to sleep, and wakes when the band is asked for.
    await world.time.advance(3_600_000)
    wearer.putsOn()
    await world.time.advance(3_000)
    expect(steps.slice(4)).toEqual([
      'xstate.stop: offWrist → offWrist',
      'xstate.init:  → offWrist',
      'band.worn: offWrist → disarmed',
    ])
    stop()
    wearer.takesOff()
    await world.time.advance(3_000)
    expect(steps.length).toBe(7)
  })
})

function timeline(world: World, bandId: string, wish: { readonly beforeLsn?: number; readonly limit?: number } = {}) {
  const { limit = 50, ...before } = wish
  const pause = () => Promise.resolve()
  return world.engine.operators.timeline(parseBandId(bandId), { limit, pause, ...before })
}

describe('The timeline of a band', () => {
  it('shows its moves, its decisions and the acts about it, newest first, page by page without a gap', async () => {
    const { world, band, bandId, wearer } = await armedWorld()
    for (let payment = 1; payment <= 5; payment++) {
      await world.run(band.pay(world.offer({ amountMinor: 100 + payment }).bytes))
    }
    wearer.takesOff()
    await world.time.advance(3_000)
    await done(world, { act: 'freeze-band', bandId })
    await done(world, { act: 'unfreeze-band', bandId }, annAndBob)
    const { entries, nextBeforeLsn } = await world.run(timeline(world, bandId))
    expect(nextBeforeLsn).toBeNull()
    expect(entries.map(({ type }) => type)).toEqual([
      'moved',
      'act',
      'moved',
      'act',
      'moved',
      ...Array.from({ length: 5 }, () => 'decision'),
      ...Array.from({ length: entries.length - 10 }, () => 'moved'),
    ])
    expect(entries[0]).toMatchObject({ type: 'moved', cause: 'hold.lift', state: 'offWrist', holds: [] })
    expect(entries[1]).toMatchObject({ type: 'act', act: 'unfreeze-band', also: 'operator:bob' })
    expect(entries[5]).toMatchObject({
      account: 'alic…',
      amountMinor: 105,
      reason: 'approved',
      partnerName: 'Test till',
    })
    expect(entries.at(-1)).toMatchObject({
      cause: 'pairing.commit',
      by: expect.stringMatching(/^phone:/),
      generation: 1,
    })
    const paged = []
    for (let beforeLsn: number | null = Number.MAX_SAFE_INTEGER; beforeLsn !== null;) {
      const page: TimelineAnswer = await world.run(timeline(world, bandId, { beforeLsn, limit: 3 }))
      expect(page.entries.length).toBeLessThanOrEqual(3)
      paged.push(...page.entries)
      beforeLsn = page.nextBeforeLsn
    }
    expect(paged).toEqual(entries)
  })

  it('says what was taken back, by which record', async () => {
    const { world, band, bandId } = await armedWorld()
    let sync: () => void = () => undefined
    world.disk.syncing = () =>
      new Promise((resolve) => {
        sync = resolve
      })
    const paying = band.pay(world.offer().bytes)
    for (let step = 0; world.disk.records.length + 1 > world.engine.status().appendedLsn && step < 500; step++)
      await world.time.advance(20)
    const freezing = world.engine.operators.perform({ act: 'freeze-band', bandId }, ann)
    world.disk.syncing = () => Promise.resolve()
    sync()
    await world.run(paying)
    await world.run(freezing)
    const { entries } = await world.run(timeline(world, bandId))
    const taken = entries.find(({ type }) => type === 'decision')
    expect(taken).toMatchObject({ reason: 'operator-freeze', reversedByLsn: expect.any(Number) })
  })

  it('goes on past a long history of the other bands of the account, in pages that may be empty', async () => {
    const { world, band, bandId, phone } = await armedWorld()
    await world.run(band.pay(world.offer({ amountMinor: 7 }).bytes))
    const other = await second(world, phone)
    for (let payment = 0; payment < 1_100; payment++) {
      await world.run(other.band.pay(world.offer({ amountMinor: 1 }).bytes))
    }
    const found = []
    let pages = 0
    for (let beforeLsn: number | null = Number.MAX_SAFE_INTEGER; beforeLsn !== null; pages++) {
      const page: TimelineAnswer = await world.run(timeline(world, bandId, { beforeLsn, limit: 200 }))
      found.push(...page.entries)
      beforeLsn = page.nextBeforeLsn
    }
    expect(pages).toBeGreaterThan(1)
    const otherId = world.engine.operators.findBands(other.band.bid).bands[0]?.bandId ?? ''
    for (const [limit, length] of [
      [timelineEntriesMax, timelineEntriesMax],
      [timelineEntriesMax + 1, timelineEntriesMax],
      [0, 1],
    ] as const) {
      expect((await world.run(timeline(world, otherId, { limit }))).entries.length).toBe(length)
    }
    expect(found.filter(({ type }) => type === 'decision')).toMatchObject([{ amountMinor: 7 }])
    expect(found.toSorted((left, right) => right.lsn - left.lsn)).toEqual(found)
    expect(found.at(-1)).toMatchObject({ cause: 'pairing.commit' })
  })

  it('shows nothing of who had the band before', async () => {
    const { world, band, bandId, phone } = await armedWorld()
    await world.run(band.pay(world.offer().bytes))
    await world.run(phone.client.deactivate(band.bid))
    await world.time.advance(2 * 3_600_000)
    const { entries } = await world.run(timeline(world, bandId))
    expect(entries.filter(({ type }) => type === 'decision')).toEqual([])
    expect(JSON.stringify(entries)).not.toContain('alic')
  })

  it('is empty for a band that nobody knows', async () => {
    const { world } = await armedWorld()
    expect(await world.run(timeline(world, 'ab'.repeat(16)))).toEqual({ entries: [], nextBeforeLsn: null })
  })
})
