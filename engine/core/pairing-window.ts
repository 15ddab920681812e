// The pairing windows that are open: the handshake beside the actor that owns the window. Secrets live here only.

import type { PairingActor } from './actors.ts'
import type { EnginePairing } from '../../crypto/links/pairing.ts'
import type { SealedChannel } from '../../crypto/links/sealed-channel.ts'
import type { Surface } from '../../policy/holds.ts'
import type { BandCert } from '../../protocol/band-cert.ts'
import type { AccountId, BandId, Bid, PairingId } from '../../protocol/ids.ts'
import type { Session } from './session.ts'

export type PairingWindow = {
  readonly pairingId: PairingId
  readonly account: AccountId
  readonly session: Session
  readonly slot: number
  /** The id of the pair.start frame: answered once, at the end. */
  readonly requestId: number
  /** What limits of the phone's address count by. */
  readonly addressKey: string
  readonly by: Surface
  readonly acctTag: Uint8Array
  readonly pair0: Uint8Array
  readonly packageSecret: Uint8Array
  readonly engineSecret: Uint8Array
  readonly actor: PairingActor
  handshake: EnginePairing | undefined
  hello: { readonly model: number; readonly conformance: number } | undefined
  /** The PAIR3 that opened: the band repeats it until COMMIT arrives. */
  pair3: Uint8Array | undefined
  cert: BandCert | undefined
  channel: SealedChannel | undefined
  bound: { readonly bandId: BandId; readonly bid: Bid; readonly generation: number } | undefined
  cancelTimer: () => void
}

export class PairingWindows {
  /** Told when a band acknowledged by a RESUME under the new root what its COMMIT_ACK did not bring. */
  readonly acknowledged: (window: PairingWindow) => void
  readonly #open = new Map<AccountId, PairingWindow>()
  readonly #countMax: number

  constructor(countMax: number, acknowledged: (window: PairingWindow) => void) {
    this.#countMax = countMax
    this.acknowledged = acknowledged
  }

  get isFull(): boolean {
    return this.#open.size >= this.#countMax
  }

  get count(): number {
    return this.#open.size
  }

  /** An account has one window at a time. */
  ofAccount(account: AccountId): PairingWindow | undefined {
    return this.#open.get(account)
  }

  /** That of the phone which speaks on this session. */
  ofSession(session: Session): PairingWindow | undefined {
    const { speaker } = session
    const window = speaker?.type === 'phone' ? this.#open.get(speaker.account) : undefined
    return window?.session === session ? window : undefined
  }

  /** That which occupies a slot number of a session. */
  of(session: Session, number: number): PairingWindow | undefined {
    const window = this.ofSession(session)
    return window?.slot === number ? window : undefined
  }

  add(window: PairingWindow): void {
    this.#open.set(window.account, window)
  }

  remove(window: PairingWindow): void {
    if (this.#open.get(window.account) === window) this.#open.delete(window.account)
  }
}
