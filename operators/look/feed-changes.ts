// What changed from one second of the feed to the next.

import type { FeedValue } from '../../protocol/messages/operator-feed.ts'

export function changesOf(
  before: readonly FeedValue[],
  now: readonly FeedValue[],
): readonly (readonly [field: number, value: FeedValue])[] {
  const changes: (readonly [number, FeedValue])[] = []
  now.forEach((value, field) => {
    if (before[field] !== value) changes.push([field, value])
  })
  return changes
}
