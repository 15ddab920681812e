// Bounded map in order of writing: the keys set last are kept, and the oldest sixteenth goes at once when there are too many (see evict-oldest.ts).

import { evictOldest } from './evict-oldest.ts'

export class RecentKeys<Key, Value> {
  readonly #sizeMax: number
  /** Oldest first. */
  readonly #map = new Map<Key, Value>()

  /** Keeps at most `sizeMax` keys. */
  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax
  }

  get size(): number {
    return this.#map.size
  }

  /** Looking makes a key no younger. */
  get(key: Key): Value | undefined {
    return this.#map.get(key)
  }

  /** Keeps a value under a key, which is the youngest from now on. */
  set(key: Key, value: Value): void {
    this.#map.delete(key)
    this.#map.set(key, value)
    evictOldest(this.#map, this.#sizeMax)
  }

  delete(key: Key): void {
    this.#map.delete(key)
  }
}
