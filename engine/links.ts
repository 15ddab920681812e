// Live links: the sealed channel of each attached band, about 128 bytes in one slab, not objects (DESIGN §4).
// A link is named by its index. Times are tenths of a second since the engine started, which fit 32 bits for 13 years.

import { type Bytes } from '../protocol/bytes.ts'

export type LinkIndex = number

const linkBytes = 132
const at = {
  up: 0,
  down: 32,
  bid: 64,
  generation: 72,
  sid: 76,
  upPhase: 78,
  downPhase: 79,
  upCtr: 80,
  downCtr: 84,
  tick: 88,
  tickAt: 92,
  tickBeforeAt: 96,
  leaseUntil: 100,
  wearEpoch: 104,
  downPhaseCtr: 108,
  downPhaseAt: 112,
  root: 116,
  tapAt: 120,
  badTagsAt: 124,
  badTags: 128,
  wear: 129,
  rootSettled: 130,
} as const

/** A 32-bit or 8-bit number kept for each link. */
export type LinkNumber = Exclude<keyof typeof at, 'up' | 'down' | 'bid'>
const oneByte: ReadonlySet<LinkNumber> = new Set(['upPhase', 'downPhase', 'badTags', 'wear', 'rootSettled'])

export type NewLink = {
  readonly up: Bytes
  readonly down: Bytes
  readonly bid: Bytes
  readonly generation: number
  readonly sid: number
  /** The n of the RESUME that made it. */
  readonly root: number
}

export class Links {
  private bytes: Uint8Array
  private view: DataView
  private readonly free: LinkIndex[] = []
  private readonly countMax: number
  private used = 0

  constructor(countMax: number) {
    this.countMax = countMax
    this.bytes = new Uint8Array(linkBytes * Math.min(countMax, 256))
    this.view = new DataView(this.bytes.buffer)
  }

  /** Links in use. */
  get count(): number {
    return this.used - this.free.length
  }

  /** Takes a place in the slab; undefined when `linksMax` is reached. */
  open(link: NewLink): LinkIndex | undefined {
    const index = this.free.pop() ?? (this.used < this.countMax ? this.used++ : undefined)
    if (index === undefined) return undefined
    if ((index + 1) * linkBytes > this.bytes.length) this.grow()
    const base = index * linkBytes
    this.bytes.fill(0, base, base + linkBytes)
    this.bytes.set(link.up, base + at.up)
    this.bytes.set(link.down, base + at.down)
    this.bytes.set(link.bid, base + at.bid)
    this.set(index, 'generation', link.generation)
    this.view.setUint16(base + at.sid, link.sid)
    this.set(index, 'root', link.root)
    return index
  }

  /** Gives the place back and wipes its keys. */
  close(index: LinkIndex): void {
    this.bytes.fill(0, index * linkBytes, (index + 1) * linkBytes)
    this.free.push(index)
  }

  /** A key of the link: a view of the slab, valid until the next `open`. */
  key(index: LinkIndex, which: 'up' | 'down'): Bytes {
    const base = index * linkBytes + at[which]
    return this.bytes.subarray(base, base + 32)
  }

  setKey(index: LinkIndex, which: 'up' | 'down', key: Bytes): void {
    this.bytes.set(key, index * linkBytes + at[which])
  }

  bid(index: LinkIndex): Bytes {
    const base = index * linkBytes + at.bid
    return this.bytes.subarray(base, base + 8)
  }

  get(index: LinkIndex, name: LinkNumber): number {
    const place = index * linkBytes + at[name]
    if (name === 'sid') return this.view.getUint16(place)
    return oneByte.has(name) ? this.view.getUint8(place) : this.view.getUint32(place)
  }

  set(index: LinkIndex, name: Exclude<LinkNumber, 'sid'>, value: number): void {
    const place = index * linkBytes + at[name]
    if (oneByte.has(name)) this.view.setUint8(place, value)
    else this.view.setUint32(place, value)
  }

  private grow(): void {
    const grown = new Uint8Array(Math.min(this.countMax * linkBytes, 2 * this.bytes.length))
    grown.set(this.bytes)
    this.bytes.fill(0)
    this.bytes = grown
    this.view = new DataView(grown.buffer)
  }
}
