// Fair admission control with LRU eviction: a bounded number of places with owners, of which none keeps all, neither one owner nor
// many who hold theirs for ever. For what can be taken away again; what cannot is counted by `Shares`.

export type PlaceLimits = { readonly max: number; readonly perOwnerMax: number }

export class Places<Holder> {
  readonly #limits: PlaceLimits
  /** Longest unused first. */
  readonly #owners = new Map<Holder, string>()
  readonly #counts = new Map<string, number>()

  constructor(limits: PlaceLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#owners.size
  }

  /** Takes a place, or says that one is in use. There may then be more than there should: see `tooMany`. */
  use(holder: Holder, owner: string): void {
    this.leave(holder)
    this.#owners.set(holder, owner)
    this.#counts.set(owner, this.#countOf(owner) + 1)
  }

  /** Gives a place back; nothing happens when there is none. */
  leave(holder: Holder): void {
    const owner = this.#owners.get(holder)
    if (owner === undefined) return
    this.#owners.delete(holder)
    const left = this.#countOf(owner) - 1
    if (left > 0) this.#counts.set(owner, left)
    else this.#counts.delete(owner)
  }

  /** Whether an owner has more than this, or all together have. */
  isBeyond(owner: string, { max, perOwnerMax }: PlaceLimits): boolean {
    return this.#owners.size > max || this.#countOf(owner) > perOwnerMax
  }

  /** Takes the places beyond the limits away, and says whose: the longest unused of an owner with too many, then of all. */
  tooMany(): readonly Holder[] {
    const gone: Holder[] = []
    const takeAway = (holder: Holder): void => {
      this.leave(holder)
      gone.push(holder)
    }
    for (const [holder, owner] of this.#owners) {
      if (this.#countOf(owner) > this.#limits.perOwnerMax) takeAway(holder)
    }
    for (const holder of this.#owners.keys()) {
      if (this.#owners.size <= this.#limits.max) break
      takeAway(holder)
    }
    return gone
  }

  #countOf(owner: string): number {
    return this.#counts.get(owner) ?? 0
  }
}

/** Counting semaphore with a limit per owner: a bounded number of things under way, of which one owner has a part, never all. */
export class Shares {
  readonly #limits: PlaceLimits
  readonly #counts = new Map<string, number>()
  #count = 0

  constructor(limits: PlaceLimits) {
    this.#limits = limits
  }

  /** Takes a share; the returned function, called once or more often, gives it back. Undefined when there is none for this owner. */
  take(owner: string): (() => void) | undefined {
    const own = this.#counts.get(owner) ?? 0
    if (this.#count >= this.#limits.max || own >= this.#limits.perOwnerMax) return undefined
    this.#count++
    this.#counts.set(owner, own + 1)
    let isTaken = true
    return () => {
      if (!isTaken) return
      isTaken = false
      this.#count--
      const left = (this.#counts.get(owner) ?? 0) - 1
      if (left > 0) this.#counts.set(owner, left)
      else this.#counts.delete(owner)
    }
  }
}
