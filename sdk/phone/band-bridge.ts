// Relay of sealed records between a slot of the session and a band's radio, in fragments on the radio side. It reads no
// more than the header in the clear, which any receiver on the air can read; that is enough to see whether the link is up.

import type { Bytes } from '../../base/bytes.ts'
import { Reassembler } from '../../protocol/fragments.ts'
import { decodeData, encodeOfferRecord, recordTypes } from '../../protocol/records.ts'
import type { PhoneClock } from './phone-clock.ts'
import { PhoneError } from './phone-errors.ts'
import { type BandRadio, RadioWriter, listenTo, requireRadio } from './radio-writer.ts'

export type BandBridgeParts = {
  readonly radio: BandRadio
  readonly clock: PhoneClock
  /** How long the radio may take for one fragment, ms. */
  readonly fragmentMs?: number
  /** Sends a band's record to the engine, in this bridge's slot. */
  readonly toEngine: (record: Uint8Array<ArrayBuffer>) => void
  readonly linkChanged: (isUp: boolean) => void
}

/** Retransmission interval of PAIR0 until the band answers, ms: it may be lost, or the band not touched yet. */
const pair0AgainMs = 2_000

/** A proof in hand. Records the band sends after it wait until `release`, because counters only rise. */
export type HeldProof = { readonly record: Uint8Array<ArrayBuffer>; readonly release: () => void }

type Awaited = { readonly resolve: (proof: HeldProof) => void; readonly reject: (error: PhoneError) => void }

export class BandBridge {
  readonly #parts: BandBridgeParts
  readonly #reassembler = new Reassembler()
  readonly #stopListening: () => void
  readonly #writer: RadioWriter
  #over: PhoneError | undefined
  #downSid: number | undefined
  #isUp = false
  #lastHeardAtMs: number
  #proof: Awaited | undefined
  /** Is a payment about to want a proof that the engine, not this phone, asks the band for? */
  #expectsProofs = false
  /** Such a proof that came before `nextProof` waited for it. */
  #early: HeldProof | undefined
  /** Records that wait behind a proof in hand. */
  #behind: Uint8Array<ArrayBuffer>[] | undefined
  #cancelPair0: () => void = () => {}

  /** Throws a PhoneError when the radio cannot be used. */
  constructor(parts: BandBridgeParts) {
    requireRadio(parts.radio)
    this.#parts = parts
    this.#writer = new RadioWriter(parts)
    this.#lastHeardAtMs = parts.clock.nowMs()
    this.#stopListening = listenTo(parts.radio, (bytes) => this.#fromRadio(bytes))
  }

  /** Has a sealed record gone each way under one link? */
  get isUp(): boolean {
    return this.#isUp
  }

  /** Since a whole record came from the band, ms; a clock that was set back counts as well. */
  get silenceMs(): number {
    return Math.abs(this.#parts.clock.nowMs() - this.#lastHeardAtMs)
  }

  /** A record of frame 120. */
  fromEngine(record: Bytes): void {
    if (record[0] === recordTypes.nolink) this.linkIsDown()
    if (record[0] === recordTypes.pair0) this.#showPair0(record.slice())
    const data = decodeData(record)
    if (data.type === 'data' && data.down) this.#downSid = data.sid
    this.#writer.write(record)
  }

  /** The engine's side of the link is gone; it comes back with the next CHAL. */
  linkIsDown(): void {
    this.#downSid = undefined
    this.#setUp(false)
  }

  /** Shows an offer to the band and waits for its proof: as long as the wearer may think about it. */
  askProof(offer: Bytes, timeoutMs: number): Promise<HeldProof> {
    const shown = encodeOfferRecord(offer)
    const proof = this.#waitForProof(timeoutMs)
    this.#writer.write(shown)
    return proof
  }

  /** Keeps a proof that comes unasked for `nextProof`, until told otherwise. */
  expectProofs(expects: boolean): void {
    this.#expectsProofs = expects
    if (expects) return
    this.#early?.release()
    this.#early = undefined
  }

  /** Waits for the band's next proof without showing it anything: the engine has asked it. */
  nextProof(timeoutMs: number): Promise<HeldProof> {
    const early = this.#early
    this.#early = undefined
    return early === undefined ? this.#waitForProof(timeoutMs) : Promise.resolve(early)
  }

  #waitForProof(timeoutMs: number): Promise<HeldProof> {
    if (this.#over !== undefined) return Promise.reject(this.#over)
    return new Promise((resolve, reject) => {
      const cancel = this.#parts.clock.after(timeoutMs, () => {
        this.#proof = undefined
        reject(new PhoneError('band-silent', { about: 'no proof for the offer' }))
      })
      this.#proof?.reject(new PhoneError('busy', { about: 'another offer is shown on this band' }))
      this.#proof = {
        resolve: (proof) => {
          cancel()
          resolve(proof)
        },
        reject: (error) => {
          cancel()
          reject(error)
        },
      }
    })
  }

  /** Ends it, with what those who wait for a proof are told; a second time changes nothing. */
  close(error: PhoneError): void {
    if (this.#over !== undefined) return
    this.#over = error
    this.#stopListening()
    this.#writer.close()
    this.#cancelPair0()
    this.#proof?.reject(error)
    this.#proof = undefined
    this.#behind = undefined
    this.#early = undefined
    this.linkIsDown()
  }

  #fromRadio(bytes: Bytes): void {
    const record = this.#reassembler.push(bytes, this.#parts.clock.nowMs())
    if (record === undefined) return
    this.#lastHeardAtMs = this.#parts.clock.nowMs()
    this.#cancelPair0()
    if (this.#behind === undefined) this.#fromBand(record)
    else this.#behind.push(record)
  }

  #showPair0(pair0: Uint8Array<ArrayBuffer>): void {
    this.#cancelPair0()
    this.#cancelPair0 = this.#parts.clock.after(pair0AgainMs, () => {
      this.#showPair0(pair0)
      this.#writer.write(pair0)
    })
  }

  #fromBand(record: Uint8Array<ArrayBuffer>): void {
    const data = decodeData(record)
    const awaited = this.#proof
    if (data.type === 'data' && !data.down && data.proof && (awaited !== undefined || this.#expectsProofs)) {
      this.#behind = []
      const proof = { record, release: this.#releaseOnce() }
      this.#proof = undefined
      if (awaited === undefined) this.#early = proof
      else awaited.resolve(proof)
      return
    }
    this.#parts.toEngine(record)
    if (data.type === 'data' && !data.down && data.sid === this.#downSid) this.#setUp(true)
  }

  #releaseOnce(): () => void {
    let isHeld = true
    return () => {
      if (isHeld) this.#release()
      isHeld = false
    }
  }

  #release(): void {
    const behind = this.#behind ?? []
    this.#behind = undefined
    for (const [index, record] of behind.entries()) {
      this.#fromBand(record)
      if (this.#isHolding()) {
        this.#behind = behind.slice(index + 1)
        return
      }
    }
  }

  #isHolding(): boolean {
    return this.#behind !== undefined
  }

  #setUp(isUp: boolean): void {
    if (this.#isUp === isUp) return
    this.#isUp = isUp
    this.#parts.linkChanged(isUp)
  }
}
