// What changed from one second of the feed to the next.

export function changesOf(
  before: readonly number[],
  now: readonly number[],
): readonly (readonly [field: number, value: number])[] {
  const changes: (readonly [number, number])[] = []
  now.forEach((value, field) => {
    if (before[field] !== value) changes.push([field, value])
  })
  return changes
}
