// Pre-generated payment requests with real proofs: for a live link the counters and the tick of the next proofs are known, so the
// offer, `rd`, the proof and the sealed record can all be made ahead (about 20 µs each, which the driver would else need while it
// measures). They are real: any server that checks them finds them right.

import { randomBytes } from 'node:crypto'
import { sealData } from '../../crypto/links/link-seal.ts'
import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { makeOffer } from '../../crypto/signed/offers.ts'
import { proofTag, requestDigest } from '../../crypto/signed/proof.ts'
import { concatBytes } from '../../base/bytes.ts'
import { distanceNone, encodeEvidence } from '../../protocol/evidence.ts'
import { errorCodes } from '../../protocol/errors.ts'
import { encodePhoneFrame } from '../../protocol/messages/frame-codec.ts'
import { parseResourceId, parseRid } from '../../protocol/ids.ts'
import { finderOf } from '../../base/names.ts'
import { canonBytes, offerMacedBytes } from '../../protocol/offer.ts'
import { encodeAuthProofProved } from '../../protocol/ops.ts'
import { parseReason } from '../../protocol/reasons.ts'
import { createReferences } from '../../sdk/references.ts'
import type { FleetBand, FleetPartner, LiveLink } from './fleet.ts'

export type BandLink = { readonly band: FleetBand; readonly link: LiveLink }

/** What a phone carries: the partner's offer and the band's AUTH_PROOF for it. */
export type BandRequest = {
  readonly offer: Uint8Array<ArrayBuffer>
  readonly record: Uint8Array<ArrayBuffer>
}

/** EUR; every benchmark pays in it. */
export const benchCurrency = 978
const resource = parseResourceId('00'.repeat(16))
/** Offers live at most 15 minutes; a batch is used up long before. */
const offerLifeMs = 14 * 60_000
const evidence = encodeEvidence({
  rssiDbm: -48,
  rssiPhoneDbm: -50,
  rtt10Us: 800,
  distanceCm: distanceNone,
  rangingFlags: 0,
  intervalMs: 0,
  readerNonce: new Uint8Array(8),
})

const referenceFor = createReferences(nodePrimitives)

/** A payment that the wearer tapped for. `rid` names it; drawn as a partner's SDK does unless it is to be the same again. */
export function makeRequest(
  { link }: BandLink,
  partner: FleetPartner,
  terms: {
    readonly amountMinor?: number
    readonly rid?: Uint8Array
    readonly nonce?: Uint8Array
    readonly nowMs?: number
  } = {},
): BandRequest {
  const { amountMinor = 1, nowMs = Date.now() } = terms
  const expiresAtMs = nowMs + offerLifeMs
  const rid = terms.rid === undefined ? referenceFor(expiresAtMs) : parseRid(terms.rid)
  const offer = makeOffer(nodePrimitives, partner.key, {
    partner: partner.id,
    resource,
    action: 1,
    amountMinor,
    currency: benchCurrency,
    partnerNonce: terms.nonce ?? randomBytes(16),
    rid,
    expiresAtMs,
    label: 'bench',
    kid: partner.kid,
  })
  return { offer, record: prove(link, offer, rid) }
}

/** The band's sealed AUTH_PROOF for an offer; advances the link's counter. */
export function prove(link: LiveLink, offer: Uint8Array, rid: ReturnType<typeof parseRid>): Uint8Array<ArrayBuffer> {
  const rd = requestDigest(
    nodePrimitives,
    offer.subarray(0, canonBytes),
    offer.subarray(canonBytes, offerMacedBytes - 4),
  )
  const ctr = ++link.upCtr
  const { sid, armEpoch, tick } = link
  const proved = encodeAuthProofProved({ rid, verdict: 'tap', wear: 'on', armEpoch, tick, evidence })
  const tag = proofTag(nodePrimitives, link.armKey, { rd, sid, ctr, proved })
  const header = { down: false, phase: 0, ratcheted: link.ratcheted, proof: true, sid, ctr }
  return sealData(nodePrimitives, link.up, header, link, rd, concatBytes(proved, tag))
}

/** Codec of requests and answers: the engine's frames, or JSON with base64 as a peer would have it. */
export type Wire = {
  readonly kind: 'text' | 'binary'
  readonly encode: (id: number, slot: number, request: BandRequest) => Uint8Array
  /** Reads an answer into `into`; false for messages that answer nothing, such as a record for the band. */
  readonly read: (bytes: Buffer, from: number, to: number, into: Answer) => boolean
}

/** `outcome`: 0 approved (or echoed), below 1,000 the reason of a denial, from 1,000 an error's code. */
export type Answer = { id: number; outcome: number }

export const errorOutcome = 1_000

const errorOfCode = finderOf(errorCodes)

/** `denied: over-day-limit`, `refused: busy`, …; an unknown number is shown as it is. */
export function outcomeName(outcome: number): string {
  if (outcome < errorOutcome) return `denied: ${parseReason(outcome) ?? outcome}`
  const code = outcome - errorOutcome
  return `refused: ${errorOfCode(code) ?? code}`
}

/** Codec of MessagePack frames. Frame 5 out; 105 and 200 in, 5 for an echo. Read byte by byte: decoding would cost more than sending. */
export const frameWire: Wire = {
  kind: 'binary',
  encode: (id, slot, { offer, record }) =>
    encodePhoneFrame({ type: 'authorize', id, slot, offer, record, uv: null, wantsReceipt: null }),
  read(bytes, from, to, into) {
    at = from + 1
    const type = readUint(bytes)
    if (type === echoType) {
      into.id = readUint(bytes)
      into.outcome = 0
      return true
    }
    if (type !== decisionType && type !== errorType) return false
    into.id = readUint(bytes)
    if (type === errorType) into.outcome = errorOutcome + readUint(bytes)
    else {
      at += 1
      into.outcome = readUint(bytes)
    }
    return at <= to
  },
}
const echoType = 5
const decisionType = 105
const errorType = 200

/** Where `readUint` reads next. */
let at = 0

/** A MessagePack unsigned integer of at most 32 bits. */
function readUint(bytes: Buffer): number {
  const first = bytes[at] ?? 0
  at += 1
  if (first < 0x80) return first
  const size = first === 0xcc ? 1 : first === 0xcd ? 2 : 4
  let value = 0
  for (let i = 0; i < size; i++) value = value * 256 + (bytes[at + i] ?? 0)
  at += size
  return value
}

/** Codec of JSON. `{"id":1,"slot":2,"offer":"…","record":"…"}` out; `{"id":1,"reason":0,…}` or `{"id":1,"error":7}` in, in that order. */
export const jsonWire: Wire = {
  kind: 'text',
  encode: (id, slot, { offer, record }) =>
    Buffer.from(`{"id":${id},"slot":${slot},"offer":"${base64(offer)}","record":"${base64(record)}"}`),
  read(bytes, from, _to, into) {
    if (bytes[from + 2] !== letterI) return false
    at = from + idAt
    into.id = readDigits(bytes)
    // After the comma and the quote stands `reason":` or `error":`.
    const isError = bytes[at + 2] === letterE
    at += isError ? errorAt : reasonAt
    into.outcome = readDigits(bytes) + (isError ? errorOutcome : 0)
    return true
  },
}
const letterI = 'i'.charCodeAt(0)
const letterE = 'e'.charCodeAt(0)
const idAt = '{"id":'.length
const reasonAt = ',"reason":'.length
const errorAt = ',"error":'.length

function readDigits(bytes: Buffer): number {
  let value = 0
  for (;;) {
    const digit = (bytes[at] ?? 0) - 48
    if (digit < 0 || digit > 9) return value
    value = value * 10 + digit
    at += 1
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
}
