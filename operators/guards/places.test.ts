import { describe, expect, it } from 'vitest'
import { Places, Shares } from './places.ts'

describe('places', () => {
  it('are as many as there may be, and the longest unused gives way to one more', () => {
    const places = new Places<string>({ max: 3, perOwnerMax: 3 })
    for (const holder of ['a', 'b', 'c']) places.use(holder, holder)
    expect(places.tooMany()).toEqual([])
    places.use('a', 'a')
    places.use('d', 'd')
    expect(places.tooMany()).toEqual(['b'])
    expect(places.size).toBe(3)
    expect(places.tooMany()).toEqual([])
  })

  it('of one owner are as many as one may have: its own give way, not those of others', () => {
    const places = new Places<string>({ max: 10, perOwnerMax: 2 })
    places.use('early', 'other')
    for (const holder of ['a', 'b', 'c', 'd']) places.use(holder, 'many')
    expect(places.tooMany()).toEqual(['a', 'b'])
    places.leave('c')
    places.use('e', 'many')
    expect(places.tooMany()).toEqual([])
  })

  it('go with their holder to another owner, and are given back once', () => {
    const places = new Places<string>({ max: 10, perOwnerMax: 1 })
    places.use('a', 'one')
    places.use('a', 'two')
    places.use('b', 'one')
    expect(places.tooMany()).toEqual([])
    places.leave('a')
    places.leave('a')
    expect(places.size).toBe(1)
  })
})

describe('shares', () => {
  it('of one owner are a part, so that others have the rest', () => {
    const shares = new Shares({ max: 3, perOwnerMax: 2 })
    const first = shares.take('one')
    expect(first).toBeDefined()
    expect(shares.take('one')).toBeDefined()
    expect(shares.take('one')).toBeUndefined()
    expect(shares.take('other')).toBeDefined()
    expect(shares.take('third')).toBeUndefined()
    first?.()
    first?.()
    expect(shares.take('third')).toBeDefined()
    expect(shares.take('one')).toBeUndefined()
  })
})
