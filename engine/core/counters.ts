// Counters of the engine, in typed arrays: counting costs an addition, and they are read only when a meter asks.

import { accountTally, heldTally } from '../ports/rows.ts'
import { namesOf } from '../../base/names.ts'
import { type Reason, reasons } from '../../protocol/reasons.ts'
import {
  type AccountHold,
  type BandState,
  type Hold,
  type SessionState,
  accountHoldNames,
  bandStates,
  holdBits,
  sessionStates,
} from '../../protocol/states.ts'

const bandStateNames = namesOf(bandStates)
const holdNames = namesOf(holdBits)
const reasonNames = namesOf(reasons)

export type CountersSnapshot = {
  readonly bands: Readonly<Record<BandState, number>>
  /** Bands under at least one hold of their own, and under each. */
  readonly bandsHeld: number
  readonly holds: Readonly<Record<Hold, number>>
  /** Accounts that are held as a whole, whatever bands they have. */
  readonly accountHolds: Readonly<Record<AccountHold, number>>
  readonly sessions: Readonly<Record<SessionState, number>>
  readonly decisions: Readonly<Partial<Record<Reason, number>>>
  readonly reversals: number
  /** Links of bands that were ahead of the engine after a restore, and those refused because no restore is known. */
  readonly bandsAhead: number
  readonly bandsAheadRefused: number
  readonly unexpected: number
  readonly actorErrors: number
}

/** The counts that `Counters.setTally` takes. */
export const tallyNames: readonly string[] = [
  ...bandStateNames,
  ...holdNames,
  heldTally,
  ...accountHoldNames.map(accountTally),
]

export class Counters {
  readonly #bands = new Float64Array(bandStateNames.length)
  readonly #sessions = new Int32Array(sessionStates.length)
  readonly #decisions = new Float64Array(Math.max(...Object.values(reasons)) + 1)
  readonly #holds = new Float64Array(holdNames.length)
  readonly #accountHolds = new Map<string, number>()
  #bandsHeld = 0
  reversals = 0
  bandsAhead = 0
  bandsAheadRefused = 0
  unexpected = 0
  actorErrors = 0

  /** One of the counts that the journal keeps: bands in a state, under a hold, or held at all; accounts held as a whole. */
  setTally(counted: string, count: number): void {
    if (isBandState(counted)) this.#bands[bandStates[counted]] = count
    else if (isHold(counted)) this.#holds[holdNames.indexOf(counted)] = count
    else if (counted === heldTally) this.#bandsHeld = count
    else this.#accountHolds.set(counted, count)
  }

  sessionMoved(from: SessionState | undefined, to: SessionState | undefined): void {
    if (from !== undefined) this.#add(this.#sessions, sessionStates.indexOf(from), -1)
    if (to !== undefined) this.#add(this.#sessions, sessionStates.indexOf(to), 1)
  }

  decided(reason: Reason): void {
    this.#add(this.#decisions, reasons[reason], 1)
  }

  snapshot(): CountersSnapshot {
    const decisions: Partial<Record<Reason, number>> = {}
    for (const name of reasonNames) {
      const count = this.#decisions[reasons[name]] ?? 0
      if (count > 0) decisions[name] = count
    }
    return {
      bands: byName(bandStateNames, (name) => this.#bands[bandStates[name]] ?? 0),
      bandsHeld: this.#bandsHeld,
      holds: byName(holdNames, (name) => this.#holds[holdNames.indexOf(name)] ?? 0),
      accountHolds: byName(accountHoldNames, (name) => this.#accountHolds.get(accountTally(name)) ?? 0),
      sessions: byName(sessionStates, (name) => this.#sessions[sessionStates.indexOf(name)] ?? 0),
      decisions,
      reversals: this.reversals,
      bandsAhead: this.bandsAhead,
      bandsAheadRefused: this.bandsAheadRefused,
      unexpected: this.unexpected,
      actorErrors: this.actorErrors,
    }
  }

  #add(counts: Int32Array | Float64Array, index: number, step: number): void {
    counts[index] = (counts[index] ?? 0) + step
  }
}

function isBandState(name: string): name is BandState {
  return Object.hasOwn(bandStates, name)
}

function isHold(name: string): name is Hold {
  return Object.hasOwn(holdBits, name)
}

function byName<Name extends string>(names: readonly Name[], count: (name: Name) => number): Record<Name, number> {
  const counts: Partial<Record<Name, number>> = {}
  for (const name of names) counts[name] = count(name)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every name was just set
  return counts as Record<Name, number>
}
