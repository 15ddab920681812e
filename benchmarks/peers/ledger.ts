// Interface of a peer's database: keep bands, decide a request whose proof was looked at, remember the decision durably. The rest
// of a peer, from the socket to the sealed answer, is the same for both (peer-server.ts).

import type { ProximityLevel } from '../../policy/proximity.ts'
import { type FleetBand, fleetConformance } from '../driver/fleet.ts'

/** A request whose offer is authentic and whose record opened on the band's link. */
type ProvedRequest = {
  /** Lower-case hex. */
  readonly partner: string
  readonly rid: string
  readonly account: string
  readonly bandId: string
  readonly generation: number
  /** The arming that the proof names. */
  readonly armEpoch: number
  /** What the server found by itself, as the number of a reason; 0 = nothing. */
  readonly deniedFor: number
  readonly level: ProximityLevel
  readonly verdict: number
  readonly amountMinor: number
  readonly currency: number
  readonly nowMs: number
  readonly rd: Uint8Array
  readonly canon: Uint8Array
  readonly label: Uint8Array
  readonly evidence: Uint8Array
}

/** `lsn` 0: not a decision about the offer, nothing was stored. */
export type PeerDecision = {
  readonly reason: number
  readonly obligation: number
  readonly useLeftMinor: number
  readonly dayLeftMinor: number
  readonly lsn: number
}

/** What the server keeps of a band in memory; a proof under another arming makes it read the band again. */
type PeerBand = { readonly armEpoch: number; readonly armSecret: Uint8Array; readonly conformance: number }

/** The limits of the one currency a benchmark pays in. */
export type PeerLimits = {
  readonly perUseMinor: number
  readonly perDayMinor: number
  readonly perLevelUseMinor: readonly [number, number, number, number, number]
}

export type PeerLedger = {
  readonly band: (bandId: string) => Promise<PeerBand | undefined>
  /** Decides and stores; resolves when that is on disk. */
  readonly decide: (request: ProvedRequest) => Promise<PeerDecision>
  /** The final answer stored for a reference: `reference-conflict` when it was for something else, undefined when none is. */
  readonly stored: (
    reference: Pick<ProvedRequest, 'partner' | 'rid' | 'account' | 'rd'>,
  ) => Promise<PeerDecision | undefined>
}

/** A band's row as it is brought in, by the columns of schema.sql. */
export function bandRow(band: FleetBand, nowMs: number) {
  return {
    band_id: band.bandId,
    account: band.account,
    generation: band.generation,
    state: 4,
    holds: 0,
    conformance: fleetConformance,
    arm_epoch: band.armEpoch,
    arm_secret: Buffer.from(band.armSecret).toString('hex'),
    armed_until_ms: nowMs + 20 * 3_600_000,
    armed_owner_epoch: 0,
    verified_at_ms: nowMs - 1_000,
  } as const
}
