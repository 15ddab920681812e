import { describe, expect, it } from 'vitest'
import type { AlarmRule } from '../protocol/operator-api.ts'
import { feedFields } from '../protocol/operator-feed.ts'
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
