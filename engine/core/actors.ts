// The actor system of an engine (XState): its bands, phone sessions and pairing windows, as children of one root. A band and a session
// run on the table of their machine (machines/table-logic.ts), since they take thousands of events a second; a pairing, which is rare,
// runs on its machine itself. The engine's door to XState.

import { type Actor, type ActorLogic, type AnyActorRef, type Snapshot, createActor } from 'xstate'
import { bandLogic, sessionLogic } from '../../machines/actor-logic.ts'
import type { BandEffect, BandMemory } from '../../machines/band-context.ts'
import type { BandEvent } from '../../machines/band-events.ts'
import { type BandSnapshot, bandStateOf, bandValue } from '../../machines/band-machine.ts'
import { pairingMachine } from '../../machines/pairing-machine.ts'
import { type SessionEffect, type SessionEvent, sessionMachine } from '../../machines/session-machine.ts'
import type { BandId, PairingId } from '../../protocol/ids.ts'
import type { BandState } from '../../protocol/states.ts'

export type BandActor = Actor<typeof bandLogic>
export type SessionActor = Actor<typeof sessionLogic>
export type PairingActor = Actor<typeof pairingMachine>

const newSession = createActor(sessionMachine).getSnapshot().context

/** Asked of the root: to stop this child, which XState lets only its parent do. */
type Leave = { readonly type: 'child.leaves'; readonly child: AnyActorRef }

/** The root has no state. What a child threw is told to it by XState as well, and known already to who sent the event. */
const rootLogic: ActorLogic<Snapshot<undefined>, Leave> = {
  transition(snapshot, event, { stopChild }) {
    if (event.type === 'child.leaves') stopChild(event.child)
    return snapshot
  },
  getInitialSnapshot: () => ({ status: 'active', output: undefined, error: undefined }),
  getPersistedSnapshot: (snapshot) => snapshot,
}

/** An event that a band's actor took; a state is `armed`, or `armed held`. */
export type ActorStep = { readonly event: string; readonly from: string; readonly to: string }

export class Actors {
  readonly #root = createActor(rootLogic).start()
  readonly #bandEffects = new Outbox<BandEffect>()
  readonly #sessionEffects = new Outbox<SessionEffect>()

  /** The actor of a band as its row says it stands. Its id is the band's. */
  startBand(state: BandState, memory: BandMemory): BandActor {
    const input = { value: bandValue(state, memory), context: { band: memory, effects: [] } }
    const actor = createActor(bandLogic, { id: memory.bandId, parent: this.#root, input })
    actor.on('*', this.#bandEffects.put)
    return actor.start()
  }

  /** The actor of a connection that was just made. */
  startSession(): SessionActor {
    const actor = createActor(sessionLogic, { parent: this.#root, input: { context: newSession } })
    actor.on('*', this.#sessionEffects.put)
    return actor.start()
  }

  /** The actor of a pairing window, not started yet: it asks for something at once. */
  newPairing(pairingId: PairingId, startedAtMs: number): PairingActor {
    return createActor(pairingMachine, { id: pairingId, parent: this.#root, input: { pairingId, startedAtMs } })
  }

  /** Sends a band an event; what it asks for. Nothing, and a snapshot of status `error`, when it threw: a bug. */
  tellBand(actor: BandActor, event: BandEvent): readonly BandEffect[] {
    return this.#bandEffects.of(actor, event)
  }

  /** Sends a session an event; what it asks for. */
  tellSession(actor: SessionActor, event: SessionEvent): readonly SessionEffect[] {
    return this.#sessionEffects.of(actor, event)
  }

  /** Ends an actor: it takes no event any more, and the system forgets it. */
  stop(child: BandActor | SessionActor | PairingActor): void {
    this.#root.send({ type: 'child.leaves', child })
  }

  /**
   * Calls `took` with each event that this band's actor takes, until the answer is called. XState's inspection tells it, which is on
   * while a band is watched and off otherwise.
   */
  watchBand(bandId: BandId, took: (step: ActorStep) => void): () => void {
    let from = ''
    const inspection = this.#root.system.inspect((inspected) => {
      if (!('id' in inspected.actorRef) || inspected.actorRef.id !== bandId) return
      if (inspected.type === '@xstate.event') from = standing(inspected.actorRef.getSnapshot())
      if (inspected.type !== '@xstate.snapshot') return
      const { type } = inspected.event
      const to = standing(inspected.snapshot)
      took({ event: type, from: type === 'xstate.init' ? '' : from, to })
      from = to
    })
    return () => inspection.unsubscribe()
  }
}

/** How a band's snapshot stands, in words; those of other actors say nothing. */
function standing(snapshot: unknown): string {
  if (!isOfBand(snapshot)) return ''
  return `${bandStateOf(snapshot)}${snapshot.value.holds === 'held' ? ' held' : ''}`
}

function isOfBand(snapshot: unknown): snapshot is Pick<BandSnapshot, 'value'> {
  return (
    isRecord(snapshot) && isRecord(snapshot['value']) && 'binding' in snapshot['value'] && 'holds' in snapshot['value']
  )
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

/** What an actor emits while it takes an event. Sending is one run: nothing else is sent meanwhile. */
class Outbox<Effect> {
  #open: Effect[] = []
  readonly put = (effect: Effect): void => void this.#open.push(effect)

  of<Event>(actor: { readonly send: (event: Event) => void }, event: Event): readonly Effect[] {
    const emitted: Effect[] = []
    this.#open = emitted
    actor.send(event)
    return emitted
  }
}
