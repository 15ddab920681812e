import { TokenBucket } from '../../base/token-bucket.ts'
import { describe, expect, it } from 'vitest'
import { parseAccountId, parseBandId, parseBid } from '../../protocol/ids.ts'
import { Actors } from './actors.ts'
import { SessionSlots } from './session-slots.ts'
import type { Session } from './session.ts'
import { SlotDirectory } from './slot-directory.ts'
import type { Slot } from './slots.ts'

function session(): Session {
  return {
    connection: {
      kind: 'hub',
      remoteAddress: '192.0.2.1',
      host: 'engine.example',
      isOpen: true,
      send: () => undefined,
      close: () => undefined,
      cork: (work) => work(),
    },
    actor: new Actors().startSession(),
    challenge: new Uint8Array(32),
    slots: new SessionSlots(),
    uvChallenges: new Map(),
    speaker: undefined,
    number: 0,
    resumeToken: '',
    waiting: 0,
    stops: new TokenBucket({ perSecond: 1, burst: 1 }, 0),
    cancelTimer: () => undefined,
  }
}

/** Bids that differ in few bits, as an operator may have given them. */
function band(number: number) {
  const hex = number.toString(16)
  return {
    bid: parseBid(hex.padStart(16, '0')),
    bandId: parseBandId(hex.padStart(32, 'a')),
    account: parseAccountId(`wearer-${number}`),
    generation: number + 1,
  }
}

const nonce = new Uint8Array(16).fill(9)

function found(slot: Slot | undefined): Slot {
  if (slot === undefined) throw new Error('the band is not attached')
  return slot
}

describe('The slots of attached bands', () => {
  it('keep each band apart from its neighbours, and find it by its name and by its number', () => {
    const slots = new SlotDirectory(10)
    const hub = session()
    const count = 5_000
    for (let number = 0; number < count; number++) {
      const slot = slots.open(hub, number, band(number))
      slot.link = number * 2
      slot.chalAtMs = number + 0.25
      if (number % 3 === 0) slot.engineNonce = nonce
    }
    expect(slots.count).toBe(count)
    for (let number = 0; number < count; number++) {
      const slot = found(slots.get(band(number).bid))
      expect(slot).toMatchObject(band(number))
      expect(slot).toMatchObject({ number, link: number * 2, chalAtMs: number + 0.25, linkSerial: 0 })
      expect(slot.session).toBe(hub)
      expect(slot.engineNonce).toEqual(number % 3 === 0 ? nonce : undefined)
      expect(slots.of(hub, number)?.bid).toBe(slot.bid)
    }
    expect(slots.get(band(count).bid)).toBeUndefined()
  })

  it('find the others while bands come and go', () => {
    const slots = new SlotDirectory(10)
    const hub = session()
    const attached = new Set<number>()
    // A walk over 997 bands that takes each up and gives it up many times, in an order that never repeats soon.
    for (let step = 1; step <= 20_000; step++) {
      const number = (step * step * 7 + step) % 997
      if (attached.delete(number)) slots.close(found(slots.get(band(number).bid)))
      else {
        attached.add(number)
        slots.open(hub, number, band(number))
      }
    }
    expect(slots.count).toBe(attached.size)
    for (let number = 0; number < 997; number++) {
      expect(slots.get(band(number).bid)?.generation).toBe(attached.has(number) ? number + 1 : undefined)
      expect(hub.slots.band(number) !== undefined).toBe(attached.has(number))
    }
  })

  it('given up leave nothing to whoever still holds one, though another band has the place', () => {
    const slots = new SlotDirectory(10)
    const hub = session()
    const before = slots.open(hub, 1, band(1))
    before.link = 5
    before.engineNonce = nonce
    slots.close(before)
    expect(hub.slots.band(1)).toBe(undefined)
    const after = slots.open(hub, 1, band(2))
    after.link = 7
    expect(before).toMatchObject({ bid: band(1).bid, account: band(1).account })
    expect(before.isAttached).toBe(false)
    expect(before.link).toBeUndefined()
    expect(before.engineNonce).toBeUndefined()
    expect(() => before.session).toThrow('given up')
    before.link = 6
    before.engineNonce = nonce
    before.isChalOwed = true
    slots.close(before)
    expect(after).toMatchObject({ isAttached: true, link: 7, linkSerial: 0, isChalOwed: false })
    expect(after.engineNonce).toBeUndefined()
  })

  it('move to another session with their link and without their nonce', () => {
    const slots = new SlotDirectory(10)
    const [older, newer] = [session(), session()]
    const slot = slots.open(older, 3, band(1))
    slot.link = 4
    slot.engineNonce = nonce
    slots.move(slot, newer, 200)
    expect(older.slots.band(3)).toBe(undefined)
    expect([...newer.slots.bands()].map(([number]) => number)).toEqual([200])
    expect(slot).toMatchObject({ number: 200, link: 4 })
    expect(slot.session).toBe(newer)
    expect(slot.engineNonce).toBeUndefined()
  })

  it('keep the longest account there is, and not for the next band', () => {
    const slots = new SlotDirectory(10)
    const hub = session()
    for (const length of [40, 41, 64]) {
      const account = parseAccountId('a'.repeat(length))
      slots.open(hub, length, { ...band(length), account })
      expect(slots.get(band(length).bid)?.account).toBe(account)
      slots.close(found(slots.get(band(length).bid)))
    }
    slots.open(hub, 1, band(1))
    expect(slots.get(band(1).bid)?.account).toBe(band(1).account)
  })
})
