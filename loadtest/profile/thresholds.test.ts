import { describe, expect, it } from 'vitest'
import { type Metric, type Threshold, crossed, metrics, parseThreshold } from './thresholds.ts'

function threshold(text: string): Threshold {
  const parsed = parseThreshold(text)
  if (typeof parsed === 'string') throw new Error(parsed)
  return parsed
}

const names = Object.keys(metrics) as Metric[]
const figures = (known: Partial<Record<Metric, number>>) =>
  Object.fromEntries(names.map((name) => [name, known[name]])) as Record<Metric, number | undefined>

describe('a threshold', () => {
  it('compares in the unit it was written in', () => {
    expect(threshold('p99>1ms')).toMatchObject({ metric: 'p99', comparison: '>', limit: 1 })
    expect(threshold('p99 >= 250us').limit).toBe(0.25)
    expect(threshold('max<2s').limit).toBe(2_000)
    expect(threshold('serverRss>1gb').limit).toBe(1_024)
    expect(threshold('errorRate>0.1%').limit).toBeCloseTo(0.001, 9)
    expect(threshold('achieved<4900/s').limit).toBe(4_900)
    expect(threshold('lost>0').limit).toBe(0)
    expect(threshold('serverGrowth>5mb/min').limit).toBe(5)
  })

  it.for([
    ['p98>1ms', 'unknown metric p98'],
    ['p99>1', 'p99 wants a unit of us, ms, s'],
    ['p99>1mb', 'p99 wants a unit'],
    ['p99=1ms', 'metric, comparison and value expected'],
    ['p99', 'metric, comparison and value expected'],
    ['lost>0ms', 'lost wants a unit of none'],
    ['', 'metric, comparison and value expected'],
  ] as const)('that is written %s says what was expected', ([text, expected]) => {
    expect(parseThreshold(text)).toContain(expected)
  })

  it('is crossed by a figure beyond it, not by one at it', () => {
    const all = [threshold('p99>1ms'), threshold('achieved<100')]
    expect(crossed(all, figures({ p99: 1, achieved: 100 }))).toEqual([])
    expect(crossed(all, figures({ p99: 1.001, achieved: 99 })).map(({ text }) => text)).toEqual([
      'p99>1ms',
      'achieved<100',
    ])
  })

  it('is crossed by what was not measured: silence is no pass', () => {
    expect(crossed([threshold('p99>1s')], figures({}))).toHaveLength(1)
    expect(crossed([threshold('p99<1s')], figures({ p99: Number.NaN }))).toHaveLength(1)
  })
})
