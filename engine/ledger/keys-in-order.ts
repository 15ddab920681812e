// Map of increasing keys in typed arrays. Values by position in the journal, which come in its order: two numbers each in arrays, where a map
// would keep the text of the key and an entry of its own, tens of thousands of them, for the collector to carry along.

import { orderedKey } from '../ports/rows.ts'

/** What is used of a Map here. */
export type ByKey<Value> = Iterable<readonly [string, Value]> & {
  readonly size: number
  readonly get: (key: string) => Value | undefined
  readonly set: (key: string, value: Value) => unknown
  readonly keys: () => Iterable<string>
}

/** A map whose keys are positions, as `orderedKey` spells them. Fast for keys that rise, and right for others. */
export class KeysInOrder<Value> implements ByKey<Value> {
  readonly #lsns: number[] = []
  readonly #values: Value[] = []

  get size(): number {
    return this.#lsns.length
  }

  get(key: string): Value | undefined {
    const lsn = Number.parseInt(key, 16)
    const at = this.#placeOf(lsn)
    return this.#lsns[at] === lsn ? this.#values[at] : undefined
  }

  set(key: string, value: Value): this {
    const lsn = Number.parseInt(key, 16)
    const at = this.#placeOf(lsn)
    if (this.#lsns[at] === lsn) this.#values[at] = value
    else if (at === this.#lsns.length) {
      this.#lsns.push(lsn)
      this.#values.push(value)
    } else {
      this.#lsns.splice(at, 0, lsn)
      this.#values.splice(at, 0, value)
    }
    return this
  }

  *keys(): Generator<string> {
    for (const lsn of this.#lsns) yield orderedKey(lsn)
  }

  *[Symbol.iterator](): Generator<[string, Value]> {
    for (const [at, value] of this.#values.entries()) yield [orderedKey(this.#lsns[at] ?? 0), value]
  }

  /** Where a position stands, or would. Mostly at the end. */
  #placeOf(lsn: number): number {
    let from = 0
    let to = this.#lsns.length
    if ((this.#lsns[to - 1] ?? -1) < lsn) return to
    while (from < to) {
      const middle = (from + to) >>> 1
      if ((this.#lsns[middle] ?? 0) < lsn) from = middle + 1
      else to = middle
    }
    return from
  }
}
