// Reference implementation of a band's firmware, written from the protocol alone: what a maker's firmware must do with every record,
// edge of the wear sensor and touch. It trusts nothing the phone says; time, chance and hardware come in from outside.

import type { Bytes } from '../../base/bytes.ts'
import type { OfferTerms } from '../../protocol/offer.ts'
import { type DownOp, type Gesture, decodeDownOp, encodeUpOp } from '../../protocol/ops.ts'
import { type BandRecord, type DataRecord, decodeRecord } from '../../protocol/records.ts'
import { verifyKeyset } from '../../crypto/signed/keyset.ts'
import { noblePrimitives } from '../../crypto/primitives/noble-primitives.ts'
import type { Primitives } from '../../crypto/primitives/primitives.ts'
import { verifyRelease } from '../../crypto/signed/release.ts'
import { ArmSecret } from './arm-secret.ts'
import type { BandBody, BandEvent } from './band-body.ts'
import { BandLinks } from './band-links.ts'
import { BandFlash } from './flash.ts'
import type { BandDevice } from './package.ts'
import { PairingWindow } from './pairing-window.ts'
import { type Answer, type Proof, RequestProver } from './request-prover.ts'
import { NamedTimers, type Scheduler } from '../virtual/scheduler.ts'
import { WearLatch } from './wear-latch.ts'

export type BandParts = {
  readonly device: BandDevice
  readonly scheduler: Scheduler
  /** Chance comes from its `randomBytes`. */
  readonly primitives?: Primitives
  readonly body?: BandBody
  /** A flash that was there before; else a new one. */
  readonly flash?: BandFlash
}

/** Until the engine's first STATE says otherwise, s. */
const firstHeartbeatS = 30
/** A STATUS without its STATE is sent again after this, ms, this many times; then the heartbeat takes over. */
const statusAgainMs = 2_000
const statusAgainMax = 3
/** REKEY1 needs a CHAL; the engine sends one for a stale `Ne`, at most once a second. Asked this often, ms, this many times. */
const rekeyPokeMs = 1_500
const rekeyPokesMax = 4

export class Band {
  readonly device: BandDevice
  readonly flash: BandFlash
  readonly #primitives: Primitives
  readonly #body: BandBody
  readonly #timers: NamedTimers<'heartbeat' | 'status-again' | 'freeze' | 'rekey'>
  readonly #latch: WearLatch
  readonly #links: BandLinks
  readonly #pairing: PairingWindow
  readonly #arm: ArmSecret
  readonly #prover: RequestProver
  #send: ((record: Uint8Array<ArrayBuffer>) => void) | undefined
  #tick = 0
  #heartbeatS = firstHeartbeatS
  #statusAgainCount = 0
  /** The wearer pressed long and the engine has not shown yet that it froze. */
  #freezeWanted = false

  constructor(parts: BandParts) {
    const { device, scheduler } = parts
    const primitives = parts.primitives ?? noblePrimitives
    const flash = parts.flash ?? new BandFlash(device.engineKeys)
    this.device = device
    this.flash = flash
    this.#primitives = primitives
    this.#body = parts.body ?? {}
    this.#timers = new NamedTimers(scheduler)
    this.#latch = new WearLatch(flash, scheduler, () => this.#wearEdge())
    this.#links = new BandLinks({ primitives, device, flash, scheduler })
    this.#arm = new ArmSecret(scheduler, () => this.#tell({ type: 'disarmed', why: 'expired' }))
    this.#pairing = new PairingWindow({
      primitives,
      device,
      flash,
      scheduler,
      send: (record) => this.#send?.(record),
      told: (event) => this.#tell(event),
    })
    this.#prover = new RequestProver({
      primitives,
      scheduler,
      asked: (terms, by) => this.#asked(terms, by),
      measured: () => this.#body.measured?.(),
      prove: (proof) => this.#prove(proof),
    })
  }

  get isPaired(): boolean {
    return this.flash.binding?.confirmed === true
  }

  get isLinked(): boolean {
    return this.#links.isLive
  }

  get isWorn(): boolean {
    return this.#latch.wear === 'on'
  }

  /** Does it hold `A`? Then it can prove, whatever the engine thinks. */
  get isArmed(): boolean {
    return this.#arm.isHeld
  }

  get wearEpoch(): number {
    return this.#latch.wearEpoch
  }

  /** The radio is connected: whole records leave by `send`. Returns what disconnects it. */
  connect(send: (record: Uint8Array<ArrayBuffer>) => void): () => void {
    this.#send = send
    return () => {
      if (this.#send === send) this.#send = undefined
    }
  }

  /** One whole record from the radio. What is not a record of this version ends the link; nothing is guessed. */
  receive(bytes: Bytes): void {
    const record = decodeRecord(bytes)
    switch (record.type) {
      case 'chal':
        this.#timers.cancel('rekey')
        return this.#reply(this.#links.answerChallenge(record.engineNonce))
      case 'data':
        return this.#receiveData(record)
      case 'offer':
        return this.#prover.ask(record.offer, 'phone')
      case 'pair0':
        return this.#pairing.receivePair0(record)
      case 'pair2':
        return this.#pairing.receivePair2(record.message)
      case 'rekey2':
        return this.#finishRekey(record.message)
      case 'release':
        return this.#receiveRelease(record)
      case 'nolink':
        // A hint without authentication, which any phone can send: a live link stays, and CHAL comes next.
        return
      case 'resume':
      case 'pair1':
      case 'pair3':
      case 'rekey1':
      case 'malformed':
        return this.#endLink()
    }
  }

  /** The wear sensor. */
  sensor(on: boolean): void {
    this.#latch.sensor(on)
  }

  strapOpened(): void {
    this.#latch.strapOpened()
  }

  charger(connected: boolean): void {
    this.#latch.charger(connected)
  }

  /** A tap: opens an unpaired band for pairing, confirms a pairing, or answers a request. */
  tap(): void {
    const wasPaired = this.isPaired
    this.#pairing.touched()
    // The tap that confirms a pairing says nothing about a request.
    if (wasPaired) this.#prover.tapped()
  }

  /** A tap on a reader, which gives its name and a nonce to echo. `intervalMs` is measured by the reader. */
  tapReader(reader: { readonly id: Bytes; readonly nonce: Bytes; readonly intervalMs: number }): void {
    this.#pairing.touched()
    this.#prover.tapped(reader)
    this.#intend('tap', reader.id, reader.nonce)
  }

  /** A long press freezes everything the wearer owns: `A` goes at once, the engine is told until it answers. */
  longPress(): void {
    this.#pairing.touched()
    this.#disarm('frozen-by-wearer')
    this.#freezeWanted = this.isPaired
    this.#tellFreeze()
  }

  /** The battery comes out: RAM is gone, nothing runs any more, flash stays. */
  powerOff(): void {
    this.#timers.cancelAll()
    this.#prover.reboot()
    this.#arm.forgetEpochs()
    this.#links.end()
    this.#pairing.reboot()
    this.#latch.powerOff()
    this.#tick = 0
    this.#heartbeatS = firstHeartbeatS
    this.#freezeWanted = false
  }

  /** The battery comes out and goes in again. */
  reboot(): void {
    this.powerOff()
    this.#latch.powerOn()
  }

  #receiveData(record: DataRecord): void {
    if (this.#pairing.receiveData(record)) return
    const wasLive = this.#links.isLive
    const plaintext = this.#links.open(record)
    if (plaintext === undefined) {
      if (wasLive && !this.#links.isLive) this.#endLink()
      return
    }
    const op = decodeDownOp(plaintext)
    if (op.type === 'malformed') this.#endLink()
    else this.#obey(op)
  }

  #obey(op: DownOp): void {
    switch (op.type) {
      case 'hello':
        return this.#linkIsUp()
      case 'ratchetAck':
        return this.#links.ratchet(op.n) ? undefined : this.#endLink()
      case 'authReq':
        return this.#prover.ask(op.offer, 'engine')
      case 'authResult':
        return this.#tell({ type: 'result', outcome: op.outcome, pattern: op.pattern })
      case 'arm':
        return this.#receiveArm(op)
      case 'lock':
        this.#freezeHeard()
        return this.#disarm('locked')
      case 'alert':
        return this.#tell({ type: 'alert', pattern: op.pattern, text: op.text })
      case 'state':
        return this.#receiveState(op)
      case 'keyset':
        return this.#receiveKeyset(op)
      case 'rekeyPlease':
        this.#links.askRekey()
        return this.#wantChallenge(rekeyPokesMax)
      case 'commit':
        return this.#endLink()
    }
  }

  /** The band's first record of a new link tells how it is worn, and lets the engine drop the link before. */
  #linkIsUp(): void {
    this.#tick = 0
    this.#pairing.acknowledged()
    this.#tell({ type: 'linked' })
    this.#status()
    this.#tellFreeze()
  }

  #finishRekey(message: Bytes): void {
    if (!this.#links.finishRekey(message)) return
    this.#tell({ type: 'rekeyed' })
    this.#linkIsUp()
  }

  /** A RESUME under the `Ne` last heard, long used, says: send me a new one. */
  #wantChallenge(pokes: number): void {
    if (pokes === 0) return
    this.#timers.set('rekey', rekeyPokeMs, () => {
      this.#reply(this.#links.staleResume())
      this.#wantChallenge(pokes - 1)
    })
  }

  #asked(terms: OfferTerms, by: 'phone' | 'engine'): Answer | undefined {
    this.#tell({ type: 'asked', terms, by })
    const { asked } = this.#body
    if (asked !== undefined) return asked(terms, by)
    return by === 'phone' ? { verdict: 'worn', afterMs: 0 } : undefined
  }

  #receiveArm(arm: Extract<DownOp, { readonly type: 'arm' }>): void {
    if (!this.isWorn || arm.wearEpoch !== this.wearEpoch) return
    if (!this.#arm.keep(arm)) return
    this.#seal(encodeUpOp({ type: 'armAck', armEpoch: arm.armEpoch }))
    this.#tell({ type: 'armed', armEpoch: arm.armEpoch })
  }

  #receiveState(state: Extract<DownOp, { readonly type: 'state' }>): void {
    this.#tick = state.tick
    this.#heartbeatS = Math.max(1, state.heartbeatS)
    if (state.holds !== 0) this.#freezeHeard()
    this.#timers.cancel('status-again')
    this.#timers.set('heartbeat', this.#heartbeatS * 1_000, () => this.#status())
  }

  /** The next `S_E`, beside the current one: a band knows two. */
  #receiveKeyset(keyset: Extract<DownOp, { readonly type: 'keyset' }>): void {
    const vouched = this.device.releaseKeys.some((key) => verifyKeyset(this.#primitives, key.publicKey, keyset))
    const known = this.flash.engineKeys
    if (!vouched || known.some((key) => key.id === keyset.ekid)) return
    this.flash.writeEngineKeys([...known, { id: keyset.ekid, publicKey: keyset.engineKey }].slice(-2))
  }

  /** Public and replayable, so only the signature and the generation count; harmless to a newer binding. */
  #receiveRelease(release: Extract<BandRecord, { readonly type: 'release' }>): void {
    const { binding } = this.flash
    const key = this.device.releaseKeys.find((pinned) => pinned.id === release.rkid)
    if (binding === undefined || key === undefined || binding.generation > release.generationMax) return
    if (!verifyRelease(this.#primitives, key.publicKey, release, this.device.bandId)) return
    this.#disarm('released')
    this.#arm.forgetEpochs()
    this.#endLink()
    this.flash.eraseBinding()
    this.#pairing.released()
    this.#tell({ type: 'released' })
  }

  #wearEdge(): void {
    if (this.#latch.wear === 'on') this.#tell({ type: 'worn', wearEpoch: this.wearEpoch })
    else {
      this.#disarm('removed')
      this.#tell({ type: 'removed', charging: this.#latch.wear === 'charging' })
    }
    this.#status()
  }

  #status(): void {
    this.#statusAgainCount = 0
    this.#sendStatus()
  }

  #sendStatus(): void {
    if (!this.#links.isLive) return
    this.#timers.set('heartbeat', this.#heartbeatS * 1_000, () => this.#status())
    if (this.#statusAgainCount++ < statusAgainMax) {
      this.#timers.set('status-again', statusAgainMs, () => this.#sendStatus())
    }
    this.#seal(
      encodeUpOp({
        type: 'status',
        tick: this.#tick,
        wear: this.#latch.wear,
        wearEpoch: this.wearEpoch,
        battery: this.#body.battery?.() ?? 100,
        motion: this.#body.motion?.() ?? 0,
      }),
    )
  }

  #prove({ rd, verdict, rid, evidence }: Proof): void {
    const next = this.#links.nextSeal
    if (next === undefined) return
    const fields = { rid, verdict, wear: this.#latch.wear, tick: this.#tick, evidence }
    const bid = this.flash.binding?.bid
    if (bid === undefined) return
    const plaintext = this.#arm.prove(this.#primitives, { ...fields, ...next, rd, bid })
    this.#tell({ type: 'proved', verdict, armed: this.isArmed })
    this.#seal(plaintext, rd)
  }

  #intend(gesture: Gesture, readerId: Bytes, readerNonce: Bytes): void {
    this.#seal(encodeUpOp({ type: 'intent', gesture, readerId, readerNonce }))
  }

  #tellFreeze(): void {
    if (!this.#freezeWanted) return
    this.#timers.set('freeze', statusAgainMs, () => this.#tellFreeze())
    if (this.#links.isLive) this.#intend('longPress', new Uint8Array(16), new Uint8Array(8))
  }

  #freezeHeard(): void {
    this.#freezeWanted = false
    this.#timers.cancel('freeze')
  }

  #disarm(why: Extract<BandEvent, { readonly type: 'disarmed' }>['why']): void {
    if (!this.isArmed) return
    this.#arm.erase()
    this.#tell({ type: 'disarmed', why })
  }

  #endLink(): void {
    this.#timers.cancel('heartbeat')
    this.#timers.cancel('status-again')
    this.#timers.cancel('rekey')
    this.#links.end()
    this.#tell({ type: 'unlinked' })
  }

  #seal(plaintext: Bytes, rd?: Bytes): void {
    this.#reply(this.#links.seal(plaintext, rd))
  }

  #reply(record: Uint8Array<ArrayBuffer> | undefined): void {
    if (record !== undefined) this.#send?.(record)
  }

  #tell(event: BandEvent): void {
    this.#body.told?.(event)
  }
}
