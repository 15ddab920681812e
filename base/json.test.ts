import { describe, expect, it } from 'vitest'
import { type JsonOf, count, exactly, hex, list, object, oneOf, orNull, readJson, text } from './json.ts'

const partner = object({ id: hex, name: text, keys: list(object({ kid: count, sealed: hex })), note: orNull(text) })
const good = { id: '0a', name: 'Shop', keys: [{ kid: 1, sealed: 'ff' }] }
const refused = (json: unknown) => () => readJson(partner, json, 'a.json')

describe('JSON from outside', () => {
  it('is read as its schema says: what is left out may be null, what is not asked for is passed over', () => {
    const read: JsonOf<typeof partner> = readJson(partner, { ...good, more: true }, 'a.json')
    expect(read).toEqual({ ...good, note: null })
    expect(readJson(partner, { ...good, note: 'x' }, 'a.json').note).toBe('x')
    expect(readJson(partner, { ...good, note: null }, 'a.json').note).toBeNull()
  })

  it.for([
    [null, 'a.json: an object expected, got null'],
    [[], 'a.json: an object expected, got a list'],
    [{ ...good, id: undefined }, 'a.json.id: hex digits expected, got nothing'],
    [{ ...good, id: '0A' }, 'a.json.id: hex digits expected, got text'],
    [{ ...good, id: '0' }, 'a.json.id: hex digits expected, got text'],
    [{ ...good, name: 7 }, 'a.json.name: text expected, got a number'],
    [{ ...good, keys: {} }, 'a.json.keys: a list expected, got an object'],
    [{ ...good, keys: [{ sealed: 'ff' }] }, 'a.json.keys[0].kid: a whole number expected, got nothing'],
    [{ ...good, note: true }, 'a.json.note: text expected, got a boolean'],
  ] as const)('that does not fit is told with its place, what was expected and what came: %j', ([json, message]) => {
    expect(refused(json)).toThrow(message)
  })

  it.for([0, 1, Number.MAX_SAFE_INTEGER])('is counted from 0 to the largest safe integer: %d', (number) => {
    expect(readJson(count, number, 'n')).toBe(number)
  })

  it.for([-1, 0.5, Number.MAX_SAFE_INTEGER + 1, '1', Number.NaN, Infinity])('is no count: %s', (number) => {
    expect(() => readJson(count, number, 'n')).toThrow('n: a whole number expected')
  })

  it('with members that are not known is refused where none may be', () => {
    const named = exactly({ name: text })
    expect(readJson(named, { name: 'x' }, 'body')).toEqual({ name: 'x' })
    expect(() => readJson(named, { name: 'x', nam: 'y' }, 'body')).toThrow('body: only name expected, got "nam"')
    expect(() => readJson(named, 'x', 'body')).toThrow('body: an object expected, got text')
  })

  it('has words of closed lists, which a refusal names', () => {
    expect(readJson(oneOf(['viewer', 'admin']), 'admin', 'role')).toBe('admin')
    expect(() => readJson(oneOf(['viewer', 'admin']), 'root', 'role')).toThrow(
      'role: one of viewer, admin expected, got text',
    )
  })

  it('shows nothing of a value that may be a secret', () => {
    expect(refused({ ...good, id: 'secret' })).not.toThrow(/secret/)
  })

  it('cannot bring members of every object', () => {
    const parsed: unknown = JSON.parse('{"__proto__": {"name": "x"}}')
    expect(() => readJson(object({ name: text }), parsed, 'a')).toThrow('a.name: text expected, got nothing')
  })
})
