// The bands attached to the slot numbers of one session, whose slots lie in the slabs of slots.ts. A hub has tens of thousands of them: four
// bytes each. A pairing under way occupies a number too: see pairing-window.ts.

/** Where a slot lies in the slabs. */
export type SlotPlace = number

const bandsMin = 8
const none = 0

export class SessionSlots {
  /** Where the slots of all sessions know this one; kept by `SlotDirectory`. */
  sessionPlace = 0
  /** By number: the band's place plus one, or `none`. */
  #bands = new Uint32Array(0)
  #bandsCount = 0

  /** Bands attached in this session. */
  get bandsCount(): number {
    return this.#bandsCount
  }

  /** Where the band of this number lies. */
  band(number: number): SlotPlace | undefined {
    const place = this.#bands[number] ?? none
    return place === none ? undefined : place - 1
  }

  /** Each number with the place of its band. */
  *bands(): Generator<readonly [number: number, place: SlotPlace]> {
    for (const [number, place] of this.#bands.entries()) if (place !== none) yield [number, place - 1]
  }

  /** For `SlotDirectory`, which keeps both sides: what a slot says of its session is what the session says of its slot. */
  setBand(number: number, place: SlotPlace): void {
    if (number >= this.#bands.length) {
      const grown = new Uint32Array(Math.max(bandsMin, 2 ** Math.ceil(Math.log2(number + 1))))
      grown.set(this.#bands)
      this.#bands = grown
    }
    if ((this.#bands[number] ?? none) === none) this.#bandsCount++
    this.#bands[number] = place + 1
  }

  /** For `SlotDirectory`, like `setBand`. */
  deleteBand(number: number): void {
    if ((this.#bands[number] ?? none) === none) return
    this.#bands[number] = none
    this.#bandsCount--
  }
}
