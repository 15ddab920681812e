// Queue of pending approvals: acts that wait for a second operator. They live in memory for an hour: a restart forgets them, and
// what they would have allowed stays forbidden.

import { toHex } from '../../base/bytes.ts'
import type { Clock, RandomBytes } from '../../engine/ports/clock.ts'
import type { OperatorAct, Proposal } from '../../protocol/operator-api.ts'
import { operatorLimits } from '../ports/limits.ts'

const idBytes = 16

export type Waiting = {
  readonly proposal: Proposal
  /** Token hash of the proposer, as the list had it then; undefined for one who is not on the list. */
  readonly tokenHash: string | undefined
  /** Fingerprint of the targets that it would have reached then; see `fingerprintOf` of the engine. */
  readonly aim: string
}
type Kept = Waiting & { readonly endsAtMs: number }

export class Proposals {
  readonly #clock: Pick<Clock, 'nowMs' | 'monotonicMs'>
  readonly #random: RandomBytes
  /** Oldest first. */
  readonly #kept = new Map<string, Kept>()
  /** Agreed to and being done: they are not found, and keep their places until it is known that they need not be put back. */
  readonly #taken = new Set<string>()
  #changes = 0

  constructor(from: { readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>; readonly random: RandomBytes }) {
    this.#clock = from.clock
    this.#random = from.random
  }

  /** How often one came or went, as `all` shows them. */
  get changes(): number {
    return this.#changes
  }

  add(
    wanted: Omit<Proposal, 'id' | 'atMs' | 'endsAtMs'>,
    about: Omit<Waiting, 'proposal'>,
  ): Proposal | 'too-many' | 'proposed-already' {
    this.#dropEnded()
    const kept = [...this.#kept.values()].map(({ proposal }) => proposal)
    if (kept.some((one) => isSameAct(one.act, wanted.act))) return 'proposed-already'
    const own = kept.filter(({ by }) => by === wanted.by).length
    if (own >= operatorLimits.proposalsPerOperatorMax || kept.length >= operatorLimits.proposalsMax) return 'too-many'
    const atMs = this.#clock.nowMs()
    const { proposalLifeMs } = operatorLimits
    const proposal = { ...wanted, id: toHex(this.#random(idBytes)), atMs, endsAtMs: atMs + proposalLifeMs }
    this.#kept.set(proposal.id, { proposal, ...about, endsAtMs: this.#clock.monotonicMs() + proposalLifeMs })
    this.#changes++
    return proposal
  }

  all(): readonly Proposal[] {
    this.#dropEnded()
    return [...this.#kept.values()].map(({ proposal }) => proposal).filter(({ id }) => !this.#taken.has(id))
  }

  find(id: string): Waiting | undefined {
    this.#dropEnded()
    return this.#taken.has(id) ? undefined : this.#kept.get(id)
  }

  /**
   * Claims a proposal while it is done: of two who agree at once only one finds it. The returned function puts it back, for as long as
   * it had; else `end` it.
   */
  take(id: string): (() => void) | undefined {
    if (this.find(id) === undefined) return undefined
    this.#taken.add(id)
    this.#changes++
    return () => {
      if (this.#taken.delete(id)) this.#changes++
    }
  }

  /** Removes a proposal for good: it was done, withdrawn, or its time is over. */
  end(id: string): void {
    const wasTaken = this.#taken.delete(id)
    if (this.#kept.delete(id) && !wasTaken) this.#changes++
  }

  #dropEnded(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const [id, { endsAtMs }] of this.#kept) if (nowMs >= endsAtMs && !this.#taken.has(id)) this.end(id)
  }
}

function isSameAct(left: OperatorAct, right: OperatorAct): boolean {
  return JSON.stringify(left) === JSON.stringify(right)
}
