// Pairing handshake on the engine's side, for the bench (PROTOCOL §3): no window, no durable step, one vendor.

import { verifyBandCert } from '../../crypto/signed/band-certs.ts'
import { pairingBinding } from '../../crypto/links/link-seal.ts'
import { acctTagOf, pairingIdOf, pairingRoot, startPairingAsEngine } from '../../crypto/links/pairing.ts'
import type { Primitives } from '../../crypto/primitives/primitives.ts'
import { SealedChannel } from '../../crypto/links/sealed-channel.ts'
import { decodeBandCert } from '../../protocol/band-cert.ts'
import { type Bytes, equalBytes } from '../../base/bytes.ts'
import type { ErrorCode } from '../../protocol/errors.ts'
import type { EngineFrame, PhoneFrameOf } from '../../protocol/messages/frames.ts'
import { type BandId, type Bid, idBytes, parseAccountId, parseBid } from '../../protocol/ids.ts'
import { decodeUpOp, encodeDownOp } from '../../protocol/ops.ts'
import { type BandRecord, type DataRecord, encodePair0 } from '../../protocol/records.ts'
import { type BenchBand, type BenchPairing, type BenchSession, newBenchBand } from './bench-state.ts'
import type { Scheduler } from '../virtual/scheduler.ts'

export type BenchPairingParts = {
  readonly primitives: Primitives
  readonly scheduler: Scheduler
  readonly vendorSeed: Bytes
  readonly engineSecret: Bytes
  readonly bands: Map<Bid, BenchBand>
  readonly send: (session: BenchSession, slot: number, bytes: Uint8Array<ArrayBuffer>) => void
  readonly answer: (session: BenchSession, frame: EngineFrame) => void
  readonly refuse: (session: BenchSession, id: number, code: ErrorCode) => void
}

export class BenchPairings {
  readonly #parts: BenchPairingParts
  readonly #pepper: Bytes
  readonly #generations = new Map<BandId, number>()

  constructor(parts: BenchPairingParts) {
    this.#parts = parts
    this.#pepper = parts.primitives.randomBytes(32)
  }

  /** Frame 6, whose user verification is `message`. */
  start(session: BenchSession, frame: PhoneFrameOf<'pairStart'>, message: Bytes): void {
    const { primitives } = this.#parts
    const pairingId = pairingIdOf(primitives, message)
    const acctTag = acctTagOf(primitives, this.#pepper, parseAccountId(session.account), pairingId)
    const pair0 = encodePair0({ ekid: 1, pairingId: idBytes(pairingId), acctTag })
    session.slots.set(frame.slot, { slot: frame.slot, requestId: frame.id, ps: frame.ps.slice(), pair0, acctTag })
    this.#parts.send(session, frame.slot, pair0)
  }

  /** A record of the band in a slot that pairs. */
  record(session: BenchSession, pairing: BenchPairing, record: BandRecord): void {
    const { primitives, scheduler } = this.#parts
    if (record.type === 'pair1') {
      const { pair0, ps } = pairing
      const handshake = startPairingAsEngine(primitives, { pair0, ps, engineSecret: this.#parts.engineSecret })
      if (handshake.readPair1(record.message) === undefined) return
      pairing.handshake = handshake
      this.#parts.send(session, pairing.slot, handshake.pair2({ timeMs: scheduler.nowMs(), flags: 0 }))
    } else if (record.type === 'pair3' && pairing.band === undefined) this.#takePair3(session, pairing, record.message)
    else if (record.type === 'pair3') this.#sendCommit(session, pairing)
    else if (record.type === 'data') this.#takeCommitAck(session, pairing, record)
  }

  #takePair3(session: BenchSession, pairing: BenchPairing, message: Bytes): void {
    const { primitives, scheduler, vendorSeed } = this.#parts
    const opened = pairing.handshake?.readPair3(message)
    const cert = opened === undefined ? undefined : decodeBandCert(opened.cert)
    const root = { signatureType: 'ed25519', publicKey: primitives.ed25519PublicKey(vendorSeed) } as const
    if (pairing.handshake === undefined || opened === undefined || cert?.type !== 'bandCert') return
    const isGood = verifyBandCert(primitives, root, cert) && equalBytes(cert.bandKey, opened.bandKey)
    const isFree = ![...this.#parts.bands.values()].some((band) => band.bandId === cert.bandId && !band.tombstoned)
    if (!isGood || !isFree) {
      delete pairing.handshake
      scheduler.after(3_000, () => this.#parts.refuse(session, pairing.requestId, 'pair-refused'))
      return
    }
    const keys = pairing.handshake.finish()
    const generation = (this.#generations.get(cert.bandId) ?? 0) + 1
    this.#generations.set(cert.bandId, generation)
    pairing.channel = new SealedChannel(primitives, {
      end: 'engine',
      keys,
      binding: pairingBinding,
      monotonicMs: scheduler.nowMs,
    })
    const { bandId, bandKey } = cert
    pairing.band = newBenchBand({
      bandId,
      bid: parseBid(primitives.randomBytes(8)),
      generation,
      account: session.account,
      bandKey,
      root: pairingRoot(primitives, keys.ask, { bandId, acctTag: pairing.acctTag, generation }),
    })
    this.#sendCommit(session, pairing)
  }

  #sendCommit(session: BenchSession, pairing: BenchPairing): void {
    const { channel, band, acctTag } = pairing
    if (channel === undefined || band === undefined) return
    const { bid, generation } = band
    const record = channel.seal(encodeDownOp({ type: 'commit', bid, generation, acctTag }))
    if (record !== undefined) this.#parts.send(session, pairing.slot, record)
  }

  #takeCommitAck(session: BenchSession, pairing: BenchPairing, record: DataRecord): void {
    const { channel, band } = pairing
    const opened = channel?.open(record)
    if (band === undefined || !(opened instanceof Uint8Array)) return
    const op = decodeUpOp(opened)
    if (op.type !== 'commitAck' || op.generation !== band.generation) return
    this.#parts.bands.set(band.bid, band)
    session.slots.delete(pairing.slot)
    const { bandId, bid, generation } = band
    this.#parts.answer(session, {
      type: 'paired',
      id: pairing.requestId,
      bandId: idBytes(bandId),
      bid: idBytes(bid),
      generation,
    })
  }
}
