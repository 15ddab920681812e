import { describe, expect, it } from 'vitest'
import { keptFresh } from './kept-fresh.ts'

const everyMs = 1_000

function kept() {
  let nowMs = 0
  const state = { answers: [] as (string | Error)[], reads: 0, told: [] as unknown[] }
  const read = async (): Promise<string> => {
    const answer = state.answers[Math.min(state.reads++, state.answers.length - 1)] ?? ''
    if (answer instanceof Error) throw answer
    return answer
  }
  const fresh = keptFresh(read, {
    clock: { monotonicMs: () => nowMs },
    everyMs,
    told: (error) => void state.told.push(error),
  })
  return { state, fresh, pass: (ms: number) => void (nowMs += ms) }
}

describe('a value that is kept fresh', () => {
  it('is read at the first use, once for all who wait, and again after its time', async () => {
    const { state, fresh, pass } = kept()
    state.answers = ['old', 'new']
    expect(await Promise.all([fresh(), fresh()])).toEqual(['old', 'old'])
    pass(everyMs - 1)
    expect([await fresh(), state.reads]).toEqual(['old', 1])
    pass(1)
    // The one who finds it old does not wait for the new one.
    expect(await fresh()).toBe('old')
    expect([await fresh(), state.reads]).toEqual(['new', 2])
    expect(state.told).toEqual([])
  })

  it('stays the last good one while it cannot be read, which is told once, as is that it can be again', async () => {
    const { state, fresh, pass } = kept()
    const away = new Error('away')
    state.answers = ['old', away, away, 'new']
    await fresh()
    for (let time = 0; time < 2; time++) {
      pass(everyMs)
      expect([await fresh(), await fresh()]).toEqual(['old', 'old'])
    }
    expect(state.told).toEqual([away])
    pass(everyMs)
    await fresh()
    expect([await fresh(), state.reads, state.told]).toEqual(['new', 4, [away, undefined]])
  })

  it('is asked for again at every use while there never was one, and that is told once', async () => {
    const { state, fresh } = kept()
    const away = new Error('away')
    state.answers = [away, away, 'here']
    await expect(fresh()).rejects.toBe(away)
    await expect(fresh()).rejects.toBe(away)
    expect(await fresh()).toBe('here')
    expect(state.told).toEqual([away, undefined])
  })
})
