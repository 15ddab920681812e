import { expect, it } from 'vitest'
import { evictOldest } from './evict-oldest.ts'

it('Of too many entries the oldest go, those that were set anew stay, and never more than the bound are left', () => {
  const map = new Map<number, string>()
  for (let key = 0; key < 1_000; key++) {
    // One that is remembered anew time and again.
    map.delete(7)
    map.set(7, 'again')
    map.set(1_000 + key, 'once')
    evictOldest(map, 100)
    expect(map.size).toBeLessThanOrEqual(100)
  }
  expect(map.has(7)).toBe(true)
  expect(map.has(1_999)).toBe(true)
  expect(map.size).toBeGreaterThan(90)
  expect([...map.keys()].filter((key) => key !== 7)).toEqual(
    Array.from({ length: map.size - 1 }, (_, at) => 2_000 - (map.size - 1) + at),
  )
})

it('A map at its bound is left alone', () => {
  const map = new Map(Array.from({ length: 100 }, (_, key) => [key, key]))
  evictOldest(map, 100)
  expect(map.size).toBe(100)
})
