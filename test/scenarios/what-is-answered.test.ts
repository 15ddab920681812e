// What a developer of a phone or hub hears when a frame is not as the engine expects it: an error where one would look for it.

import { describe, expect, it } from 'vitest'
import { taps } from '../../band-sim/band/wearer.ts'
import { errorCodes } from '../../protocol/errors.ts'
import { decodeEngineFrame, encodeHubRecords } from '../../protocol/messages/frame-codec.ts'
import { changes } from '../../protocol/messages/frames.ts'
import { idBytes } from '../../protocol/ids.ts'
import { packArray } from '../../protocol/messages/msgpack-writer.ts'
import { RawPhone } from '../support/raw-phone.ts'
import { World, armedBand } from '../support/world.ts'

const noBand = new Uint8Array(8).fill(9)
const garbage = Uint8Array.of(0xff, 1, 2, 3)
/** DATA with the flag PROOF, from a band that holds no key of the link. */
const proof = Uint8Array.from([0x13, 0x04, 0, 1, 0, 0, 0, 1, ...new Uint8Array(67)])

async function armedWorld() {
  const world = new World()
  await world.start()
  return { world, ...(await armedBand(world)) }
}

/** A raw phone of alice that has her band in slot 0. */
async function attached() {
  const armed = await armedWorld()
  const { world, band } = armed
  const phone = await RawPhone.connect(world, 'alice', { keys: armed.phone.keys, phoneId: armed.phone.phoneId })
  expect(await phone.ask({ type: 'attach', slot: 0, bid: idBytes(band.bid), account: null })).toMatchObject({
    type: 'attachAnswer',
  })
  return { ...armed, raw: phone }
}

async function hubWorld() {
  const armed = await armedWorld()
  const { world, band } = armed
  await world.run(band.detach())
  const hub = await RawPhone.connect(world, 'hub-1', { path: '/hub', scopes: ['hub'], hubAccounts: ['alice'] })
  await hub.ask({ type: 'attach', slot: 700, bid: idBytes(band.bid), account: 'alice' })
  const sends = async (records: readonly { readonly slot: number; readonly bytes: Uint8Array }[]) => {
    hub.socket.send(encodeHubRecords('hub', records))
    await world.time.advance(100)
  }
  return { ...armed, hub, sends }
}

describe('A record of a hub', () => {
  it('for a slot that has nothing, or one that is no record, is answered with an error', async () => {
    const { hub, sends } = await hubWorld()
    await sends([
      { slot: 3, bytes: garbage },
      { slot: 700, bytes: garbage },
    ])
    expect(hub.all('error')).toMatchObject([
      { id: 0, code: errorCodes['slot-empty'] },
      { id: 0, code: errorCodes.malformed },
    ])
    expect(hub.closeCode).toBeUndefined()
  })

  it('that is cut in half closes the socket, and with an id its frame is answered', async () => {
    const { world, hub } = await hubWorld()
    hub.socket.send(packArray([3, 77, 700, Uint8Array.of(0x14, 1)]))
    await world.time.advance(100)
    expect(hub.heard.find(({ id }) => id === 77)).toMatchObject({ type: 'recordAnswer' })
    hub.socket.send(packArray([3, 0, 700, Uint8Array.of(0x14, 1), 701]))
    await world.time.advance(100)
    expect(hub.closeCode).toBe(4000)
  })
})

describe('A hub whose token names no account', () => {
  it('is refused: it could attach nothing', async () => {
    const world = new World()
    await world.start()
    const hub = await RawPhone.connect(world, 'hub-1', { path: '/hub', scopes: ['hub'], hubAccounts: [] })
    expect(hub.last('error')?.code).toBe(errorCodes['token-invalid'])
    expect(hub.closeCode).toBe(4002)
  })
})

describe('A record of a phone', () => {
  it('that is a proof belongs into frame 5: here it is refused, and its link goes on', async () => {
    const { world, raw } = await attached()
    const answer = await raw.ask({ type: 'record', slot: 0, bytes: proof })
    expect(answer).toMatchObject({ type: 'error', code: errorCodes.malformed })
    expect(await raw.ask({ type: 'record', slot: 5, bytes: proof })).toMatchObject({ code: errorCodes['slot-empty'] })
    const authorized = await raw.ask({
      type: 'authorize',
      slot: 0,
      offer: world.offer().bytes,
      record: Uint8Array.from([0x13, 0, ...proof.subarray(2)]),
      uv: null,
      wantsReceipt: null,
    })
    // Without PROOF nothing is opened in frame 5 either.
    expect(authorized).toMatchObject({ type: 'decision', approved: false, lsn: 0 })
  })
})

describe('A number', () => {
  it('of a slot that no phone has is out of range where one is taken, empty where one is named, and no frame above', async () => {
    const { band, raw } = await attached()
    const bid = idBytes(band.bid)
    expect(RawPhone.errorOf(await raw.ask({ type: 'attach', slot: 256, bid, account: null }))).toBe(
      errorCodes['out-of-range'],
    )
    expect(RawPhone.errorOf(await raw.ask({ type: 'detach', slot: 256 }))).toBe(errorCodes['slot-empty'])
    raw.socket.send(packArray([4, 99, 65_536]))
    await raw.world.time.advance(100)
    expect(raw.closeCode).toBe(4000)
  })

  it('of entries is at least one, at most 32, and no frame above 255', async () => {
    const { world, raw } = await attached()
    const none = await raw.ask({ type: 'bands', cursor: 0, count: 0 })
    expect(none?.type === 'bandsPage' && none.entries).toHaveLength(1)
    const many = await raw.ask({ type: 'bands', cursor: 0, count: 255 })
    expect(many?.type).toBe('bandsPage')
    raw.socket.send(packArray([18, 98, 0, 256]))
    await world.time.advance(100)
    expect(raw.closeCode).toBe(4000)
  })
})

describe('An owner', () => {
  it('who lifts what is not set is answered all the same, and hears what holds', async () => {
    const { world, phone, band } = await armedWorld()
    expect(await world.run(phone.client.unfreeze(band.bid))).toEqual([])
    await world.run(phone.client.lost(band.bid))
    expect(await world.run(phone.client.unfreeze(band.bid))).toEqual(['lost'])
  })

  it('who vetoes for a band that is not theirs hears that there is no such band', async () => {
    const { raw } = await attached()
    const answer = await raw.ask({ type: 'veto', change: changes.deactivation, target: noBand })
    expect(RawPhone.errorOf(answer)).toBe(errorCodes['unknown-band'])
  })

  it('who pays with a tap has not tapped for a deactivation: only the tap that nothing asked for counts', async () => {
    const { world, phone, wearer, band } = await armedWorld()
    wearer.habit = taps
    expect(await world.run(band.pay(world.offer().bytes))).toMatchObject({ approved: true })
    const began = await world.run(phone.client.deactivate(band.bid))
    expect(began.dueAtMs).toBeGreaterThan(world.time.nowMs())
    await world.run(phone.client.veto('deactivation', idBytes(band.bid)))
    wearer.band.tapReader({ id: new Uint8Array(16), nonce: new Uint8Array(8), intervalMs: 50 })
    await world.time.advance(500)
    const now = await world.run(phone.client.deactivate(band.bid))
    expect(now.dueAtMs).toBeLessThanOrEqual(world.time.nowMs())
  })
})

describe('Arming', () => {
  /** ARM never reaches the band: a phone holds it back. */
  async function held() {
    const armed = await armedWorld()
    const { world, band } = armed
    world.intercept = (way, bytes) => {
      const frame = way === 'down' ? decodeEngineFrame(bytes) : undefined
      return frame?.type === 'record' && frame.bytes.length === 8 + 29 + 16 ? undefined : bytes
    }
    const startedAtMs = world.time.nowMs()
    const arming = band.arm().catch((error: unknown) => error)
    await world.time.advance(1_000)
    return { ...armed, arming, tookMs: () => world.time.nowMs() - startedAtMs }
  }

  it('of a band that comes off before it has the secret is answered at once', async () => {
    const { world, wearer, arming, tookMs } = await held()
    wearer.takesOff()
    expect(await world.run(arming)).toMatchObject({ code: 'not-worn' })
    expect(tookMs()).toBeLessThan(6_000)
  })

  it('of a band that is frozen meanwhile is answered at once', async () => {
    const { world, phone, arming, tookMs } = await held()
    await world.run(phone.client.freeze())
    expect(await world.run(arming)).toMatchObject({ code: 'band-held' })
    expect(tookMs()).toBeLessThan(6_000)
  })

  it('of a band that says nothing is answered after ten seconds', async () => {
    const { world, arming, tookMs } = await held()
    expect(await world.run(arming)).toMatchObject({ code: 'band-silent' })
    expect(tookMs()).toBeGreaterThanOrEqual(10_000)
  })
})
