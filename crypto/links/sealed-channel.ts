// Secure channel, one end of a live link: replay counters, key phases and bad tags over the pure sealing of link-seal.ts
// (PROTOCOL §5). For bands and the pairing channel; the engine keeps its million links in a slab and applies the same rules there.

import type { Bytes } from '../../base/bytes.ts'
import {
  badTagsMax,
  badTagsWindowMs,
  counterJumpMax,
  phaseAgeMaxMs,
  phaseMax,
  phaseRecordsMax,
} from '../../protocol/limits.ts'
import { opCodes } from '../../protocol/ops.ts'
import type { DataRecord } from '../../protocol/records.ts'
import type { LinkKeys } from './link-keys.ts'
import { type LinkBinding, nextPhaseKey, noContext, openData, sealData } from './link-seal.ts'
import type { Primitives } from '../primitives/primitives.ts'
import { wipe } from '../primitives/secret.ts'

/** Why a record was not opened. After `ended` and `proof-flag` the channel is over; `isEnded` says so in every case. */
export type ChannelRefusal = {
  readonly type: 'refused'
  readonly why:
    | 'ended'
    | 'wrong-direction'
    | 'wrong-link'
    | 'stale-counter'
    | 'counter-jump'
    | 'wrong-phase'
    | 'bad-tag'
    | 'proof-flag'
}

export type SealOptions = {
  /** Set exactly on AUTH_PROOF. */
  readonly proof?: boolean
  readonly ratcheted?: boolean
  /** `rd` when `proof`. */
  readonly context?: Bytes
}

export type ChannelOptions = {
  readonly end: 'band' | 'engine'
  /** Copied: the caller may wipe its own. */
  readonly keys: LinkKeys
  /** `pairingBinding` on the pairing channel. */
  readonly binding: LinkBinding
  /** A clock that never runs back, ms. */
  readonly monotonicMs: () => number
  /** Records under one phase; lower than the protocol's only where a test cannot seal a million. */
  readonly phaseRecords?: number
}

type Direction = { key: Bytes; phase: number; ctr: number }

/** Secure channel of one end of a link. Not for two users at once: counters and keys change with each call. */
export class SealedChannel {
  readonly sid: number
  readonly #primitives: Primitives
  readonly #options: ChannelOptions
  readonly #sending: Direction
  readonly #receiving: Direction
  readonly #badTagsAtMs: number[] = []
  #phaseRecords = 0
  #phaseSinceMs: number
  #ended = false

  constructor(primitives: Primitives, options: ChannelOptions) {
    const { up, down, sid } = options.keys
    const isBand = options.end === 'band'
    this.sid = sid
    this.#primitives = primitives
    this.#options = options
    this.#sending = { key: (isBand ? up : down).slice(), phase: 0, ctr: 0 }
    this.#receiving = { key: (isBand ? down : up).slice(), phase: 0, ctr: 0 }
    this.#phaseSinceMs = options.monotonicMs()
  }

  get isEnded(): boolean {
    return this.#ended
  }

  /** The next DATA record; undefined once the channel is over. Throws a RangeError when op and `proof` disagree. */
  seal(plaintext: Bytes, options: SealOptions = {}): Uint8Array<ArrayBuffer> | undefined {
    const proof = options.proof ?? false
    if (proof !== (plaintext[0] === opCodes.authProof)) throw new RangeError('PROOF is set exactly on AUTH_PROOF')
    if (proof !== (options.context !== undefined)) throw new RangeError('AUTH_PROOF, and only it, has rd as context')
    this.#stepPhase()
    if (this.#ended) return undefined
    const sending = this.#sending
    sending.ctr += 1
    this.#phaseRecords += 1
    return sealData(
      this.#primitives,
      sending.key,
      {
        down: this.#options.end === 'engine',
        phase: sending.phase,
        ratcheted: options.ratcheted ?? false,
        proof,
        sid: this.sid,
        ctr: sending.ctr,
      },
      this.#options.binding,
      options.context ?? noContext,
      plaintext,
    )
  }

  /** Opens what the other end sealed. `context` is `rd` for a record with PROOF; otherwise it is not used. */
  open(record: DataRecord, context: Bytes = noContext): Uint8Array<ArrayBuffer> | ChannelRefusal {
    const receiving = this.#receiving
    if (this.#ended) return refused('ended')
    if (record.down !== (this.#options.end === 'band')) return refused('wrong-direction')
    if (record.sid !== this.sid) return refused('wrong-link')
    if (record.ctr <= receiving.ctr) return refused('stale-counter')
    if (record.ctr > receiving.ctr + counterJumpMax) return refused('counter-jump')
    const stepped = record.phase !== receiving.phase
    if (stepped && record.phase !== receiving.phase + 1) return refused('wrong-phase')
    const key = stepped ? nextPhaseKey(this.#primitives, receiving.key) : receiving.key
    const plaintext = openData(this.#primitives, key, record, this.#options.binding, record.proof ? context : noContext)
    if (plaintext === undefined) {
      if (stepped) wipe(key)
      this.#countBadTag()
      return refused('bad-tag')
    }
    if (stepped) {
      wipe(receiving.key)
      receiving.key = key
      receiving.phase = record.phase
    }
    receiving.ctr = record.ctr
    if (record.proof !== (plaintext[0] === opCodes.authProof)) {
      this.end()
      return refused('proof-flag')
    }
    return plaintext
  }

  /** Ends the channel and overwrites its keys. */
  end(): void {
    this.#ended = true
    wipe(this.#sending.key, this.#receiving.key)
  }

  #stepPhase(): void {
    const nowMs = this.#options.monotonicMs()
    const full = this.#phaseRecords >= (this.#options.phaseRecords ?? phaseRecordsMax)
    if (this.#ended || (!full && nowMs - this.#phaseSinceMs < phaseAgeMaxMs)) return
    if (this.#sending.phase === phaseMax) {
      this.end()
      return
    }
    const key = nextPhaseKey(this.#primitives, this.#sending.key)
    wipe(this.#sending.key)
    this.#sending.key = key
    this.#sending.phase += 1
    this.#phaseRecords = 0
    this.#phaseSinceMs = nowMs
  }

  #countBadTag(): void {
    const nowMs = this.#options.monotonicMs()
    const recent = this.#badTagsAtMs
    recent.push(nowMs)
    while (nowMs - (recent[0] ?? nowMs) >= badTagsWindowMs) recent.shift()
    if (recent.length >= badTagsMax) this.end()
  }
}

function refused(why: ChannelRefusal['why']): ChannelRefusal {
  return { type: 'refused', why }
}
