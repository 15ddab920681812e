import { describe, expect, it } from 'vitest'
import { Screen } from './screen.ts'

function terminal(columns: number, rows: number) {
  const written: string[] = []
  return { written, columns, rows, write: (text: string) => written.push(text) }
}

describe('a screen', () => {
  it('cuts what is too wide and what is too much, and never reaches the last column', () => {
    const stream = terminal(6, 2)
    new Screen(stream, false).show([['abcdefgh'], ['ij'], ['klm']])
    expect(stream.written).toEqual(['\u001b[Habcde\u001b[K\r\nij\u001b[K\u001b[J'])
  })

  it('follows a terminal that changes its size', () => {
    const stream = { ...terminal(6, 1), columns: 6 }
    const screen = new Screen(stream, true)
    screen.show([[{ text: 'abcdefgh', tone: 'good' }]])
    stream.columns = 3
    screen.show([[{ text: 'abcdefgh', tone: 'good' }]])
    expect(stream.written.map((text) => text.match(/[a-h]{2,}/)?.[0])).toEqual(['abcde', 'ab'])
  })

  it('shows everything on a terminal that says it has no size', () => {
    const stream = terminal(0, 0)
    new Screen(stream, false).show([['one'], ['two']])
    expect(stream.written.join('')).toContain('one\u001b[K\r\ntwo')
  })

  it('gives back what it took, once', () => {
    const stream = terminal(80, 24)
    const screen = new Screen(stream, false)
    screen.leave()
    expect(stream.written).toEqual([])
    screen.enter()
    screen.leave()
    screen.leave()
    expect(stream.written).toEqual(['\u001b[?1049h\u001b[?25l\u001b[H\u001b[2J', '\u001b[?25h\u001b[?1049l'])
  })
})
