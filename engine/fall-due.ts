// Timer handlers. What happens when an alarm's time has come: an arming, a pairing, a delay is over.

import { parseAccountId, parseBandId } from '../protocol/ids.ts'
import { accountHoldsOn, accountRow } from './ledger/account-rows.ts'
import { type BandOutcome, tellBand } from './bands/tell-band.ts'
import type { Core } from './core/core.ts'
import { risen } from './frames/own-limits.ts'
import { phoneFallsDue } from './phones/phones.ts'
import type { AlarmRow } from './ports/rows.ts'

/** An alarm whose time has come; false when what it does could not be journaled. */
export function fallDue(core: Core, alarm: AlarmRow): boolean {
  const atMs = Math.max(alarm.atMs, core.time.nowMs())
  switch (alarm.kind) {
    case 'deactivation.due': {
      const bandId = parseBandId(alarm.subject)
      const band = core.ledger.get('band', bandId)
      const holds = band === undefined ? 0 : accountHoldsOn(core, band)
      const event = { type: alarm.kind, atMs, accountHolds: holds } as const
      return isDone(tellBand(core, bandId, event, { by: 'engine', use: 'reserve' }))
    }
    case 'arm.expired':
    case 'found.due': {
      // What is found has its rights back: that waits for room.
      const use = alarm.kind === 'found.due' ? 'normal' : 'reserve'
      return isDone(tellBand(core, parseBandId(alarm.subject), { type: alarm.kind, atMs }, { by: 'engine', use }))
    }
    case 'pairing.expired': {
      const bandId = parseBandId(alarm.subject)
      const generation = core.ledger.get('band', bandId)?.generation ?? 0
      const event = { type: 'pairing.expired', generation, atMs } as const
      return isDone(tellBand(core, bandId, event, { by: 'engine', use: 'reserve' }))
    }
    case 'phone.due':
    case 'phone.removal':
      return phoneFallsDue(core, alarm.subject, alarm.kind)
    case 'limits.due': {
      const raised = risen(accountRow(core, parseAccountId(alarm.subject)), atMs)
      if (raised === undefined) return true
      const record = {
        type: 'account',
        atMs: core.time.nowMs(),
        cause: 'limits.raised',
        by: 'engine',
        ...raised,
      } as const
      return typeof core.ledger.append(record, 'normal') === 'number'
    }
  }
}

function isDone(told: BandOutcome): boolean {
  return told.type === 'done' || (told.error !== 'storage-full' && told.error !== 'unavailable')
}
