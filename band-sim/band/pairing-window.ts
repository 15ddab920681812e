// Pairing state machine of the band (PROTOCOL §3): answers PAIR0 only when unpaired and touched a moment ago, keeps COMMIT
// aside until the wearer taps, and forgets everything when the window ends without that tap.

import { type Bytes, equalBytes } from '../../base/bytes.ts'
import { pairingFailuresMax, pairingGestureMs, pairingWindowMs } from '../../protocol/limits.ts'
import { type DownOp, decodeDownOp, encodeUpOp } from '../../protocol/ops.ts'
import type { BandRecord, DataRecord } from '../../protocol/records.ts'
import { pairingBinding } from '../../crypto/links/link-seal.ts'
import { type BandPairing, pairingCode, pairingRoot, startPairingAsBand } from '../../crypto/links/pairing.ts'
import type { Primitives } from '../../crypto/primitives/primitives.ts'
import { SealedChannel } from '../../crypto/links/sealed-channel.ts'
import { wipe } from '../../crypto/primitives/secret.ts'
import type { BandFlash } from './flash.ts'
import type { BandDevice } from './package.ts'
import { NamedTimers, type Scheduler } from '../virtual/scheduler.ts'

type Pair0 = Extract<BandRecord, { readonly type: 'pair0' }>
type Commit = Extract<DownOp, { readonly type: 'commit' }>

/** Retransmission interval of COMMIT_ACK until the engine shows that it has it, ms. */
const ackAgainMs = 2_000
/** Retransmission of PAIR1 and PAIR3, which may be lost on the air: after this without an answer, ms, this many times. */
const pairAgainMs = 3_000
const pairAgainMax = 3

type Attempt = {
  readonly pair0: Bytes
  readonly acctTag: Bytes
  readonly handshake: BandPairing
  readonly pair1: Uint8Array<ArrayBuffer>
  failures: number
  /** After PAIR3: the channel for COMMIT, and `ask`, from which R_0 comes. */
  channel?: SealedChannel
  ask?: Bytes
}

export type PairingWindowParts = {
  readonly primitives: Primitives
  readonly device: BandDevice
  readonly flash: BandFlash
  readonly scheduler: Scheduler
  readonly send: (record: Uint8Array<ArrayBuffer>) => void
  readonly told: (event: PairingEvent) => void
}

/** Events of a pairing that a band with lights or a display shows; `confirm` asks the wearer for the tap. */
export type PairingEvent =
  | { readonly type: 'pairing.code'; readonly code: string }
  | { readonly type: 'pairing.confirm' }
  | { readonly type: 'pairing.confirmed'; readonly generation: number }
  | { readonly type: 'pairing.forgotten' }

export class PairingWindow {
  readonly #parts: PairingWindowParts
  readonly #timers: NamedTimers<'window' | 'again'>
  #gestureAtMs = Number.NEGATIVE_INFINITY
  #attempt: Attempt | undefined

  constructor(parts: PairingWindowParts) {
    this.#parts = parts
    this.#timers = new NamedTimers(parts.scheduler)
  }

  /** A touch of any kind: opens the band for pairing for 30 s, and is the tap that confirms a COMMIT. */
  touched(): void {
    this.#gestureAtMs = this.#parts.scheduler.nowMs()
    const { binding } = this.#parts.flash
    if (binding !== undefined && !binding.confirmed && this.#attempt?.channel !== undefined) this.#confirm()
  }

  receivePair0(record: Pair0): void {
    const { primitives, device, flash, scheduler, send } = this.#parts
    if (flash.binding?.confirmed === true) return
    if (scheduler.nowMs() - this.#gestureAtMs > pairingGestureMs) return
    const attempt = this.#attempt
    if (attempt !== undefined && attempt.channel === undefined && equalBytes(attempt.pair0, record.bytes)) {
      send(attempt.pair1)
      return
    }
    const engineKey = flash.engineKeys.find((key) => key.id === record.ekid)
    if (engineKey === undefined) return
    this.#forget()
    const pair0 = record.bytes.slice()
    const handshake = startPairingAsBand(primitives, {
      pair0,
      ps: device.packageSecret,
      engineKey: engineKey.publicKey,
      bandSecret: device.bandSecret,
    })
    const pair1 = handshake.pair1(device)
    this.#attempt = { pair0, acctTag: record.acctTag.slice(), handshake, pair1, failures: 0 }
    this.#timers.set('window', pairingWindowMs, () => this.#forget())
    this.#sendAgain(pair1, pairAgainMax)
  }

  /** Only the pinned engine can make a PAIR2 that opens: until then the band has not said who it is. */
  receivePair2(message: Bytes): void {
    const attempt = this.#attempt
    if (attempt === undefined || attempt.channel !== undefined) return
    if (attempt.handshake.readPair2(message) === undefined) {
      attempt.failures += 1
      if (attempt.failures >= pairingFailuresMax) this.#forget()
      return
    }
    const { primitives, device, scheduler, told } = this.#parts
    const pair3 = attempt.handshake.pair3(device.cert, 0)
    const { ask, handshakeHash, ...keys } = attempt.handshake.finish()
    attempt.handshake.wipe()
    attempt.ask = ask
    attempt.channel = new SealedChannel(primitives, {
      end: 'band',
      keys,
      binding: pairingBinding,
      monotonicMs: scheduler.nowMs,
    })
    wipe(keys.up, keys.down)
    told({ type: 'pairing.code', code: pairingCode(primitives, handshakeHash) })
    this.#sendAgain(pair3, pairAgainMax)
  }

  /** True when the record was the pairing channel's, whether or not it opened. */
  receiveData(record: DataRecord): boolean {
    const attempt = this.#attempt
    if (attempt?.channel === undefined || record.sid !== attempt.channel.sid) return false
    const plaintext = attempt.channel.open(record)
    if (plaintext instanceof Uint8Array) {
      const op = decodeDownOp(plaintext)
      if (op.type === 'commit' && equalBytes(op.acctTag, attempt.acctTag)) this.#commit(attempt, op)
      else this.#forget()
    } else if (attempt.channel.isEnded) this.#forget()
    return true
  }

  /** The engine speaks of a link: it has the ack, or the whole binding is over. The pairing keys die. */
  acknowledged(): void {
    if (this.#parts.flash.binding?.confirmed !== true) return
    this.#timers.cancelAll()
    this.#endAttempt()
  }

  /** RELEASE erased the binding: whatever was going on is over. The wearer's touch still counts: PAIR0 may come next. */
  released(): void {
    this.#forget()
  }

  /** RAM is gone, and with it the channel: an unconfirmed binding can never be acknowledged any more. */
  reboot(): void {
    this.#gestureAtMs = Number.NEGATIVE_INFINITY
    this.#forget()
  }

  #commit(attempt: Attempt, commit: Commit): void {
    const { primitives, device, flash, told } = this.#parts
    if (flash.binding !== undefined || attempt.ask === undefined) return
    const { bid, generation, acctTag } = commit
    const root = pairingRoot(primitives, attempt.ask, { bandId: device.bandId, acctTag, generation })
    wipe(attempt.ask)
    flash.writeRoot(0, root)
    wipe(root)
    this.#timers.cancel('again')
    flash.writeBinding({ bid, generation, acctTag, confirmed: false })
    told({ type: 'pairing.confirm' })
  }

  #sendAgain(record: Uint8Array<ArrayBuffer>, times: number): void {
    // The timer first: on a radio without delay the answer comes while this sends.
    if (times > 0) this.#timers.set('again', pairAgainMs, () => this.#sendAgain(record, times - 1))
    else this.#timers.cancel('again')
    this.#parts.send(record)
  }

  #confirm(): void {
    const { flash, told } = this.#parts
    const { binding } = flash
    if (binding === undefined) return
    flash.writeBinding({ ...binding, confirmed: true })
    told({ type: 'pairing.confirmed', generation: binding.generation })
    this.#acknowledge(binding.generation)
  }

  #acknowledge(generation: number): void {
    const record = this.#attempt?.channel?.seal(encodeUpOp({ type: 'commitAck', generation }))
    if (record === undefined) return
    this.#timers.set('again', ackAgainMs, () => this.#acknowledge(generation))
    this.#parts.send(record)
  }

  /** Ends the attempt; what the wearer did not confirm leaves nothing behind. */
  #forget(): void {
    const { flash, told } = this.#parts
    this.#timers.cancelAll()
    this.#endAttempt()
    if (flash.binding === undefined || flash.binding.confirmed) return
    flash.eraseBinding()
    told({ type: 'pairing.forgotten' })
  }

  #endAttempt(): void {
    this.#attempt?.channel?.end()
    this.#attempt?.handshake.wipe()
    wipe(this.#attempt?.ask)
    this.#attempt = undefined
  }
}
