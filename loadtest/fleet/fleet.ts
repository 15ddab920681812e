// Structure of arrays for the simulated bands of one thread: not objects but rows in typed arrays, about 170 bytes each, so that
// a million of them fit in a process that shares the machine with the engine. Each speaks the band protocol in full (PROTOCOL §4
// and §5): resume, ratchet, heartbeats, proofs, key phases, with real keys. Sends nothing itself: what is to be sent is left in
// `out`.

import { nodePrimitives } from '../../crypto/primitives/node-primitives.ts'
import { counterJumpMax, offerLabelBytesMax, phaseAgeMaxMs, phaseMax, phaseRecordsMax } from '../../protocol/limits.ts'
import { opCodes, wears } from '../../protocol/ops.ts'
import { canonBytes } from '../../protocol/offer.ts'
import { dataFlags, recordTypes } from '../../protocol/records.ts'
import { recordVersion } from '../../protocol/versions.ts'
import { FixedExpand, FixedHmac, sha256Into } from '../machine/fast-hash.ts'
import { type FleetSeed, firstEpochs } from './fleet-seed.ts'

/** Outcome of a record from the engine. `reply`: `out[0..outBytes]` is the band's answer, to be sent now. */
export type Heard = 'reply' | 'linked' | 'ratcheted' | 'state' | 'result' | 'locked' | 'nothing' | 'bad'

export const bandFlags = {
  /** HELLO was heard and answered: the engine takes this band's records. */
  linked: 1,
  /** RATCHET_ACK was heard: R_n is erased. */
  ratcheted: 2,
  /** Attached, and no HELLO since. */
  linking: 4,
  /** Requests wait until it is linked. */
  awaited: 8,
} as const

const resumeMacedBytes = 30
const resumeBytes = 46
const keyBytesPerBand = 128
const at = { root: 0, up: 32, down: 64, arm: 96 } as const
/** -60 dBm at band and phone, 2 ms around, no distance measured. */
const evidence = Uint8Array.of(0xc4, 0xc4, 0, 200, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)

export class Fleet {
  readonly count: number
  /** Number of the first band within the whole fleet. */
  readonly first: number
  readonly flags: Uint8Array
  /** What the band answered last. */
  readonly out = new Uint8Array(128)
  outBytes = 0
  /** Of the last record that was a 'result': approved or not. */
  lastOutcome = 0

  readonly #keys: Uint8Array
  readonly #bids: Uint8Array
  readonly #n: Uint32Array
  readonly #upCtr: Uint32Array
  readonly #downCtr: Uint32Array
  readonly #tick: Uint32Array
  readonly #resumes: Uint32Array
  readonly #phaseCtr: Uint32Array
  readonly #phaseAtS: Uint32Array
  readonly #sid: Uint16Array
  readonly #phases: Uint8Array

  readonly #seed: FleetSeed
  readonly #macKey = new FixedExpand('bnd1 mac')
  readonly #upKey = new FixedExpand('bnd1 b2e')
  readonly #downKey = new FixedExpand('bnd1 e2b')
  readonly #sidKey = new FixedExpand('bnd1 sid')
  readonly #ratchet = new FixedExpand('bnd1 ratchet')
  readonly #phaseKey = new FixedExpand('bnd1 phase')
  readonly #resumed = new FixedHmac(resumeMacedBytes + 16)
  readonly #proof = new FixedHmac(10 + 32 + 2 + 4 + 35)
  readonly #request = new Uint8Array(8 + canonBytes + offerLabelBytesMax)
  readonly #scratch = new Uint8Array(64)
  readonly #opened = new Uint8Array(1_024)
  /** `00000000 ‖ ctr as u64 little-endian`. */
  readonly #nonce = new Uint8Array(12)
  readonly #aad = new Uint8Array(8 + 1 + 8 + 4)
  readonly #proofAad = new Uint8Array(8 + 1 + 8 + 4 + 32)

  constructor(seed: FleetSeed, share: { readonly first: number; readonly count: number }) {
    const { count, first } = share
    this.#seed = seed
    this.count = count
    this.first = first
    this.flags = new Uint8Array(count)
    this.#keys = new Uint8Array(count * keyBytesPerBand)
    this.#bids = new Uint8Array(count * 8)
    this.#n = new Uint32Array(count)
    this.#upCtr = new Uint32Array(count)
    this.#downCtr = new Uint32Array(count)
    this.#tick = new Uint32Array(count)
    this.#resumes = new Uint32Array(count)
    this.#phaseCtr = new Uint32Array(count)
    this.#phaseAtS = new Uint32Array(count)
    this.#sid = new Uint16Array(count)
    this.#phases = new Uint8Array(count)
    for (const aad of [this.#aad, this.#proofAad]) aad[8] = 1
    this.#proof.message.set(Buffer.from('bnd1 proof'))
    this.#request.set(Buffer.from('bnd1 req'))
    for (let band = 0; band < count; band++) this.#fill(band)
  }

  account(band: number): string {
    return this.#seed.account(this.first + band)
  }

  /** The name of the binding on the air: a view. */
  bid(band: number): Uint8Array {
    return this.#bids.subarray(8 * band, 8 * band + 8)
  }

  isLinked(band: number): boolean {
    return ((this.flags[band] ?? 0) & bandFlags.linked) !== 0
  }

  mark(band: number, flag: number, isSet: boolean): void {
    const before = this.flags[band] ?? 0
    this.flags[band] = isSet ? before | flag : before & ~flag
  }

  /** The radio was cut: the band's link is over, it waits for a CHAL. */
  forgetLink(band: number): void {
    this.flags[band] = (this.flags[band] ?? 0) & ~(bandFlags.linked | bandFlags.linking)
  }

  /** One record from the engine; `bytes` are borrowed. */
  hear(band: number, bytes: Uint8Array, nowMs: number): Heard {
    switch (bytes[0]) {
      case recordTypes.chal:
        if (bytes.length !== 18) return 'bad'
        this.#resume(band, bytes)
        return 'reply'
      case recordTypes.data:
        return this.#hearData(band, bytes, nowMs)
      case recordTypes.nolink:
        return 'nothing'
      default:
        return 'bad'
    }
  }

  /** A heartbeat: `out` becomes a STATUS record. */
  status(band: number, nowMs: number): void {
    const { out } = this
    out[8] = opCodes.status
    putU32(out, 9, this.#tick[band] ?? 0)
    out[13] = wears.on
    putU32(out, 14, firstEpochs.wearEpoch)
    out[18] = 80
    out[19] = 0
    this.#seal(band, this.#aad, 12, 0, nowMs)
  }

  /**
   * `out` becomes the AUTH_PROOF record for the offer at `offers[offerAt..]`. `isForged` spoils `p` before it is sealed: a
   * band without the arm secret.
   */
  prove(
    band: number,
    offers: Uint8Array,
    offerAt: number,
    how: { readonly verdict: number; readonly isForged: boolean },
    nowMs: number,
  ): void {
    const { out } = this
    const ctr = (this.#upCtr[band] ?? 0) + 1
    const request = this.#request
    for (let i = 0; i < canonBytes + offerLabelBytesMax; i++) request[8 + i] = offers[offerAt + i] ?? 0
    sha256Into(request, this.#proofAad, 21)
    out[8] = opCodes.authProof
    for (let i = 0; i < 8; i++) out[9 + i] = offers[offerAt + 59 + i] ?? 0
    out[17] = how.verdict
    out[18] = wears.on
    putU32(out, 19, firstEpochs.armEpoch)
    putU32(out, 23, this.#tick[band] ?? 0)
    out.set(evidence, 27)
    const { message } = this.#proof
    for (let i = 0; i < 32; i++) message[10 + i] = this.#proofAad[21 + i] ?? 0
    putU16(message, 42, this.#sid[band] ?? 0)
    putU32(message, 44, ctr)
    for (let i = 0; i < 35; i++) message[48 + i] = out[8 + i] ?? 0
    this.#proof.mac({ keys: this.#keys, keyAt: band * keyBytesPerBand + at.arm, keyBytes: 32 }, out, 43, 16)
    if (how.isForged) out[43] = (out[43] ?? 0) ^ 1
    this.#seal(band, this.#proofAad, 51, dataFlags.proof, nowMs)
  }

  #fill(band: number): void {
    const keys = this.#keys
    const base = band * keyBytesPerBand
    const index = this.first + band
    keys.set(this.#seed.draw('root', index), base + at.root)
    const names = this.#seed.draw('names', index)
    for (let i = 0; i < 8; i++) this.#bids[8 * band + i] = names[16 + i] ?? 0
    // armKey = Expand(A, "bnd1 arm" ‖ bid ‖ armEpoch): kept instead of A, which is needed for nothing else.
    const secret = this.#seed.draw('armSecret', index)
    const { info } = armExpand
    for (let i = 0; i < 8; i++) info[i] = this.#bids[8 * band + i] ?? 0
    putU32(info, 8, firstEpochs.armEpoch)
    armExpand.expand({ keys: secret, keyAt: 0, keyBytes: 16 }, keys, base + at.arm)
  }

  /** `out` becomes RESUME, and the keys of the link it asks for become the band's (PROTOCOL §4). */
  #resume(band: number, chal: Uint8Array): void {
    const { out } = this
    const keys = this.#keys
    const base = band * keyBytesPerBand
    out[0] = recordTypes.resume
    out[1] = recordVersion
    for (let i = 0; i < 8; i++) out[2 + i] = this.#bids[8 * band + i] ?? 0
    putU32(out, 10, this.#n[band] ?? 0)
    // ◆ Nb is fresh: no two resumes of a band draw the same.
    const resumes = (this.#resumes[band] = (this.#resumes[band] ?? 0) + 1)
    const chance = this.#seed.draw('chance', this.first + band)
    for (let i = 0; i < 12; i++) out[14 + i] = chance[i] ?? 0
    putU32(out, 26, resumes)
    const { message } = this.#resumed
    for (let i = 0; i < resumeMacedBytes; i++) message[i] = out[i] ?? 0
    for (let i = 0; i < 16; i++) message[resumeMacedBytes + i] = chal[2 + i] ?? 0
    const root = { keys, keyAt: base + at.root, keyBytes: 32 }
    const scratch = this.#scratch
    this.#macKey.expand(root, scratch, 0)
    this.#resumed.mac({ keys: scratch, keyAt: 0, keyBytes: 32 }, out, resumeMacedBytes, 16)
    this.#resumed.mac(root, scratch, 0, 32)
    const prk = { keys: scratch, keyAt: 0, keyBytes: 32 }
    this.#upKey.expand(prk, keys, base + at.up)
    this.#downKey.expand(prk, keys, base + at.down)
    this.#sidKey.expand(prk, scratch, 32, 2)
    this.#sid[band] = ((scratch[32] ?? 0) << 8) | (scratch[33] ?? 0)
    this.#upCtr[band] = 0
    this.#downCtr[band] = 0
    this.#tick[band] = 0
    this.#phases[band] = 0
    this.#phaseCtr[band] = 0
    this.#phaseAtS[band] = 0
    this.flags[band] = (this.flags[band] ?? 0) & ~(bandFlags.linked | bandFlags.ratcheted)
    this.outBytes = resumeBytes
  }

  #hearData(band: number, bytes: Uint8Array, nowMs: number): Heard {
    const length = bytes.length - 8 - 16
    const flags = bytes[1] ?? 0
    if (length < 1 || bytes.length > this.#opened.length || (flags & dataFlags.down) === 0) return 'bad'
    const sid = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)
    // A record of the link before, overtaken by our RESUME.
    if (sid !== this.#sid[band]) return 'nothing'
    const ctr = getU32(bytes, 4)
    const last = this.#downCtr[band] ?? 0
    if (ctr <= last || ctr > last + counterJumpMax) return 'bad'
    const keys = this.#keys
    let keyAt = band * keyBytesPerBand + at.down
    let from = keys
    const phase = (flags >> 4) & 7
    const known = (this.#phases[band] ?? 0) >> 4
    if (phase !== known && phase !== known + 1) return 'bad'
    if (phase !== known) {
      this.#phaseKey.expand({ keys, keyAt, keyBytes: 32 }, this.#scratch, 0)
      from = this.#scratch
      keyAt = 0
    }
    this.#frameAad(band, this.#aad, bytes)
    const key = from.subarray(keyAt, keyAt + 32)
    const plaintext = nodePrimitives.aeadOpen(key, this.#nonceOf(ctr), this.#aad, bytes.subarray(8))
    if (plaintext === undefined) return 'bad'
    const opened = this.#opened
    opened.set(plaintext, 8)
    this.#downCtr[band] = ctr
    if (phase !== known) {
      keys.set(this.#scratch.subarray(0, 32), band * keyBytesPerBand + at.down)
      this.#phases[band] = (phase << 4) | ((this.#phases[band] ?? 0) & 7)
    }
    return this.#obey(band, opened, length, nowMs)
  }

  /** `opened[8..8+length]` is op and fields. */
  #obey(band: number, opened: Uint8Array, length: number, nowMs: number): Heard {
    switch (opened[8]) {
      case opCodes.hello:
        this.mark(band, bandFlags.linked, true)
        this.status(band, nowMs)
        return 'linked'
      case opCodes.ratchetAck:
        return length === 5 && this.#ratchetTo(band, getU32(opened, 9)) ? 'ratcheted' : 'bad'
      case opCodes.state:
        if (length !== 13) return 'bad'
        this.#tick[band] = getU32(opened, 9)
        return 'state'
      case opCodes.authResult:
        this.lastOutcome = opened[17] ?? 0
        return 'result'
      case opCodes.lock:
        return 'locked'
      default:
        // ALERT, AUTH_REQ, KEYSET and REKEY_PLEASE ask for what a load does not play: a wearer who looks, a daily rekey.
        return 'nothing'
    }
  }

  /** ◆ Only now is R_n erased: R_(n+1) is on the engine's disk. */
  #ratchetTo(band: number, n: number): boolean {
    if (n !== (this.#n[band] ?? 0) + 1) return false
    const keyAt = band * keyBytesPerBand + at.root
    this.#ratchet.expand({ keys: this.#keys, keyAt, keyBytes: 32 }, this.#keys, keyAt)
    this.#n[band] = n
    this.mark(band, bandFlags.ratcheted, true)
    return true
  }

  /** Seals `out[8..8+length]` as the band's next record. */
  #seal(band: number, aad: Uint8Array, length: number, flags: number, nowMs: number): void {
    const { out } = this
    this.#stepPhase(band, nowMs)
    const ctr = (this.#upCtr[band] = (this.#upCtr[band] ?? 0) + 1)
    const sid = this.#sid[band] ?? 0
    const isRatcheted = ((this.flags[band] ?? 0) & bandFlags.ratcheted) !== 0
    out[0] = recordTypes.data
    out[1] = (((this.#phases[band] ?? 0) & 7) << 4) | (isRatcheted ? dataFlags.ratcheted : 0) | flags
    putU16(out, 2, sid)
    putU32(out, 4, ctr)
    this.#frameAad(band, aad, out)
    const keyAt = band * keyBytesPerBand + at.up
    const key = this.#keys.subarray(keyAt, keyAt + 32)
    out.set(nodePrimitives.aeadSeal(key, this.#nonceOf(ctr), aad, out.subarray(8, 8 + length)), 8)
    this.outBytes = 8 + length + 16
  }

  /** Valid until the next call. */
  #nonceOf(ctr: number): Uint8Array {
    for (let i = 0; i < 4; i++) this.#nonce[4 + i] = ctr >>> (8 * i)
    return this.#nonce
  }

  /** header ‖ 01 ‖ bid ‖ generation; what follows (rd) is there already. */
  #frameAad(band: number, aad: Uint8Array, record: Uint8Array): void {
    for (let i = 0; i < 8; i++) {
      aad[i] = record[i] ?? 0
      aad[9 + i] = this.#bids[8 * band + i] ?? 0
    }
    putU32(aad, 17, firstEpochs.generation)
  }

  /** After 2^20 records or a day the band's own direction steps to its next key; after phase 7 the link is over. */
  #stepPhase(band: number, nowMs: number): void {
    const nowS = Math.floor(nowMs / 1_000) + 1
    if (this.#phaseAtS[band] === 0) this.#phaseAtS[band] = nowS
    const records = (this.#upCtr[band] ?? 0) - (this.#phaseCtr[band] ?? 0)
    // A minute early, so that both clocks agree that a day is not over.
    const isOld = (nowS - (this.#phaseAtS[band] ?? 0)) * 1_000 >= phaseAgeMaxMs - 60_000
    if (records < phaseRecordsMax - 1 && !isOld) return
    const phase = ((this.#phases[band] ?? 0) & 7) + 1
    if (phase > phaseMax) return this.forgetLink(band)
    const keyAt = band * keyBytesPerBand + at.up
    this.#phaseKey.expand({ keys: this.#keys, keyAt, keyBytes: 32 }, this.#keys, keyAt)
    this.#phases[band] = ((this.#phases[band] ?? 0) & 0xf0) | phase
    this.#phaseCtr[band] = this.#upCtr[band] ?? 0
    this.#phaseAtS[band] = nowS
  }
}

const armExpand = new FixedExpand('bnd1 arm', 12)

function putU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
}

function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

function getU32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) * 0x100_0000 + (((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0))
  )
}
