// Man-in-the-middle adversaries and a fuzzer, for tests, as far as they sit between band and engine: a phone that alters, replays,
// withholds and floods. `HostileRadio` looks to an honest client like any radio; everything goes through its hands, whole records.

import type { Bytes } from '../base/bytes.ts'
import { Reassembler, fragment } from '../protocol/fragments.ts'
import { decodeData, encodeOfferRecord, recordTypes } from '../protocol/records.ts'
import type { BandRadio } from '../sdk/phone/radio-writer.ts'
import type { Scheduler } from './virtual/scheduler.ts'
import type { SeededRandom } from './virtual/seeded-random.ts'

export type Way = 'toBand' | 'toPhone'
export type Captured = { readonly way: Way; readonly record: Uint8Array<ArrayBuffer> }
/** A tampering function: gives what arrives instead of a record: nothing, it, or others. */
export type Tampering = (way: Way, record: Uint8Array<ArrayBuffer>) => readonly Uint8Array<ArrayBuffer>[]

/** Man in the middle as a radio. Until told otherwise it carries everything as it is, and keeps a copy. */
export class HostileRadio implements BandRadio {
  readonly captured: Captured[] = []
  #tampering: Tampering = (_, record) => [record]
  readonly #held: Captured[] = []
  readonly #inner: BandRadio
  readonly #scheduler: Scheduler
  readonly #fromPhone = new Reassembler()
  readonly #fromBand = new Reassembler()
  readonly #listeners = new Set<(fragment: Uint8Array) => void>()

  constructor(inner: BandRadio, scheduler: Scheduler) {
    this.#inner = inner
    this.#scheduler = scheduler
    inner.onFragment((bytes) => this.#arrived('toPhone', this.#fromBand.push(bytes, scheduler.nowMs())))
  }

  get mtu(): number {
    return this.#inner.mtu
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    this.#arrived('toBand', this.#fromPhone.push(bytes, this.#scheduler.nowMs()))
  }

  onFragment(listener: (fragment: Uint8Array) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Tampers with every record from now on. */
  tamper(tampering: Tampering): void {
    this.#tampering = tampering
  }

  /** Puts a record of its own on the air, or one it heard before. */
  inject({ way, record }: Captured): void {
    for (const one of fragment(record, this.#inner.mtu)) {
      if (way === 'toBand') void this.#inner.send(one)
      else for (const listener of this.#listeners) listener(one)
    }
  }

  /** Keeps back what would go this way, until `letGo`. */
  holdBack(way: Way): void {
    this.tamper((goes, record) => {
      if (goes !== way) return [record]
      this.#held.push({ way, record })
      return []
    })
  }

  /** Hands over what was kept back, in order, and is honest again. */
  letGo(): void {
    this.tamper((_, record) => [record])
    for (const held of this.#held.splice(0)) this.inject(held)
  }

  /** Shows the wearer another offer than the one the client sends to the engine. */
  alterOffers(alter: (offer: Bytes) => Bytes): void {
    this.tamper((way, record) => {
      const isOffer = way === 'toBand' && record[0] === recordTypes.offer
      return [isOffer ? encodeOfferRecord(alter(record.slice(2))) : record]
    })
  }

  /** Lets through what brings a link up, and no sealed word of the band: an edge of the wear sensor never arrives. */
  hideWearEdges(): void {
    this.tamper((way, record) => {
      const data = decodeData(record)
      return way === 'toPhone' && data.type === 'data' && !data.proof ? [] : [record]
    })
  }

  /** Answers every proof the band gives with this older one. */
  replayProof(proof: Uint8Array<ArrayBuffer>): void {
    this.tamper((way, record) => {
      const data = decodeData(record)
      return [way === 'toPhone' && data.type === 'data' && data.proof ? proof : record]
    })
  }

  #arrived(way: Way, record: Uint8Array<ArrayBuffer> | undefined): void {
    if (record === undefined) return
    this.captured.push({ way, record })
    for (const one of this.#tampering(way, record)) this.inject({ way, record: one })
  }
}

/** A copy of `bytes` with one bit flipped. */
export function flipBit(bytes: Bytes, bit: number): Uint8Array<ArrayBuffer> {
  const flipped = bytes.slice()
  flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return flipped
}

/**
 * Mutation fuzzer, an endless stream of bad bytes: noise, genuine samples with bits turned over, cut short, run on, or spliced together.
 * For frames and for records alike.
 */
export function* forgeries(random: SeededRandom, samples: readonly Bytes[]): Generator<Uint8Array<ArrayBuffer>, never> {
  const sample = (): Bytes => samples[random.integer(samples.length)] ?? random.bytes(32)
  for (;;) {
    const kind = random.integer(5)
    const chosen = sample()
    if (kind === 0) yield random.bytes(1 + random.integer(300))
    else if (kind === 1) yield flipBit(chosen, random.integer(8 * chosen.length))
    else if (kind === 2) yield chosen.slice(0, random.integer(chosen.length))
    else if (kind === 3) yield spliced(chosen, random.bytes(1 + random.integer(40)))
    else yield spliced(chosen.slice(0, 1 + random.integer(24)), sample().slice(random.integer(24)))
  }
}

function spliced(head: Bytes, tail: Bytes): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(head.length + tail.length)
  joined.set(head)
  joined.set(tail, head.length)
  return joined
}
