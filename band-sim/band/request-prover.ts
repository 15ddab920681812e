// Transaction confirmation on the band, from a request to the wearer's answer: the band reads the offer, computes `rd` itself,
// buzzes, waits for the wearer and measures what it can (PROTOCOL §5). One request at a time; a newer one replaces it.

import type { Bytes } from '../../base/bytes.ts'
import { type Evidence, distanceNone, encodeEvidence } from '../../protocol/evidence.ts'
import type { Rid } from '../../protocol/ids.ts'
import { type OfferTerms, decodeOffer } from '../../protocol/offer.ts'
import type { Verdict } from '../../protocol/ops.ts'
import type { Primitives } from '../../crypto/primitives/primitives.ts'
import { requestDigest } from '../../crypto/signed/proof.ts'
import { NamedTimers, type Scheduler } from '../virtual/scheduler.ts'

/** Measurements of the radio; the reader's part comes from a tap on a reader. */
export type Measured = Omit<Evidence, 'readerNonce' | 'intervalMs'>
export type Proof = { readonly rd: Bytes; readonly rid: Rid; readonly verdict: Verdict; readonly evidence: Bytes }

/** What the wearer does when the band buzzes; `tap` comes from a tap. */
export type Answer = { readonly verdict: Verdict; readonly afterMs: number }

export type RequestProverParts = {
  readonly primitives: Primitives
  readonly scheduler: Scheduler
  /** Undefined: wait for the wearer's tap. */
  readonly asked: (terms: OfferTerms, by: 'phone' | 'engine') => Answer | undefined
  readonly measured: () => Measured | undefined
  readonly prove: (proof: Proof) => void
}

/** A tap shortly before the request answers it too, ms. */
const tapBeforeMs = 5_000
/** A phone a hand away: what BLE radios measure there. */
const nearby: Measured = {
  rssiDbm: -48,
  rssiPhoneDbm: -50,
  rtt10Us: 800,
  distanceCm: distanceNone,
  rangingFlags: 0,
}

type Tap = { readonly atMs: number; readonly nonce: Bytes; readonly intervalMs: number }

export class RequestProver {
  readonly #parts: RequestProverParts
  readonly #timers: NamedTimers<'answer'>
  #tap: Tap | undefined
  #open: { readonly rd: Bytes; readonly terms: OfferTerms } | undefined

  constructor(parts: RequestProverParts) {
    this.#parts = parts
    this.#timers = new NamedTimers(parts.scheduler)
  }

  /** The 117 bytes of an offer, from the phone or sealed from the engine: both only ask. Others are ignored. */
  ask(offerBytes: Bytes, by: 'phone' | 'engine'): void {
    const offer = decodeOffer(offerBytes.slice())
    if (offer.type === 'malformed') return
    const { primitives, asked } = this.#parts
    this.#open = { rd: requestDigest(primitives, offer.canon, offer.labelBytes), terms: offer.terms }
    this.#timers.cancel('answer')
    const open = this.#open
    const answer = asked(offer.terms, by)
    // The wearer may have tapped while being asked.
    if (this.#open !== open) return
    if (this.#freshTap() !== undefined) this.#answer('tap')
    else if (answer?.afterMs === 0) this.#answer(answer.verdict)
    else if (answer !== undefined) this.#timers.set('answer', answer.afterMs, () => this.#answer(answer.verdict))
  }

  /** A tap, of a reader or just of the band: answers the open request, or the next one soon. */
  tapped(reader?: { readonly nonce: Bytes; readonly intervalMs: number }): void {
    const { scheduler } = this.#parts
    this.#tap = {
      atMs: scheduler.nowMs(),
      nonce: reader?.nonce.slice() ?? new Uint8Array(8),
      intervalMs: reader?.intervalMs ?? 0,
    }
    if (this.#open === undefined) return
    this.#timers.cancel('answer')
    this.#answer('tap')
  }

  reboot(): void {
    this.#timers.cancelAll()
    this.#open = undefined
    this.#tap = undefined
  }

  #answer(verdict: Verdict): void {
    const open = this.#open
    if (open === undefined) return
    const tap = this.#freshTap()
    this.#open = undefined
    this.#tap = undefined
    this.#parts.prove({
      rd: open.rd,
      rid: open.terms.rid,
      verdict,
      evidence: encodeEvidence({
        ...(this.#parts.measured() ?? nearby),
        intervalMs: Math.min(tap?.intervalMs ?? 0, 0xff),
        readerNonce: tap?.nonce ?? new Uint8Array(8),
      }),
    })
  }

  #freshTap(): Tap | undefined {
    const tap = this.#tap
    if (tap === undefined || this.#parts.scheduler.nowMs() - tap.atMs > tapBeforeMs) return undefined
    return tap
  }
}
