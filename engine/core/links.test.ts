import { describe, expect, it } from 'vitest'
import { Links } from './links.ts'

const link = {
  up: new Uint8Array(32).fill(1),
  down: new Uint8Array(32).fill(2),
  bid: new Uint8Array(8).fill(3),
  generation: 7,
  sid: 65_535,
  root: 4,
}

describe('The slab of links', () => {
  it('keeps each link apart from its neighbours, also while it grows', () => {
    const links = new Links(10_000)
    const indexes = Array.from({ length: 1_000 }, (_, count) => {
      const index = links.open({ ...link, generation: count })
      if (index === undefined) throw new Error('no room')
      links.set(index, 'wear', count % 3)
      links.set(index, 'upCtr', 0xffff_ffff - count)
      return index
    })
    for (const [count, index] of indexes.entries()) {
      expect(links.get(index, 'generation')).toBe(count)
      expect(links.get(index, 'sid')).toBe(65_535)
      expect(links.get(index, 'wear')).toBe(count % 3)
      expect(links.get(index, 'upCtr')).toBe(0xffff_ffff - count)
      expect(links.key(index, 'up')[31]).toBe(1)
      expect(links.key(index, 'down')[0]).toBe(2)
      expect(links.bid(index)).toEqual(link.bid)
    }
  })

  it('takes as many as it may and not one more; a closed one makes room and leaves no key behind', () => {
    const links = new Links(2)
    const first = links.open(link)
    links.open(link)
    expect(links.count).toBe(2)
    expect(links.open(link)).toBeUndefined()
    if (first === undefined) throw new Error('no room')
    links.close(first)
    expect(links.key(first, 'up').every((byte) => byte === 0)).toBe(true)
    expect(links.open(link)).toBe(first)
    expect(links.get(first, 'tick')).toBe(0)
  })
})
