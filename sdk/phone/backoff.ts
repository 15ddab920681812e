// Exponential backoff with full jitter before reconnecting, so that a million phones that lost one engine do not come back in
// one second.

export const backoffFirstMs = 500
export const backoffMaxMs = 30_000
/** The longest that an engine may keep a phone away, ms: what it asks for beyond this is not believed. */
export const retryAfterMaxMs = 600_000

/** Backoff before attempt `attempt` (0 is the first after a loss), ms; `fraction` is random, 0 ≤ fraction < 1. */
export function backoffMs(attempt: number, fraction: number, retryAfterMs: number | null): number {
  const ceiling = Math.min(backoffMaxMs, backoffFirstMs * 2 ** Math.min(attempt, 16))
  return Math.round(Math.min(retryAfterMs ?? 0, retryAfterMaxMs) + fraction * ceiling)
}
