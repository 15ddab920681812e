// Ephemeral secret `A` of one arming, in RAM only (PROTOCOL §1, §5). Without it there is no proof; whatever ends the wearing
// overwrites it.

import { type Bytes, concatBytes } from '../../base/bytes.ts'
import { type Bid, type Rid, idBytes } from '../../protocol/ids.ts'
import { armedMaxMs } from '../../protocol/limits.ts'
import { type Verdict, type Wear, encodeAuthProofProved } from '../../protocol/ops.ts'
import type { Primitives } from '../../crypto/primitives/primitives.ts'
import { armKey, proofTag } from '../../crypto/signed/proof.ts'
import { wipe } from '../../crypto/primitives/secret.ts'
import { NamedTimers, type Scheduler } from '../virtual/scheduler.ts'

/** Inputs of an AUTH_PROOF: what it says, and the record that will carry it. */
export type Proving = {
  readonly rid: Rid
  readonly verdict: Verdict
  readonly wear: Wear
  readonly tick: number
  readonly evidence: Bytes
  readonly rd: Bytes
  readonly bid: Bid
  readonly sid: number
  readonly ctr: number
}

export class ArmSecret {
  readonly #timers: NamedTimers<'expiry'>
  readonly #expired: () => void
  #held: { readonly secret: Uint8Array; readonly armEpoch: number } | undefined
  /** armEpoch only rises, so an ARM older than one obeyed is refused. */
  #newest = 0

  constructor(scheduler: Scheduler, expired: () => void) {
    this.#timers = new NamedTimers(scheduler)
    this.#expired = expired
  }

  get isHeld(): boolean {
    return this.#held !== undefined
  }

  /** Keeps the secret for its time; false for an older ARM. */
  keep(arm: { readonly secret: Bytes; readonly armEpoch: number; readonly ttlS: number }): boolean {
    if (arm.armEpoch < this.#newest || arm.ttlS === 0) return false
    this.erase()
    this.#newest = arm.armEpoch
    this.#held = { secret: arm.secret.slice(), armEpoch: arm.armEpoch }
    wipe(arm.secret)
    this.#timers.set('expiry', Math.min(arm.ttlS * 1_000, armedMaxMs), () => {
      this.erase()
      this.#expired()
    })
    return true
  }

  /** A new binding counts armEpoch from the start. */
  forgetEpochs(): void {
    this.erase()
    this.#newest = 0
  }

  erase(): void {
    this.#timers.cancelAll()
    wipe(this.#held?.secret)
    this.#held = undefined
  }

  /**
   * AUTH_PROOF, op to `p`. Without `A` there is nothing to prove with: armEpoch is 0 and `p` zero, so that the engine
   * can tell the wearer why at once instead of letting the phone wait.
   */
  prove(primitives: Primitives, fields: Proving): Uint8Array<ArrayBuffer> {
    const held = this.#held
    const proved = encodeAuthProofProved({ ...fields, armEpoch: held?.armEpoch ?? 0 })
    if (held === undefined) return concatBytes(proved, new Uint8Array(16))
    const { rd, sid, ctr } = fields
    const key = armKey(primitives, held.secret, idBytes(fields.bid), held.armEpoch)
    const tag = proofTag(primitives, key, { rd, sid, ctr, proved })
    wipe(key)
    return concatBytes(proved, tag)
  }
}
