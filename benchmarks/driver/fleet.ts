// Deterministic simulated fleet: the bands that a benchmark speaks for, made from a seed; the driver and a server under test, in
// different processes, make the same ones. Real ids, real secrets, real keys; only how a link comes to be differs (LiveLink says
// from where).

import { createHmac } from 'node:crypto'
import type { ImportedBinding } from '../../protocol/messages/imported-binding.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { armKey } from '../../crypto/signed/proof.ts'
import { conformanceBits } from '../../protocol/band-cert.ts'
import { readU16 } from '../../base/bytes.ts'
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
} from '../../protocol/ids.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** One band: bound since long, worn, armed. Each has an account of its own, so that nothing waits for another's limits. */
export type FleetBand = {
  /** Which of the fleet it is: everything below comes from it. */
  readonly number: number
  /** Where it is attached; at most 65,535. */
  readonly slot: number
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

/** Session state of the band's end of a live link: keys, counter and tick, to prove and to seal. */
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

/** Band `number` of the fleet that `seed` names. */
export function fleetBand(seed: string, number: number, slot = number): FleetBand {
  const one = derived(seed, `band ${number}`, 0)
  const two = derived(seed, `band ${number}`, 1)
  return {
    number,
    slot,
    bandId: parseBandId(one.subarray(0, 16)),
    bid: parseBid(one.subarray(16, 24)),
    account: parseAccountId(`bench-${number}`),
    generation: 1,
    wearEpoch: 1,
    armEpoch: 1,
    armSecret: two.slice(0, 16),
    bandKey: derived(seed, `band ${number}`, 2),
    acctTag: two.slice(16, 24),
    root: derived(seed, `band ${number}`, 3),
  }
}

/** `count` bands, every `stride`th of the fleet, in slots from 0. */
export function fleetBands(seed: string, count: number, stride = 1): readonly FleetBand[] {
  return Array.from({ length: count }, (_, slot) => fleetBand(seed, slot * stride, slot))
}

/**
 * A pre-shared link, which both ends know without a handshake: for floors and peers, which have no resume. `epoch` tells the links
 * of one band apart: a server that was restarted starts new ones.
 */
export function fixedLink(seed: string, band: FleetBand, epoch = 1): LiveLink {
  const up = derived(seed, `link ${band.number} ${epoch}`, 0)
  const down = derived(seed, `link ${band.number} ${epoch}`, 1)
  return liveLink(band, { up, down, sid: readU16(derived(seed, `link ${band.number} ${epoch}`, 2), 0) })
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

/** The band as a record of a bulk import, armed for the longest time. */
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
