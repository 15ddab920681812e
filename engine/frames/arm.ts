// Arming (PROTOCOL §5 "Wrist latch"): only against user verification and a STATUS within the lease; A lives in the band's
// RAM, and here sealed at rest.

import { numberAfter } from '../../machines/band-changes.ts'
import type { PhoneFrameOf } from '../../protocol/messages/frames.ts'
import { idBytes } from '../../protocol/ids.ts'
import { armedMaxMs } from '../../protocol/limits.ts'
import { accountHoldsOn, accountRow } from '../ledger/account-rows.ts'
import { sendDown } from '../bands/band-link.ts'
import { tellBand } from '../bands/tell-band.ts'
import type { Core } from '../core/core.ts'
import { bandEpochMin } from '../ledger/restored.ts'
import { type Session, answer, refuse } from '../core/session.ts'
import { verifyUser } from '../phones/user-verification.ts'
import { wipe } from '../../crypto/primitives/secret.ts'
import { isPresent } from '../bands/presence.ts'

/** How long the band may take to acknowledge ARM, ms; what ends the arming meanwhile is told at once. */
const ackWithinMs = 10_000

/** Frame 8. Answered when the band has acknowledged that it holds the secret. */
export async function arm(core: Core, session: Session, frame: PhoneFrameOf<'arm'>): Promise<void> {
  const { speaker } = session
  if (speaker?.type !== 'phone') return refuse(session, frame.id, 'not-for-hubs')
  const slot = core.slots.of(session, frame.slot)
  if (slot?.link === undefined) return refuse(session, frame.id, slot === undefined ? 'slot-empty' : 'not-present')
  const nowMs = core.time.nowMs()
  if (!core.time.certain()) return refuse(session, frame.id, 'unavailable')
  const { link, linkSerial } = slot
  if (!isPresent(core, link)) return refuse(session, frame.id, 'not-present')
  if (core.links.get(link, 'wearEpoch') !== frame.wearEpoch) return refuse(session, frame.id, 'not-worn')
  if (verifyUser(core, session, frame, frame.uv) === undefined) return refuse(session, frame.id, 'verification-invalid')
  const band = core.ledger.get('band', slot.bandId)
  if (band === undefined) return refuse(session, frame.id, 'unknown-band')

  const { wearEpoch } = frame
  const untilMs = nowMs + Math.min(core.config.armedMs, armedMaxMs)
  const { ownerEpoch } = accountRow(core, slot.account)
  const accountHolds = accountHoldsOn(core, band)
  const secret = core.random(16)
  const armEpochMin = bandEpochMin(core.ledger.restored)
  const nextEpoch = numberAfter(band.armEpoch, armEpochMin)
  const sealedArmSecret = core.keys.keyring.seal('arm', idBytes(slot.bandId), nextEpoch, secret)
  const told = tellBand(
    core,
    slot.bandId,
    { type: 'band.arm', atMs: nowMs, wearEpoch, untilMs, ownerEpoch, accountHolds, armEpochMin },
    { by: speaker.surface, use: 'normal', keys: { sealedArmSecret } },
  )
  if (told.type === 'refused') {
    wipe(secret)
    return refuse(session, frame.id, told.error)
  }
  await core.ledger.durable(told.lsn)
  const { armEpoch, armedUntilMs } = told.row
  const row = core.ledger.get('band', slot.bandId)
  const isStillArmed =
    row?.state === 'armed' && row.armEpoch === armEpoch && accountRow(core, slot.account).ownerEpoch === ownerEpoch
  // A hold, a removal, a new link or another phone may have come while the record went to disk.
  const isStillHere =
    slot.link === link && slot.linkSerial === linkSerial && slot.session === session && session.connection.isOpen
  if (!isStillArmed || !isStillHere) {
    wipe(secret)
    return refuse(session, frame.id, 'wrong-state')
  }
  slot.arming?.done('band-silent')
  const cancel = core.time.clock.after(ackWithinMs, () => slot.arming?.done('band-silent'))
  slot.arming = {
    armEpoch,
    done: (outcome) => {
      cancel()
      slot.arming = undefined
      if (outcome === 'acknowledged') answer(session, { type: 'armed', id: frame.id, armEpoch, armedUntilMs })
      else refuse(session, frame.id, outcome)
    },
  }
  const ttlS = Math.max(1, Math.floor((armedUntilMs - core.time.nowMs()) / 1_000))
  sendDown(core, slot, { type: 'arm', secret, armEpoch, wearEpoch, ttlS }, link)
  wipe(secret)
}
