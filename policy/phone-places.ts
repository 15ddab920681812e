// Eviction policy of enrolled phones. Which enrolled phone of a full account gives its place to a new one (PROTOCOL §8 "Enrolment"): never one
// that is in use.

import { phoneUnusedMs } from '../protocol/limits.ts'

type Place = { readonly enrolledAtMs: number; readonly pendingUntilMs: number; readonly seenAtMs: number }

/**
 * The phone that is pending longest, else the one not seen for longest, if that is `phoneUnusedMs`. A hello is what counts as seen,
 * and a session may outlast that: one that is live is in use.
 */
export function givesWay<Phone extends Place>(
  phones: readonly Phone[],
  at: { readonly nowMs: number; readonly isLive: (phone: Phone) => boolean },
): Phone | undefined {
  const { nowMs, isLive } = at
  const pending = phones.filter((one) => one.pendingUntilMs > nowMs)
  if (pending.length > 0) return pending.toSorted((left, right) => left.enrolledAtMs - right.enrolledAtMs)[0]
  const unseen = phones.filter((one) => nowMs - one.seenAtMs >= phoneUnusedMs && !isLive(one))
  return unseen.toSorted((left, right) => left.seenAtMs - right.seenAtMs)[0]
}
