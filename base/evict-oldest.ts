// Evicts the oldest sixteenth of a Map that outgrew its limit: bounds what is remembered by keys that peers choose.

/** The share of `sizeMax` that one eviction removes. */
const goesAtOnce = 1 / 16

/**
 * Evicts in insertion order from a map that has more than `sizeMax` entries: a sixteenth of `sizeMax` at once. One by one,
 * each would have to step over all that was deleted since the map last grew: 25 µs among twenty thousand.
 */
export function evictOldest<Key>(map: Map<Key, unknown>, sizeMax: number): void {
  if (map.size <= sizeMax) return
  let left = Math.ceil(sizeMax * goesAtOnce)
  for (const key of map.keys()) {
    if (left-- === 0) break
    map.delete(key)
  }
}
