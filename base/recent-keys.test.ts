import { describe, expect, it } from 'vitest'
import { RecentKeys } from './recent-keys.ts'

const sizeMax = 32
const filled = (count: number) => {
  const keys = new RecentKeys<number, string>(sizeMax)
  for (let key = 0; key < count; key++) keys.set(key, `value ${key}`)
  return keys
}
const kept = (keys: RecentKeys<number, string>, upTo: number) =>
  Array.from({ length: upTo }, (_, key) => key).filter((key) => keys.get(key) !== undefined)

describe('keys that are kept for a while', () => {
  it('are as many as there may be; with one more the oldest sixteenth goes', () => {
    expect(filled(sizeMax).size).toBe(sizeMax)
    expect(kept(filled(sizeMax + 1), sizeMax + 1)[0]).toBe(2)
    expect(filled(sizeMax + 1).size).toBe(sizeMax - 1)
    expect(filled(1_000).size).toBeLessThanOrEqual(sizeMax)
  })

  it('are young again when they are set, not when they are looked for', () => {
    const keys = filled(sizeMax)
    keys.get(1)
    keys.set(0, 'again')
    keys.set(sizeMax, 'one more')
    expect([keys.get(0), keys.get(1), keys.get(2), keys.get(3)]).toEqual(['again', undefined, undefined, 'value 3'])
  })

  it('go when they are deleted', () => {
    const keys = filled(3)
    keys.delete(1)
    expect(kept(keys, 3)).toEqual([0, 2])
  })
})
