// Session resumption of a band's links: answering CHAL with RESUME or REKEY1, the pending link, the ratchet (PROTOCOL §4). A CHAL
// costs the band nothing but a few hashes: the live link stays until a record of the new one has opened.

import { type Bytes, concatBytes } from '../../base/bytes.ts'
import { idBytes } from '../../protocol/ids.ts'
import { type DataRecord, encodeResumeMaced } from '../../protocol/records.ts'
import type { LinkKeys } from '../../crypto/links/link-keys.ts'
import type { Primitives } from '../../crypto/primitives/primitives.ts'
import { type BandRekey, rekeyRoot, startRekeyAsBand } from '../../crypto/links/rekey.ts'
import { nextRoot, resumeKeys, resumeMac } from '../../crypto/links/resume.ts'
import { SealedChannel } from '../../crypto/links/sealed-channel.ts'
import { wipe } from '../../crypto/primitives/secret.ts'
import type { BandFlash, StoredBinding, StoredRoot } from './flash.ts'
import type { BandDevice } from './package.ts'
import type { Scheduler } from '../virtual/scheduler.ts'

/** `sentCount` mirrors the channel's counter: the next record carries `sentCount + 1`, which `p` must cover. */
type Link = { readonly channel: SealedChannel; readonly next: StoredRoot; sentCount: number; ratcheted: boolean }

export type BandLinksParts = {
  readonly primitives: Primitives
  readonly device: BandDevice
  readonly flash: BandFlash
  readonly scheduler: Scheduler
}

export class BandLinks {
  readonly #parts: BandLinksParts
  #current: Link | undefined
  #pending: Link | undefined
  #rekey: { readonly handshake: BandRekey; readonly binding: StoredBinding; readonly n: number } | undefined
  #rekeyAsked = false
  #lastNonce: Bytes | undefined

  constructor(parts: BandLinksParts) {
    this.#parts = parts
  }

  get isLive(): boolean {
    return this.#current !== undefined && !this.#current.channel.isEnded
  }

  /** What the next record sealed here will carry; undefined without a live link. */
  get nextSeal(): { readonly sid: number; readonly ctr: number } | undefined {
    const link = this.#current
    return link === undefined ? undefined : { sid: link.channel.sid, ctr: link.sentCount + 1 }
  }

  /** The answer to a CHAL: RESUME, or REKEY1 when the engine asked for it. Undefined while nothing is confirmed. */
  answerChallenge(engineNonce: Bytes): Uint8Array<ArrayBuffer> | undefined {
    const { flash } = this.#parts
    const { binding, root } = flash
    if (binding === undefined || root === undefined || !binding.confirmed) return undefined
    this.#lastNonce = engineNonce.slice()
    if (this.#rekeyAsked && this.#rekey === undefined) return this.#startRekey(binding, root, engineNonce)
    // A REKEY1 that stayed unanswered is not tried again and again: RESUME brings the link up, the engine asks anew.
    this.#forgetRekey()
    this.#rekeyAsked = false
    return this.#startResume(binding, root, engineNonce)
  }

  /** REKEY_PLEASE: the next CHAL is answered with REKEY1. */
  askRekey(): void {
    this.#rekeyAsked = true
  }

  /** A RESUME under the `Ne` last heard: the engine answers a stale one with a CHAL. */
  staleResume(): Uint8Array<ArrayBuffer> | undefined {
    const { binding, root } = this.#parts.flash
    if (binding === undefined || root === undefined || this.#lastNonce === undefined) return undefined
    return this.#startResume(binding, root, this.#lastNonce)
  }

  /** REKEY2 proves that the engine holds root and key, so the new link is live at once; false when it does not open. */
  finishRekey(message: Bytes): boolean {
    const rekey = this.#rekey
    if (rekey?.handshake.readRekey2(message) === undefined) return false
    const { ask, ...keys } = rekey.handshake.finish()
    const { bid, generation } = rekey.binding
    const root = rekeyRoot(this.#parts.primitives, ask, { bid, generation, n: rekey.n })
    this.#forgetRekey()
    this.#rekeyAsked = false
    this.#current?.channel.end()
    this.#current = this.#link(keys, rekey.binding, { n: rekey.n + 1, root })
    wipe(ask, keys.up, keys.down)
    return true
  }

  /** Opens a record of the live or the pending link; the pending one becomes live with its first record. */
  open(record: DataRecord): Uint8Array<ArrayBuffer> | undefined {
    for (const link of [this.#current, this.#pending]) {
      if (link === undefined || record.sid !== link.channel.sid) continue
      const opened = link.channel.open(record)
      if (link.channel.isEnded) this.#drop(link)
      if (!(opened instanceof Uint8Array)) continue
      if (link === this.#pending) this.#adopt(link)
      return opened
    }
    return undefined
  }

  /** Seals on the live link; undefined without one. `context` is `rd`, given exactly for AUTH_PROOF. */
  seal(plaintext: Bytes, context?: Bytes): Uint8Array<ArrayBuffer> | undefined {
    const link = this.#current
    if (link === undefined) return undefined
    const options = context === undefined ? {} : { proof: true, context }
    const record = link.channel.seal(plaintext, { ...options, ratcheted: link.ratcheted })
    if (record === undefined) this.#drop(link)
    else link.sentCount += 1
    return record
  }

  /**
   * RATCHET_ACK(n + 1): the engine's disk has it. First the new root is written whole, then the old one erased; only
   * then do records carry RATCHETED. False for a number that is not this link's.
   */
  ratchet(n: number): boolean {
    const link = this.#current
    if (link === undefined || n !== link.next.n) return false
    const { flash } = this.#parts
    if (link.ratcheted || flash.root === undefined || flash.root.n + 1 !== n) return true
    flash.writeRoot(n, link.next.root)
    flash.eraseOlderRoots()
    // What was begun under the old root can lead nowhere now.
    this.#pending?.channel.end()
    this.#pending = undefined
    this.#forgetRekey()
    link.ratcheted = true
    return true
  }

  /** Ends the live link and whatever was to replace it: wait for CHAL. */
  end(): void {
    for (const link of [this.#current, this.#pending]) {
      if (link !== undefined) this.#drop(link)
    }
    this.#forgetRekey()
  }

  #startResume(binding: StoredBinding, root: StoredRoot, engineNonce: Bytes): Uint8Array<ArrayBuffer> {
    const { primitives } = this.#parts
    const maced = encodeResumeMaced(binding.bid, root.n, primitives.randomBytes(16))
    const keys = resumeKeys(primitives, root.root, maced, engineNonce)
    this.#pending?.channel.end()
    this.#pending = this.#link(keys, binding, { n: root.n + 1, root: nextRoot(primitives, root.root) })
    wipe(keys.up, keys.down)
    return concatBytes(maced, resumeMac(primitives, root.root, maced, engineNonce))
  }

  #startRekey(binding: StoredBinding, root: StoredRoot, engineNonce: Bytes): Uint8Array<ArrayBuffer> | undefined {
    const { primitives, device, flash } = this.#parts
    const newest = flash.engineKeys.at(-1)
    if (newest === undefined) return undefined
    this.#forgetRekey()
    const handshake = startRekeyAsBand(primitives, {
      bid: binding.bid,
      generation: binding.generation,
      n: root.n,
      root: root.root,
      engineNonce,
      engineKey: newest.publicKey,
      bandSecret: device.bandSecret,
    })
    this.#rekey = { handshake, binding, n: root.n }
    return handshake.rekey1()
  }

  #link(keys: LinkKeys, binding: StoredBinding, next: StoredRoot): Link {
    const { primitives, scheduler } = this.#parts
    const channel = new SealedChannel(primitives, {
      end: 'band',
      keys,
      binding: { bid: idBytes(binding.bid), generation: binding.generation },
      monotonicMs: scheduler.nowMs,
    })
    return { channel, next, sentCount: 0, ratcheted: false }
  }

  #adopt(link: Link): void {
    this.#current?.channel.end()
    this.#current = link
    this.#pending = undefined
  }

  #drop(link: Link): void {
    link.channel.end()
    if (link === this.#current) this.#current = undefined
    if (link === this.#pending) this.#pending = undefined
  }

  #forgetRekey(): void {
    this.#rekey?.handshake.wipe()
    this.#rekey = undefined
  }
}
