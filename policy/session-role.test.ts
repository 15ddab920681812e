import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { roleOf } from './session-role.ts'

const roles = [
  ['phone', [], 'phone'],
  ['phone', ['web'], 'web'],
  ['phone', ['hub'], undefined],
  ['phone', ['hub', 'web'], undefined],
  ['hub', [], undefined],
  ['hub', ['web'], undefined],
  ['hub', ['hub'], 'hub'],
  ['hub', ['web', 'hub'], undefined],
] as const

describe('the role of a session', () => {
  it.each(roles)('at /%s with %j is %s', (path, scopes, role) => {
    expect(roleOf(path, scopes)).toBe(role)
  })

  it('is not changed by scopes of others, the order, or one that is said twice', () => {
    const others = fc.array(fc.string().filter((scope) => scope !== 'hub' && scope !== 'web'))
    fc.assert(
      fc.property(fc.constantFrom(...roles), others, others, ([path, scopes, role], before, after) => {
        expect(roleOf(path, [...before, ...scopes, ...scopes, ...after])).toBe(role)
        expect(roleOf(path, [...before, ...scopes.toReversed(), ...after])).toBe(role)
      }),
    )
  })

  it.each(['Hub', 'WEB', 'hub ', 'hub,web', 'webs', ''])('knows no scope %j: words are taken as they are', (scope) => {
    expect(roleOf('phone', [scope])).toBe('phone')
    expect(roleOf('hub', [scope])).toBeUndefined()
  })
})
