// Keepalive of one socket from the client's side (RFC 1122 §4.2.3.6 for TCP's own): a connection that died without a word looks open
// for hours. Browsers have no WebSocket ping, so the question is an ordinary frame, and what asks it ends the socket unanswered.

import type { PhoneClock } from './phone-clock.ts'

export type Liveness = {
  /** Something came. */
  readonly heard: () => void
  readonly stop: () => void
}

/** Check interval, ms: a phone that slept asks this soon after it wakes. */
const lookEveryMs = 5_000

/**
 * Idle watchdog: calls `ask` when nothing was heard for `silenceMs`, and when the clock moved otherwise than the timer: the device slept, or its
 * clock was set. Silence is counted in timers, so that a clock that is set back hides none.
 */
export function watchLiveness(clock: PhoneClock, silenceMs: number, ask: () => void): Liveness {
  const everyMs = Math.min(silenceMs, lookEveryMs)
  let quietMs = 0
  let lookedAtMs = clock.nowMs()
  const look = (): void => {
    const nowMs = clock.nowMs()
    const isJump = Math.abs(nowMs - lookedAtMs - everyMs) > lookEveryMs
    lookedAtMs = nowMs
    quietMs += everyMs
    cancel = clock.after(everyMs, look)
    if (!isJump && quietMs < silenceMs) return
    quietMs = 0
    ask()
  }
  let cancel = clock.after(everyMs, look)
  return {
    heard: () => {
      quietMs = 0
    },
    stop: () => cancel(),
  }
}
