// Attach, detach and the records of a slot: bid → band → account is checked here, before anything is believed.

import type { Bytes } from '../../base/bytes.ts'
import { type AccountId, parseBid } from '../../protocol/ids.ts'
import { hubSlotMax, phoneSlotMax } from '../../protocol/limits.ts'
import type { ErrorCode } from '../../protocol/errors.ts'
import type { PhoneFrameOf } from '../../protocol/messages/frames.ts'
import { decodeRecord } from '../../protocol/records.ts'
import { closeSlot, endLinks } from '../bands/band-link.ts'
import { stateFrame } from '../bands/tell-band.ts'
import type { Core } from '../core/core.ts'
import { pairingRecord } from './pairing.ts'
import { challengeBand, rekeyBand, resumeBand } from '../bands/resume.ts'
import { type Session, answer, refuse } from '../core/session.ts'
import type { Attached, Slot } from '../core/slots.ts'
import { upRecord } from '../bands/up-records.ts'

/** Frame 2: ties a slot to a band of this account. One error for unknown and foreign bands. */
export function attach(core: Core, session: Session, frame: PhoneFrameOf<'attach'>): void {
  const slotMax = session.connection.kind === 'hub' ? hubSlotMax : phoneSlotMax
  if (frame.slot > slotMax) return refuse(session, frame.id, 'out-of-range')
  const bid = parseBid(frame.bid)
  const row = core.ledger.get('bid', bid)
  if (row === undefined || !maySpeakFor(session, row.account, frame.account))
    return refuse(session, frame.id, 'unknown-band')
  if (core.windows.of(session, frame.slot) !== undefined) return refuse(session, frame.id, 'slot-in-use')
  const used = core.slots.of(session, frame.slot)
  if (used !== undefined && used.bid !== bid) return refuse(session, frame.id, 'slot-in-use')
  const slot = used ?? takeOver(core, session, frame.slot, { bid, ...row })
  answer(session, { type: 'attachAnswer', id: frame.id })
  const band = core.ledger.get('band', row.bandId)
  if (band !== undefined && band.bid === bid) answer(session, stateFrame(core, bid, band))
  challengeBand(core, slot)
}

/** A band has one slot: a session that attaches it again takes it over. */
function takeOver(core: Core, session: Session, number: number, attached: Attached): Slot {
  const known = core.slots.get(attached.bid)
  if (known === undefined) return core.slots.open(session, number, attached)
  core.slots.move(known, session, number)
  return known
}

function maySpeakFor(session: Session, account: AccountId, named: string | null): boolean {
  const { speaker } = session
  if (speaker?.type === 'phone') return speaker.account === account
  return speaker?.type === 'hub' && named === account && (speaker.accounts.has('*') || speaker.accounts.has(account))
}

/** Frame 4: gives a slot up; its link ends. */
export function detach(core: Core, session: Session, frame: PhoneFrameOf<'detach'>): void {
  const slot = core.slots.of(session, frame.slot)
  if (slot === undefined) return refuse(session, frame.id, 'slot-empty')
  closeSlot(core, slot)
  answer(session, { type: 'detachAnswer', id: frame.id })
}

/** Frame 3: one record from the band behind a slot, or why it is not taken. What a band is not believed ends in silence: it retries. */
export function takeRecord(core: Core, session: Session, number: number, bytes: Bytes): ErrorCode | undefined {
  const window = core.windows.of(session, number)
  if (window !== undefined) {
    pairingRecord(core, window, decodeRecord(bytes))
    return undefined
  }
  const slot = core.slots.of(session, number)
  if (slot === undefined) return 'slot-empty'
  const record = decodeRecord(bytes)
  switch (record.type) {
    case 'data':
      // An AUTH_PROOF comes with its offer, in frame 5: it is not opened here, so its counter is not used up either.
      if (record.proof) return 'malformed'
      upRecord(core, slot, record)
      return undefined
    case 'resume':
      return resumeBand(core, slot, record)
    case 'rekey1':
      return rekeyBand(core, slot, record)
    case 'nolink':
      challengeBand(core, slot)
      return undefined
    default:
      // What is no record of this version, or none that a band sends, ends the link: nothing is guessed.
      endLinks(core, slot)
      challengeBand(core, slot)
      return 'malformed'
  }
}
