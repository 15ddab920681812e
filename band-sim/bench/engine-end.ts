// Test double of the engine, its end of the protocol for one test bench: pairing, links, arming and proofs, with no store and no policy.
// A band maker points firmware at it; this folder's tests do. It approves whatever is properly proven, so it is no engine.

import { signKeyset } from '../../crypto/signed/keyset.ts'
import { helloMessage, uvMessage, verifyPhoneSignature } from '../../crypto/signed/phone-auth.ts'
import type { Primitives } from '../../crypto/primitives/primitives.ts'
import { armKey, proofTag, requestDigest } from '../../crypto/signed/proof.ts'
import { signRelease } from '../../crypto/signed/release.ts'
import { equalSecret } from '../../crypto/primitives/secret.ts'
import { type Bytes, toHex } from '../../base/bytes.ts'
import { type CloseCode, type ErrorCode, closeCodes, errorCodes } from '../../protocol/errors.ts'
import {
  decodePhoneFrame,
  encodeEngineFrame,
  fieldsBeforeUv,
  signedOfHello,
} from '../../protocol/messages/frame-codec.ts'
import { type EngineFrame, type PhoneFrame, type PhoneFrameOf, phoneFrames } from '../../protocol/messages/frames.ts'
import { type BandId, type Bid, idBytes, parseBid, parsePhoneId } from '../../protocol/ids.ts'
import { phoneFrameBytesMax, phoneSlotMax } from '../../protocol/limits.ts'
import { decodeOffer } from '../../protocol/offer.ts'
import { type AuthProof, type DownOp, type Verdict, decodeUpOp } from '../../protocol/ops.ts'
import { obligations, reasons } from '../../protocol/reasons.ts'
import { type DataRecord, decodeData, decodeRecord } from '../../protocol/records.ts'
import { bandStates } from '../../protocol/states.ts'
import type { WebSocketConstructor } from '../../sdk/phone/connection.ts'
import { BenchLinks } from './bench-links.ts'
import { BenchPairings } from './bench-pairing.ts'
import { BenchSocket } from './bench-socket.ts'
import type { BenchBand, BenchSession } from './bench-state.ts'
import type { EnginePins } from '../band/package.ts'
import type { Scheduler } from '../virtual/scheduler.ts'

type Stored = { readonly rd: Bytes; readonly lsn: number; readonly outcome: 'approved' | 'refused-by-wearer' }

export type EngineEndParts = {
  readonly primitives: Primitives
  readonly scheduler: Scheduler
  readonly vendorSeed: Bytes
  readonly heartbeatS?: number
  /** The obligation that an amount needs; undefined for none. */
  readonly needs?: (amountMinor: number) => 'verify-user' | 'tap' | undefined
}

/** Host name that phones sign for. */
const host = 'bench.test'

/** One engine end. Account tokens are the account's own name; everything is in memory. */
export class EngineEnd {
  readonly bands = new Map<Bid, BenchBand>()
  readonly sessions = new Set<BenchSession>()
  readonly #sessionOf = new WeakMap<BenchSocket, BenchSession>()
  /** What was proven, in order, as the engine decided it. */
  readonly proofs: { readonly verdict: Verdict; readonly outcome: string }[] = []
  /** Every record in either direction, as an eavesdropper has them. */
  readonly captured: { readonly way: 'up' | 'down'; readonly bytes: Bytes }[] = []
  readonly webSocket: WebSocketConstructor
  readonly pins: EnginePins
  readonly #parts: EngineEndParts
  readonly #releaseSeed: Bytes
  readonly #links: BenchLinks
  readonly #pairings: BenchPairings
  readonly #stored = new Map<string, Stored>()
  #sessionCount = 0
  #lsn = 0
  /** While false nothing answers: connections fail. */
  isUp = true
  /** Answers of these types are lost on the way, once each. */
  readonly loseNext = new Set<EngineFrame['type']>()
  refuseTokens = new Set<string>()

  constructor(parts: EngineEndParts) {
    const { primitives } = parts
    this.#parts = parts
    const engineSecret = primitives.randomBytes(32)
    this.#releaseSeed = primitives.randomBytes(32)
    this.pins = {
      engineKeys: [{ id: 1, publicKey: primitives.x25519PublicKey(engineSecret) }],
      releaseKeys: [{ id: 1, publicKey: primitives.ed25519PublicKey(this.#releaseSeed) }],
    }
    this.#links = new BenchLinks({
      ...parts,
      engineSecret,
      toBand: (band, bytes) => this.#toBand(band, bytes),
      release: ({ bandId, generation }) => this.release(bandId, generation),
    })
    this.#pairings = new BenchPairings({
      ...parts,
      engineSecret,
      bands: this.bands,
      send: (session, slot, bytes) => this.#send(session, slot, bytes),
      answer: (session, frame) => this.#answer(session, frame),
      refuse: (session, id, code) => this.#refuse(session, id, code),
    })
    const opened = (socket: BenchSocket): void => this.#opened(socket)
    const heard = (socket: BenchSocket, bytes: Bytes): void => this.#heard(socket, bytes)
    this.webSocket = class extends BenchSocket {
      constructor(_url: string, protocols: string[]) {
        super(protocols, opened, heard)
      }
    }
  }

  /** The one band of a bench that paired one. */
  get band(): BenchBand {
    const [band] = this.bands.values()
    if (band === undefined) throw new Error('no band is paired on this bench')
    return band
  }

  /** Closes every socket, as an engine that drains or dies does; 1006 is a lost connection. */
  closeAll(code: CloseCode | 'lost'): void {
    for (const session of this.sessions) this.#end(session, code === 'lost' ? 1006 : closeCodes[code].number)
  }

  /** A restart: sessions, links and nonces are gone; roots stay. */
  restart(): void {
    this.closeAll('lost')
    for (const band of this.bands.values())
      Object.assign(band, { link: undefined, candidate: undefined, nonce: undefined })
  }

  /** Sends one op on the band's live link. */
  tell(band: BenchBand, op: DownOp): void {
    this.#links.seal(band, band.link, op)
  }

  /** A partner asks through the engine: frame 123. */
  ask(band: BenchBand, offer: Uint8Array<ArrayBuffer>): void {
    if (band.session !== undefined) this.#answer(band.session, { type: 'asked', id: 0, slot: band.slot, offer })
  }

  /** The engine asks for a rekey; the band answers the next CHAL with REKEY1. */
  askRekey(band: BenchBand): void {
    this.tell(band, { type: 'rekeyPlease' })
  }

  /** Sends ARM as if frame 8 had come: for tests of what a band obeys. */
  arm(band: BenchBand, wearEpoch: number, ttlS = 86_400): number {
    band.armEpoch += 1
    band.armSecret = this.#parts.primitives.randomBytes(16)
    this.tell(band, { type: 'arm', secret: band.armSecret.slice(), armEpoch: band.armEpoch, wearEpoch, ttlS })
    return band.armEpoch
  }

  lock(band: BenchBand, holds: number): void {
    band.holds = holds
    band.armSecret = undefined
    this.tell(band, { type: 'lock', holds })
  }

  /** Announces a second static key. */
  announceKey(band: BenchBand, ekid: number, engineKey: Bytes, seed: Bytes = this.#releaseSeed): void {
    const plaintext = signKeyset(this.#parts.primitives, seed, { ekid, engineKey, notBeforeS: 0 })
    const record = band.link?.channel.seal(plaintext)
    if (record !== undefined) this.#toBand(band, record)
  }

  release(bandId: BandId, generationMax: number): Uint8Array<ArrayBuffer> {
    return signRelease(this.#parts.primitives, this.#releaseSeed, { rkid: 1, bandId, generationMax })
  }

  /** Sends a fresh CHAL. */
  challenge(band: BenchBand): void {
    this.#links.challenge(band)
  }

  /** Sends raw bytes to the band over its slot. */
  sendRaw(band: BenchBand, bytes: Uint8Array<ArrayBuffer>): void {
    this.#toBand(band, bytes)
  }

  #opened(socket: BenchSocket): void {
    if (!this.isUp) return socket.closedByEngine(1006)
    const session: BenchSession = {
      socket,
      challenge: this.#parts.primitives.randomBytes(32),
      uvChallenges: new Set(),
      slots: new Map(),
      account: '',
      verifyKey: new Uint8Array(0),
      phoneKey: '',
    }
    this.sessions.add(session)
    this.#sessionOf.set(socket, session)
    this.#answer(session, {
      type: 'greeting',
      id: 0,
      challenge: session.challenge,
      engineVersion: 'bench',
      frameBytesMax: phoneFrameBytesMax,
      slotMax: phoneSlotMax,
      framesPerSecond: 50,
    })
  }

  #heard(socket: BenchSocket, bytes: Bytes): void {
    const session = this.#sessionOf.get(socket)
    if (session === undefined || !this.sessions.has(session)) return
    const frame = decodePhoneFrame(bytes.slice(), phoneFrameBytesMax)
    if (frame.type === 'malformed') return this.#end(session, closeCodes.malformed.number)
    if (frame.type === 'hello') return this.#hello(session, frame, bytes)
    if (session.account === '') return this.#refuse(session, frame.id, 'not-authenticated')
    this.#serve(session, frame)
  }

  #hello(session: BenchSession, frame: PhoneFrameOf<'hello'>, bytes: Bytes): void {
    const { primitives } = this.#parts
    const phoneId = parsePhoneId(frame.phoneId)
    const message = helloMessage(primitives, { challenge: session.challenge, fields: signedOfHello(bytes), host })
    if (this.refuseTokens.has(frame.token)) {
      this.#refuse(session, frame.id, 'token-invalid')
      return this.#end(session, closeCodes['auth-failed'].number)
    }
    if (!verifyPhoneSignature(primitives, frame.sessionKey, message, frame.signature)) {
      this.#refuse(session, frame.id, 'hello-proof-invalid')
      return this.#end(session, closeCodes['auth-failed'].number)
    }
    const phoneKey = `${frame.token}|${phoneId}`
    for (const other of this.sessions) if (other.phoneKey === phoneKey) this.#end(other, closeCodes.fenced.number)
    Object.assign(session, { account: frame.token, verifyKey: frame.verifyKey.slice(), phoneKey })
    this.#answer(session, {
      type: 'helloAnswer',
      id: frame.id,
      sessionNumber: ++this.#sessionCount,
      resumeToken: primitives.randomBytes(32),
      pendingUntilMs: 0,
      resumed: false,
      timeMs: this.#parts.scheduler.nowMs(),
      heartbeatS: this.#parts.heartbeatS ?? 30,
    })
  }

  #serve(session: BenchSession, frame: PhoneFrame): void {
    switch (frame.type) {
      case 'challenge': {
        const challenge = this.#parts.primitives.randomBytes(32)
        session.uvChallenges.add(toHex(challenge))
        return this.#answer(session, { type: 'challengeAnswer', id: frame.id, challenge })
      }
      case 'pairStart':
        return this.#startPairing(session, frame)
      case 'attach':
        return this.#attach(session, frame)
      case 'detach':
        session.slots.delete(frame.slot)
        return this.#answer(session, { type: 'detachAnswer', id: frame.id })
      case 'record':
        return this.#record(session, frame)
      case 'arm':
        return this.#armFor(session, frame)
      case 'authorize':
        return this.#authorize(session, frame)
      case 'freeze': {
        for (const band of this.bands.values()) {
          if (band.account === session.account) this.lock(band, band.holds | 1)
        }
        return this.#answer(session, { type: 'frozen', id: frame.id, holds: 1, lsn: ++this.#lsn })
      }
      default:
        return this.#refuse(session, frame.id, 'unsupported-frame')
    }
  }

  #verified(session: BenchSession, frame: PhoneFrame, uv: Bytes): Bytes | undefined {
    const challenge = uv.subarray(0, 32)
    if (!session.uvChallenges.delete(toHex(challenge))) return undefined
    const { primitives } = this.#parts
    const fields = fieldsBeforeUv(frame)
    const message = uvMessage(primitives, { purpose: phoneFrames[frame.type].number, challenge, fields, host })
    return verifyPhoneSignature(primitives, session.verifyKey, message, uv.subarray(32)) ? message : undefined
  }

  #startPairing(session: BenchSession, frame: PhoneFrameOf<'pairStart'>): void {
    const message = this.#verified(session, frame, frame.uv)
    if (message === undefined) this.#refuse(session, frame.id, 'verification-invalid')
    else this.#pairings.start(session, frame, message)
  }

  #attach(session: BenchSession, frame: PhoneFrameOf<'attach'>): void {
    const band = this.bands.get(parseBid(frame.bid))
    if (band === undefined || band.account !== session.account) return this.#refuse(session, frame.id, 'unknown-band')
    session.slots.set(frame.slot, band)
    Object.assign(band, { session, slot: frame.slot })
    this.#answer(session, { type: 'attachAnswer', id: frame.id })
    this.#links.challenge(band)
  }

  #record(session: BenchSession, frame: PhoneFrameOf<'record'>): void {
    this.captured.push({ way: 'up', bytes: frame.bytes.slice() })
    const use = session.slots.get(frame.slot)
    const record = decodeRecord(frame.bytes)
    if (use === undefined || record.type === 'malformed') return
    if (!('bid' in use)) return this.#pairings.record(session, use, record)
    if (record.type === 'resume') this.#links.resume(use, record)
    else if (record.type === 'rekey1') this.#links.rekey(use, record)
    else if (record.type === 'data' && !record.proof) this.#data(use, record)
  }

  #data(band: BenchBand, record: DataRecord): void {
    const opened = this.#links.open(band, record)
    const op = opened === undefined ? undefined : decodeUpOp(opened)
    if (op?.type === 'status') {
      Object.assign(band, { wear: op.wear, wearEpoch: op.wearEpoch })
      if (op.wear !== 'on') band.armSecret = undefined
      this.#state(band)
    } else if (op?.type === 'armAck' && op.armEpoch === band.armEpoch) band.armed?.(op.armEpoch)
    else if (op?.type === 'intent' && op.gesture === 'longPress') this.lock(band, band.holds | 1)
  }

  #state(band: BenchBand): void {
    const { link, holds } = band
    if (link === undefined) return
    link.tick += 1
    const state = bandStates[band.armSecret !== undefined ? 'armed' : band.wear === 'on' ? 'disarmed' : 'offWrist']
    const heartbeatS = this.#parts.heartbeatS ?? 30
    this.#links.seal(band, link, { type: 'state', tick: link.tick, state, holds, armedForS: 0, heartbeatS })
    if (band.session === undefined) return
    this.#answer(band.session, {
      type: 'state',
      id: 0,
      bid: idBytes(band.bid),
      state,
      holds,
      armedUntilMs: 0,
      wearEpoch: band.wearEpoch,
    })
  }

  #armFor(session: BenchSession, frame: PhoneFrameOf<'arm'>): void {
    const use = session.slots.get(frame.slot)
    if (use === undefined || !('bid' in use)) return this.#refuse(session, frame.id, 'slot-empty')
    if (this.#verified(session, frame, frame.uv) === undefined) {
      return this.#refuse(session, frame.id, 'verification-invalid')
    }
    if (frame.wearEpoch !== use.wearEpoch) return this.#refuse(session, frame.id, 'wrong-state')
    if (use.wear !== 'on') return this.#refuse(session, frame.id, 'not-worn')
    const { scheduler } = this.#parts
    const cancel = scheduler.after(5_000, () => {
      use.armed = undefined
      this.#refuse(session, frame.id, 'band-silent')
    })
    use.armed = (armEpoch) => {
      cancel()
      use.armed = undefined
      const armedUntilMs = scheduler.nowMs() + 86_400_000
      this.#answer(session, { type: 'armed', id: frame.id, armEpoch, armedUntilMs })
    }
    this.arm(use, use.wearEpoch)
  }

  #authorize(session: BenchSession, frame: PhoneFrameOf<'authorize'>): void {
    this.captured.push({ way: 'up', bytes: frame.record.slice() })
    const band = session.slots.get(frame.slot)
    const offer = decodeOffer(frame.offer.slice())
    if (band === undefined || !('bid' in band)) return this.#refuse(session, frame.id, 'slot-empty')
    if (offer.type === 'malformed') return this.#refuse(session, frame.id, 'malformed')
    const { primitives, needs } = this.#parts
    const rd = requestDigest(primitives, offer.canon, offer.labelBytes)
    const stored = this.#stored.get(offer.terms.rid)
    if (stored !== undefined) return this.#decided(session, frame.id, stored.outcome, stored.lsn)
    const record = decodeData(frame.record)
    const opened = record.type === 'data' ? this.#links.open(band, record, rd) : undefined
    const op = opened === undefined ? undefined : decodeUpOp(opened)
    if (record.type !== 'data' || op?.type !== 'authProof') return this.#decided(session, frame.id, 'proof-invalid', 0)
    const outcome = this.#judge(band, op, rd, record)
    this.proofs.push({ verdict: op.verdict, outcome })
    if (outcome === 'band-not-armed') return this.#decided(session, frame.id, outcome, 0, 'verify-user')
    if (outcome !== 'approved') return this.#decided(session, frame.id, outcome, 0)
    const need = needs?.(offer.terms.amountMinor)
    if (need === 'verify-user' && (frame.uv === null || this.#verified(session, frame, frame.uv) === undefined)) {
      return this.#decided(session, frame.id, 'verification-stale', ++this.#lsn, 'verify-user')
    }
    if (need === 'tap' && op.verdict !== 'tap') {
      this.#decided(session, frame.id, 'proximity-too-low', ++this.#lsn, 'tap')
      return this.tell(band, { type: 'authReq', offer: frame.offer.slice() })
    }
    const lsn = ++this.#lsn
    this.#stored.set(offer.terms.rid, { rd, lsn, outcome: 'approved' })
    this.#decided(session, frame.id, 'approved', lsn)
    this.tell(band, { type: 'authResult', rid: offer.terms.rid, outcome: 1, pattern: 1 })
  }

  #judge(
    band: BenchBand,
    proof: AuthProof,
    rd: Bytes,
    record: DataRecord,
  ): 'approved' | 'band-not-armed' | 'proof-invalid' | 'refused-by-wearer' {
    const { primitives } = this.#parts
    if (band.armSecret === undefined) return 'band-not-armed'
    const key = armKey(primitives, band.armSecret, idBytes(band.bid), band.armEpoch)
    const expected = proofTag(primitives, key, { rd, sid: record.sid, ctr: record.ctr, proved: proof.proved })
    if (!equalSecret(expected, proof.p)) return 'proof-invalid'
    return proof.verdict === 'refused' ? 'refused-by-wearer' : 'approved'
  }

  #decided(
    session: BenchSession,
    id: number,
    reason: keyof typeof reasons,
    lsn: number,
    obligation?: keyof typeof obligations,
  ): void {
    this.#answer(session, {
      type: 'decision',
      id,
      approved: reason === 'approved',
      reason: reasons[reason],
      obligation: obligation === undefined ? null : obligations[obligation],
      receipt: null,
      useLeftMinor: 0,
      dayLeftMinor: 0,
      lsn,
    })
  }

  #toBand(band: BenchBand, bytes: Uint8Array<ArrayBuffer>): void {
    if (band.session !== undefined) this.#send(band.session, band.slot, bytes)
  }

  #send(session: BenchSession, slot: number, bytes: Uint8Array<ArrayBuffer>): void {
    this.captured.push({ way: 'down', bytes: bytes.slice() })
    this.#answer(session, { type: 'record', id: 0, slot, bytes })
  }

  #refuse(session: BenchSession, id: number, code: ErrorCode): void {
    this.#answer(session, { type: 'error', id, code: errorCodes[code], retryAfterMs: null })
  }

  #answer(session: BenchSession, frame: EngineFrame): void {
    if (this.loseNext.delete(frame.type)) return this.#end(session, 1006)
    if (this.sessions.has(session)) session.socket.deliver(encodeEngineFrame(frame))
  }

  #end(session: BenchSession, code: number): void {
    this.sessions.delete(session)
    session.socket.closedByEngine(code)
  }
}
