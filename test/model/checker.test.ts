// The checker itself, on a model small enough to count by hand: two counters from 0 to 3.
import { describe, expect, it } from 'vitest'
import type { Model } from './checker.ts'
import { check, describeVerdict } from './checker.ts'

type Counters = { readonly a: number; readonly b: number }

function counters(broken: (state: Counters) => string | undefined): Model<Counters> {
  return {
    initial: { a: 0, b: 0 },
    key: ({ a, b }) => `${a},${b}`,
    broken,
    steps: ({ a, b }) => [
      { label: 'a', next: { a: Math.min(a + 1, 3), b } },
      { label: 'b', next: { a, b: Math.min(b + 1, 3) } },
    ],
  }
}

describe('the model checker', () => {
  it('visits every reachable state once', () => {
    const verdict = check(
      counters(() => undefined),
      100,
    )
    expect(verdict).toMatchObject({ statesCount: 16, depth: 6, complete: true, broken: undefined })
  })

  it('finds a broken invariant by a shortest path', () => {
    const verdict = check(
      counters(({ a, b }) => (a * b === 2 ? 'no product of two' : undefined)),
      100,
    )
    expect(verdict.broken).toBe('no product of two')
    expect(verdict.trace).toHaveLength(3)
    expect(describeVerdict(verdict)).toContain('1. ')
  })

  it('says so when it stops at its limit', () => {
    const verdict = check(
      counters(() => undefined),
      10,
    )
    expect(verdict).toMatchObject({ complete: false, broken: undefined })
    expect(verdict.statesCount).toBeLessThan(16)
  })
})
