import { describe, expect, it } from 'vitest'
import { RowCache } from './row-cache.ts'

describe('The cache of rows', () => {
  it('never holds more rows than it may, and one more pushes out what was asked for least', () => {
    const cache = new RowCache(10)
    for (let band = 0; band < 10; band++) cache.set('band', `${band}`, { band })
    expect(cache.count).toBe(10)
    cache.set('band', '10', { band: 10 })
    expect(cache.count).toBeLessThanOrEqual(10)
    expect(cache.get('band', '10')).toEqual({ row: { band: 10 } })
    expect(cache.get('band', '0')).toBeUndefined()
  })

  it('keeps what is asked for again and again', () => {
    const cache = new RowCache(10)
    cache.set('band', 'busy', 1)
    for (let band = 0; band < 100; band++) {
      expect(cache.get('band', 'busy')).toEqual({ row: 1 })
      cache.set('band', `${band}`, band)
    }
  })

  it('knows a row that is not there, and takes one table for no other', () => {
    const cache = new RowCache(10)
    cache.set('band', 'a', null)
    expect(cache.get('band', 'a')).toEqual({ row: null })
    expect(cache.get('account', 'a')).toBeUndefined()
  })

  it('gives the newest of a row, also when it was already old', () => {
    const cache = new RowCache(4)
    cache.set('usage', 'a', 1)
    cache.set('usage', 'b', 1)
    cache.set('usage', 'c', 1)
    cache.set('usage', 'a', 2)
    expect(cache.get('usage', 'a')).toEqual({ row: 2 })
  })
})
