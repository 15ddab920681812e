import { describe, expect, it } from 'vitest'
import type { AlarmRule } from '../../protocol/operator-api.ts'
import { feedFields } from '../../protocol/messages/operator-feed.ts'
import { type PastSince, alarmsOn, conditionOf, followAlarms } from './alarms.ts'
import type { FeedPoint } from './feed-points.ts'

const gate: AlarmRule = { name: 'gate', field: 'gateDepth', above: 500, forS: 3, says: 'The gate fills.' }
const clock: AlarmRule = {
  name: 'clock',
  field: 'clockCertain',
  above: Number.MAX_SAFE_INTEGER,
  below: 1,
  forS: 0,
  says: 'The clock is doubtful.',
}

function pointAt(atMs: number, named: Readonly<Record<string, number | null>>): FeedPoint {
  return { atMs, values: feedFields.map((name) => (name in named ? (named[name] ?? null) : 1)) }
}

/** The names that are on after these values, a second apart. */
function onAfter(rules: readonly AlarmRule[], field: string, values: readonly (number | null)[]): readonly string[] {
  let since: PastSince = new Map()
  values.forEach((value, second) => {
    since = followAlarms(rules, since, pointAt(second * 1000, { [field]: value }))
  })
  return alarmsOn(rules, since, (values.length - 1) * 1000).map((rule) => rule.name)
}

describe('an alarm', () => {
  it('is on when the value has been past the threshold for as long as the rule says, not a second sooner', () => {
    expect(onAfter([gate], 'gateDepth', [501, 501, 501])).toEqual([])
    expect(onAfter([gate], 'gateDepth', [501, 501, 501, 501])).toEqual(['gate'])
  })

  it('does not come of a value at the threshold', () => {
    expect(onAfter([gate], 'gateDepth', [500, 500, 500, 500, 500])).toEqual([])
  })

  it('begins to count again after one good second, and is off at once in it', () => {
    expect(onAfter([gate], 'gateDepth', [501, 501, 501, 12, 501, 501, 501])).toEqual([])
    expect(onAfter([gate], 'gateDepth', [501, 501, 501, 501, 12])).toEqual([])
  })

  it('does not come of what was not measured', () => {
    expect(onAfter([{ ...gate, above: -1 }], 'gateDepth', [null, null, null, null, null])).toEqual([])
  })

  it('does not come of a percentile of fewer than the rule asks for, however long and far it is past', () => {
    const answers: AlarmRule = {
      name: 'answers',
      field: 'answeredP99Us',
      above: 1_000,
      forS: 3,
      of: 'answered',
      ofAtLeast: 100,
      says: 'Slow.',
    }
    const onWith = (counts: readonly (number | null)[]) => {
      let since: PastSince = new Map()
      counts.forEach((answered, second) => {
        since = followAlarms([answers], since, pointAt(second * 1000, { answeredP99Us: 90_000, answered }))
      })
      return alarmsOn([answers], since, (counts.length - 1) * 1000).length
    }
    expect(onWith([5, 5, 5, 5, 5, 5, 5, 5, 5, 5])).toBe(0)
    expect(onWith([99, 99, 99, 99])).toBe(0)
    expect(onWith([null, null, null, null])).toBe(0)
    expect(onWith([100, 100, 100, 100])).toBe(1)
    expect(onWith([100, 100, 99, 100])).toBe(0)
    expect(conditionOf(answers)).toBe('above 1000 for 3 s, each second with answered at least 100')
  })

  it('does not come of seconds that were not seen', () => {
    const [first, second] = [pointAt(0, { gateDepth: 900 }), pointAt(60_000, { gateDepth: 900 })]
    const since = followAlarms([gate], followAlarms([gate], new Map(), first), second, first)
    expect(alarmsOn([gate], since, second.atMs)).toEqual([])
  })

  it('may be of a value that is too low, and come at once', () => {
    expect(onAfter([clock], 'clockCertain', [1])).toEqual([])
    expect(onAfter([clock], 'clockCertain', [1, 0])).toEqual(['clock'])
  })

  it('of one rule says nothing of another', () => {
    expect(onAfter([gate, clock], 'gateDepth', [900, 900, 900, 900])).toEqual(['gate'])
  })

  it('has its condition in words', () => {
    expect(conditionOf(gate)).toBe('above 500 for 3 s')
    expect(conditionOf(clock)).toBe('below 1')
  })
})
