import { describe, expect, it } from 'vitest'
import { bar, course, marksOf, paint, printable, takesColors } from './drawing.ts'

describe('a bar', () => {
  it('is as full as its share, and never longer or shorter than told', () => {
    expect([bar(0, 4), bar(0.5, 4), bar(1, 4), bar(7, 4), bar(-1, 4)]).toEqual(['....', '##..', '####', '####', '....'])
  })
})

describe('the course of a figure', () => {
  it('is drawn from nothing to its largest value, the newest at the right', () => {
    expect(course([0, 1, 4, 7], 60, 'blocks')).toBe('▁▂▅█')
    expect(course([0, 1, 4, 7], 60, 'ascii')).toBe('_.+#')
  })

  it('shows the newest values that there is room for, and leaves room for those that are missing', () => {
    expect(course([9, 1, undefined, 2], 3, 'ascii')).toBe('+ #')
    expect(course([1, 2], 0, 'ascii')).toBe('')
    expect(course([], 5, 'ascii')).toBe('')
  })

  it('lies flat when there was nothing', () => {
    expect(course([0, 0], 5, 'blocks')).toBe('▁▁')
  })
})

describe('a line', () => {
  const line = [{ text: 'name', tone: 'strong' }, '  value ', { text: 'late', tone: 'bad' }] as const

  it('is cut to the terminal, colours not counted', () => {
    expect(paint(line, 6, true)).toBe('\u001b[1mname\u001b[0m  ')
    expect(paint(line, 13, true)).toBe('\u001b[1mname\u001b[0m  value \u001b[1;31ml\u001b[0m')
    expect(paint(line, 0, true)).toBe('')
  })

  it('has no colours where they are not wanted', () => {
    expect(paint(line, 100, false)).toBe('name  value late')
  })
})

describe('text that others wrote', () => {
  it('cannot command the terminal', () => {
    expect(printable('Café 12\u001b[2J\u009b31m\u0007\r\n')).toBe('Café 12?[2J?31m???')
    expect(printable('pay \u202eeulb')).toBe('pay ?eulb')
  })
})

describe('a terminal', () => {
  it('is coloured unless its user wants no colours, or it is none', () => {
    expect(takesColors({ isTTY: true }, {})).toBe(true)
    expect(takesColors({ isTTY: true }, { NO_COLOR: '' })).toBe(true)
    expect(takesColors({ isTTY: true }, { NO_COLOR: '1' })).toBe(false)
    expect(takesColors({ isTTY: true }, { TERM: 'dumb' })).toBe(false)
    expect(takesColors({}, {})).toBe(false)
  })

  it('gets blocks only when its locale has them', () => {
    expect(marksOf({ LANG: 'en_US.UTF-8' })).toBe('blocks')
    expect(marksOf({ LC_ALL: 'C', LANG: 'en_US.UTF-8' })).toBe('ascii')
    expect(marksOf({})).toBe('ascii')
  })
})
