import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hiddenIn, printable, printableJson, printableLines } from './printable.ts'

const turned = 'Coffee \u202eeerf'

describe('text that others wrote', () => {
  it.for([
    ['plain text', 'Café Zürich – 咖啡 ☕ מים', 'Café Zürich – 咖啡 ☕ מים'],
    ['a bidirectional override', turned, 'Coffee \ufffdeerf'],
    ['isolates and marks of direction', '\u2066a\u2069\u200f\u061c', '\ufffda\ufffd\ufffd\ufffd'],
    ['what has no width', 'a\u200bb\u200dc\ufeffd\u00ade', 'a\ufffdb\ufffdc\ufffdd\ufffde'],
    ['controls and NUL', '\u0000\u001b[2J\u009b\r\n\t', '\ufffd\ufffd[2J\ufffd\ufffd\ufffd\ufffd'],
    ['a lone surrogate', 'a\ud800b', 'a\ufffdb'],
    ['fillers that look like nothing', '\u3164\u115f\u2800\uffa0', '\ufffd\ufffd\ufffd\ufffd'],
    ['tags', 'a\u{e0041}b', 'a\ufffdb'],
    ['separators of lines', 'a\u2028b\u2029', 'a\ufffdb\ufffd'],
    ['another look of a character', '☕\ufe0f', '☕'],
    ['a flood of marks', `a${'\u0301'.repeat(300)}b`, `a${'\u0301'.repeat(4)}\ufffdb`],
    ['a mark without a letter', '\u0336abc', '\ufffdabc'],
  ] as const)('is shown without %s doing anything', ([, text, shown]) => {
    expect(printable(text)).toBe(shown)
  })

  it('has nothing in it afterwards that is not seen, and is the same when it is made harmless again', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        const shown = printable(text)
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]|\p{M}{5}/u)
        expect(printable(shown)).toBe(shown)
        expect(printable(text, '?')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
      }),
    )
  })

  it.for([
    ['Café Zürich – 咖啡 ☕\ufe0f מים', undefined],
    ['', undefined],
    [turned, 'U+202E'],
    ['Sh\u200bop', 'U+200B'],
    ['a\u0000b', 'U+0000'],
    ['one\nline', 'U+000A'],
    ['a\u{e0041}b', 'U+E0041'],
    ['a\ud800b', 'U+D800'],
    ['\u3164', 'U+3164'],
    ['\u0336abc', 'U+0336'],
    ['\ufe0f', 'U+FE0F'],
  ] as const)('is told by its first character that cannot be shown: %j', ([text, hidden]) => {
    expect(hiddenIn(text)).toBe(hidden)
  })

  it('is shown as it was written when there is none', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (text) => {
        const plain = text.replaceAll(/[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/gu, '')
        if (hiddenIn(text) === undefined) expect(printable(text)).toBe(plain)
        else if (plain !== '') expect(printable(text, '')).not.toBe(plain)
      }),
    )
  })

  it('keeps its lines where they are escaped anyway', () => {
    expect(printableLines(`one\n\ttwo \u202e`)).toBe('one\n\ttwo \ufffd')
  })

  it('loses nothing as JSON, and has nothing in it there that is not seen', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        const written = printableJson({ text })
        expect(written).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
        expect(JSON.parse(written)).toEqual({ text })
      }),
    )
    expect(printableJson({ a: [1] }, 2)).toBe('{\n  "a": [\n    1\n  ]\n}')
  })
})
