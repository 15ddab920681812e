// A slot names one band inside a session: who may be spoken for through it, its freshness nonce, its links.

import type { Bytes } from '../protocol/bytes.ts'
import type { AccountId, BandId, Bid } from '../protocol/ids.ts'
import type { LinkIndex } from './links.ts'
import type { PairingWindow } from './pairing-window.ts'
import type { Session } from './session.ts'

/** What a link's first valid record makes of the resume chain (PROTOCOL §4): R_n is left for `next`, which is R_(n+1). */
export type PendingRatchet = {
  readonly n: number
  readonly next: Uint8Array
  /** By which R_n is still recognized once it is gone. */
  readonly leftMacKey: Uint8Array
  readonly isRekeyed: boolean
}

/** A link being tried: it replaces the slot's link with its first valid record. */
export type Candidate = { readonly link: LinkIndex; readonly pending: PendingRatchet }

export type Slot = {
  session: Session
  number: number
  readonly bid: Bid
  readonly bandId: BandId
  readonly account: AccountId
  readonly generation: number
  /** ◆ `Ne`: random, in RAM only, one use, ten seconds, this socket and slot. */
  engineNonce: Bytes | undefined
  nonceAtMs: number
  chalAtMs: number
  link: LinkIndex | undefined
  /** Grows with each link the slot gets: an index of the slab is used again, this is not. */
  linkSerial: number
  /** A CHAL is owed as soon as a second has passed since the last. */
  isChalOwed: boolean
  candidate: Candidate | undefined
  /** Answer 108 waits here for the band's ARM_ACK. */
  arming: { readonly armEpoch: number; readonly done: (acknowledged: boolean) => void } | undefined
}

/** What occupies a slot number of a session: an attached band, or a pairing under way. */
export type SlotUse =
  { readonly type: 'band'; readonly slot: Slot } | { readonly type: 'pairing'; readonly window: PairingWindow }
