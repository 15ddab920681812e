// Client-side handle of one band behind this phone: its radio bridge, its slot, and what its wearer may do with it. Every method
// rejects only with a PhoneError.

import type { Bytes } from '../../base/bytes.ts'
import type { EngineFrameOf } from '../../protocol/messages/frames.ts'
import { type Bid, idBytes } from '../../protocol/ids.ts'
import { offerBytes } from '../../protocol/offer.ts'
import { type Obligation, type Reason, parseObligation, parseReason } from '../../protocol/reasons.ts'
import { type BandState, type Hold, holdsOf, parseBandState } from '../../protocol/states.ts'
import { BandBridge, type HeldProof } from './band-bridge.ts'
import type { PhoneClock } from './phone-clock.ts'
import { PhoneError, asPhoneError, guarded } from './phone-errors.ts'
import { checkedWait } from './phone-timeouts.ts'
import type { BandRadio } from './radio-writer.ts'
import type { Requests } from './requests.ts'
import type { Unverified } from './uv.ts'

/** Status of a band, as frame 121 says it. `wearEpoch` numbers the wearing; 0 until the engine told it. */
export type BandStatus = {
  readonly bid: Bid
  readonly state: BandState | 'unknown'
  readonly holds: readonly Hold[]
  readonly armedUntilMs: number
  readonly wearEpoch: number
}

/** The engine's decision on one offer. `reason` is `unknown` for a reason newer than this version: then it is a denial. */
export type PhoneDecision = {
  readonly approved: boolean
  readonly reason: Reason | 'unknown'
  /** What would help: `verify-user` or `tap`. A denial without one is final for this offer. */
  readonly obligation: Obligation | null
  /** The signed receipt, when asked for and approved. */
  readonly receipt: string | null
  readonly useLeftMinor: number
  readonly dayLeftMinor: number
  /** Where it stands in the engine's journal. */
  readonly lsn: number
}

export type PayOptions = {
  /** Ask for a signed receipt. */
  readonly receipt?: boolean
  /** On the obligation `verify-user`: ask the user, arm the band if it is not armed, and try once more. */
  readonly verifyUser?: boolean
  /** On the obligation `tap`: wait this long for the wearer's tap and try once more, ms. */
  readonly tapWithinMs?: number
  /** How long the wearer may take to answer the band, ms. */
  readonly wearerTimeoutMs?: number
}

/** Interface of the client that carries a band, as far as the band needs it. */
export type BandHost = {
  readonly clock: PhoneClock
  readonly requests: Requests
  readonly fragmentMs: number
  /** Resolves when the session is live, within so many ms. */
  readonly whenLive: (withinMs: number) => Promise<void>
  readonly verify: <Frame extends Unverified>(frame: Frame) => Promise<Frame & { readonly uv: Uint8Array<ArrayBuffer> }>
  readonly heartbeatMs: () => number
  /** Gives a slot up at the engine, now or when it is reached again. */
  readonly detach: (slot: number) => Promise<void>
  /** The band is no longer carried, and why. */
  readonly left: (band: PhoneBand, error: PhoneError) => void
}

type Waiter = { readonly resolve: () => void; readonly reject: (error: PhoneError) => void }

/** Timeout of the wearer's answer, unless the call says otherwise, ms. */
const wearerTimeoutMs = 30_000
/** Denials whose user verification goes into arming, not into the payment. */
const armWouldHelp: readonly (Reason | 'unknown')[] = ['band-not-armed', 'arm-expired']
/** The engine itself waits 10 s for the band to acknowledge, ms. */
const armTimeoutMs = 15_000
/** A CHAL or RESUME may be lost on the air: attach again, ms. */
const attachAgainMs = 3_000
/** Connections one payment may lose before it gives up. */
const payLossesMax = 3
/** How long one payment waits for the session to come back, each time, ms. */
const payOfflineMaxMs = 60_000

export class PhoneBand {
  readonly bid: Bid
  readonly slot: number
  readonly #host: BandHost
  readonly #bridge: BandBridge
  #status: BandStatus
  #left: PhoneError | undefined
  /** Why the engine gave no link, since it last did. */
  #linkRefused: PhoneError | undefined
  #paying: Promise<unknown> = Promise.resolve()
  #cancelWatch: () => void = () => {}
  readonly #wornWaiters = new Set<Waiter>()
  readonly #linkWaiters = new Set<Waiter>()

  constructor(host: BandHost, at: { readonly bid: Bid; readonly slot: number; readonly radio: BandRadio }) {
    this.#host = host
    this.bid = at.bid
    this.slot = at.slot
    this.#status = { bid: at.bid, state: 'unknown', holds: [], armedUntilMs: 0, wearEpoch: 0 }
    this.#bridge = new BandBridge({
      radio: at.radio,
      clock: host.clock,
      fragmentMs: host.fragmentMs,
      toEngine: (bytes) => host.requests.tell({ type: 'record', slot: at.slot, bytes }),
      linkChanged: (isUp) => this.#linkChanged(isUp),
    })
  }

  /** The last state the engine told. */
  get status(): BandStatus {
    return this.#status
  }

  /** Do sealed records flow between band and engine? */
  get isLinked(): boolean {
    return this.#bridge.isUp
  }

  /** Resolves when the link is up: at once, or within `timeoutMs` of trying; else `band-unreachable`, or `busy` when the engine had no room. */
  whenLinked(timeoutMs: number): Promise<void> {
    return guarded(async () => {
      checkedWait('timeoutMs', timeoutMs)
      if (this.#left !== undefined) throw this.#left
      if (this.#bridge.isUp) return
      const late = () => this.#linkRefused ?? new PhoneError('band-unreachable', { about: this.bid })
      await this.#wait(this.#linkWaiters, timeoutMs, late)
    })
  }

  /** Resolves once the engine knows the band on the wrist: before that it cannot be armed. */
  whenWorn(timeoutMs: number = wearerTimeoutMs): Promise<void> {
    return guarded(async () => {
      checkedWait('timeoutMs', timeoutMs)
      if (this.#left !== undefined) throw this.#left
      if (isWorn(this.#status)) return
      await this.#wait(this.#wornWaiters, timeoutMs, () => new PhoneError('not-worn', { about: this.bid }))
    })
  }

  /** Asks the engine to speak with the band; the client calls it, also after a reconnection. */
  async attach(): Promise<void> {
    if (this.#left !== undefined) throw this.#left
    await this.#host.requests.ask(
      { type: 'attach', slot: this.slot, bid: idBytes(this.bid), account: null },
      'attachAnswer',
    )
    this.#watch()
  }

  /** Makes the worn band able to approve: asks the user, then tells engine and band. */
  async arm(): Promise<{ readonly armEpoch: number; readonly armedUntilMs: number }> {
    const frame = await this.#host.verify({ type: 'arm', slot: this.slot, wearEpoch: this.#status.wearEpoch })
    const { armEpoch, armedUntilMs } = await this.#host.requests.ask(frame, 'armed', armTimeoutMs)
    this.#status = { ...this.#status, state: 'armed', armedUntilMs }
    return { armEpoch, armedUntilMs }
  }

  /**
   * Authorizes a partner's offer with the wearer and the engine. One at a time per band: a second call waits. Idempotent, so a lost
   * answer is safe: the engine answers a decided reference the same again.
   */
  pay(offer: Bytes, options: PayOptions = {}): Promise<PhoneDecision> {
    return guarded(() => {
      const kept = checkedOffer(offer)
      checkPayOptions(options)
      const turn = this.#paying.then(() => this.#pay(kept, options))
      this.#paying = turn.catch(() => undefined)
      return turn
    })
  }

  /** Stops this band at once; durable when it resolves. Needs no verification. */
  async freeze(): Promise<readonly Hold[]> {
    const { holds } = await this.#host.requests.ask({ type: 'freeze', bid: idBytes(this.bid) }, 'frozen')
    return this.#held(holds)
  }

  /** Lifts the owner freeze; asks the user. */
  async unfreeze(): Promise<readonly Hold[]> {
    const frame = await this.#host.verify({ type: 'unfreeze', bid: idBytes(this.bid) })
    const { holds } = await this.#host.requests.ask(frame, 'unfrozen')
    return this.#held(holds)
  }

  /** Gives the band up on this phone; the binding stays. */
  async detach(): Promise<void> {
    this.leave(new PhoneError('closed', { about: `band ${this.bid} was detached` }))
    await this.#host.detach(this.slot)
  }

  /** A record of frame 120, for the client. */
  fromEngine(record: Bytes): void {
    this.#bridge.fromEngine(record)
  }

  /** The engine took no record of this session's bands, for the client: one without a link may have no room there. It goes on trying. */
  refused(error: PhoneError): void {
    if (!this.#bridge.isUp) this.#linkRefused = error
  }

  /** Frame 121, for the client. */
  told(frame: EngineFrameOf<'state'>): BandStatus {
    this.#status = statusOf(frame, this.#status)
    if (isWorn(this.#status)) for (const waiter of this.#wornWaiters) waiter.resolve()
    return this.#status
  }

  /** The engine forgot this session's slots, or the band went silent: the link must come up anew. */
  attachAgain(): void {
    this.#bridge.linkIsDown()
    this.attach().catch((error: unknown) => {
      const failure = asPhoneError(error, 'engine-misspoke')
      // Offline: the client attaches again once it is back. What cannot be helped is told to those who wait for the link.
      if (failure.then !== 'retry') this.leave(failure)
      else if (failure.code !== 'offline') this.#watch()
    })
  }

  /** Ends the bridge on this phone, with what to answer those who wait; for the client. */
  leave(error: PhoneError): void {
    if (this.#left !== undefined) return
    this.#left = error
    this.#cancelWatch()
    this.#bridge.close(error)
    for (const waiter of [...this.#linkWaiters, ...this.#wornWaiters]) waiter.reject(error)
    this.#host.left(this, error)
  }

  async #pay(offer: Bytes, options: PayOptions): Promise<PhoneDecision> {
    // The engine itself asks the band for a missing tap (AUTH_REQ), so that proof may come before the decision.
    this.#bridge.expectProofs(options.tapWithinMs !== undefined)
    try {
      const decision = await this.#decide(offer, options, false, () => this.#askBand(offer, options))
      const { tapWithinMs } = options
      if (decision.obligation === 'verify-user' && options.verifyUser === true) {
        const isArmMissing = armWouldHelp.includes(decision.reason)
        if (isArmMissing) await this.arm()
        return await this.#decide(offer, options, !isArmMissing, () => this.#askBand(offer, options))
      }
      if (decision.obligation === 'tap' && tapWithinMs !== undefined) {
        return await this.#decide(offer, options, false, () => this.#bridge.nextProof(tapWithinMs))
      }
      return decision
    } finally {
      this.#bridge.expectProofs(false)
    }
  }

  async #askBand(offer: Bytes, options: PayOptions): Promise<HeldProof> {
    const timeoutMs = options.wearerTimeoutMs ?? wearerTimeoutMs
    await this.whenLinked(timeoutMs)
    return this.#bridge.askProof(offer, timeoutMs)
  }

  // A lost connection leaves the answer unknown, so the same offer is asked again: a decided one is answered from the
  // journal, an undecided one needs a new proof, because the old one belongs to a link that may be gone.
  async #decide(
    offer: Bytes,
    options: PayOptions,
    verified: boolean,
    proofFor: () => Promise<HeldProof>,
  ): Promise<PhoneDecision> {
    for (let losses = 0; ; losses++) {
      try {
        return decisionOf(await this.#authorize(offer, options, verified, proofFor))
      } catch (error) {
        const isLoss = error instanceof PhoneError && (error.code === 'offline' || error.code === 'timeout')
        if (!isLoss || losses >= payLossesMax) throw error
        await this.#host.whenLive(payOfflineMaxMs)
      }
    }
  }

  async #authorize(
    offer: Bytes,
    options: PayOptions,
    verified: boolean,
    proofFor: () => Promise<HeldProof>,
  ): Promise<EngineFrameOf<'decision'>> {
    const proof = await proofFor()
    try {
      const { slot } = this
      const wantsReceipt = options.receipt === true
      const frame = { type: 'authorize' as const, slot, offer, record: proof.record, wantsReceipt }
      const asked = verified ? await this.#host.verify(frame) : { ...frame, uv: null }
      return await this.#sendThenRelease(asked, proof)
    } finally {
      proof.release()
    }
  }

  #sendThenRelease(frame: Parameters<Requests['ask']>[0], proof: HeldProof): Promise<EngineFrameOf<'decision'>> {
    const answer = this.#host.requests.ask(frame, 'decision')
    proof.release()
    return answer
  }

  #held(bits: number): readonly Hold[] {
    this.#status = { ...this.#status, holds: holdsOf(bits) }
    return this.#status.holds
  }

  #linkChanged(isUp: boolean): void {
    if (!isUp) return
    this.#linkRefused = undefined
    for (const waiter of this.#linkWaiters) waiter.resolve()
  }

  #wait(waiters: Set<Waiter>, timeoutMs: number, late: () => PhoneError): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        cancel()
        waiters.delete(waiter)
      }
      const waiter: Waiter = {
        resolve: () => {
          end()
          resolve()
        },
        reject: (error) => {
          end()
          reject(error)
        },
      }
      const cancel = this.#host.clock.after(timeoutMs, () => waiter.reject(late()))
      waiters.add(waiter)
    })
  }

  // While the link is down, or the band silent for as long as its presence lease, attach again: that draws a new CHAL.
  #watch(): void {
    this.#cancelWatch()
    const leaseMs = 3 * this.#host.heartbeatMs()
    this.#cancelWatch = this.#host.clock.after(this.#bridge.isUp ? leaseMs : attachAgainMs, () => {
      if (this.#bridge.isUp && this.#bridge.silenceMs < leaseMs) this.#watch()
      else this.attachAgain()
    })
  }
}

/** Defensive copy of an offer: what the app does with its own bytes meanwhile changes nothing. */
function checkedOffer(offer: unknown): Uint8Array<ArrayBuffer> {
  if (offer instanceof Uint8Array && offer.length === offerBytes) return new Uint8Array(offer)
  throw new PhoneError('out-of-range', { about: `the ${offerBytes} bytes of an offer expected` })
}

function checkPayOptions({ tapWithinMs, wearerTimeoutMs: thinkMs }: PayOptions): void {
  if (tapWithinMs !== undefined) checkedWait('tapWithinMs', tapWithinMs)
  if (thinkMs !== undefined) checkedWait('wearerTimeoutMs', thinkMs)
}

function isWorn(status: BandStatus): boolean {
  return status.state === 'disarmed' || status.state === 'armed'
}

function statusOf(frame: EngineFrameOf<'state'>, before: BandStatus): BandStatus {
  return {
    bid: before.bid,
    state: parseBandState(frame.state) ?? 'unknown',
    holds: holdsOf(frame.holds),
    armedUntilMs: frame.armedUntilMs,
    wearEpoch: frame.wearEpoch,
  }
}

function decisionOf(frame: EngineFrameOf<'decision'>): PhoneDecision {
  const reason = parseReason(frame.reason) ?? 'unknown'
  return {
    // Fail closed: both must say so.
    approved: frame.approved && reason === 'approved',
    reason,
    obligation: frame.obligation === null ? null : (parseObligation(frame.obligation) ?? null),
    receipt: frame.receipt,
    useLeftMinor: frame.useLeftMinor,
    dayLeftMinor: frame.dayLeftMinor,
    lsn: frame.lsn,
  }
}
