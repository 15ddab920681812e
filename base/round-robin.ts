// A round-robin cursor over a Map that survives inserts and deletes, for chores that visit a few entries at each turn.

/**
 * Gives the next value and its key each time, in the order they were set, and from the beginning again at the end; undefined when the
 * map is empty. Values may come and go meanwhile. It goes on where it was: a new iterator for each would step over all that was deleted
 * since the map last grew, 25 µs for each of twenty thousand that are replaced one by one. Only for maps that are gone through all the
 * time: the iterator keeps every table that the map has had since it was asked last.
 */
export function roundRobin<Key, Value>(map: ReadonlyMap<Key, Value>): () => readonly [Key, Value] | undefined {
  let entries = map.entries()
  return () => {
    const next = entries.next()
    if (next.done !== true) return next.value
    entries = map.entries()
    const first = entries.next()
    return first.done === true ? undefined : first.value
  }
}
