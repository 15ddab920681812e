import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAccountId } from '../../protocol/ids.ts'
import { accountOf, subjectMax } from './account-names.ts'

describe('the account of a subject', () => {
  it('is the subject itself where that is an account id', () => {
    for (const subject of ['alice', '65f0c0ffee', 'a.b_c:d-E', 'x'.repeat(64)]) expect(accountOf(subject)).toBe(subject)
  })

  it('can be read where the subject has characters of a provider', () => {
    expect(accountOf('auth0|65f0c0ffee')).toBe('sub.auth0.7C65f0c0ffee')
    expect(accountOf('a.b+c@d.example')).toBe('sub.a.2Eb.2Bc.40d.2Eexample')
    expect(accountOf('google-oauth2|1')).toBe('sub.google-oauth2.7C1')
  })

  it('is a digest where it would be longer than an account id', () => {
    const long = `waad|${'x'.repeat(subjectMax - 5)}`
    expect(accountOf(long)).toMatch(/^sub\.\.[\w-]{43}$/)
    expect(accountOf(`${long}x`)).toBeUndefined()
    expect(accountOf('x'.repeat(65))).toMatch(/^sub\.\./)
  })

  it('is none for what is no subject', () => {
    for (const subject of [
      '',
      ' alice',
      'alice/../bob',
      'a\\b',
      "a'b",
      'a"b',
      '<a>',
      'é',
      'a\n',
      '\ud800',
      7,
      null,
      undefined,
      ['a'],
    ]) {
      expect(accountOf(subject), String(subject)).toBeUndefined()
    }
  })

  it('is never that of another subject, also of one that looks like an account that was made', () => {
    const made = [
      'auth0|1',
      'sub.auth0.7C1',
      'sub.sub.2Eauth0.2E7C1',
      'sub..x',
      'y'.repeat(70),
      accountOf('y'.repeat(70)) ?? '',
    ]
    expect(new Set(made.map(accountOf)).size).toBe(made.length)
    const subject = fc.string({
      unit: fc.constantFrom('a', '7', 'C', '.', '|', '@', 's', 'u', 'b', '_'),
      minLength: 1,
      maxLength: 30,
    })
    fc.assert(
      fc.property(subject, subject, (one, other) => {
        const [left, right] = [accountOf(one), accountOf(other)]
        expect(() => parseAccountId(left ?? '')).not.toThrow()
        return (left === right) === (one === other)
      }),
      { numRuns: 2_000 },
    )
  })
})
