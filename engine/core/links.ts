// Live links: the sealed channel of each attached band, 132 bytes in slabs, not objects (docs/architecture.md §4).
// A link is named by its index. Times are tenths of a second since the engine started, which fit 32 bits for 13 years.

import { type Bytes } from '../../base/bytes.ts'

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

/** A power of two. Slabs do not move when there are more of them: to copy a hundred megabytes took a tenth of a second. */
const linksPerSlab = 2_048
const slabBits = Math.log2(linksPerSlab)

type Slab = { readonly bytes: Uint8Array; readonly view: DataView }

export class Links {
  readonly #slabs: Slab[] = []
  readonly #free: LinkIndex[] = []
  readonly #countMax: number
  #used = 0

  constructor(countMax: number) {
    this.#countMax = countMax
  }

  /** Links in use. */
  get count(): number {
    return this.#used - this.#free.length
  }

  /** Are all `linksMax` places taken? */
  get isFull(): boolean {
    return this.count >= this.#countMax
  }

  /** Takes a place in the slab; undefined when `linksMax` is reached. */
  open(link: NewLink): LinkIndex | undefined {
    const index = this.#free.pop() ?? (this.#used < this.#countMax ? this.#used++ : undefined)
    if (index === undefined) return undefined
    if (index >= this.#slabs.length * linksPerSlab) {
      const grown = new Uint8Array(linkBytes * linksPerSlab)
      this.#slabs.push({ bytes: grown, view: new DataView(grown.buffer) })
    }
    const { bytes, view } = this.#slabOf(index)
    const base = baseOf(index)
    bytes.fill(0, base, base + linkBytes)
    bytes.set(link.up, base + at.up)
    bytes.set(link.down, base + at.down)
    bytes.set(link.bid, base + at.bid)
    this.set(index, 'generation', link.generation)
    view.setUint16(base + at.sid, link.sid)
    this.set(index, 'root', link.root)
    return index
  }

  /** Gives the place back and wipes its keys. */
  close(index: LinkIndex): void {
    const base = baseOf(index)
    this.#slabOf(index).bytes.fill(0, base, base + linkBytes)
    this.#free.push(index)
  }

  /** A key of the link: a view of its slab, valid while the link is open. */
  key(index: LinkIndex, which: 'up' | 'down'): Bytes {
    const base = baseOf(index) + at[which]
    return this.#slabOf(index).bytes.subarray(base, base + 32)
  }

  setKey(index: LinkIndex, which: 'up' | 'down', key: Bytes): void {
    this.#slabOf(index).bytes.set(key, baseOf(index) + at[which])
  }

  bid(index: LinkIndex): Bytes {
    const base = baseOf(index) + at.bid
    return this.#slabOf(index).bytes.subarray(base, base + 8)
  }

  get(index: LinkIndex, name: LinkNumber): number {
    const { view } = this.#slabOf(index)
    const place = baseOf(index) + at[name]
    if (name === 'sid') return view.getUint16(place)
    return oneByte.has(name) ? view.getUint8(place) : view.getUint32(place)
  }

  set(index: LinkIndex, name: Exclude<LinkNumber, 'sid'>, value: number): void {
    const { view } = this.#slabOf(index)
    const place = baseOf(index) + at[name]
    if (oneByte.has(name)) view.setUint8(place, value)
    else view.setUint32(place, value)
  }

  #slabOf(index: LinkIndex): Slab {
    const slab = this.#slabs[index >>> slabBits]
    if (slab === undefined) throw new RangeError(`the index of a link expected, got ${index}`)
    return slab
  }
}

/** Where in its slab a link begins. */
function baseOf(index: LinkIndex): number {
  return (index & (linksPerSlab - 1)) * linkBytes
}
