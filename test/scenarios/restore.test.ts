// An older copy of the data is put back while bands, phones and partners went on: what lives again, and what stays denied.

import { describe, expect, it } from 'vitest'
import { BandFlash } from '../../band-sim/band/flash.ts'
import type { Wearer } from '../../band-sim/band/wearer.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { nextRoot } from '../../crypto/links/resume.ts'
import { forwardFailuresOfBand } from '../../engine/bands/resume-ahead.ts'
import { decodeEngineFrame, decodePhoneFrame, encodePhoneFrame } from '../../protocol/messages/frame-codec.ts'
import { concatBytes } from '../../base/bytes.ts'
import { changes } from '../../protocol/messages/frames.ts'
import { idBytes } from '../../protocol/ids.ts'
import { resumeForwardMax } from '../../protocol/limits.ts'
import { errorCodes } from '../../protocol/errors.ts'
import { encodeResumeMaced, recordTypes } from '../../protocol/records.ts'
import { RawPhone } from '../support/raw-phone.ts'
import { World, armedBand } from '../support/world.ts'

const hourMs = 3_600_000

async function armedWorld(options: ConstructorParameters<typeof World>[0] = {}) {
  const world = new World(options)
  await world.start()
  return { world, ...(await armedBand(world)) }
}

type Armed = Awaited<ReturnType<typeof armedWorld>>

/** The engine is restarted, and the band links anew each time: it gets ahead of every copy made before. */
async function goesOn({ world }: Pick<Armed, 'world'>, starts: number): Promise<void> {
  for (let start = 0; start < starts; start++) {
    await world.crash()
    await world.start()
    await world.time.advance(60_000)
  }
}

/** Offers that may have been decided before have run out. */
async function offersRunOut({ world }: Pick<Armed, 'world'>): Promise<void> {
  await world.time.advance(16 * 60_000)
}

function claimsOf(receipt: string): { readonly jti: string; readonly ownerEpoch: number } {
  const claims: unknown = JSON.parse(Buffer.from(receipt.split('.')[1] ?? '', 'base64url').toString())
  const has = typeof claims === 'object' && claims !== null && 'jti' in claims && 'ownerEpoch' in claims
  if (!has || typeof claims.jti !== 'string' || typeof claims.ownerEpoch !== 'number') throw new Error('no receipt')
  return { jti: claims.jti, ownerEpoch: claims.ownerEpoch }
}

/** The band's flash as if it had linked so many times more. */
function getAhead(wearer: Wearer, steps: number): void {
  const { flash } = wearer.band
  if (flash.root === undefined) throw new Error('the band is not paired')
  let { n, root } = flash.root
  for (let step = 0; step < steps; step++) {
    root = nextRoot(nodePrimitives, root)
    n++
  }
  flash.writeRoot(n, root)
}

describe('After a restore, a band', () => {
  it('that linked since the backup links again, and pays once its wearer has armed it', async () => {
    const armed = await armedWorld()
    const { world, band, wearer } = armed
    const putBack = world.disk.backup()
    await goesOn(armed, 3)
    // It obeyed higher arm epochs than the backup has.
    for (let arming = 0; arming < 3; arming++) await world.run(band.arm())
    const ahead = wearer.band.flash.root?.n
    await world.restore(putBack)
    await world.time.advance(600_000)
    expect(world.engine.status()).toMatchObject({ links: 1, bandsAhead: 1, bandsAheadRefused: 0 })
    expect(wearer.band.flash.root?.n).toBeGreaterThan(ahead ?? 0)
    await world.run(band.arm())
    await offersRunOut(armed)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    // And again: it is not ahead any more.
    await goesOn(armed, 2)
    expect(world.engine.status()).toMatchObject({ links: 1, bandsAhead: 0 })
    expect(world.failures).toEqual([])
  })

  it('that linked since the backup links again after a second restore of the same backup', async () => {
    const armed = await armedWorld()
    const { world, band } = armed
    const putBack = world.disk.backup()
    for (let restore = 0; restore < 2; restore++) {
      await goesOn(armed, 2)
      await world.restore(putBack)
      await world.time.advance(60_000)
      await world.run(band.arm())
    }
    await offersRunOut(armed)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    expect(world.failures).toEqual([])
  })

  it.each([
    ['as far ahead as a rekey lets it get links', resumeForwardMax, 1],
    ['one link further ahead does not', resumeForwardMax + 1, 0],
  ] as const)('%s', async (_, steps, links) => {
    const armed = await armedWorld()
    const { world, wearer } = armed
    await world.time.advance(60_000)
    const putBack = world.disk.backup()
    getAhead(wearer, steps)
    wearer.band.reboot()
    await world.restore(putBack)
    await world.time.advance(60_000)
    expect(world.engine.status()).toMatchObject({ links, bandsAhead: links })
  })

  it('approves nothing before its wearer has verified again, whatever was armed then: a freeze may be forgotten', async () => {
    const armed = await armedWorld()
    const { world, band, phone } = armed
    const putBack = world.disk.backup()
    await world.run(phone.client.freeze())
    await world.restore(putBack)
    await offersRunOut(armed)
    expect(world.engine.status()).toMatchObject({ links: 1, bands: { armed: 0, disarmed: 1 } })
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: false, reason: 'band-not-armed' })
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
  })

  it('that rekeyed since the backup is refused without an alarm, and pairs anew once its owner has given it up', async () => {
    const armed = await armedWorld()
    const { world, wearer, phone, radio, band } = armed
    const putBack = world.disk.backup()
    await world.time.advance(30 * hourMs)
    wearer.band.reboot()
    await world.time.advance(300_000)
    expect(wearer.count('rekeyed')).toBeGreaterThan(0)
    await world.restore(putBack)
    await world.time.advance(60_000)
    expect(world.engine.status()).toMatchObject({ links: 0, bandsAhead: 0, holds: { 'risk-freeze': 0 } })
    await world.run(phone.client.deactivate(band.bid))
    await world.time.advance(2 * hourMs)
    const { packageSecret, bandId } = wearer.band.device
    wearer.taps()
    const anew = await world.run(phone.client.pair(radio.phone, { packageSecret, bandId }))
    wearer.takesOff()
    await world.time.advance(1_000)
    wearer.putsOn()
    await world.time.advance(5_000)
    await world.run(anew.arm())
    expect(await world.run(anew.pay(world.offer().bytes))).toMatchObject({ approved: true })
  })

  it('that had not finished a rekey when the backup was made, and went on without it, links again', async () => {
    const armed = await armedWorld()
    const { world, wearer } = armed
    await world.time.advance(30 * hourMs)
    // What the engine says after the band has taken its rekey is lost, so the band never writes the new root.
    world.intercept = (way, bytes) => (way === 'down' && wearer.count('rekeyed') > 0 ? undefined : bytes)
    wearer.band.reboot()
    await world.time.advance(300_000)
    expect(wearer.count('rekeyed')).toBe(1)
    const putBack = world.disk.backup()
    world.intercept = (_way, bytes) => bytes
    wearer.band.reboot()
    await goesOn(armed, 3)
    expect(wearer.count('rekeyed')).toBe(1)
    await world.restore(putBack)
    await world.time.advance(120_000)
    expect(world.engine.status()).toMatchObject({ links: 1, bandsAhead: 1, holds: { 'risk-freeze': 0 } })
    expect(world.failures).toEqual([])
  })

  it('whose binding is forgotten pairs anew, and no RELEASE from before ends the new binding', async () => {
    const world = new World()
    await world.start()
    const putBack = world.disk.backup()
    const { phone, wearer, radio, band } = await armedBand(world)
    const releases: Uint8Array[] = []
    world.intercept = (way, bytes) => {
      const frame = way === 'down' ? decodeEngineFrame(bytes) : undefined
      if (frame?.type === 'record' && frame.bytes[0] === recordTypes.release) releases.push(frame.bytes.slice())
      return bytes
    }
    // Its binding ended once, and began again: a RELEASE of generation 1 is known to whoever listened.
    await world.run(phone.client.deactivate(band.bid))
    await world.time.advance(2 * hourMs)
    const { packageSecret, bandId } = wearer.band.device
    const pairs = async () => {
      wearer.taps()
      const pairing = phone.client.pair(radio.phone, { packageSecret, bandId })
      await world.time.advance(1_000)
      wearer.taps()
      return world.run(pairing)
    }
    await pairs()
    const forgotten = wearer.band.flash.binding?.generation ?? 0
    expect(forgotten).toBe(2)
    await world.restore(putBack)
    await world.time.advance(5_000)
    await pairs()
    expect(wearer.band.flash.binding?.generation).toBeGreaterThan(1_000)
    expect(world.engine.status().bands).toMatchObject({ unbound: 0 })
    // The one that freed it now is for all generations from before the restore, and is played to it again, too.
    expect(releases.length).toBeGreaterThan(1)
    for (const release of releases) wearer.band.receive(release)
    expect(wearer.band.isPaired).toBe(true)
  })
})

describe('A copy of a band', () => {
  it.each([
    ['before the backup', 0, 9],
    ['since, four links before the band comes back', 5, 4],
    ['since, one link before the band comes back', 8, 1],
  ] as const)(
    'made %s raises the alarm once the band itself, ahead of the engine, has linked',
    async (_, before, after) => {
      const armed = await armedWorld()
      const { world, wearer, band, radio } = armed
      await world.time.advance(60_000)
      const putBack = world.disk.backup()
      await goesOn(armed, before)
      const { binding, root, engineKeys } = wearer.band.flash
      if (root === undefined || binding === undefined) throw new Error('the band is not paired')
      const copied = new BandFlash(engineKeys)
      copied.writeRoot(root.n, root.root)
      copied.writeBinding(binding)
      await goesOn(armed, after)
      await world.restore(putBack)
      await world.time.advance(60_000)
      expect(world.engine.status()).toMatchObject({ links: 1, holds: { 'risk-freeze': 0 } })
      // The thief's copy speaks in the band's place.
      const clone = world.wearer(wearer.band.device, copied)
      radio.disconnect()
      await world.cloneInstead(band.slot, clone.band)
      expect(world.engine.status().holds['risk-freeze']).toBe(1)
    },
  )
})

describe('A forged RESUME', () => {
  it('from far ahead changes nothing, and the band links all the same once its forger has stopped', async () => {
    const armed = await armedWorld()
    const { world, wearer, band } = armed
    const putBack = world.disk.backup()
    await goesOn(armed, 2)
    const { binding } = wearer.band.flash
    if (binding === undefined) throw new Error('the band is not paired')
    let forged = 0
    world.intercept = (way, bytes) => {
      const frame = way === 'up' ? decodePhoneFrame(bytes, 4_096) : undefined
      const isFirst = frame?.type === 'record' && frame.bytes[0] === recordTypes.resume && forged === 0
      // Before the band's own, each from another number ahead, under the Ne that is out.
      for (let n = isFirst ? 5 : 1_000; n < 1_000; n++) {
        const maced = encodeResumeMaced(binding.bid, n, world.random.bytes(16))
        const forgery = concatBytes(maced, world.random.bytes(16))
        world.inject(encodePhoneFrame({ type: 'record', id: 0, slot: band.slot, bytes: forgery }))
        forged++
      }
      return bytes
    }
    await world.restore(putBack)
    await world.time.advance(400_000)
    expect(forged).toBeGreaterThan(900)
    expect(world.engine.status()).toMatchObject({ links: 1, bandsAhead: 1, holds: { 'risk-freeze': 0 } })
    expect(world.failures).toEqual([])
  })
})

describe('A plain copy of older data, put back without a word', () => {
  it('is noticed also by an engine that was restored once, long ago', async () => {
    const armed = await armedWorld()
    const { world } = armed
    const first = world.disk.backup()
    await goesOn(armed, 2)
    await world.restore(first)
    await world.time.advance(60_000)
    expect(world.engine.status()).toMatchObject({ links: 1, bandsAhead: 1 })
    const putBack = world.disk.backup()
    await goesOn(armed, 3)
    await world.crash()
    putBack()
    await world.start()
    await world.time.advance(60_000)
    expect(world.engine.status()).toMatchObject({ links: 0, bandsAhead: 0 })
    expect(world.failures).toEqual([expect.objectContaining({ code: 'journal-damaged' })])
  })

  it('lets no band in that is ahead of it, and says once what to do', async () => {
    const armed = await armedWorld()
    const { world } = armed
    const putBack = world.disk.backup()
    await goesOn(armed, 3)
    await world.crash()
    putBack()
    await world.start()
    await world.time.advance(600_000)
    const { links, bandsAhead, bandsAheadRefused } = world.engine.status()
    expect({ links, bandsAhead }).toEqual({ links: 0, bandsAhead: 0 })
    // Each costs the engine a derivation: so often, and once more a minute.
    expect(bandsAheadRefused).toBeGreaterThan(1)
    expect(bandsAheadRefused).toBeLessThanOrEqual(forwardFailuresOfBand.burst + 11)
    expect(world.failures).toEqual([
      expect.objectContaining({ code: 'journal-damaged', message: expect.stringContaining('bandpass restore') }),
    ])
  })
})

describe('A partner', () => {
  it('gets receipts that never repeat a name and never carry an older owner epoch', async () => {
    const armed = await armedWorld()
    const { world, band, phone } = armed
    await offersRunOut(armed)
    const putBack = world.disk.backup()
    const receiptOf = async () => {
      const decision = await world.run(band.pay(world.offer({ amountMinor: 100 }).bytes, { receipt: true }))
      expect(decision).toMatchObject({ approved: true })
      return claimsOf(decision.receipt ?? '')
    }
    const before = [await receiptOf(), await receiptOf(), await receiptOf()]
    await world.run(phone.client.freeze())
    await world.run(phone.client.unfreeze())
    await world.run(band.arm())
    before.push(await receiptOf())
    await world.restore(putBack)
    await offersRunOut(armed)
    await world.run(band.arm())
    const after = [await receiptOf(), await receiptOf(), await receiptOf()]
    expect(new Set([...before, ...after].map(({ jti }) => jti)).size).toBe(7)
    const newest = Math.max(...before.map(({ ownerEpoch }) => ownerEpoch))
    for (const { ownerEpoch } of after) expect(ownerEpoch).toBeGreaterThan(newest)
    await world.run(phone.client.freeze())
    await world.run(phone.client.unfreeze())
    await world.run(band.arm())
    expect((await receiptOf()).ownerEpoch).toBeGreaterThan(Math.max(...after.map(({ ownerEpoch }) => ownerEpoch)))
  })

  it('has no offer decided twice: one that may have been decided is not decided again', async () => {
    const armed = await armedWorld()
    const { world, band, wearer } = armed
    const putBack = world.disk.backup()
    const offer = world.offer({ expiresAtMs: world.time.nowMs() + 14 * 60_000 })
    wearer.habit = () => ({ verdict: 'refused', afterMs: 100 })
    expect(await world.run(band.pay(offer.bytes))).toMatchObject({ approved: false, reason: 'refused-by-wearer' })
    wearer.habit = () => ({ verdict: 'tap', afterMs: 100 })
    await world.restore(putBack)
    await world.time.advance(60_000)
    await world.run(band.arm())
    await expect(world.run(band.pay(offer.bytes))).rejects.toMatchObject({ code: 'unavailable' })
    await offersRunOut(armed)
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
  })

  it('waits no longer than offers live after the engine that is replaced had stopped', async () => {
    const armed = await armedWorld()
    const { world, band } = armed
    const putBack = world.disk.backup()
    const stoppedAtMs = world.time.nowMs()
    await world.crash()
    await world.time.advance(16 * 60_000)
    await world.restore(putBack, stoppedAtMs)
    await world.time.advance(60_000)
    await world.run(band.arm())
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
  })

  it('gets the answer again that the backup knows', async () => {
    const armed = await armedWorld()
    const { world, band } = armed
    const offer = world.offer()
    const first = await world.run(band.pay(offer.bytes, { receipt: true }))
    await world.time.advance(1_000)
    const putBack = world.disk.backup()
    await world.restore(putBack)
    await world.time.advance(20_000)
    expect(await world.run(band.pay(offer.bytes, { receipt: true }))).toEqual(first)
  })
})

describe('What was to raise authority when the backup was made', () => {
  it('waits as long again, so that a veto that was forgotten can be said once more', async () => {
    const armed = await armedWorld()
    const { world, band, phone } = armed
    await world.run(phone.client.lost(band.bid))
    const web = await RawPhone.connect(world, 'alice', { scopes: ['web'] })
    await web.ask({ type: 'found', bid: idBytes(band.bid), uv: null })
    const intruder = await world.phone('alice', { isAnother: true })
    await world.run(phone.client.limits({ currency: 978, perUseMinor: 9_999, perDayMinor: 19_999 }))
    await world.run(phone.client.limits({ currency: 978, perUseMinor: 10_000, perDayMinor: 20_000 }))
    const putBack = world.disk.backup()
    await web.ask({ type: 'veto', change: changes.found, target: idBytes(band.bid) })
    await world.run(phone.client.veto('phone', Buffer.from(intruder.phoneId, 'hex')))
    await world.run(phone.client.veto('limits'))
    await world.time.advance(30 * hourMs)
    await world.restore(putBack)
    await world.time.advance(60_000)
    const stranger = await world.phone('alice', { isAnother: true })
    expect(stranger.phoneId).not.toBe(intruder.phoneId)
    expect(await world.run(phone.client.bands())).toMatchObject([{ holds: ['lost'] }])
    const again = await RawPhone.connect(world, 'alice', { scopes: ['web'] })
    expect(await again.ask({ type: 'veto', change: changes.found, target: idBytes(band.bid) })).toMatchObject({
      type: 'vetoAnswer',
    })
    await world.run(phone.client.veto('phone', Buffer.from(intruder.phoneId, 'hex')))
    await world.run(phone.client.veto('limits'))
  })

  it('ends no binding and admits no phone before that wait is over, whatever the clock says', async () => {
    const armed = await armedWorld()
    const { world, band, phone, wearer } = armed
    wearer.takesOff()
    await world.time.advance(5_000)
    await world.run(phone.client.deactivate(band.bid))
    const intruder = await RawPhone.connect(world, 'alice')
    const putBack = world.disk.backup()
    await world.run(phone.client.veto('deactivation', idBytes(band.bid)))
    await world.time.advance(5 * hourMs)
    await world.restore(putBack)
    await world.time.advance(50 * 60_000)
    expect(world.engine.status().bands).toMatchObject({ unbound: 0, deactivating: 1 })
    const again = await RawPhone.connect(world, 'alice', { keys: intruder.keys, phoneId: intruder.phoneId })
    const refused = await again.ask({ type: 'attach', slot: 0, bid: idBytes(band.bid), account: null })
    expect(RawPhone.errorOf(refused)).toBe(errorCodes['phone-pending'])
    await world.run(phone.client.veto('deactivation', idBytes(band.bid)))
    expect(world.engine.status().bands).toMatchObject({ deactivating: 0 })
  })
})
