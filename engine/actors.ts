// How the engine runs its machines: bands and sessions, thousands of steps a second, by the tables made of their machines;
// a pairing, which is rare, by XState itself. The engine's door to XState.

import { createActor } from 'xstate'
import type { BandContext, BandMemory } from '../machines/band-context.ts'
import type { BandEvent } from '../machines/band-events.ts'
import { type BandSnapshot, bandMachine, bandValue } from '../machines/band-machine.ts'
import { tableOf } from '../machines/machine-table.ts'
import { type SessionContext, type SessionEvent, sessionMachine } from '../machines/session-machine.ts'
import { TableActor } from '../machines/table-actor.ts'
import type { BandState, SessionState } from '../protocol/states.ts'

export { createActor }
export type { Actor } from 'xstate'

export type BandActor = TableActor<BandSnapshot['value'], BandContext, BandEvent>
export type SessionActor = TableActor<SessionState, SessionContext, SessionEvent>

/** Hears what an actor threw: a bug. It takes no events after that. */
type Failed = (error: unknown) => void

const bandTable = tableOf(bandMachine)
const sessionTable = tableOf(sessionMachine)
const newSession = createActor(sessionMachine).getSnapshot().context

/** The actor of a band as its row says it stands. */
export function startBand(state: BandState, band: BandMemory, failed: Failed): BandActor {
  const context = { band, effects: [] }
  return new TableActor(bandTable, { place: bandTable.at(bandValue(state, band)), context }, failed)
}

/** The actor of a connection that was just made. */
export function startSession(failed: Failed): SessionActor {
  return new TableActor(sessionTable, { place: sessionTable.initial, context: newSession }, failed)
}
