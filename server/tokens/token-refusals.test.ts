import { describe, expect, it } from 'vitest'
import { tokenRefusals } from '../../engine/ports/surroundings.ts'
import { TestClock, testLog } from '../log/test-folder.ts'
import { TokenRefusals } from './token-refusals.ts'

describe('refused account tokens', () => {
  it('are counted by reason, and told once a minute for each of them, with how many were not told', () => {
    const clock = new TestClock()
    const { log, lines } = testLog()
    const refusals = new TokenRefusals(clock, log)
    for (let token = 0; token < 1_000; token++)
      refusals.count('issuer', { expected: 'https://a', got: 'x'.repeat(500) })
    refusals.count('expired')
    clock.pass(60_000)
    refusals.count('issuer', { expected: 'https://a', got: 'https://b' })
    expect(lines.map(({ event, fields }) => [event, fields['reason'], fields['notLogged']])).toEqual([
      ['tokens.refused', 'issuer', 0],
      ['tokens.refused', 'expired', 0],
      ['tokens.refused', 'issuer', 999],
    ])
    expect(lines[0]?.fields['got']).toHaveLength(80)
    expect(lines[2]?.fields).toMatchObject({ expected: 'https://a', got: 'https://b' })
    expect([...refusals.totals]).toEqual([
      ['expired', 1],
      ['issuer', 1_001],
    ])
    for (const reason of tokenRefusals) refusals.count(reason)
    expect(refusals.totals.size).toBe(9)
    expect(lines.filter(({ event }) => event === 'tokens.refused')).toHaveLength(3 + tokenRefusals.length - 1)
  })
})
