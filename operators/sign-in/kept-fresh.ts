// Stale-while-revalidate cache of one remote value that is read again after a time: what it was stays good while it is read, and when
// that fails. Used for what a provider says of itself, which changes without a word.

import type { Clock } from '../../engine/ports/clock.ts'

type KeptFresh = {
  readonly clock: Pick<Clock, 'monotonicMs'>
  /** After so long the next use reads again, also after a failure: then so long after that. */
  readonly everyMs: number
  /** Hears of the first failure in a row, and of the first success after failures (undefined). */
  readonly told: (error: unknown) => void
}

/** Gives the value; rejects as `read` does only while there never was one. */
export function keptFresh<Value>(
  read: () => Promise<Value>,
  { clock, everyMs, told }: KeptFresh,
): () => Promise<Value> {
  let good: { readonly value: Value } | undefined
  let triedAtMs = -Infinity
  let reading: Promise<Value> | undefined
  let hasFailed = false

  async function readNow(): Promise<Value> {
    triedAtMs = clock.monotonicMs()
    try {
      const value = await read()
      good = { value }
      if (hasFailed) told(undefined)
      hasFailed = false
      return value
    } catch (error) {
      if (!hasFailed) told(error)
      hasFailed = true
      throw error
    } finally {
      reading = undefined
    }
  }

  return async () => {
    if (good === undefined) return (reading ??= readNow())
    if (reading === undefined && clock.monotonicMs() - triedAtMs >= everyMs) {
      reading = readNow()
      // The caller does not wait for the new value, and hears nothing of a failure.
      reading.catch(() => undefined)
    }
    return good.value
  }
}
