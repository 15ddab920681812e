import { expect, it } from 'vitest'
import { roundRobin } from './round-robin.ts'

it('Entries come in the order they were set, round and round, also those that come meanwhile and not those that went', () => {
  const map = new Map([
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ])
  const next = roundRobin(map)
  expect(next()).toEqual(['a', 1])
  map.delete('b')
  map.set('d', 4)
  expect([next(), next(), next()]).toEqual([
    ['c', 3],
    ['d', 4],
    ['a', 1],
  ])
  map.clear()
  expect([next(), next()]).toEqual([undefined, undefined])
  map.set('e', 5)
  expect([next(), next()]).toEqual([
    ['e', 5],
    ['e', 5],
  ])
})

it('Whoever drops the next one whenever one comes drops the oldest', () => {
  const map = new Map<number, true>()
  const next = roundRobin(map)
  for (let key = 0; key < 1_000; key++) {
    map.set(key, true)
    const oldest = map.size > 10 ? next() : undefined
    if (oldest !== undefined) map.delete(oldest[0])
  }
  expect([...map.keys()]).toEqual([990, 991, 992, 993, 994, 995, 996, 997, 998, 999])
})
