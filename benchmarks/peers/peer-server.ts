// Baseline server for comparison, what one would build without an engine: `ws`, JSON, and a database that decides. The same
// checks in the same order as ours, with the same cryptography on node:crypto; links and the arm keys of bands are kept in memory
// as ours are. One message out where the engine sends two. Runs in a process of its own; its database in another.

import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import { openData, sealData } from '../../crypto/links/link-seal.ts'
import { nodePrimitives as p } from '../../crypto/primitives/node-primitives.ts'
import { verifyOffer } from '../../crypto/signed/offers.ts'
import { armKey, proofTag, requestDigest } from '../../crypto/signed/proof.ts'
import { equalSecret } from '../../crypto/primitives/secret.ts'
import { gradeProximity } from '../../policy/proximity.ts'
import { errorCodes } from '../../protocol/errors.ts'
import { decodeEvidence } from '../../protocol/evidence.ts'
import { counterJumpMax, offerLifeMaxMs } from '../../protocol/limits.ts'
import { type Offer, decodeOffer } from '../../protocol/offer.ts'
import { type AuthProof, decodeUpOp, encodeDownOp, patterns, verdicts } from '../../protocol/ops.ts'
import { reasons } from '../../protocol/reasons.ts'
import { type DataRecord, decodeData } from '../../protocol/records.ts'
import { type FleetBand, type LiveLink, fixedLink, fleetBands, fleetPartner } from '../driver/fleet.ts'
import type { PeerDecision, PeerLedger } from './ledger.ts'
import { readPeerConfig } from './peer-config.ts'
import { openPostgresLedger } from './postgres-ledger.ts'
import { openRedisLedger } from './redis-ledger.ts'

const config = readPeerConfig(process.argv[2] ?? '')
const partner = fleetPartner(config.seed)
const ledger: PeerLedger =
  config.database === 'postgres'
    ? await openPostgresLedger(config.place, config.connections, config.limits)
    : await openRedisLedger(config.place.socketFolder, config.connections, config.limits)

/** A band's live link and what is remembered of its arming. */
type Attached = {
  readonly band: FleetBand
  readonly link: LiveLink
  downCtr: number
  armed:
    { readonly armEpoch: number; readonly armKey: Uint8Array<ArrayBuffer>; readonly conformance: number } | undefined
}

const attachedByBid = new Map<string, Attached>(
  fleetBands(config.seed, config.bands).map((band) => [
    band.bid,
    { band, link: fixedLink(config.seed, band, config.linkEpoch), downCtr: 0, armed: undefined },
  ]),
)
/** A lease that lasts as long as the benchmark: neither side's heartbeats are measured here. */
const presentUntilMs = performance.now() + 3_600_000
const noContext = new Uint8Array(0)
const none: PeerDecision = { reason: 0, obligation: 0, useLeftMinor: 0, dayLeftMinor: 0, lsn: 0 }

const server = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  maxPayload: 4_096,
  perMessageDeflate: false,
  clientTracking: false,
  // JSON.parse of what base64 and digits came from needs no second look at its UTF-8.
  skipUTF8Validation: true,
})
server.on('connection', (socket) => {
  const slots = new Map<number, Attached>()
  socket.on('message', (data: RawData) => take(socket, slots, data))
  socket.on('error', () => socket.terminate())
})
server.on('listening', () => {
  const address = server.address()
  process.send?.({ type: 'ready', port: typeof address === 'object' ? address?.port : undefined })
})
// Ends with the benchmark, however that ends.
process.on('disconnect', () => process.exit(0))

function take(socket: WebSocket, slots: Map<number, Attached>, data: RawData): void {
  const message: unknown = JSON.parse(textOf(data))
  if (isAttach(message)) {
    const attached = attachedByBid.get(message.bid)
    if (attached === undefined) return socket.close(4_000, 'unknown band')
    slots.set(message.attach, attached)
    return socket.send(`{"attached":${message.attach}}`)
  }
  if (!isRequest(message)) return socket.close(4_001, 'no request')
  const attached = slots.get(message.slot)
  if (attached === undefined) return socket.send(`{"id":${message.id},"error":${errorCodes['slot-empty']}}`)
  authorize(attached, Buffer.from(message.offer, 'base64'), Buffer.from(message.record, 'base64')).then(
    (decision) => answer(socket, attached, message.id, decision),
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`)
      socket.send(`{"id":${message.id},"error":${errorCodes.unavailable}}`)
    },
  )
}

type Decided = PeerDecision & { readonly rid: Offer['terms']['rid'] | undefined }

async function authorize(attached: Attached, offerBytes: Buffer, recordBytes: Buffer): Promise<Decided> {
  const offer = decodeOffer(offerBytes)
  const isAuthentic =
    offer.type === 'offer' &&
    offer.terms.partner === partner.id &&
    offer.terms.kid === partner.kid &&
    verifyOffer(p, partner.key, offer)
  if (!isAuthentic) return { ...none, reason: reasons['offer-not-authentic'], rid: undefined }
  const { rid } = offer.terms
  const rd = requestDigest(p, offer.canon, offer.labelBytes)
  const record = decodeData(recordBytes)
  const proof = record.type === 'data' ? openProof(attached, record, offer, rd) : undefined
  if (record.type !== 'data' || proof === undefined) {
    // A request asked again comes with a record that opened before: the stored answer is looked up only then, so that a
    // new request costs one round trip and not two.
    const { account } = attached.band
    const known = await ledger.stored({ partner: offer.terms.partner, rid, account, rd })
    return { ...(known ?? { ...none, reason: reasons['proof-invalid'] }), rid }
  }
  return decideProved(attached, { offer, rd, record, proof })
}

type Proved = {
  readonly offer: Offer
  readonly rd: Uint8Array<ArrayBuffer>
  readonly record: DataRecord
  readonly proof: AuthProof
}

async function decideProved(attached: Attached, { offer, rd, record, proof }: Proved): Promise<Decided> {
  const { band } = attached
  // The await of a band's first use only: after that the arm key is in memory.
  if (attached.armed?.armEpoch !== proof.armEpoch) attached.armed = await armedOf(band)
  const { armed } = attached
  const tag =
    armed?.armEpoch === proof.armEpoch
      ? proofTag(p, armed.armKey, { rd, sid: record.sid, ctr: record.ctr, proved: proof.proved })
      : undefined
  const { verdict } = proof
  const level = gradeProximity({
    verdict,
    evidence: decodeEvidence(proof.evidence),
    conformance: armed?.conformance ?? 0,
    readerNonceMatched: false,
  })
  const nowMs = Date.now()
  const decision = await ledger.decide({
    partner: offer.terms.partner,
    rid: offer.terms.rid,
    account: band.account,
    bandId: band.bandId,
    generation: band.generation,
    armEpoch: proof.armEpoch,
    deniedFor: deniedFor(offer, proof, tag !== undefined && equalSecret(tag, proof.p), attached.link.tick, nowMs),
    level,
    verdict: verdicts[verdict],
    amountMinor: offer.terms.amountMinor,
    currency: offer.terms.currency,
    nowMs,
    rd,
    canon: offer.canon,
    label: offer.labelBytes,
    evidence: proof.evidence,
  })
  return { ...decision, rid: offer.terms.rid }
}

/** What needs no database to be seen, in the engine's order. */
function deniedFor(offer: Offer, proof: AuthProof, isProven: boolean, tick: number, nowMs: number): number {
  const { expiresAtMs, action, amountMinor } = offer.terms
  if (action !== 1) return reasons['unsupported-action']
  if (nowMs >= expiresAtMs) return reasons['offer-expired']
  if (expiresAtMs - nowMs > offerLifeMaxMs) return reasons['offer-too-long-lived']
  if (!isProven) return reasons['proof-invalid']
  if (proof.wear !== 'on') return reasons['band-off-wrist']
  if (proof.verdict === 'refused') return reasons['refused-by-wearer']
  if (proof.tick !== tick || performance.now() > presentUntilMs) return reasons['not-present']
  return amountMinor > 0 ? 0 : reasons['amount-invalid']
}

/** Freshness first, then authenticity: the counter strictly rises. */
function openProof(
  { link }: Attached,
  record: DataRecord,
  offer: Offer,
  rd: Uint8Array<ArrayBuffer>,
): AuthProof | undefined {
  if (record.down || !record.proof || record.phase !== 0 || record.sid !== link.sid) return undefined
  if (record.ctr <= link.upCtr || record.ctr > link.upCtr + counterJumpMax) return undefined
  const opened = openData(p, link.up, record, link, rd)
  if (opened === undefined) return undefined
  link.upCtr = record.ctr
  const op = decodeUpOp(opened)
  return op.type === 'authProof' && op.rid === offer.terms.rid ? op : undefined
}

async function armedOf({ bandId, bid }: FleetBand): Promise<Attached['armed']> {
  const band = await ledger.band(bandId)
  if (band === undefined) return undefined
  const key = armKey(p, Uint8Array.from(band.armSecret), Uint8Array.from(Buffer.from(bid, 'hex')), band.armEpoch)
  return { armEpoch: band.armEpoch, armKey: key, conformance: band.conformance }
}

/** The decision for the phone and, sealed, for the band, in one message. Written by hand: half the cost of JSON.stringify. */
function answer(socket: WebSocket, attached: Attached, id: number, decided: Decided): void {
  const { reason, obligation, useLeftMinor, dayLeftMinor, lsn, rid } = decided
  let record = 'null'
  if (rid !== undefined && lsn !== 0) {
    const { link } = attached
    const header = { down: true, phase: 0, ratcheted: false, proof: false, sid: link.sid, ctr: ++attached.downCtr }
    const isApproved = reason === 0
    const pattern = isApproved ? patterns.approved : patterns.denied
    const op = encodeDownOp({ type: 'authResult', rid, outcome: isApproved ? 1 : 0, pattern })
    const sealed = sealData(p, link.down, header, link, noContext, op)
    record = `"${Buffer.from(sealed.buffer, sealed.byteOffset, sealed.length).toString('base64')}"`
  }
  socket.send(
    `{"id":${id},"reason":${reason},"obligation":${obligation},"useLeft":${useLeftMinor},"dayLeft":${dayLeftMinor},"lsn":${lsn},"record":${record}}`,
  )
}

/** `ws` gives one Buffer for each message, unless told otherwise. */
function textOf(data: RawData): string {
  if (!Buffer.isBuffer(data)) throw new TypeError('a Buffer expected')
  return data.toString()
}

function isAttach(message: unknown): message is { readonly attach: number; readonly bid: string } {
  return hasFields(message, { attach: 'number', bid: 'string' })
}

function isRequest(
  message: unknown,
): message is { readonly id: number; readonly slot: number; readonly offer: string; readonly record: string } {
  return hasFields(message, { id: 'number', slot: 'number', offer: 'string', record: 'string' })
}

function hasFields(message: unknown, fields: Readonly<Record<string, 'number' | 'string'>>): boolean {
  if (typeof message !== 'object' || message === null) return false
  for (const name in fields) if (typeof Reflect.get(message, name) !== fields[name]) return false
  return true
}
