// Virtual actors: a band is always addressable and awake only while used. Waking starts its actor from its row,
// sleeping drops the object; what an actor knows is in the journal, so forgetting one loses nothing.

import type { Actors, BandActor } from './actors.ts'
import { wipe } from '../../crypto/primitives/secret.ts'
import { type BandEffect, type BandMemory, initialBandMemory } from '../../machines/band-context.ts'
import type { BandEvent } from '../../machines/band-events.ts'
import { bandStateOf } from '../../machines/band-machine.ts'
import type { BandId } from '../../protocol/ids.ts'
import { roundRobin } from '../../base/round-robin.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { BandRow } from '../ports/rows.ts'

/** What a band's row keeps beside the machine's context: keys above all, which never enter a machine. */
export type BandKeys = Pick<
  BandRow,
  'bandKey' | 'acctTag' | 'sealedArmSecret' | 'name' | 'deactivationBegunBy' | 'foundBegunBy'
>

export type AwakeBand = {
  readonly bandId: BandId
  readonly actor: BandActor
  keys: BandKeys
  /** `Expand(A, …)` of the current arming, kept while awake; undefined until a proof needs it. */
  armKey: Uint8Array | undefined
  usedAtMs: number
  /** The row as it was last put together, and of what: it is asked for at every event and hardly ever changes. */
  made: { readonly memory: BandMemory; readonly keys: BandKeys; readonly row: BandRow } | undefined
}

export type RegistryOptions = {
  readonly actors: Actors
  readonly ledger: Pick<Ledger, 'get'>
  readonly awakeBandsMax: number
  readonly awakeIdleMs: number
  readonly monotonicMs: () => number
  /** An actor threw: a bug. It is dropped and the request denied; the next one wakes it anew from its row. */
  readonly actorFailed: (bandId: BandId, error: unknown) => void
}

/** Actors that are looked at to put one of them to sleep. */
const lookedAtToSleepOne = 8

const noKeys: BandKeys = {
  bandKey: new Uint8Array(0),
  acctTag: new Uint8Array(0),
  sealedArmSecret: null,
  name: '',
  deactivationBegunBy: '',
  foundBegunBy: '',
}

export class Registry {
  readonly #options: RegistryOptions
  readonly #awake = new Map<BandId, AwakeBand>()
  readonly #nextInTurn = roundRobin(this.#awake)

  constructor(options: RegistryOptions) {
    this.#options = options
  }

  get awakeCount(): number {
    return this.#awake.size
  }

  /** Is the band's actor there now? Asking does not wake it. */
  isAwake(bandId: BandId): boolean {
    return this.#awake.has(bandId)
  }

  /** Finds the band's actor or starts it from its row; a band without a row starts unbound. */
  wake(bandId: BandId): AwakeBand {
    const known = this.#awake.get(bandId)
    if (known !== undefined) {
      known.usedAtMs = this.#options.monotonicMs()
      return known
    }
    const row = this.#options.ledger.get('band', bandId)
    const memory = row === undefined ? initialBandMemory(bandId) : memoryOf(row)
    const actor = this.#options.actors.startBand(row?.state ?? 'unbound', memory)
    const keys = row === undefined ? noKeys : keysOf(row)
    const usedAtMs = this.#options.monotonicMs()
    const band: AwakeBand = {
      bandId,
      actor,
      keys,
      armKey: undefined,
      usedAtMs,
      made: row === undefined ? undefined : { memory, keys, row },
    }
    if (this.#awake.size >= this.#options.awakeBandsMax) this.#sleepOne()
    this.#awake.set(bandId, band)
    return band
  }

  /** Sends its actor an event; what it asks for. Undefined when it threw: a bug, which drops the actor and is told. */
  tell(band: AwakeBand, event: BandEvent): readonly BandEffect[] | undefined {
    const effects = this.#options.actors.tellBand(band.actor, event)
    const { status, error } = band.actor.getSnapshot()
    if (status === 'active') return effects
    this.forget(band.bandId)
    this.#options.actorFailed(band.bandId, error)
    return undefined
  }

  /** Drops the actor: by sleep, or because what it did could not be journaled. */
  forget(bandId: BandId): void {
    const band = this.#awake.get(bandId)
    if (band === undefined) return
    this.#awake.delete(bandId)
    if (band.armKey !== undefined) wipe(band.armKey)
    this.#options.actors.stop(band.actor)
  }

  /** Puts to sleep what was not used for `awakeIdleMs`; looks at no more than `countMax` actors, at all of them in turn. */
  sleepIdle(countMax: number): void {
    const before = this.#options.monotonicMs() - this.#options.awakeIdleMs
    for (let left = Math.min(countMax, this.#awake.size); left > 0; left--) {
      const band = this.#nextInTurn()?.[1]
      if (band !== undefined && band.usedAtMs <= before) this.forget(band.bandId)
    }
  }

  /** Makes room: of a few in turn the one that was used longest ago. To know the oldest of all an order would have to be kept. */
  #sleepOne(): void {
    let oldest = this.#nextInTurn()?.[1]
    for (let looked = 1; looked < lookedAtToSleepOne; looked++) {
      const other = this.#nextInTurn()?.[1]
      if (oldest !== undefined && other !== undefined && other.usedAtMs < oldest.usedAtMs) oldest = other
    }
    if (oldest !== undefined) this.forget(oldest.bandId)
  }
}

/** The row of an actor as it stands. */
export function rowOf(band: AwakeBand): BandRow {
  const { actor, keys, made } = band
  const snapshot = actor.getSnapshot()
  const memory = snapshot.context.band
  const state = bandStateOf(snapshot)
  if (made !== undefined && made.memory === memory && made.keys === keys && made.row.state === state) return made.row
  const row = { ...memory, state, ...keys }
  band.made = { memory, keys, row }
  return row
}

/** Field by field: by a pattern that names the others it takes 7 µs, which was a fifteenth of what a band that wakes to pay costs. */
function memoryOf(row: BandRow): BandMemory {
  return {
    bandId: row.bandId,
    generation: row.generation,
    tombstoned: row.tombstoned,
    account: row.account,
    bid: row.bid,
    pairingId: row.pairingId,
    pairingUntilMs: row.pairingUntilMs,
    vendor: row.vendor,
    model: row.model,
    batch: row.batch,
    conformance: row.conformance,
    holds: row.holds,
    holdSurfaces: row.holdSurfaces,
    holdEndedAtMs: row.holdEndedAtMs,
    wearEpoch: row.wearEpoch,
    armEpoch: row.armEpoch,
    armedUntilMs: row.armedUntilMs,
    armedOwnerEpoch: row.armedOwnerEpoch,
    verifiedAtMs: row.verifiedAtMs,
    deactivateAtMs: row.deactivateAtMs,
    foundAtMs: row.foundAtMs,
    before: row.before,
  }
}

function keysOf(row: BandRow): BandKeys {
  const { bandKey, acctTag, sealedArmSecret, name, deactivationBegunBy, foundBegunBy } = row
  return { bandKey, acctTag, sealedArmSecret, name, deactivationBegunBy, foundBegunBy }
}
