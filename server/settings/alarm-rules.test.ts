import { describe, expect, it } from 'vitest'
import { feedFields } from '../../protocol/messages/operator-feed.ts'
import { alarmRules, startingAlarms } from './alarm-rules.ts'

const setting = alarmRules('help')
const rule = { name: 'loop', field: 'loopP99Us', above: 1_000, forS: 5, says: 'Late.' }

/** What is wrong with it, as `path: expected`. */
function wrongs(raw: unknown): readonly string[] {
  const read = setting.read(raw, 'json')
  return read.type === 'wrong' ? read.wrong.map(({ path, expected }) => `${path}: ${expected}`) : []
}

describe('the alarms', () => {
  it('that an engine starts with are about fields that the feed has, and are rules that the setting takes', () => {
    for (const { field } of startingAlarms) expect(feedFields).toContain(field)
    expect(setting.read(startingAlarms, 'json')).toEqual({ type: 'value', value: startingAlarms })
    expect(startingAlarms.map(({ field }) => field)).toEqual(
      expect.arrayContaining([
        'answeredP99Us',
        'journalState',
        'clockCertain',
        'actorErrors',
        'loopP99Us',
        'gateDepth',
      ]),
    )
  })

  it('that an engine starts with are about no percentile of less than a hundred answers, and none is on in its first second', () => {
    const percentiles = startingAlarms.filter(({ field }) => field.startsWith('answered'))
    expect(percentiles.length).toBeGreaterThan(0)
    for (const { of, ofAtLeast, forS } of percentiles) {
      expect(feedFields).toContain(of)
      expect(ofAtLeast).toBeGreaterThanOrEqual(100)
      expect(forS).toBeGreaterThanOrEqual(30)
    }
  })

  it('may say of how many a percentile must be', () => {
    const counted = { ...rule, field: 'answeredP99Us', of: 'answered', ofAtLeast: 50 }
    expect(setting.read([counted], 'json')).toEqual({ type: 'value', value: [counted] })
  })

  it('are a list in the file and JSON text elsewhere, and replace all', () => {
    expect(setting.read([rule], 'json')).toEqual({ type: 'value', value: [rule] })
    expect(setting.read(JSON.stringify([rule]), 'text')).toEqual({ type: 'value', value: [rule] })
    expect(setting.read([], 'json')).toEqual({ type: 'value', value: [] })
  })

  it('may be of a field that is below something: then there is nothing that it is above of', () => {
    const { above: _, ...rest } = rule
    const read = setting.read([{ ...rest, below: 1 }], 'json')
    expect(read).toEqual({ type: 'value', value: [{ ...rest, above: Number.MAX_SAFE_INTEGER, below: 1 }] })
  })

  it.for([
    ['what is no list', {}, /a list of/],
    ['what is no rule', [7], /\[0\]: an object with/],
    ['a field that there is not', [{ ...rule, field: 'loopP98Us' }], /\[0\]\.field: a field of the feed/],
    ['no threshold', [{ ...rule, above: undefined }], /\[0\]\.above: a threshold/],
    ['a threshold that is no count', [{ ...rule, above: -1 }], /\[0\]\.above: a whole number/],
    ['a member that is not known', [{ ...rule, abov: 1 }], /\[0\]\.abov: one of name/],
    ['a percentile without how many it is of', [{ ...rule, field: 'answeredP99Us' }], /\[0\]\.of: a field that counts/],
    [
      'a percentile of nothing that is counted',
      [{ ...rule, of: 'answred', ofAtLeast: 9 }],
      /\[0\]\.of: a field of the feed/,
    ],
    ['a percentile of so many of what', [{ ...rule, ofAtLeast: 9 }], /\[0\]\.of: text/],
    ['no text', [{ ...rule, says: '' }], /\[0\]\.says: text/],
    ['one name twice', [rule, rule], /: each name once/],
    ['too many', Array.from({ length: 51 }, (_, at) => ({ ...rule, name: `${at}` })), /at most 50/],
  ] as const)('are not guessed at from %s', ([, raw, expected]) => {
    expect(wrongs(raw).join('\n')).toMatch(expected)
  })

  it('say what was probably meant', () => {
    const read = setting.read([{ ...rule, field: 'loopP99us' }], 'json')
    expect(read.type === 'wrong' && read.wrong[0]?.hint).toBe('did you mean loopP99Us?')
  })
})
