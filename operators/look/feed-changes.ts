// Diff of the feed: what changed from one second to the next.

import type { FeedValue } from '../../protocol/messages/operator-feed.ts'

/** The fields that differ, by position, with their new values. */
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
