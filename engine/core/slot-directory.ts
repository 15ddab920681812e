// Slab allocator and index of slots: every attached band's, by the band's name on the air, and by session and number. Of a session it
// holds only that it has some.

import { ascii, readText } from '../../base/bytes.ts'
import { type AccountId, type Bid, idBytes, parseAccountId, parseBandId, parseBid } from '../../protocol/ids.ts'
import { PlacesByBid } from './places-by-bid.ts'
import type { SlotPlace } from './session-slots.ts'
import type { Session } from './session.ts'
import { type Attached, Slot, type Slab, accountInlineBytes, baseOf, slotAt, slotBytes, slotsPerSlab } from './slots.ts'

/** Objects of slots that are kept for the next frame of the same band, which then need not make its names again. */
const keptMax = 8_192

export class SlotDirectory {
  readonly #slabs: Slab[] = []
  readonly #free: SlotPlace[] = []
  readonly #byBid: PlacesByBid
  /** Sessions that have slots; undefined where one is gone. */
  readonly #sessions: (Session | undefined)[] = []
  readonly #sessionsFree: number[] = []
  /** The slot last worked with of all those whose place leaves the same rest. */
  readonly #kept: (Slot | undefined)[] = Array.from({ length: keptMax }, () => undefined)
  readonly #longAccounts = new Map<SlotPlace, AccountId>()
  readonly #home: ConstructorParameters<typeof Slot>[0] = {
    sessionOf: (place) => this.#sessionOf(place),
    passing: { candidates: new Map(), armings: new Map() },
  }
  #used = 0

  /** Takes as many bands as are attached; `roomFor` of them without a pause to make room. */
  constructor(roomFor: number) {
    this.#byBid = new PlacesByBid(roomFor, (place, word) => {
      return this.#slabOf(place).view.getUint32(baseOf(place) + slotAt.bid + 4 * word)
    })
  }

  /** Bands that are attached. */
  get count(): number {
    return this.#used - this.#free.length
  }

  get(bid: Bid): Slot | undefined {
    const place = this.#byBid.find(idBytes(bid))
    return place === undefined ? undefined : this.at(place)
  }

  /** The slot of a number of a session, when a band is attached to it. */
  of(session: Session, number: number): Slot | undefined {
    const place = session.slots.band(number)
    return place === undefined ? undefined : this.at(place)
  }

  /** The slot at a place where there is one. */
  at(place: SlotPlace): Slot {
    const kept = this.#kept[place % keptMax]
    if (kept?.place === place && kept.isAttached) return kept
    const slot = this.#made(place)
    this.#kept[place % keptMax] = slot
    return slot
  }

  #made(place: SlotPlace): Slot {
    const slab = this.#slabOf(place)
    const { bytes, view } = slab
    const base = baseOf(place)
    const accountAt = base + slotAt.account
    const account = readText(bytes, accountAt, accountAt + (bytes[base + slotAt.accountLength] ?? 0))
    return new Slot(this.#home, slab, place, {
      bid: parseBid(bytes.subarray(base + slotAt.bid, base + slotAt.bid + 8)),
      bandId: parseBandId(bytes.subarray(base + slotAt.bandId, base + slotAt.bandId + 16)),
      account: this.#longAccounts.get(place) ?? parseAccountId(account ?? ''),
      generation: view.getUint32(base + slotAt.generation),
    })
  }

  /** Attaches a band that is not attached to anything, at a number that the session has free. */
  open(session: Session, number: number, attached: Attached): Slot {
    const place = this.#free.pop() ?? this.#used++
    if (place >= this.#slabs.length * slotsPerSlab) {
      const bytes = new Uint8Array(slotsPerSlab * slotBytes)
      this.#slabs.push({ bytes, view: new DataView(bytes.buffer) })
    }
    const slab = this.#slabOf(place)
    const { bytes, view } = slab
    const base = baseOf(place)
    const { bid, bandId, account, generation } = attached
    bytes.set(idBytes(bid), base + slotAt.bid)
    bytes.set(idBytes(bandId), base + slotAt.bandId)
    view.setUint32(base + slotAt.generation, generation)
    view.setFloat64(base + slotAt.chalAtMs, -Infinity)
    if (account.length > accountInlineBytes) this.#longAccounts.set(place, account)
    else {
      bytes.set(ascii(account), base + slotAt.account)
      bytes[base + slotAt.accountLength] = account.length
    }
    this.#byBid.add(place)
    this.#seat(place, session, number)
    return new Slot(this.#home, slab, place, { bid, bandId, account, generation })
  }

  /** The band speaks through another session from now on: its live link is bound to the band and comes along. `Ne` does not. */
  move(slot: Slot, session: Session, number: number): void {
    slot.engineNonce = undefined
    this.#unseat(slot.place)
    this.#seat(slot.place, session, number)
  }

  /** Gives the place back. An object of the slot that is still held has no link, for good. */
  close(slot: Slot): void {
    if (!slot.isAttached) return
    const { place } = slot
    this.#unseat(place)
    this.#byBid.remove(idBytes(slot.bid))
    this.#longAccounts.delete(place)
    this.#home.passing.candidates.delete(place)
    this.#home.passing.armings.delete(place)
    const { bytes, view } = this.#slabOf(place)
    const base = baseOf(place)
    const uses = view.getUint32(base + slotAt.uses)
    bytes.fill(0, base, base + slotBytes)
    view.setUint32(base + slotAt.uses, uses + 1)
    this.#free.push(place)
  }

  #sessionOf(place: SlotPlace): Session {
    const session = this.#sessions[this.#slabOf(place).view.getUint32(baseOf(place) + slotAt.session)]
    if (session === undefined) throw new Error('a band is attached to a session')
    return session
  }

  #slabOf(place: SlotPlace): Slab {
    const slab = this.#slabs[Math.floor(place / slotsPerSlab)]
    if (slab === undefined) throw new RangeError(`the place of a slot expected, got ${place}`)
    return slab
  }

  #seat(place: SlotPlace, session: Session, number: number): void {
    const { slots } = session
    if (slots.bandsCount === 0) {
      slots.sessionPlace = this.#sessionsFree.pop() ?? this.#sessions.length
      this.#sessions[slots.sessionPlace] = session
    }
    slots.setBand(number, place)
    const { view } = this.#slabOf(place)
    view.setUint32(baseOf(place) + slotAt.session, slots.sessionPlace)
    view.setUint16(baseOf(place) + slotAt.number, number)
  }

  #unseat(place: SlotPlace): void {
    const { slots } = this.#sessionOf(place)
    slots.deleteBand(this.#slabOf(place).view.getUint16(baseOf(place) + slotAt.number))
    if (slots.bandsCount > 0) return
    this.#sessions[slots.sessionPlace] = undefined
    this.#sessionsFree.push(slots.sessionPlace)
  }
}
