import { describe, expect, it } from 'vitest'
import { Requests } from './requests.ts'

describe('requests under way', () => {
  it('are found by their id until they are answered, and never after', () => {
    const requests = new Requests(4)
    const place = requests.take(12.5, 3, 'honest', 2) ?? -1
    const id = requests.idOf(place)
    expect(requests.placeOf(id)).toBe(place)
    expect([requests.dueMs(place), requests.band(place), requests.kind(place)]).toEqual([12.5, 3, 'honest'])
    requests.give(place)
    expect(requests.placeOf(id)).toBeUndefined()
    const again = requests.take(13, 4, 'replay', 0) ?? -1
    expect(again).toBe(place)
    expect(requests.placeOf(id)).toBeUndefined()
    expect(requests.idOf(again)).toBeLessThan(0x8000_0000)
  })

  it('never have the id 0, however often a place is used: nobody would hear an error for it', () => {
    const requests = new Requests(1)
    const ids = new Set<number>()
    for (let use = 0; use < 1_000; use++) {
      const place = requests.take(use, 0, 'honest', 0) ?? -1
      ids.add(requests.idOf(place))
      requests.give(place)
    }
    expect(Math.min(...ids)).toBeGreaterThan(0)
    expect(Math.max(...ids)).toBeLessThan(0x8000_0000)
    expect(ids.size).toBe(127)
  })

  it('grow in number without forgetting one', () => {
    const requests = new Requests(2)
    const ids = Array.from({ length: 1_000 }, (_, band) => {
      const place = requests.take(band, band, 'honest', 1) ?? -1
      requests.offers[place * 117] = band & 0xff
      return requests.idOf(place)
    })
    expect(new Set(ids).size).toBe(1_000)
    for (const [band, id] of ids.entries()) {
      const place = requests.placeOf(id) ?? -1
      expect(requests.band(place)).toBe(band)
      expect(requests.offers[place * 117]).toBe(band & 0xff)
    }
    expect(requests.count).toBe(1_000)
    expect([...requests.ofBands(10, 13)].map((place) => requests.band(place)).sort((a, b) => a - b)).toEqual([
      10, 11, 12,
    ])
  })
})
