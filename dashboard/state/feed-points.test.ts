import { describe, expect, it } from 'vitest'
import { feedFields } from '../../protocol/messages/operator-feed.ts'
import {
  type FeedPoint,
  addPoint,
  heldMs,
  linesOf,
  mergeFeed,
  msOf,
  pointsMax,
  pointsOf,
  rateOf,
  valueOf,
  withHistory,
} from './feed-points.ts'

const fieldOf = (name: string): number => feedFields.indexOf(name)
const zeros = feedFields.map(() => 0)

/** A point where everything is zero but what is named. */
function pointAt(atMs: number, named: Readonly<Record<string, number | null>> = {}): FeedPoint {
  return { atMs, values: feedFields.map((name) => (name in named ? (named[name] ?? null) : 0)) }
}

describe('the feed', () => {
  it('tells everything once, and then what changed', () => {
    const whole = mergeFeed(undefined, { type: 'whole', atMs: 1, values: zeros })
    const changed = mergeFeed(whole, { type: 'changed', atMs: 2, changes: [[fieldOf('links'), 7]] })
    expect([valueOf(changed, 'links'), valueOf(changed, 'gateDepth'), changed?.atMs]).toEqual([7, 0, 2])
    expect(valueOf(whole, 'links')).toBe(0)
  })

  it('says nothing by a change that comes before everything', () => {
    expect(mergeFeed(undefined, { type: 'changed', atMs: 2, changes: [[0, 1]] })).toBeUndefined()
  })

  it('of a newer engine may have fields that this page does not know', () => {
    const whole = mergeFeed(undefined, { type: 'whole', atMs: 1, values: zeros })
    const changed = mergeFeed(whole, { type: 'changed', atMs: 2, changes: [[feedFields.length, 9]] })
    expect(changed?.values).toEqual(zeros)
    expect(valueOf(changed, 'no such field')).toBeNull()
  })

  it(`is kept for ${pointsMax} seconds and no longer`, () => {
    let points: readonly FeedPoint[] = []
    for (let at = 1; at <= pointsMax; at++) points = addPoint(points, pointAt(at * 1000))
    expect([points.length, points[0]?.atMs]).toEqual([pointsMax, 1000])
    points = addPoint(points, pointAt((pointsMax + 1) * 1000))
    expect([points.length, points[0]?.atMs]).toEqual([pointsMax, 2000])
  })

  it('is filled up from the history of the engine, no second twice', () => {
    const told = [pointAt(3000, { links: 3 }), pointAt(6000, { links: 6 })]
    const history = [pointAt(2010), pointAt(3010), pointAt(4010), pointAt(5010), pointAt(6010)]
    expect(withHistory(told, history).map((point) => point.atMs)).toEqual([2010, 3000, 4010, 5010, 6000])
  })
})

describe('the history of an engine', () => {
  const history = { fields: ['denied', 'answered'], seconds: [{ atMs: 1000, values: [3, null] }] }

  it('is points like those of the feed, without what it does not keep', () => {
    const [point] = pointsOf(history)
    expect([valueOf(point, 'denied'), valueOf(point, 'answered'), valueOf(point, 'links')]).toEqual([3, null, null])
    expect(
      pointsOf({ ...history, fields: ['a field of a newer engine', 'denied'] }).map((one) => valueOf(one, 'denied')),
    ).toEqual([null])
  })

  it('is called five minutes when it is, and what it is when it is less', () => {
    const seconds = (count: number) => Array.from({ length: count }, (_, at) => pointAt(at * 1000))
    expect(heldMs([])).toBe(0)
    expect(heldMs(seconds(43))).toBe(42_000)
    expect(heldMs(seconds(301))).toBe(300_000)
    expect(heldMs(seconds(900))).toBe(300_000)
    expect(heldMs(seconds(200))).toBe(199_000)
  })
})

describe('a rate', () => {
  const fields = ['decisions.approved', 'decisions.band-lost']

  it('is what rose in a second, however long lies between', () => {
    const before = pointAt(1000, { 'decisions.approved': 100, 'decisions.band-lost': 1 })
    const point = pointAt(3000, { 'decisions.approved': 140, 'decisions.band-lost': 3 })
    expect(rateOf(point, before, fields)).toBe(21)
  })

  it('is not known after a restart, which counts from zero, nor without a second before', () => {
    const before = pointAt(1000, { 'decisions.approved': 100 })
    expect(rateOf(pointAt(2000, { 'decisions.approved': 5 }), before, fields)).toBeNull()
    expect(rateOf(before, undefined, fields)).toBeNull()
    expect(rateOf(pointAt(2000, { 'decisions.approved': null }), before, fields)).toBeNull()
  })
})

describe('a line', () => {
  const p99 = (point: FeedPoint) => msOf(point, 'answeredP99Us')

  it('breaks where nothing was measured: no answer is not an answer in no time', () => {
    const points = [pointAt(1000, { answeredP99Us: 2500 }), pointAt(2000), pointAt(3000, { answeredP99Us: null })]
    expect(linesOf(points, [p99])).toEqual([
      [1, 2, 3],
      [2.5, null, null],
    ])
  })

  it('breaks where the feed was away, and no rate reaches over the gap', () => {
    const points = [
      pointAt(1000, { answeredP99Us: 1000, 'decisions.approved': 1 }),
      pointAt(2000, { answeredP99Us: 2000, 'decisions.approved': 4 }),
      pointAt(9000, { answeredP99Us: 3000, 'decisions.approved': 900 }),
    ]
    const rate = (point: FeedPoint, before: FeedPoint | undefined) => rateOf(point, before, ['decisions.approved'])
    expect(linesOf(points, [p99, rate])).toEqual([
      [1, 2, 2.001, 9],
      [1, 2, null, 3],
      [null, 3, null, null],
    ])
  })
})
