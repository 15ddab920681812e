// The engine's end of the protocol for one test bench: pairing, links, arming and proofs, with no store and no policy.
// A band maker points firmware at it; this folder's tests do. It approves whatever is properly proven, so it is no engine.

import { verifyBandCert } from '../crypto/band-certs.ts'
import { signKeyset } from '../crypto/keyset.ts'
import { pairingBinding } from '../crypto/link-seal.ts'
import {
  type EnginePairing,
  type PairingKeys,
  acctTagOf,
  pairingIdOf,
  pairingRoot,
  startPairingAsEngine,
} from '../crypto/pairing.ts'
import { helloMessage, uvMessage, verifyPhoneSignature } from '../crypto/phone-auth.ts'
import type { Primitives } from '../crypto/primitives.ts'
import { armKey, proofTag, requestDigest } from '../crypto/proof.ts'
import { rekeyMac, rekeyRoot, startRekeyAsEngine } from '../crypto/rekey.ts'
import { signRelease } from '../crypto/release.ts'
import { nextRoot, resumeKeys, resumeMac } from '../crypto/resume.ts'
import { SealedChannel } from '../crypto/sealed-channel.ts'
import { equalSecret } from '../crypto/secret.ts'
import { decodeBandCert } from '../protocol/band-cert.ts'
import { type Bytes, equalBytes, toHex } from '../protocol/bytes.ts'
import { type ErrorCode, closeCodes, errorCodes, type CloseCode } from '../protocol/errors.ts'
import { decodePhoneFrame, encodeEngineFrame, fieldsBeforeUv } from '../protocol/frame-codec.ts'
import { type EngineFrame, type PhoneFrame, type PhoneFrameOf, phoneFrames } from '../protocol/frames.ts'
import { type BandId, type Bid, idBytes, parseAccountId, parseBid, parsePhoneId } from '../protocol/ids.ts'
import { phoneFrameBytesMax, phoneSlotMax } from '../protocol/limits.ts'
import { decodeOffer } from '../protocol/offer.ts'
import { type AuthProof, type DownOp, type Verdict, type Wear, decodeUpOp, encodeDownOp } from '../protocol/ops.ts'
import { obligations, reasons } from '../protocol/reasons.ts'
import {
  type BandRecord,
  type DataRecord,
  decodeData,
  decodeRecord,
  encodeChal,
  encodeNolink,
  encodePair0,
} from '../protocol/records.ts'
import { bandStates } from '../protocol/states.ts'
import type { WebSocketConstructor, WebSocketLike } from '../sdk/connection.ts'
import type { EnginePins } from './package.ts'
import type { Scheduler } from './scheduler.ts'

type Link = { readonly channel: SealedChannel; readonly n: number; readonly nextRoot: Bytes; tick: number }

/** What the bench knows of a band it paired. */
export type BenchBand = {
  readonly bandId: BandId
  readonly bid: Bid
  readonly generation: number
  readonly account: string
  readonly bandKey: Bytes
  k: number
  root: Bytes
  previous: Bytes | undefined
  link: Link | undefined
  candidate: Link | undefined
  nonce: Bytes | undefined
  session: BenchSession | undefined
  slot: number
  wear: Wear
  wearEpoch: number
  armEpoch: number
  armSecret: Bytes | undefined
  holds: number
  tombstoned: boolean
  cloneAlarms: number
  /** Answers frame 8 once the band has acknowledged. */
  armed: ((armEpoch: number) => void) | undefined
}

type Pairing = {
  readonly slot: number
  readonly requestId: number
  readonly ps: Bytes
  readonly pair0: Uint8Array<ArrayBuffer>
  readonly acctTag: Bytes
  handshake?: EnginePairing
  keys?: PairingKeys
  channel?: SealedChannel
  band?: BenchBand
}

type BenchSession = {
  readonly socket: BenchSocket
  readonly challenge: Bytes
  readonly uvChallenges: Set<string>
  readonly slots: Map<number, BenchBand | Pairing>
  account: string
  verifyKey: Bytes
  phoneKey: string
}

type Stored = { readonly rd: Bytes; readonly lsn: number; readonly outcome: 'approved' | 'refused-by-wearer' }

export type EngineEndParts = {
  readonly primitives: Primitives
  readonly scheduler: Scheduler
  readonly vendorSeed: Bytes
  readonly heartbeatS?: number
  /** Amounts above this need the obligation named. */
  readonly needs?: (amountMinor: number) => 'verify-user' | 'tap' | undefined
}

/** One engine end. Account tokens are the account's own name; everything is in memory. */
export class EngineEnd {
  readonly bands = new Map<Bid, BenchBand>()
  readonly sessions = new Set<BenchSession>()
  /** What was proven, in order, as the engine decided it. */
  readonly proofs: { readonly verdict: Verdict; readonly outcome: string }[] = []
  /** Every record in either direction, as an eavesdropper has them. */
  readonly captured: { readonly way: 'up' | 'down'; readonly bytes: Bytes }[] = []
  readonly webSocket: WebSocketConstructor
  readonly pins: EnginePins
  readonly #parts: EngineEndParts
  readonly #engineSecret: Bytes
  readonly #releaseSeed: Bytes
  readonly #pepper: Bytes
  readonly #stored = new Map<string, Stored>()
  readonly #generations = new Map<BandId, number>()
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
    this.#engineSecret = primitives.randomBytes(32)
    this.#releaseSeed = primitives.randomBytes(32)
    this.#pepper = primitives.randomBytes(32)
    this.pins = {
      engineKeys: [{ id: 1, publicKey: primitives.x25519PublicKey(this.#engineSecret) }],
      releaseKeys: [{ id: 1, publicKey: primitives.ed25519PublicKey(this.#releaseSeed) }],
    }
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
    this.#seal(band, band.link, op)
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
    socket.session = session
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
    const session = socket.session
    if (session === undefined || !this.sessions.has(session)) return
    const frame = decodePhoneFrame(bytes.slice(), phoneFrameBytesMax)
    if (frame.type === 'malformed') return this.#end(session, closeCodes.malformed.number)
    if (frame.type === 'hello') return this.#hello(session, frame)
    if (session.account === '') return this.#refuse(session, frame.id, 'not-authenticated')
    this.#serve(session, frame)
  }

  #hello(session: BenchSession, frame: PhoneFrameOf<'hello'>): void {
    const { primitives } = this.#parts
    const phoneId = parsePhoneId(frame.phoneId)
    const message = helloMessage(session.challenge, phoneId, 'bench.test')
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
    const message = uvMessage(primitives, { purpose: phoneFrames[frame.type].number, challenge, fields })
    return verifyPhoneSignature(primitives, session.verifyKey, message, uv.subarray(32)) ? message : undefined
  }

  #startPairing(session: BenchSession, frame: PhoneFrameOf<'pairStart'>): void {
    const { primitives } = this.#parts
    const message = this.#verified(session, frame, frame.uv)
    if (message === undefined) return this.#refuse(session, frame.id, 'verification-invalid')
    const pairingId = pairingIdOf(primitives, message)
    const acctTag = acctTagOf(primitives, this.#pepper, parseAccountId(session.account), pairingId)
    const pair0 = encodePair0({ ekid: 1, pairingId: idBytes(pairingId), acctTag })
    session.slots.set(frame.slot, { slot: frame.slot, requestId: frame.id, ps: frame.ps.slice(), pair0, acctTag })
    this.#send(session, frame.slot, pair0)
  }

  #pairingRecord(session: BenchSession, pairing: Pairing, record: BandRecord): void {
    const { primitives, scheduler } = this.#parts
    if (record.type === 'pair1') {
      const { pair0, ps } = pairing
      const handshake = startPairingAsEngine(primitives, { pair0, ps, engineSecret: this.#engineSecret })
      if (handshake.readPair1(record.message) === undefined) return
      pairing.handshake = handshake
      this.#send(session, pairing.slot, handshake.pair2({ timeMs: scheduler.nowMs(), flags: 0 }))
    } else if (record.type === 'pair3' && pairing.band === undefined) this.#takePair3(session, pairing, record.message)
    else if (record.type === 'pair3') this.#sendCommit(session, pairing)
    else if (record.type === 'data') this.#takeCommitAck(session, pairing, record)
  }

  #takePair3(session: BenchSession, pairing: Pairing, message: Bytes): void {
    const { primitives, scheduler, vendorSeed } = this.#parts
    const opened = pairing.handshake?.readPair3(message)
    const cert = opened === undefined ? undefined : decodeBandCert(opened.cert)
    const root = { signatureType: 'ed25519', publicKey: primitives.ed25519PublicKey(vendorSeed) } as const
    if (pairing.handshake === undefined || opened === undefined || cert?.type !== 'bandCert') return
    const isGood = verifyBandCert(primitives, root, cert) && equalBytes(cert.bandKey, opened.bandKey)
    const isFree = ![...this.bands.values()].some((band) => band.bandId === cert.bandId && !band.tombstoned)
    if (!isGood || !isFree) {
      delete pairing.handshake
      this.#parts.scheduler.after(3_000, () => this.#refuse(session, pairing.requestId, 'pair-refused'))
      return
    }
    const keys = pairing.handshake.finish()
    const generation = (this.#generations.get(cert.bandId) ?? 0) + 1
    this.#generations.set(cert.bandId, generation)
    pairing.keys = keys
    pairing.channel = new SealedChannel(primitives, {
      end: 'engine',
      keys,
      binding: pairingBinding,
      monotonicMs: scheduler.nowMs,
    })
    pairing.band = {
      bandId: cert.bandId,
      bid: parseBid(primitives.randomBytes(8)),
      generation,
      account: session.account,
      bandKey: cert.bandKey,
      k: 0,
      root: pairingRoot(primitives, keys.ask, { bandId: cert.bandId, acctTag: pairing.acctTag, generation }),
      previous: undefined,
      link: undefined,
      candidate: undefined,
      nonce: undefined,
      session: undefined,
      slot: 0,
      wear: 'off',
      wearEpoch: 0,
      armEpoch: 0,
      armSecret: undefined,
      holds: 0,
      tombstoned: false,
      cloneAlarms: 0,
      armed: undefined,
    }
    this.#sendCommit(session, pairing)
  }

  #sendCommit(session: BenchSession, pairing: Pairing): void {
    const { channel, band, acctTag } = pairing
    if (channel === undefined || band === undefined) return
    const { bid, generation } = band
    const record = channel.seal(encodeDownOp({ type: 'commit', bid, generation, acctTag }))
    if (record !== undefined) this.#send(session, pairing.slot, record)
  }

  #takeCommitAck(session: BenchSession, pairing: Pairing, record: DataRecord): void {
    const { channel, band } = pairing
    const opened = channel?.open(record)
    if (band === undefined || !(opened instanceof Uint8Array)) return
    const op = decodeUpOp(opened)
    if (op.type !== 'commitAck' || op.generation !== band.generation) return
    this.bands.set(band.bid, band)
    session.slots.delete(pairing.slot)
    const { bandId, bid, generation } = band
    this.#answer(session, {
      type: 'paired',
      id: pairing.requestId,
      bandId: idBytes(bandId),
      bid: idBytes(bid),
      generation,
    })
  }

  #attach(session: BenchSession, frame: PhoneFrameOf<'attach'>): void {
    const band = this.bands.get(parseBid(frame.bid))
    if (band === undefined || band.account !== session.account) return this.#refuse(session, frame.id, 'unknown-band')
    session.slots.set(frame.slot, band)
    Object.assign(band, { session, slot: frame.slot })
    this.#answer(session, { type: 'attachAnswer', id: frame.id })
    this.challenge(band)
  }

  /** Sends a fresh CHAL. */
  challenge(band: BenchBand): void {
    band.nonce = this.#parts.primitives.randomBytes(16)
    this.#toBand(band, encodeChal(band.nonce))
  }

  #record(session: BenchSession, frame: PhoneFrameOf<'record'>): void {
    this.captured.push({ way: 'up', bytes: frame.bytes.slice() })
    const use = session.slots.get(frame.slot)
    const record = decodeRecord(frame.bytes)
    if (use === undefined || record.type === 'malformed') return
    if (!('bid' in use)) return this.#pairingRecord(session, use, record)
    if (record.type === 'resume') this.#resume(use, record)
    else if (record.type === 'rekey1') this.#rekey(use, record)
    else if (record.type === 'data' && !record.proof) this.#data(use, record)
  }

  #rootFor(band: BenchBand, n: number): Bytes | undefined {
    if (n === band.k) return band.root
    return n === band.k - 1 ? band.previous : undefined
  }

  #resume(band: BenchBand, record: Extract<BandRecord, { type: 'resume' }>): void {
    const { primitives } = this.#parts
    if (band.tombstoned) return this.#toBand(band, this.release(band.bandId, band.generation))
    const root = this.#rootFor(band, record.n)
    if (band.nonce === undefined) return this.challenge(band)
    if (root === undefined) {
      if (record.n === band.k - 1) band.cloneAlarms += 1
      return this.#toBand(band, encodeNolink())
    }
    if (!equalSecret(resumeMac(primitives, root, record.maced, band.nonce), record.mac)) {
      return this.#toBand(band, encodeNolink())
    }
    const keys = resumeKeys(primitives, root, record.maced, band.nonce)
    band.nonce = undefined
    band.candidate = this.#link(band, keys, record.n, nextRoot(primitives, root))
    this.#seal(band, band.candidate, { type: 'hello' })
  }

  #rekey(band: BenchBand, record: Extract<BandRecord, { type: 'rekey1' }>): void {
    const { primitives, scheduler } = this.#parts
    const { nonce } = band
    const root = this.#rootFor(band, record.n)
    if (nonce === undefined) return this.challenge(band)
    if (root === undefined || !equalSecret(rekeyMac(primitives, root, record.maced, nonce), record.mac)) return
    const { maced } = record
    const { bid, generation, bandKey } = band
    const rekey = startRekeyAsEngine(primitives, {
      maced,
      generation,
      root,
      engineNonce: nonce,
      engineSecret: this.#engineSecret,
      bandKey,
    })
    if (!rekey.readRekey1(record.message)) return
    band.nonce = undefined
    const answer = rekey.rekey2({ timeMs: scheduler.nowMs(), flags: 0 })
    const { ask, ...keys } = rekey.finish()
    band.candidate = this.#link(band, keys, record.n, rekeyRoot(primitives, ask, { bid, generation, n: record.n }))
    this.#toBand(band, answer)
    this.#seal(band, band.candidate, { type: 'hello' })
  }

  #link(band: BenchBand, keys: ConstructorParameters<typeof SealedChannel>[1]['keys'], n: number, next: Bytes): Link {
    const binding = { bid: idBytes(band.bid), generation: band.generation }
    const { primitives, scheduler } = this.#parts
    const channel = new SealedChannel(primitives, { end: 'engine', keys, binding, monotonicMs: scheduler.nowMs })
    return { channel, n, nextRoot: next, tick: 0 }
  }

  #open(band: BenchBand, record: DataRecord, context?: Bytes): Bytes | undefined {
    for (const link of [band.candidate, band.link]) {
      const opened = link?.channel.open(record, context)
      if (link === undefined || !(opened instanceof Uint8Array)) continue
      if (link === band.candidate) this.#establish(band, link)
      else if (record.ratcheted && band.k === link.n + 1) band.previous = undefined
      return opened
    }
    return undefined
  }

  #establish(band: BenchBand, link: Link): void {
    Object.assign(band, { link, candidate: undefined })
    if (link.n === band.k) Object.assign(band, { previous: band.root, root: link.nextRoot, k: link.n + 1 })
    this.#seal(band, link, { type: 'ratchetAck', n: link.n + 1 })
  }

  #data(band: BenchBand, record: DataRecord): void {
    const opened = this.#open(band, record)
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
    this.#seal(band, link, { type: 'state', tick: link.tick, state, holds, armedForS: 0, heartbeatS })
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
    const opened = record.type === 'data' ? this.#open(band, record, rd) : undefined
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

  #seal(band: BenchBand, link: Link | undefined, op: DownOp): void {
    const record = link?.channel.seal(encodeDownOp(op))
    if (record !== undefined) this.#toBand(band, record)
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

type Listener = (event: { readonly type: string; readonly data?: unknown; readonly code?: number }) => void

/** A WebSocket whose other end is the bench; messages arrive in order, in a later microtask. */
class BenchSocket implements WebSocketLike {
  binaryType = 'blob'
  session: BenchSession | undefined
  readonly #listeners: { readonly type: string; readonly listener: Listener }[] = []
  readonly #heard: (socket: BenchSocket, bytes: Bytes) => void
  #isClosed = false

  constructor(
    protocols: readonly string[],
    opened: (socket: BenchSocket) => void,
    heard: (socket: BenchSocket, bytes: Bytes) => void,
  ) {
    this.#heard = heard
    queueMicrotask(() => {
      if (protocols.includes('bandpass.v1')) opened(this)
      else this.closedByEngine(1006)
    })
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    const sent = bytes.slice()
    queueMicrotask(() => {
      if (!this.#isClosed) this.#heard(this, sent)
    })
  }

  close(): void {
    this.#isClosed = true
  }

  addEventListener(type: 'message' | 'close' | 'error', listener: Listener): void {
    this.#listeners.push({ type, listener })
  }

  deliver(bytes: Uint8Array<ArrayBuffer>): void {
    queueMicrotask(() => {
      if (!this.#isClosed) this.#emit({ type: 'message', data: bytes.buffer })
    })
  }

  closedByEngine(code: number): void {
    queueMicrotask(() => {
      if (this.#isClosed) return
      this.#isClosed = true
      this.#emit({ type: 'close', code })
    })
  }

  #emit(event: Parameters<Listener>[0]): void {
    for (const { type, listener } of this.#listeners) if (type === event.type) listener(event)
  }
}
