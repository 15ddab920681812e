// What was begun and waits to come back, such as the challenge of a passkey: each may be taken once, within a few minutes.

import { operatorLimits } from './limits.ts'

export class Waiting<Kept> {
  /** Oldest first. */
  readonly #kept = new Map<string, { readonly value: Kept; readonly endsAtMs: number }>()

  keep(key: string, value: Kept, nowMs: number): void {
    for (const [old, { endsAtMs }] of this.#kept) {
      if (endsAtMs > nowMs && this.#kept.size < operatorLimits.waitingMax) break
      this.#kept.delete(old)
    }
    this.#kept.set(key, { value, endsAtMs: nowMs + operatorLimits.waitingMs })
  }

  /** Takes it: a second time it is not there. */
  take(key: string, nowMs: number): Kept | undefined {
    const found = this.#kept.get(key)
    this.#kept.delete(key)
    return found !== undefined && nowMs < found.endsAtMs ? found.value : undefined
  }
}
