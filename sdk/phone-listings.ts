// What an owner reads of the account: its bands, and its ledger of decisions (frames 116 and 118).

import type { EngineFrameOf } from '../protocol/frames.ts'
import { type BandId, type Bid, type PartnerId, parseBandId, parseBid, parsePartnerId } from '../protocol/ids.ts'
import { type Reason, parseReason } from '../protocol/reasons.ts'
import { type BandState, type Hold, holdsOf, parseBandState } from '../protocol/states.ts'

/** One of the account's bands, as bands() lists them. */
export type BandListing = {
  readonly bandId: BandId
  readonly bid: Bid
  readonly name: string
  readonly state: BandState | 'unknown'
  readonly holds: readonly Hold[]
  readonly generation: number
}

/** One decision of the wearer's own ledger. */
export type HistoryEntry = {
  readonly lsn: number
  readonly atMs: number
  readonly bandId: BandId
  readonly partner: PartnerId
  readonly action: number
  readonly amountMinor: number
  readonly currency: number
  readonly reason: Reason | 'unknown'
  readonly label: string
}

export function listingOf(entry: EngineFrameOf<'bandsPage'>['entries'][number]): BandListing {
  const [bandId, bid, name, state, holds, generation] = entry
  return {
    bandId: parseBandId(bandId),
    bid: parseBid(bid),
    name,
    state: parseBandState(state) ?? 'unknown',
    holds: holdsOf(holds),
    generation,
  }
}

export function historyOf(entry: EngineFrameOf<'historyPage'>['entries'][number]): HistoryEntry {
  const [lsn, atMs, bandId, partner, action, amountMinor, currency, reason, label] = entry
  return {
    lsn,
    atMs,
    bandId: parseBandId(bandId),
    partner: parsePartnerId(partner),
    action,
    amountMinor,
    currency,
    reason: parseReason(reason) ?? 'unknown',
    label,
  }
}
