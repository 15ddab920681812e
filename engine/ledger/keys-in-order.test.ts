import fc from 'fast-check'
import { expect, it } from 'vitest'
import { KeysInOrder } from './keys-in-order.ts'
import { orderedKey } from '../ports/rows.ts'

it('Keys in order hold what a map holds, in the order of their positions, whatever order they come in', () => {
  const sets = fc.array(fc.tuple(fc.nat({ max: 40 }), fc.integer()), { maxLength: 60 })
  fc.assert(
    fc.property(sets, (pairs) => {
      const ordered = new KeysInOrder<number>()
      const map = new Map<string, number>()
      for (const [lsn, value] of pairs) {
        ordered.set(orderedKey(lsn), value)
        map.set(orderedKey(lsn), value)
      }
      const expected = [...map].toSorted(([left], [right]) => (left < right ? -1 : 1))
      expect([...ordered]).toEqual(expected)
      expect([...ordered.keys()]).toEqual(expected.map(([key]) => key))
      expect(ordered.size).toBe(map.size)
      for (let lsn = 0; lsn <= 41; lsn++) expect(ordered.get(orderedKey(lsn))).toBe(map.get(orderedKey(lsn)))
    }),
  )
})

it('Keys in order know positions beyond 32 bits', () => {
  const ordered = new KeysInOrder<string>()
  const far = 2 ** 40
  ordered.set(orderedKey(far), 'far').set(orderedKey(far + 1), 'further')
  expect([ordered.get(orderedKey(far)), ordered.get(orderedKey(far + 1)), ordered.get(orderedKey(1))]).toEqual([
    'far',
    'further',
    undefined,
  ])
})
