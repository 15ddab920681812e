import { describe, expect, it } from 'vitest'
import { type Provenance, type Row, type Section, against, isMet, mergeResults, sectionText, shown } from './results.ts'

const from: Provenance = {
  date: '2026-11-22',
  commit: 'abc1234',
  seed: 'bench',
  rounds: 3,
  machine: { processor: 'two of something', node: 'v22.18.0' },
}
const row = (over: Partial<Row>): Row => ({
  name: 'ours',
  figure: 'answers',
  unit: '/s',
  values: [30, 10, 20],
  ...over,
})
const section = (id: string, rows: readonly Row[]): Section => ({
  id,
  title: `About ${id}`,
  how: 'By hand.',
  rows,
  notes: [],
})

describe('a table of results', () => {
  it('shows the median of the rounds with the smallest and the largest', () => {
    expect(sectionText(section('peers', [row({})]), from)).toContain('| ours | answers | 20.0 /s | 10.0 … 30.0 |')
  })

  it('shows a ratio against another and whether a goal is met by it', () => {
    const other = [4, 5, 6]
    const met = row({ ...against('theirs', [30, 10, 20], other), goal: { of: 'ratio', sign: '≥', value: 4 } })
    expect(isMet(met)).toBe(true)
    expect(sectionText(section('peers', [met]), from)).toContain('| 4.00 × theirs | ≥ 4 × | yes |')
    const missed = row({ ...against('theirs', [30, 10, 20], other), goal: { of: 'ratio', sign: '≥', value: 5 } })
    expect(sectionText(section('peers', [missed]), from)).toContain('**no**')
  })

  it('never calls a goal met whose figure could not be had', () => {
    expect(isMet(row({ values: [], goal: { of: 'figure', sign: '<', value: 1 } }))).toBeUndefined()
    expect(
      isMet(row({ ...against('theirs', [1], undefined), goal: { of: 'ratio', sign: '≥', value: 5 } })),
    ).toBeUndefined()
    expect(isMet(row({ values: [Number.NaN], goal: { of: 'figure', sign: '<', value: 1 } }))).toBeUndefined()
  })

  it('keeps what an earlier run measured on the same machine, in the same order whatever ran first', () => {
    const first = mergeResults('', [section('storm', [row({})]), section('floors', [row({})])], from)
    const second = mergeResults(first, [section('peers', [row({})]), section('floors', [row({ values: [7] })])], from)
    const titles = [...second.matchAll(/^## About (\w+)/gm)].map(([, id]) => id)
    expect(titles).toEqual(['floors', 'peers', 'storm'])
    expect(second).toContain('| ours | answers | 7.00 /s |')
    expect(mergeResults(second, [], from)).toBe(second)
  })

  it('forgets what was measured on another machine or with other versions', () => {
    const first = mergeResults('', [section('storm', [row({})])], {
      ...from,
      machine: { ...from.machine, node: 'v24' },
    })
    expect(mergeResults(first, [section('floors', [row({})])], from)).not.toContain('About storm')
  })

  it('shows three digits that count', () => {
    expect([0, 0.01234, 0.1234, 1.234, 12.34, 123.4, 12_345, 1_234_567, Number.NaN].map(shown)).toEqual([
      '0',
      '0.0123',
      '0.123',
      '1.23',
      '12.3',
      '123',
      '12,300',
      '1,230,000',
      '–',
    ])
  })
})
