// Data-fetching hooks of pages (stale while revalidate): asked for when the page opens and again when told, with the old answer left in sight.

import type { ApiRefusal } from '../../protocol/operator-api.ts'
import type { Answered } from './api.ts'
import { told } from './live.ts'
import { useEffect, useMemo, useRef, useState } from './preact.ts'
import { computed } from './signals.ts'

export type Loaded<Answer> = {
  readonly answer: Answer | undefined
  readonly refusal: ApiRefusal | undefined
  readonly isLoading: boolean
  /** Asks again. */
  readonly again: () => void
}

/**
 * Revalidates when these fields of the feed change, and when the feed comes back after a break: then the engine may be another run,
 * or others may have changed what is shown. Of a list of the engine the field is its count of changes.
 */
export function useFresh({ again }: Pick<Loaded<unknown>, 'again'>, fields: readonly string[]): void {
  const now = useMemo(() => computed(() => told(fields)), [fields.join()]).value
  const seen = useRef(now)
  useEffect(() => {
    if (now === undefined || now === seen.current) return
    seen.current = now
    again()
  }, [now])
}

/** Fetches now and whenever `key` changes. An answer that comes after a newer question is dropped (race). */
export function useLoaded<Answer>(key: string, ask: () => Promise<Answered<Answer>>): Loaded<Answer> {
  const [state, setState] = useState<Omit<Loaded<Answer>, 'again'> & { readonly key: string }>({
    key,
    answer: undefined,
    refusal: undefined,
    isLoading: true,
  })
  const asked = useRef(0)
  const load = async (): Promise<void> => {
    asked.current += 1
    const number = asked.current
    setState((was) => ({ ...was, isLoading: true }))
    const answered = await ask()
    if (number !== asked.current) return
    setState(
      answered.ok
        ? { key, answer: answered.answer, refusal: undefined, isLoading: false }
        : (was) => ({
            key,
            answer: was.key === key ? was.answer : undefined,
            refusal: answered.refusal,
            isLoading: false,
          }),
    )
  }
  useEffect(() => {
    void load()
    return () => {
      asked.current += 1
    }
  }, [key])
  const isOfKey = state.key === key
  return {
    answer: isOfKey ? state.answer : undefined,
    refusal: isOfKey ? state.refusal : undefined,
    isLoading: isOfKey ? state.isLoading : true,
    again: () => void load(),
  }
}
