// Timeouts of the phone client, by name. Nothing that it awaits may keep it for ever: a network that swallows, an
// issuer that hangs and a radio that never answers all end in one of these.

import type { PhoneClock } from './phone-clock.ts'
import { PhoneError } from './phone-errors.ts'

/** All in ms, whole numbers from 1 to `waitMaxMs`. */
export type PhoneTimeouts = {
  /** The token source may take this long; then it is asked again as after any loss. */
  readonly tokenMs: number
  /** From opening a socket to the answer to hello, the session key's signature included. The engine allows 5 s from the upgrade. */
  readonly helloMs: number
  /** An answer of the engine. A question that is not answered ends its socket, and a new one is opened. */
  readonly answerMs: number
  /** A socket that brought nothing for this long is asked a question of the client's own. */
  readonly pingAfterMs: number
  /** The radio may take this long for one fragment; then it counts as lost on the air. */
  readonly fragmentMs: number
}

export const defaultTimeouts: PhoneTimeouts = {
  tokenMs: 30_000,
  helloMs: 10_000,
  answerMs: 10_000,
  pingAfterMs: 35_000,
  fragmentMs: 5_000,
}

/** The longest wait, ms: timers of JavaScript count in 31 bits, and fire at once past that. */
export const waitMaxMs = 0x7fff_ffff

/** The defaults with what the app sets instead. Throws a PhoneError `out-of-range` on what is no wait. */
export function timeoutsOf(set: Partial<PhoneTimeouts>): PhoneTimeouts {
  const pick = (name: keyof PhoneTimeouts): number =>
    checkedWait(`timeouts.${name}`, set[name] ?? defaultTimeouts[name])
  return {
    tokenMs: pick('tokenMs'),
    helloMs: pick('helloMs'),
    answerMs: pick('answerMs'),
    pingAfterMs: pick('pingAfterMs'),
    fragmentMs: pick('fragmentMs'),
  }
}

/** Validates a wait and returns it, ms. Throws a PhoneError `out-of-range` that names it. */
export function checkedWait(name: string, ms: number): number {
  if (Number.isInteger(ms) && ms >= 1 && ms <= waitMaxMs) return ms
  throw new PhoneError('out-of-range', {
    about: `${name}: a whole number of ms from 1 to ${waitMaxMs} expected, got ${ms}`,
  })
}

/**
 * Timeout around a call of the app's function. Rejects with what it threw, at once or later, or with `late`. What it does after that
 * is ignored.
 */
export function answerWithin<Value>(
  clock: PhoneClock,
  ms: number,
  late: PhoneError,
  call: () => Promise<Value> | Value,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => reject(late))
    const run = async (): Promise<Value> => call()
    run().finally(cancel).then(resolve, reject)
  })
}
