// Dependencies of one thread's load driver, and the shape of one stretch (a load phase) of it.

import type { RecordableHistogram } from 'node:perf_hooks'
import type { CarrierPlan } from '../wire/carriers.ts'
import type { Chance } from '../machine/chance.ts'
import type { LoadCounters } from '../figures/counters.ts'
import type { FleetSeed } from '../fleet/fleet-seed.ts'
import type { PartnerKey } from '../wire/offer-writer.ts'
import type { Profile } from '../profile/profile.ts'

export type DriverParts = {
  readonly seed: FleetSeed
  readonly chance: Chance
  readonly share: { readonly first: number; readonly count: number }
  readonly carriers: CarrierPlan
  readonly partner: PartnerKey
  readonly worker: number
  readonly counters: LoadCounters
  /** Latencies in ns: all of the run, those of the present interval, those whose band had its link when they were due. */
  readonly latencies: {
    readonly all: RecordableHistogram
    readonly interval: RecordableHistogram
    readonly live: RecordableHistogram
  }
  readonly floodToken: string
  /** The load cannot go on. */
  readonly gaveUp: (why: string) => void
}

/** One stretch of load. */
export type Stretch = {
  readonly profile: Profile
  /** Requests a second of this thread. */
  readonly perSecond: number
  readonly durationMs: number
  /** How long answers may still come after the end, ms. */
  readonly graceMs: number
}

export type StretchEnd = {
  /** From the storm until every band had its link again. */
  readonly relinkMs: number | null
  /** From the first due instant to the last answer. */
  readonly tookMs: number
  /** How long requests were due: the stretch's own duration, or less when it was ended early. */
  readonly ranMs: number
}
