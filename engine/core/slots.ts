// A slot names one band inside a session: who may be spoken for through it, its freshness nonce, its link. Slots lie in slabs,
// 112 bytes each, and are objects only while one is worked with: a million objects with their names were 400 MB for the
// collector to carry along. Two objects of one slot see the same.

import type { ErrorCode } from '../../protocol/errors.ts'
import { type Bytes, copyBytes } from '../../base/bytes.ts'
import type { AccountId, BandId, Bid } from '../../protocol/ids.ts'
import type { LinkIndex } from './links.ts'
import type { SlotPlace } from './session-slots.ts'
import type { Session } from './session.ts'

/** What a link's first valid record makes of the resume chain (PROTOCOL §4): R_n is left for `next`, which is R_(n+1). */
export type PendingRatchet = {
  readonly n: number
  readonly next: Uint8Array
  /** By which R_n is still recognized once it is gone. */
  readonly leftMacKey: Uint8Array
  readonly isRekeyed: boolean
  /** Set when the engine was behind the band, after a restore. */
  readonly ahead: Ahead | undefined
}

/**
 * R_n as it was reached from R_k, kept until the link is made; and the mac keys of roots before R_n, newest first: of those that a copy
 * of the band may come with, the last ones on the way and R_k itself.
 */
export type Ahead = { readonly k: number; readonly root: Uint8Array; readonly macKeys: readonly Uint8Array[] }

/** A link being tried: it replaces the slot's link with its first valid record. */
export type Candidate = { readonly link: LinkIndex; readonly pending: PendingRatchet }

/** Frame 8 waits here for the band's ARM_ACK, or for what makes waiting vain. */
export type Arming = { readonly armEpoch: number; readonly done: (outcome: 'acknowledged' | ErrorCode) => void }

/** Who is attached: what its bid row says. */
export type Attached = {
  readonly bid: Bid
  readonly bandId: BandId
  readonly account: AccountId
  readonly generation: number
}

const nonceBytes = 16
/** Longer accounts are kept as strings beside the slab. */
export const accountInlineBytes = 40
export const slotAt = {
  bid: 0,
  bandId: 8,
  nonce: 24,
  chalAtMs: 40,
  session: 48,
  number: 52,
  flags: 54,
  accountLength: 55,
  generation: 56,
  link: 60,
  linkSerial: 64,
  uses: 68,
  account: 72,
} as const
export const slotBytes = slotAt.account + accountInlineBytes
const flags = { hasNonce: 1, isChalOwed: 2 } as const
/** Slabs do not move when there are more of them. */
export const slotsPerSlab = 2_048

export type Slab = { readonly bytes: Uint8Array; readonly view: DataView }

/** What a slot has of the directory that made it. */
type Home = {
  readonly sessionOf: (place: SlotPlace) => Session
  /** What few slots have, and not for long. */
  readonly passing: { readonly candidates: Map<SlotPlace, Candidate>; readonly armings: Map<SlotPlace, Arming> }
}

/** A band's slot while it is worked with: the names in full, the rest read and written where it lies. */
export class Slot implements Attached {
  readonly bid: Bid
  readonly bandId: BandId
  readonly account: AccountId
  readonly generation: number
  readonly place: SlotPlace
  readonly #home: Home
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #base: number
  readonly #uses: number

  /** Made by `SlotDirectory` only. */
  constructor(home: Home, { bytes, view }: Slab, place: SlotPlace, { bid, bandId, account, generation }: Attached) {
    this.bid = bid
    this.bandId = bandId
    this.account = account
    this.generation = generation
    this.place = place
    this.#home = home
    this.#bytes = bytes
    this.#view = view
    this.#base = baseOf(place)
    this.#uses = view.getUint32(this.#base + slotAt.uses)
  }

  /** False once the slot was given up, also when another band, or this one again, has its place. */
  get isAttached(): boolean {
    return this.#view.getUint32(this.#base + slotAt.uses) === this.#uses
  }

  /** Of a slot that is attached. */
  get session(): Session {
    this.#demandAttached()
    return this.#home.sessionOf(this.place)
  }

  /** Its number in that session. */
  get number(): number {
    this.#demandAttached()
    return this.#view.getUint16(this.#base + slotAt.number)
  }

  /** ◆ `Ne`: random, in RAM only, one use, ten seconds, this socket and slot. A copy. */
  get engineNonce(): Bytes | undefined {
    const from = this.#base + slotAt.nonce
    return this.#hasFlag(flags.hasNonce) ? copyBytes(this.#bytes.subarray(from, from + nonceBytes)) : undefined
  }

  set engineNonce(nonce: Bytes | undefined) {
    if (!this.isAttached) return
    const from = this.#base + slotAt.nonce
    if (nonce === undefined) this.#bytes.fill(0, from, from + nonceBytes)
    else this.#bytes.set(nonce, from)
    this.#setFlag(flags.hasNonce, nonce !== undefined)
  }

  /** When the last CHAL left, with the `Ne` that there is, if there is one. */
  get chalAtMs(): number {
    return this.isAttached ? this.#view.getFloat64(this.#base + slotAt.chalAtMs) : -Infinity
  }

  set chalAtMs(atMs: number) {
    if (this.isAttached) this.#view.setFloat64(this.#base + slotAt.chalAtMs, atMs)
  }

  /** A CHAL is owed as soon as a second has passed since the last. */
  get isChalOwed(): boolean {
    return this.#hasFlag(flags.isChalOwed)
  }

  set isChalOwed(isOwed: boolean) {
    this.#setFlag(flags.isChalOwed, isOwed)
  }

  get link(): LinkIndex | undefined {
    const link = this.isAttached ? this.#view.getUint32(this.#base + slotAt.link) : 0
    return link === 0 ? undefined : link - 1
  }

  set link(link: LinkIndex | undefined) {
    if (this.isAttached) this.#view.setUint32(this.#base + slotAt.link, link === undefined ? 0 : link + 1)
  }

  /** Grows with each link the slot gets: an index of the slab is used again, this is not. */
  get linkSerial(): number {
    return this.isAttached ? this.#view.getUint32(this.#base + slotAt.linkSerial) : 0
  }

  set linkSerial(serial: number) {
    if (this.isAttached) this.#view.setUint32(this.#base + slotAt.linkSerial, serial)
  }

  get candidate(): Candidate | undefined {
    return this.isAttached ? this.#home.passing.candidates.get(this.place) : undefined
  }

  set candidate(candidate: Candidate | undefined) {
    this.#keep(this.#home.passing.candidates, candidate)
  }

  get arming(): Arming | undefined {
    return this.isAttached ? this.#home.passing.armings.get(this.place) : undefined
  }

  set arming(arming: Arming | undefined) {
    this.#keep(this.#home.passing.armings, arming)
  }

  #keep<Value>(kept: Map<SlotPlace, Value>, value: Value | undefined): void {
    if (!this.isAttached) return
    if (value === undefined) kept.delete(this.place)
    else kept.set(this.place, value)
  }

  #hasFlag(flag: number): boolean {
    return this.isAttached && ((this.#bytes[this.#base + slotAt.flags] ?? 0) & flag) !== 0
  }

  #setFlag(flag: number, isSet: boolean): void {
    if (!this.isAttached) return
    const before = this.#bytes[this.#base + slotAt.flags] ?? 0
    this.#bytes[this.#base + slotAt.flags] = isSet ? before | flag : before & ~flag
  }

  #demandAttached(): void {
    if (!this.isAttached) throw new Error('a slot that was given up has no session')
  }
}

/** Where in its slab the slot of a place begins. */
export function baseOf(place: SlotPlace): number {
  return (place % slotsPerSlab) * slotBytes
}
