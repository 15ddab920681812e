// Session resumption on the engine's side, for the bench: CHAL, RESUME, REKEY, the ratchet (PROTOCOL §4). No disk: the ack follows at once.

import type { LinkKeys } from '../../crypto/links/link-keys.ts'
import type { Primitives } from '../../crypto/primitives/primitives.ts'
import { rekeyMac, rekeyRoot, startRekeyAsEngine } from '../../crypto/links/rekey.ts'
import { nextRoot, resumeKeys, resumeMac } from '../../crypto/links/resume.ts'
import { SealedChannel } from '../../crypto/links/sealed-channel.ts'
import { equalSecret } from '../../crypto/primitives/secret.ts'
import type { Bytes } from '../../base/bytes.ts'
import { idBytes } from '../../protocol/ids.ts'
import { type DownOp, encodeDownOp } from '../../protocol/ops.ts'
import { type BandRecord, type DataRecord, encodeChal, encodeNolink } from '../../protocol/records.ts'
import type { BenchBand, BenchLink } from './bench-state.ts'
import type { Scheduler } from '../virtual/scheduler.ts'

export type BenchLinksParts = {
  readonly primitives: Primitives
  readonly scheduler: Scheduler
  readonly engineSecret: Bytes
  readonly toBand: (band: BenchBand, bytes: Uint8Array<ArrayBuffer>) => void
  /** The RELEASE for a band whose binding is over. */
  readonly release: (band: BenchBand) => Uint8Array<ArrayBuffer>
}

export class BenchLinks {
  readonly #parts: BenchLinksParts

  constructor(parts: BenchLinksParts) {
    this.#parts = parts
  }

  /** Sends a fresh CHAL. */
  challenge(band: BenchBand): void {
    band.nonce = this.#parts.primitives.randomBytes(16)
    this.#parts.toBand(band, encodeChal(band.nonce))
  }

  #rootFor(band: BenchBand, n: number): Bytes | undefined {
    if (n === band.k) return band.root
    return n === band.k - 1 ? band.previous : undefined
  }

  /** Answers a RESUME: HELLO on a pending link, NOLINK, or RELEASE of a binding that is over. */
  resume(band: BenchBand, record: Extract<BandRecord, { type: 'resume' }>): void {
    const { primitives } = this.#parts
    if (band.tombstoned) return this.#parts.toBand(band, this.#parts.release(band))
    const root = this.#rootFor(band, record.n)
    if (band.nonce === undefined) return this.challenge(band)
    if (root === undefined) {
      if (record.n === band.k - 1) band.cloneAlarms += 1
      return this.#parts.toBand(band, encodeNolink())
    }
    if (!equalSecret(resumeMac(primitives, root, record.maced, band.nonce), record.mac)) {
      return this.#parts.toBand(band, encodeNolink())
    }
    const keys = resumeKeys(primitives, root, record.maced, band.nonce)
    band.nonce = undefined
    band.candidate = this.#link(band, keys, record.n, nextRoot(primitives, root))
    this.seal(band, band.candidate, { type: 'hello' })
  }

  /** Answers a REKEY1: REKEY2 and HELLO. */
  rekey(band: BenchBand, record: Extract<BandRecord, { type: 'rekey1' }>): void {
    const { primitives, scheduler } = this.#parts
    const { nonce } = band
    const root = this.#rootFor(band, record.n)
    if (nonce === undefined) return this.challenge(band)
    if (root === undefined || !equalSecret(rekeyMac(primitives, root, record.maced, nonce), record.mac)) return
    const { maced } = record
    const { bid, generation, bandKey } = band
    const rekey = startRekeyAsEngine(primitives, {
      maced,
      generation,
      root,
      engineNonce: nonce,
      engineSecret: this.#parts.engineSecret,
      bandKey,
    })
    if (!rekey.readRekey1(record.message)) return
    band.nonce = undefined
    const answer = rekey.rekey2({ timeMs: scheduler.nowMs(), flags: 0 })
    const { ask, ...keys } = rekey.finish()
    band.candidate = this.#link(band, keys, record.n, rekeyRoot(primitives, ask, { bid, generation, n: record.n }))
    this.#parts.toBand(band, answer)
    this.seal(band, band.candidate, { type: 'hello' })
  }

  #link(band: BenchBand, keys: LinkKeys, n: number, next: Bytes): BenchLink {
    const binding = { bid: idBytes(band.bid), generation: band.generation }
    const { primitives, scheduler } = this.#parts
    const channel = new SealedChannel(primitives, { end: 'engine', keys, binding, monotonicMs: scheduler.nowMs })
    return { channel, n, nextRoot: next, tick: 0 }
  }

  /** Opens a record of the pending or the live link; the pending one becomes live with its first. */
  open(band: BenchBand, record: DataRecord, context?: Bytes): Bytes | undefined {
    for (const link of [band.candidate, band.link]) {
      const opened = link?.channel.open(record, context)
      if (link === undefined || !(opened instanceof Uint8Array)) continue
      if (link === band.candidate) this.#establish(band, link)
      else if (record.ratcheted && band.k === link.n + 1) band.previous = undefined
      return opened
    }
    return undefined
  }

  #establish(band: BenchBand, link: BenchLink): void {
    Object.assign(band, { link, candidate: undefined })
    if (link.n === band.k) Object.assign(band, { previous: band.root, root: link.nextRoot, k: link.n + 1 })
    this.seal(band, link, { type: 'ratchetAck', n: link.n + 1 })
  }

  /** Seals one op on a link and sends it. */
  seal(band: BenchBand, link: BenchLink | undefined, op: DownOp): void {
    const record = link?.channel.seal(encodeDownOp(op))
    if (record !== undefined) this.#parts.toBand(band, record)
  }
}
