// Actor logic of bands and sessions (XState's `ActorLogic`). What an engine's actors of bands and sessions run on: the logic made of each
// machine's table, once.

import type { BandContext, BandEffect } from './band-context.ts'
import type { BandEvent } from './band-events.ts'
import { type BandSnapshot, bandMachine } from './band-machine.ts'
import { tableOf } from './machine-table.ts'
import { type SessionContext, type SessionEffect, type SessionEvent, sessionMachine } from './session-machine.ts'
import { fromTable } from './table-logic.ts'
import type { SessionState } from '../protocol/states.ts'

export const bandLogic = fromTable<BandSnapshot['value'], BandEffect, BandContext, BandEvent>(tableOf(bandMachine))
export const sessionLogic = fromTable<SessionState, SessionEffect, SessionContext, SessionEvent>(
  tableOf(sessionMachine),
)
