// One band as an operator sees it: what its rows say, how it is present now, what was decided lately. No key, no sealed value
// and no tag of the account is ever part of it. Whose band it is stands there shortened, until an operator gives a reason:
// then the whole id is told, after the journal has who asked and why.

import { holdsOf } from '../../protocol/states.ts'
import type { AccountId, BandId, Bid } from '../../protocol/ids.ts'
import type { AccountPhone } from '../../protocol/operator-api.ts'
import { wears } from '../../protocol/ops.ts'
import { finderOf } from '../../base/names.ts'
import { currencyRoom, usedOn, utcDayOf } from '../../policy/limits.ts'
import { isOwners } from '../../policy/holds.ts'
import type { ProximityLevel } from '../../policy/proximity.ts'
import { deciseconds } from '../bands/band-link.ts'
import type { Core } from '../core/core.ts'
import { accountRow, bandPages, shortened } from '../ledger/account-rows.ts'
import { bandsNamed, foundBandsMax } from './find-bands.ts'
import { type InspectedDecision, lastDecisions } from './inspect-decisions.ts'
import { usageCounted } from '../ports/apply.ts'
import type { BandRow } from '../ports/rows.ts'
import { noteAct } from './act-record.ts'
import { isLive, pendingUntilMs, phonesOf } from '../phones/phones.ts'
import { ownLimits } from '../decisions/request-facts.ts'
import type { Slot } from '../core/slots.ts'
import { isPresent } from '../bands/presence.ts'

/** By what a band is asked for. What looks like an id may be an account, too: the band goes first. */
export type BandNamed = {
  readonly bandId?: BandId
  /** Also one that has ended. */
  readonly bid?: Bid
  readonly account?: AccountId
  /** As it was written, such as the beginning of an id: looked for when the others find nothing. */
  readonly written?: string
}

export type InspectWish = {
  /** The newest decisions, at most so many. */
  readonly decisionsMax: number
  /** Who opens the account's id and why; undefined leaves it shortened. */
  readonly open: { readonly by: `operator:${string}`; readonly reason: string } | undefined
  /** Lets everything else of this thread go on. */
  readonly pause: () => Promise<void>
}

export type Inspected =
  | ({ readonly type: 'band' } & InspectedBand)
  /** An account with several bands. */
  | { readonly type: 'account'; readonly account: string; readonly bands: readonly ListedBand[] }
  /** What was written is the beginning of several ids: the bands it may mean. */
  | { readonly type: 'several'; readonly bands: readonly ListedBand[]; readonly isCut: boolean }
  | { readonly type: 'unknown' }
  /** The account's id was not opened, because the journal did not take that it was. */
  | { readonly type: 'refused'; readonly error: 'storage-full' | 'unavailable' }

export type InspectBand = (named: BandNamed, wish: InspectWish) => Promise<Inspected>

/** A hold in force: of this band alone, or of its account as a whole. */
type HoldSeen = { readonly hold: string; readonly of: 'band' | 'account'; readonly surfaces: readonly string[] }

type ListedBand = Pick<InspectedBand, 'bandId' | 'bid' | 'name' | 'state' | 'holds'>

/** Instants are engine time, ms, null = never; amounts are minor units. */
type InspectedBand = {
  readonly nowMs: number
  readonly bandId: BandId
  readonly bid: Bid | null
  readonly name: string
  readonly state: BandRow['state']
  readonly holds: readonly HoldSeen[]
  /** When a hold of it, or of its account, was last set or lifted. */
  readonly holdsChangedAtMs: number | null
  /** Its actor is in memory. */
  readonly awake: boolean
  /** Asked for by the bid of a generation that has ended: that generation. */
  readonly endedGeneration: number | null
  /** Shortened unless opened; null for a band without an account. */
  readonly account: string | null
  readonly generation: number
  /** The highest generation that has ended; 0 = none. */
  readonly generationEnded: number
  readonly pairingUntilMs: number | null
  readonly hardware: {
    readonly vendor: number
    readonly model: number
    readonly batch: number
    readonly standing: 'active' | 'revoked' | 'unknown'
  }
  readonly arm: {
    readonly untilMs: number | null
    readonly epoch: number
    readonly ownerEpoch: number
    readonly verifiedAtMs: number | null
  }
  /** Of the account now, null without one; arming under an older one is worth nothing. */
  readonly ownerEpoch: number | null
  readonly wearEpoch: number
  /** Null while no session carries the band. */
  readonly session: { readonly kind: 'phone' | 'hub'; readonly link: InspectedLink | null } | null
  /** Of the newest decision; null when there is none to go by. */
  readonly proximity: { readonly level: ProximityLevel; readonly atMs: number } | null
  readonly resume: {
    readonly k: number
    readonly resumes: number
    readonly rekeyedAtMs: number
    /** The root before is kept until the band has shown that it moved on. */
    readonly keepsPrevious: boolean
  } | null
  readonly limits: readonly InspectedLimits[]
  readonly phones: readonly AccountPhone[]
  readonly pending: readonly PendingChange[]
  /** Newest first. */
  readonly decisions: readonly InspectedDecision[]
  /** There may be older ones among those of the account's other bands, further back than is looked. */
  readonly decisionsCut: boolean
}

type InspectedLink = {
  readonly wear: string
  readonly wearEpoch: number
  /** Worn, and said so within the lease. */
  readonly present: boolean
  readonly leaseLeftMs: number
  readonly tick: number
  readonly tickAgeMs: number
  readonly up: { readonly phase: number; readonly ctr: number }
  readonly down: { readonly phase: number; readonly ctr: number }
  readonly badTags: number
}

type InspectedLimits = {
  readonly currency: number
  /** The configured table's; null when the currency has none, and nothing is approved. */
  readonly table: {
    readonly perUseMinor: number
    readonly perDayMinor: number
    readonly receivePerDayMinor: number
  } | null
  readonly own: { readonly perUseMinor: number; readonly perDayMinor: number } | null
  readonly usedToday: { readonly payMinor: number; readonly receiveMinor: number }
  readonly leftToday: { readonly useMinor: number; readonly payMinor: number; readonly receiveMinor: number }
}

type PendingChange = {
  readonly change: 'deactivation' | 'found' | 'limits'
  readonly dueAtMs: number
  readonly begunBy: string
  /** Of limits that rise. */
  readonly rising?: readonly { readonly currency: number; readonly perUseMinor: number; readonly perDayMinor: number }[]
}

/** The operator's reading of this engine's bands. */
export function bandInspector(core: Core): InspectBand {
  return async (named, wish) => {
    const meant = findBand(core, named) ?? findWritten(core, named.written ?? named.bandId)
    if (meant === undefined) return { type: 'unknown' }
    if ('several' in meant) return severalOf(core, meant.several)
    const found = meant
    // What is answered is what was when the journal was told: between the two the band may change hands.
    const seen = 'row' in found ? seenNow(core, found) : seenAll(core, found)
    const account = 'row' in found ? found.row.account : found.account
    if (wish.open !== undefined && account !== null) {
      const bandId = 'row' in found ? found.row.bandId : null
      const error = await openAccount(core, { account, bandId, ...wish.open })
      if (error !== undefined) return { type: 'refused', error }
    }
    const told = account === null || wish.open !== undefined ? account : shortened(account)
    if (seen.type === 'account') return { ...seen, account: told ?? '' }
    const { newestLevel, decisions, isCut } =
      account === null ? noDecisions : await lastDecisions(core, { account, bandId: seen.bandId }, wish)
    return { ...seen, account: told, proximity: newestLevel, decisions, decisionsCut: isCut }
  }
}

const noDecisions = { newestLevel: null, decisions: [], isCut: false }

type FoundBand = { readonly row: BandRow; readonly endedGeneration: number | null }
type FoundAccount = { readonly account: AccountId; readonly bandIds: readonly BandId[] }

function findBand(core: Core, { bandId, bid, account }: BandNamed): FoundBand | FoundAccount | undefined {
  const byId = bandId === undefined ? undefined : core.ledger.get('band', bandId)
  if (byId !== undefined) return { row: byId, endedGeneration: null }
  const name = bid === undefined ? undefined : core.ledger.get('bid', bid)
  const byBid = name === undefined ? undefined : core.ledger.get('band', name.bandId)
  if (name !== undefined && byBid !== undefined) {
    return name.tombstoned
      ? { row: nobodys(byBid), endedGeneration: name.generation }
      : { row: byBid, endedGeneration: null }
  }
  if (account === undefined) return undefined
  const [bandIds = []] = bandPages(core, account)
  const [only] = bandIds
  if (only === undefined) return undefined
  if (bandIds.length > 1) return { account, bandIds }
  const row = core.ledger.get('band', only)
  return row === undefined ? undefined : { row, endedGeneration: null }
}

function findWritten(
  core: Core,
  written: string | undefined,
): FoundBand | { readonly several: readonly BandId[] } | undefined {
  const bandIds = written === undefined ? [] : bandsNamed(core, written, 'anything')
  const [only, second] = bandIds
  if (second !== undefined) return { several: bandIds }
  const row = only === undefined ? undefined : core.ledger.get('band', only)
  return row === undefined ? undefined : { row, endedGeneration: null }
}

function severalOf(core: Core, bandIds: readonly BandId[]): Extract<Inspected, { readonly type: 'several' }> {
  const bands = listed(core, bandIds.slice(0, foundBandsMax))
  return { type: 'several', bands, isCut: bandIds.length > foundBandsMax }
}

/** A bid that has ended names a binding that is gone: the band's present owner is not shown for it. */
function nobodys(row: BandRow): BandRow {
  return { ...row, account: null, bid: null, name: '', deactivateAtMs: 0, foundAtMs: 0 }
}

/** The act is on disk when this resolves without an error. */
async function openAccount(
  core: Core,
  act: {
    readonly account: AccountId
    readonly bandId: BandId | null
    readonly by: `operator:${string}`
    readonly reason: string
  },
): Promise<'storage-full' | 'unavailable' | undefined> {
  const noted = await noteAct(core, { cause: 'account.opened', also: null, subject: null, ...act }, 'normal')
  return typeof noted === 'number' ? undefined : noted
}

function seenAll(core: Core, { account, bandIds }: FoundAccount) {
  return { type: 'account', account, bands: listed(core, bandIds) } as const
}

function listed(core: Core, bandIds: readonly BandId[]): readonly ListedBand[] {
  return bandIds.flatMap((bandId) => {
    const row = core.ledger.get('band', bandId)
    if (row === undefined) return []
    const { bid, name, state } = row
    return [{ bandId, bid, name, state, holds: holdsSeen(core, row) }]
  })
}

type Unread = 'account' | 'proximity' | 'decisions' | 'decisionsCut'

function seenNow(core: Core, { row, endedGeneration }: FoundBand): Omit<InspectedBand, Unread> & { type: 'band' } {
  const { bandId, bid, name, state, account, generation, tombstoned, vendor, model, batch, wearEpoch } = row
  const owner = account === null ? undefined : accountRow(core, account)
  const standing = core.vendors.status(vendor, model, batch)
  const ratchet = core.ledger.get('ratchet', bandId)
  const slot = bid === null ? undefined : core.slots.get(bid)
  return {
    type: 'band',
    nowMs: core.time.nowMs(),
    bandId,
    bid,
    name,
    state,
    holds: holdsSeen(core, row),
    holdsChangedAtMs: instant(Math.max(row.holdEndedAtMs, owner?.holdEndedAtMs ?? 0)),
    awake: core.registry.isAwake(bandId),
    endedGeneration,
    generation,
    generationEnded: tombstoned,
    pairingUntilMs: instant(row.pairingUntilMs),
    hardware: { vendor, model, batch, standing },
    arm: {
      untilMs: instant(row.armedUntilMs),
      epoch: row.armEpoch,
      ownerEpoch: row.armedOwnerEpoch,
      verifiedAtMs: instant(row.verifiedAtMs),
    },
    ownerEpoch: owner?.ownerEpoch ?? null,
    wearEpoch,
    session: slot === undefined ? null : { kind: slot.session.connection.kind, link: linkSeen(core, slot) },
    resume:
      ratchet === undefined
        ? null
        : {
            k: ratchet.k,
            resumes: ratchet.resumes,
            rekeyedAtMs: ratchet.rekeyedAtMs,
            keepsPrevious: ratchet.sealedPrevious !== null,
          },
    limits: account === null ? [] : limitsSeen(core, account, standing !== 'active'),
    phones: account === null ? [] : phonesSeen(core, account),
    pending: pendingSeen(core, row),
  }
}

/**
 * The holds in force, and whose they are: the band's own, or the account's as a whole. Of who reported a loss, and of operators, the
 * rows keep nothing: the journal has them.
 */
function holdsSeen(core: Core, { holds, holdSurfaces, account }: BandRow): InspectedBand['holds'] {
  const own = holdsOf(holds).map((hold) => {
    const surfaces = hold === 'risk-freeze' ? holdSurfaces.filter((one) => one.startsWith('rule:')) : []
    return { hold, of: 'band', surfaces: hold === 'owner-freeze' ? holdSurfaces.filter(isOwners) : surfaces } as const
  })
  if (account === null) return own
  const whole = accountRow(core, account)
  const all = holdsOf(whole.holds).map((hold) => {
    return { hold, of: 'account', surfaces: hold === 'owner-freeze' ? whole.holdSurfaces : [] } as const
  })
  return [...own, ...all]
}

const wearOf = finderOf(wears)

function linkSeen(core: Core, { link }: Slot): InspectedLink | null {
  if (link === undefined) return null
  const get = (name: Parameters<typeof core.links.get>[1]) => core.links.get(link, name)
  const now = deciseconds(core)
  return {
    wear: wearOf(get('wear')) ?? 'off',
    wearEpoch: get('wearEpoch'),
    present: isPresent(core, link),
    leaseLeftMs: Math.max(0, get('leaseUntil') - now) * 100,
    tick: get('tick'),
    tickAgeMs: Math.max(0, now - get('tickAt')) * 100,
    up: { phase: get('upPhase'), ctr: get('upCtr') },
    down: { phase: get('downPhase'), ctr: get('downCtr') },
    badTags: get('badTags'),
  }
}

function limitsSeen(core: Core, account: AccountId, restricted: boolean): readonly InspectedLimits[] {
  const row = accountRow(core, account)
  const limits = { tables: core.config.limits, own: ownLimits(row) }
  const usage = usageCounted(core.ledger.get('usage', account), core.ledger.rewound)
  const day = utcDayOf(core.time.nowMs())
  const currencies = new Set([
    ...limits.tables.keys(),
    ...limits.own.map(({ currency }) => currency),
    ...usage.byCurrency.map(({ currency }) => currency),
  ])
  return [...currencies].map((currency) => {
    const room = currencyRoom(limits, usage, { day, currency, restricted })
    const set = limits.own.find((one) => one.currency === currency)
    const { payMinor, receiveMinor } = usedOn(usage, day, currency)
    const own = set === undefined ? null : { perUseMinor: set.perUseMinor, perDayMinor: set.perDayMinor }
    const usedToday = { payMinor, receiveMinor }
    if (room === undefined) {
      return { currency, table: null, own, usedToday, leftToday: { useMinor: 0, payMinor: 0, receiveMinor: 0 } }
    }
    const { table, useMinor, dayMinor, classMinor } = room
    const payLeftMinor = Math.max(0, Math.min(dayMinor, classMinor.pay))
    return {
      currency,
      table: {
        perUseMinor: table.perUseMinor,
        perDayMinor: Math.min(table.perDayMinor, table.perClassDayMinor.pay),
        receivePerDayMinor: table.perClassDayMinor.receive,
      },
      own,
      usedToday,
      leftToday: {
        useMinor: Math.min(useMinor, payLeftMinor),
        payMinor: payLeftMinor,
        receiveMinor: Math.max(0, classMinor.receive),
      },
    }
  })
}

function phonesSeen(core: Core, account: AccountId): readonly AccountPhone[] {
  return phonesOf(core, account).map((row) => ({
    phoneId: row.phoneId,
    enrolledAtMs: row.enrolledAtMs,
    seenAtMs: row.seenAtMs,
    live: isLive(core, row),
    pendingUntilMs: instant(pendingUntilMs(core, row)),
    suspendedAtMs: instant(row.suspendedAtMs),
    removeAtMs: instant(row.removeAtMs),
  }))
}

function pendingSeen(core: Core, row: BandRow): readonly PendingChange[] {
  const { account, deactivateAtMs, foundAtMs, deactivationBegunBy, foundBegunBy } = row
  const changes: PendingChange[] = []
  if (deactivateAtMs > 0)
    changes.push({ change: 'deactivation', dueAtMs: deactivateAtMs, begunBy: deactivationBegunBy })
  if (foundAtMs > 0) changes.push({ change: 'found', dueAtMs: foundAtMs, begunBy: foundBegunBy })
  const risingLimits = account === null ? [] : accountRow(core, account).risingLimits
  for (const [currency, perUseMinor, perDayMinor, dueAtMs, begunBy] of risingLimits)
    changes.push({ change: 'limits', dueAtMs, begunBy, rising: [{ currency, perUseMinor, perDayMinor }] })
  return changes
}

function instant(atMs: number): number | null {
  return atMs === 0 ? null : atMs
}
