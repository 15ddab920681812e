// Slot table of one thread's in-flight requests, in typed arrays: when each was due, which band's it is, what it asks. The id on
// the wire names the place and how often it was used, so that a late answer never counts for another request.

import { offerBytes } from '../../protocol/offer.ts'

/** Honest load, what an adversary does first, and each of its attacks. */
const requestKinds = [
  'honest',
  'prelude',
  'replay',
  'replay-elsewhere',
  'forged-proof',
  'bit-flip',
  'forged-offer',
  'stolen',
] as const
export type RequestKind = (typeof requestKinds)[number]

const placeBits = 24
const placesMax = 2 ** placeBits
const usesMax = 127

export class Requests {
  /** The 117 bytes of each request's offer, so that it can be asked again on a new socket. */
  offers: Uint8Array
  #dueMs: Float64Array
  #band: Int32Array
  #kind: Uint8Array
  #verdict: Uint8Array
  #uses: Uint8Array
  #isTaken: Uint8Array
  #hasWaited: Uint8Array
  #free: Int32Array
  #freeCount: number

  constructor(places = 4_096) {
    this.offers = new Uint8Array(places * offerBytes)
    this.#dueMs = new Float64Array(places)
    this.#band = new Int32Array(places)
    this.#kind = new Uint8Array(places)
    this.#verdict = new Uint8Array(places)
    this.#uses = new Uint8Array(places)
    this.#isTaken = new Uint8Array(places)
    this.#hasWaited = new Uint8Array(places)
    this.#free = Int32Array.from({ length: places }, (_, index) => places - 1 - index)
    this.#freeCount = places
  }

  /** Requests without an answer yet. */
  get count(): number {
    return this.#dueMs.length - this.#freeCount
  }

  /** A place for a new request; undefined when 16 million are under way. */
  take(dueMs: number, band: number, kind: RequestKind, verdict: number): number | undefined {
    if (this.#freeCount === 0 && !this.#grow()) return undefined
    const place = this.#free[--this.#freeCount] ?? 0
    this.#dueMs[place] = dueMs
    this.#band[place] = band
    this.#kind[place] = requestKinds.indexOf(kind)
    this.#verdict[place] = verdict
    this.#uses[place] = ((this.#uses[place] ?? 0) % usesMax) + 1
    this.#isTaken[place] = 1
    this.#hasWaited[place] = 0
    return place
  }

  give(place: number): void {
    this.#isTaken[place] = 0
    this.#free[this.#freeCount++] = place
  }

  /** Below 2^31: the ids above it are attaches. Never 0, which names no request: an error for it would be matched to none. */
  idOf(place: number): number {
    return (this.#uses[place] ?? 0) * placesMax + place
  }

  /** The request that an id names; undefined when it was answered already. */
  placeOf(id: number): number | undefined {
    const place = id % placesMax
    const isIt = this.#isTaken[place] === 1 && this.#uses[place] === Math.floor(id / placesMax)
    return isIt ? place : undefined
  }

  dueMs(place: number): number {
    return this.#dueMs[place] ?? 0
  }

  band(place: number): number {
    return this.#band[place] ?? 0
  }

  kind(place: number): RequestKind {
    return requestKinds[this.#kind[place] ?? 0] ?? 'honest'
  }

  verdict(place: number): number {
    return this.#verdict[place] ?? 0
  }

  /** Did it wait for its band's link? */
  hasWaited(place: number): boolean {
    return this.#hasWaited[place] === 1
  }

  waits(place: number): void {
    this.#hasWaited[place] = 1
  }

  /** Every request under way whose band is within a range: those of one socket. */
  *ofBands(from: number, to: number): Generator<number> {
    for (let place = 0; place < this.#isTaken.length; place++) {
      const band = this.#band[place] ?? 0
      if (this.#isTaken[place] === 1 && band >= from && band < to) yield place
    }
  }

  #grow(): boolean {
    const before = this.#dueMs.length
    const places = Math.min(placesMax, 2 * before)
    if (places === before) return false
    this.offers = copyInto(new Uint8Array(places * offerBytes), this.offers)
    this.#dueMs = copyInto(new Float64Array(places), this.#dueMs)
    this.#band = copyInto(new Int32Array(places), this.#band)
    this.#kind = copyInto(new Uint8Array(places), this.#kind)
    this.#verdict = copyInto(new Uint8Array(places), this.#verdict)
    this.#uses = copyInto(new Uint8Array(places), this.#uses)
    this.#isTaken = copyInto(new Uint8Array(places), this.#isTaken)
    this.#hasWaited = copyInto(new Uint8Array(places), this.#hasWaited)
    this.#free = new Int32Array(places)
    for (let place = places - 1; place >= before; place--) this.#free[this.#freeCount++] = place
    return true
  }
}

function copyInto<Values extends { set: (from: Values) => void }>(larger: Values, from: Values): Values {
  larger.set(from)
  return larger
}
