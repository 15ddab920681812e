// Handlers of band records on a live link. What a band says on its live link: heartbeats and wear edges, acknowledgements, gestures (PROTOCOL
// §5).

import type { BandEvent } from '../../machines/band-events.ts'
import { tickServesMaxMs, tickShareOfHeartbeat } from '../../protocol/limits.ts'
import { type Status, decodeUpOp, wears } from '../../protocol/ops.ts'
import type { DataRecord } from '../../protocol/records.ts'
import { bandStates } from '../../protocol/states.ts'
import { type Opened, deciseconds, endLink, leaseDeciseconds, openRecord, sendDown } from './band-link.ts'
import { tellBand } from './tell-band.ts'
import type { Core } from '../core/core.ts'
import { holdAccount } from './account-holds.ts'
import { holdsInForce } from '../ledger/account-rows.ts'
import type { LinkIndex } from '../core/links.ts'
import { dropPreviousRoot, establishLink } from './resume.ts'
import type { Slot } from '../core/slots.ts'
import { isTickFresh, issuedAt } from './presence.ts'

/** Takes one DATA record that is not an AUTH_PROOF: those come with their offer, in frame 5. */
export function upRecord(core: Core, slot: Slot, record: DataRecord): void {
  const opened = openRecord(core, slot, record)
  if (opened === undefined) return
  confirmLink(core, slot, record, opened)
  const op = decodeUpOp(opened.plaintext)
  switch (op.type) {
    case 'status':
      return takeStatus(core, slot, opened.link, op)
    case 'armAck':
      if (slot.arming?.armEpoch === op.armEpoch) slot.arming.done('acknowledged')
      return
    case 'intent':
      if (op.gesture === 'longPress') holdAccount(core, slot.account, 'owner-freeze', 'band')
      else core.links.set(opened.link, 'tapAt', deciseconds(core))
      return
    case 'commitAck':
      // A late ack of a binding that is made: nothing changes.
      return
    case 'authProof':
    case 'malformed':
      // A flag that does not match its op, or what this version does not know, ends the link: nothing is guessed.
      endLink(core, slot, opened.link)
  }
}

/** The first record of a link makes it the slot's link; RATCHETED lets the previous root go. */
export function confirmLink(core: Core, slot: Slot, record: DataRecord, opened: Opened): void {
  if (opened.first !== undefined) establishLink(core, slot, opened.first)
  else if (record.ratcheted && core.links.get(opened.link, 'rootSettled') === 0) {
    // Every record of the band says RATCHETED from then on: once is enough.
    if (dropPreviousRoot(core, slot, core.links.get(opened.link, 'root'))) core.links.set(opened.link, 'rootSettled', 1)
  }
}

function takeStatus(core: Core, slot: Slot, link: LinkIndex, status: Status): void {
  const { links } = core
  const isFresh = isTickFresh(core, link, status.tick)
  // A status that was held back renews nothing; news of a removal is believed whatever its age.
  if (isFresh || status.wear !== 'on') {
    links.set(link, 'wear', wears[status.wear])
    links.set(link, 'wearEpoch', status.wearEpoch)
    // From when the tick was issued, not from when the phone brought the echo: holding it back gains nothing.
    const leaseUntil = status.wear === 'on' ? issuedAt(core, link, status.tick) + leaseDeciseconds(core) : 0
    links.set(link, 'leaseUntil', leaseUntil)
    followWear(core, slot, status)
  }
  sendState(core, slot, link)
}

// Wakes the actor only for a change: a heartbeat of a sleeping band must not cost a wake.
function followWear(core: Core, slot: Slot, status: Status): void {
  const row = core.ledger.get('band', slot.bandId)
  if (row === undefined || row.generation !== slot.generation) return
  const { wearEpoch } = status
  const atMs = core.time.nowMs()
  if (status.wear === 'on') {
    if (row.state !== 'offWrist' && wearEpoch <= row.wearEpoch) return
    // Taking off is journaled always; putting on again waits for the account's budget, and is told again with the next heartbeat.
    if (core.records.waitMs(slot.account) > 0) return
    const event: BandEvent = { type: 'band.worn', wearEpoch, atMs }
    tellBand(core, slot.bandId, event, { by: 'band', use: 'normal' })
  } else if (row.state === 'disarmed' || row.state === 'armed' || row.state === 'deactivating') {
    const use = row.armedUntilMs > 0 ? 'reserve' : 'normal'
    tellBand(core, slot.bandId, { type: 'band.removed', wearEpoch, atMs }, { by: 'band', use })
  }
}

function sendState(core: Core, slot: Slot, link: LinkIndex): void {
  const row = core.ledger.get('band', slot.bandId)
  if (row === undefined) return
  const tick = nextTick(core, link)
  const armedForS = row.state === 'armed' ? Math.max(0, Math.floor((row.armedUntilMs - core.time.nowMs()) / 1_000)) : 0
  const { heartbeatS } = core.config
  sendDown(
    core,
    slot,
    { type: 'state', tick, state: bandStates[row.state], holds: holdsInForce(core, row), armedForS, heartbeatS },
    link,
  )
}

// A tick serves for a moment: STATUS and STATE that cross each other in the air would else outrun the two ticks that count, and
// an honest wear edge would look held back. The lease counts from when the tick was issued, so that moment is short beside a
// heartbeat: else the lease would end before the next one comes.
function nextTick(core: Core, link: LinkIndex): number {
  const { links } = core
  const now = deciseconds(core)
  const latest = links.get(link, 'tick')
  if (latest > 0 && now - links.get(link, 'tickAt') < tickServesDs(core)) return latest
  links.set(link, 'tickBeforeAt', links.get(link, 'tickAt'))
  links.set(link, 'tickAt', now)
  links.set(link, 'tick', latest + 1)
  return latest + 1
}

/** How long a tick is given out before the next one, deciseconds. */
function tickServesDs(core: Core): number {
  return Math.min(tickServesMaxMs / 100, (core.config.heartbeatS * 10) / tickShareOfHeartbeat)
}
