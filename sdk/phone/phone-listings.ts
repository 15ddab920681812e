// Paged listings of an owner's account: its bands, its ledger of decisions, pending changes, its phones (frames 116, 118, 129, 130).

import { type Beginner, type Change, type EngineFrameOf, beginners, changes } from '../../protocol/messages/frames.ts'
import {
  type BandId,
  type Bid,
  type PartnerId,
  type PhoneId,
  parseBandId,
  parseBid,
  parsePartnerId,
  parsePhoneId,
} from '../../protocol/ids.ts'
import { finderOf } from '../../base/names.ts'
import { type Reason, parseReason } from '../../protocol/reasons.ts'
import { type BandState, type Hold, holdsOf, parseBandState } from '../../protocol/states.ts'

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

/** A pending change, which waits for its delay. Instants are ms since 1970. */
export type WaitingChange = {
  readonly change: Change | 'unknown'
  /** What `veto` names: the band's bid or the phone's id; null for limits. */
  readonly target: Uint8Array<ArrayBuffer> | null
  readonly dueAtMs: number
  readonly begunBy: Beginner | 'unknown'
  /** The phone that began it. */
  readonly phoneId: PhoneId | null
  /** May this phone stop it? */
  readonly mayVeto: boolean
}

/** One of the account's phones. Instants are ms since 1970, 0 = none. */
export type PhoneListing = {
  readonly phoneId: PhoneId
  readonly enrolledAtMs: number
  /** Its last hello, to a week. */
  readonly seenAtMs: number
  readonly isLive: boolean
  /** It only stops and reads until then. */
  readonly pendingUntilMs: number
  /** Another phone asked to remove it; it goes at `removeAtMs`. */
  readonly suspendedAtMs: number
  readonly removeAtMs: number
}

const changeNamed = finderOf(changes)
const beginnerNamed = finderOf(beginners)

export function changeOf(entry: EngineFrameOf<'changesPage'>['entries'][number]): WaitingChange {
  const [change, target, dueAtMs, begunBy, phoneId, mayVeto] = entry
  return {
    change: changeNamed(change) ?? 'unknown',
    target: target === null ? null : new Uint8Array(target),
    dueAtMs,
    begunBy: beginnerNamed(begunBy) ?? 'unknown',
    phoneId: phoneId === null ? null : parsePhoneId(phoneId),
    mayVeto,
  }
}

export function phoneOf(entry: EngineFrameOf<'phonesPage'>['entries'][number]): PhoneListing {
  const [phoneId, , enrolledAtMs, seenAtMs, isLive, pendingUntilMs, suspendedAtMs, removeAtMs] = entry
  return {
    phoneId: parsePhoneId(phoneId),
    enrolledAtMs,
    seenAtMs,
    isLive,
    pendingUntilMs,
    suspendedAtMs,
    removeAtMs,
  }
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
