// The bands that a benchmark speaks for, made from a seed: the driver and a server under test, in different processes, make
// the same ones. Real ids, real secrets, real keys; only how a link comes to be differs (LiveLink says from where).

import { createHmac } from 'node:crypto'
import type { ImportedBinding } from '../protocol/imported-binding.ts'
import { nodePrimitives } from '../crypto/node-primitives.ts'
import { armKey } from '../crypto/proof.ts'
import { conformanceBits } from '../protocol/band-cert.ts'
import { readU16, readU32 } from '../protocol/bytes.ts'
import {
  type AccountId,
  type BandId,
  type Bid,
  type PartnerId,
  idBytes,
  parseAccountId,
  parseBandId,
  parseBid,
  parsePartnerId,
} from '../protocol/ids.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** One band: bound since long, worn, armed. Each has an account of its own, so that nothing waits for another's limits. */
export type FleetBand = {
  /** Also its slot, wherever it is attached. */
  readonly index: number
  readonly bandId: BandId
  readonly bid: Bid
  readonly account: AccountId
  readonly generation: number
  readonly wearEpoch: number
  readonly armEpoch: number
  readonly armSecret: Bytes
  readonly bandKey: Bytes
  readonly acctTag: Bytes
  /** R_0: what its first RESUME proves. */
  readonly root: Bytes
}

/** The band's end of a live link: what it needs to prove and to seal. */
export type LiveLink = {
  readonly up: Bytes
  readonly down: Bytes
  readonly sid: number
  readonly bid: Bytes
  readonly generation: number
  readonly armKey: Bytes
  readonly armEpoch: number
  /** Last counter sealed with. */
  upCtr: number
  /** The latest STATE's. */
  tick: number
  ratcheted: boolean
}

export type FleetPartner = { readonly id: PartnerId; readonly kid: number; readonly key: Bytes }

/** What a fleet's bands can: taps, sealed links, wear edges. */
export const fleetConformance = conformanceBits.tap | conformanceBits.sealedLinks | conformanceBits.wearEdges

/** Band number `index` of the fleet that `seed` names. */
export function fleetBand(seed: string, index: number): FleetBand {
  const one = derived(seed, `band ${index}`, 0)
  const two = derived(seed, `band ${index}`, 1)
  return {
    index,
    bandId: parseBandId(one.subarray(0, 16)),
    bid: parseBid(one.subarray(16, 24)),
    account: parseAccountId(`bench-${index}`),
    generation: 1,
    wearEpoch: 1,
    armEpoch: 1,
    armSecret: two.slice(0, 16),
    bandKey: derived(seed, `band ${index}`, 2),
    acctTag: two.slice(16, 24),
    root: derived(seed, `band ${index}`, 3),
  }
}

/** The first `count` bands. */
export function fleetBands(seed: string, count: number): readonly FleetBand[] {
  return Array.from({ length: count }, (_, index) => fleetBand(seed, index))
}

/**
 * A link that both ends know without having spoken: for floors and peers, which have no resume. `epoch` tells the links
 * of one band apart: a server that was restarted starts new ones.
 */
export function fixedLink(seed: string, band: FleetBand, epoch = 1): LiveLink {
  const up = derived(seed, `link ${band.index} ${epoch}`, 0)
  const down = derived(seed, `link ${band.index} ${epoch}`, 1)
  return liveLink(band, { up, down, sid: readU16(derived(seed, `link ${band.index} ${epoch}`, 2), 0) })
}

/** A link as RESUME makes it, before its first STATE. */
export function liveLink(
  band: FleetBand,
  keys: { readonly up: Bytes; readonly down: Bytes; readonly sid: number },
): LiveLink {
  const bid = idBytes(band.bid)
  return {
    ...keys,
    bid,
    generation: band.generation,
    armKey: armKey(nodePrimitives, band.armSecret, bid, band.armEpoch),
    armEpoch: band.armEpoch,
    upCtr: 0,
    tick: 1,
    ratcheted: false,
  }
}

/** The partner that floors and peers know. */
export function fleetPartner(seed: string): FleetPartner {
  return { id: parsePartnerId(derived(seed, 'partner', 0).subarray(0, 16)), kid: 1, key: derived(seed, 'partner', 1) }
}

/** A number from 0 to 2^32 − 1 that only the seed and the name decide. */
export function fleetNumber(seed: string, name: string): number {
  return readU32(derived(seed, name, 0), 0)
}

/** The band as an operator would bring it from elsewhere, armed for the longest time. */
export function importedBand(band: FleetBand, nowMs: number): ImportedBinding {
  return {
    bandId: band.bandId,
    bid: band.bid,
    account: band.account,
    generation: band.generation,
    vendor: 1,
    model: 1,
    batch: 1,
    conformance: fleetConformance,
    bandKey: band.bandKey,
    acctTag: band.acctTag,
    name: '',
    root: band.root,
    k: 0,
    armed: {
      secret: band.armSecret,
      armEpoch: band.armEpoch,
      wearEpoch: band.wearEpoch,
      armedUntilMs: nowMs + armedForMs,
      verifiedAtMs: nowMs - 1_000,
    },
  }
}

const armedForMs = 20 * 3_600_000

function derived(seed: string, name: string, part: number): Bytes {
  return Uint8Array.from(createHmac('sha256', seed).update(`${name}/${part}`).digest())
}
