import { describe, expect, it } from 'vitest'
import { Mistake, parsedBody, readQuery } from './request.ts'

describe('a query', () => {
  it('gives the members it may have, decoded, and those alone that were sent', () => {
    expect(readQuery('a=1%202&b=', ['a', 'b', 'c'])).toEqual({ a: '1 2', b: '' })
    expect(readQuery('', ['a'])).toEqual({})
  })

  it.for([
    ['c=1', ['a', 'b'], 'query: only a, b expected, got "c"'],
    ['c=1', [], 'query: nothing expected, got "c"'],
    ['a=1&a=2', ['a'], 'a: expected once'],
    [`${'x'.repeat(41)}=1`, ['a'], `query: only a expected, got "${'x'.repeat(40)}"`],
  ] as const)('that does not fit is a mistake of who sent it: %s', ([query, names, message]) => {
    expect(() => readQuery<string>(query, names)).toThrow(new Mistake(message))
  })
})

describe('a body', () => {
  it('is JSON in UTF-8, or a mistake of who sent it', () => {
    expect(parsedBody(Buffer.from('{"a":"ä"}'))).toEqual({ a: 'ä' })
    for (const bytes of [Buffer.from('{'), Buffer.alloc(0), Buffer.from([0x22, 0xff, 0x22])])
      expect(() => parsedBody(bytes)).toThrow(new Mistake('body: a JSON object in UTF-8 expected'))
  })
})
