import { describe, expect, it } from 'vitest'
import { looksUtf16, utf8Of, withoutMark } from './text-file.ts'

describe('a text that another program wrote', () => {
  it('is read without the byte order mark in front of it, and only that one', () => {
    expect(utf8Of(Buffer.from('\uFEFF{"a":"\uFEFF"}'), 'a.json')).toBe('{"a":"\uFEFF"}')
    expect([withoutMark('\uFEFFx'), withoutMark('x'), withoutMark('')]).toEqual(['x', 'x', ''])
  })

  it('is refused in UTF-16, with or without a mark, by saying what it is', () => {
    const little = Buffer.from('{"port": 1}', 'utf16le')
    const big = Buffer.from(little).swap16()
    const marked = Buffer.concat([Buffer.from([0xff, 0xfe]), little])
    for (const bytes of [little, big, marked]) {
      expect(() => utf8Of(bytes, 'a.json')).toThrow(/a\.json: text in UTF-8 expected, this is UTF-16/)
      expect(looksUtf16(bytes.toString('utf8'))).toBe(true)
    }
    for (const text of ['', 'a', '{"port": 1}', 'ä']) {
      expect(utf8Of(Buffer.from(text), 'a.json')).toBe(text)
      expect(looksUtf16(text)).toBe(false)
    }
  })
})
