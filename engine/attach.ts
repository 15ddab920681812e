// Attach, detach and the records of a slot: bid → band → account is checked here, before anything is believed.

import type { Bytes } from '../protocol/bytes.ts'
import { type AccountId, type Bid, parseBid } from '../protocol/ids.ts'
import { hubSlotMax, phoneSlotMax } from '../protocol/limits.ts'
import type { PhoneFrameOf } from '../protocol/frames.ts'
import { decodeRecord } from '../protocol/records.ts'
import { endLinks } from './band-link.ts'
import { stateFrame } from './bands.ts'
import type { Core } from './core.ts'
import { pairingRecord } from './pairing.ts'
import { challengeBand, rekeyBand, resumeBand } from './resume.ts'
import { type Session, answer, refuse } from './session.ts'
import type { Slot, SlotUse } from './slots.ts'
import { upRecord } from './up-records.ts'

/** Frame 2: ties a slot to a band of this account. One error for unknown and foreign bands. */
export function attach(core: Core, session: Session, frame: PhoneFrameOf<'attach'>): void {
  const slotMax = session.connection.kind === 'hub' ? hubSlotMax : phoneSlotMax
  if (frame.slot > slotMax) return refuse(session, frame.id, 'out-of-range')
  const bid = parseBid(frame.bid)
  const row = core.ledger.get('bid', bid)
  if (row === undefined || !maySpeakFor(session, row.account, frame.account))
    return refuse(session, frame.id, 'unknown-band')
  const used = session.slots.get(frame.slot)
  if (used?.type === 'pairing') return refuse(session, frame.id, 'slot-in-use')
  if (used !== undefined && used.slot.bid !== bid) return refuse(session, frame.id, 'slot-in-use')
  const slot = used?.slot ?? takeOver(core, session, { number: frame.slot, bid, ...row })
  answer(session, { type: 'attachAnswer', id: frame.id })
  const band = core.ledger.get('band', row.bandId)
  if (band !== undefined && band.bid === bid) answer(session, stateFrame(bid, band))
  challengeBand(core, slot)
}

function takeOver(
  core: Core,
  session: Session,
  at: {
    readonly number: number
    readonly bid: Bid
    readonly bandId: Slot['bandId']
    readonly account: AccountId
    readonly generation: number
  },
): Slot {
  const { number, bid, bandId, account, generation } = at
  const known = core.slots.get(bid)
  if (known !== undefined) {
    // The band's live link comes along: it is bound to the band, not to the socket. `Ne` does not.
    known.session.slots.delete(known.number)
    known.session = session
    known.number = number
    known.engineNonce = undefined
    session.slots.set(number, { type: 'band', slot: known })
    return known
  }
  const slot: Slot = {
    session,
    number,
    bid,
    bandId,
    account,
    generation,
    engineNonce: undefined,
    nonceAtMs: 0,
    chalAtMs: -Infinity,
    link: undefined,
    linkSerial: 0,
    isChalOwed: false,
    candidate: undefined,
    arming: undefined,
  }
  core.slots.set(bid, slot)
  session.slots.set(number, { type: 'band', slot })
  return slot
}

function maySpeakFor(session: Session, account: AccountId, named: string | null): boolean {
  const { speaker } = session
  if (speaker?.type === 'phone') return speaker.account === account
  return speaker?.type === 'hub' && named === account && (speaker.accounts.has('*') || speaker.accounts.has(account))
}

/** Frame 4: gives a slot up; its link ends. */
export function detach(core: Core, session: Session, frame: PhoneFrameOf<'detach'>): void {
  const used = session.slots.get(frame.slot)
  if (used?.type !== 'band') return refuse(session, frame.id, 'slot-empty')
  session.slots.delete(frame.slot)
  closeSlot(core, used)
  answer(session, { type: 'detachAnswer', id: frame.id })
}

/** Forgets a slot: wipes its links and stops routing to it. */
export function closeSlot(core: Core, used: SlotUse): void {
  if (used.type !== 'band') return
  endLinks(core, used.slot)
  used.slot.engineNonce = undefined
  used.slot.arming?.done(false)
  if (core.slots.get(used.slot.bid) === used.slot) core.slots.delete(used.slot.bid)
}

/** Frame 3: one record from the band behind a slot. What is not understood ends in silence: the band retries. */
export function takeRecord(core: Core, session: Session, slot: number, bytes: Bytes): boolean {
  const used = session.slots.get(slot)
  if (used === undefined) return false
  const record = decodeRecord(bytes)
  if (used.type === 'pairing') {
    pairingRecord(core, used.window, record)
    return true
  }
  switch (record.type) {
    case 'data':
      upRecord(core, used.slot, record)
      return true
    case 'resume':
      resumeBand(core, used.slot, record)
      return true
    case 'rekey1':
      rekeyBand(core, used.slot, record)
      return true
    case 'nolink':
      challengeBand(core, used.slot)
      return true
    default:
      // What is no record of this version, or none that a band sends, ends the link: nothing is guessed.
      endLinks(core, used.slot)
      challengeBand(core, used.slot)
      return false
  }
}

/** The slot a phone means, if a band is attached to it. */
export function bandSlot(session: Session, number: number): Slot | undefined {
  const used = session.slots.get(number)
  return used?.type === 'band' ? used.slot : undefined
}
