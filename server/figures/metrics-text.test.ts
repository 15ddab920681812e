import { describe, expect, it } from 'vitest'
import { familyText } from './metrics-text.ts'

describe('a metric in the text format', () => {
  it('has its comments first, then a line for each value, with its labels', () => {
    const lines = [
      { labels: {}, value: 1 },
      { labels: { type: 'band', state: 'armed' }, value: 1e21 },
      { labels: { le: '+Inf' }, value: 0.1, name: 'bandpass_seconds_bucket' },
    ]
    expect(familyText({ name: 'bandpass_seconds', help: 'How long it took.', type: 'histogram' }, lines)).toBe(
      [
        '# HELP bandpass_seconds How long it took.',
        '# TYPE bandpass_seconds histogram',
        'bandpass_seconds 1',
        'bandpass_seconds{type="band",state="armed"} 1e+21',
        'bandpass_seconds_bucket{le="+Inf"} 0.1',
        '',
      ].join('\n'),
    )
  })

  it('lets no text of others end a line or a label', () => {
    const lines = [{ labels: { name: 'a"b\\c\nd' }, value: 0 }]
    expect(familyText({ name: 'm', help: 'one\n# two \\ "three"', type: 'gauge' }, lines)).toBe(
      '# HELP m one\\n# two \\\\ "three"\n# TYPE m gauge\nm{name="a\\"b\\\\c\\nd"} 0\n',
    )
  })

  it('has what is no finite number as the format spells it', () => {
    const lines = [Number.NaN, Infinity, -Infinity].map((value) => ({ labels: {}, value }))
    expect(familyText({ name: 'm', help: 'h', type: 'gauge' }, lines).split('\n').slice(2)).toEqual([
      'm NaN',
      'm +Inf',
      'm -Inf',
      '',
    ])
  })
})
