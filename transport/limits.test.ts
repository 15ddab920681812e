import { describe, expect, it } from 'vitest'
import { defaultLimits, limitProblems } from './limits.ts'

describe('the limits of a listener', () => {
  it('are, unless configured, those of the design', () => {
    expect(limitProblems(defaultLimits)).toEqual([])
    expect(defaultLimits).toMatchObject({
      kinds: { phone: { frameBytesMax: 4_096 }, hub: { frameBytesMax: 16_384 } },
      bufferedBytesMax: 8_192,
      idleTimeoutMs: 60_000,
      requestTimeoutMs: 5_000,
    })
    expect(defaultLimits.kinds.phone.frames.perSecond).toBe(50)
    expect(defaultLimits.kinds.phone.bytes.perSecond).toBe(4_096)
  })

  it('are refused with a sentence when they make no sense', () => {
    const { phone } = defaultLimits.kinds
    const problems = limitProblems({
      ...defaultLimits,
      socketsMax: 0,
      requestsPerAddress: { perSecond: 1.5, burst: 10 },
      idleTimeoutMs: 7_999,
      kinds: { ...defaultLimits.kinds, phone: { ...phone, bytes: { perSecond: 4_096, burst: 4_095 } } },
    })
    expect(problems).toEqual([
      'phone.bytes.burst must hold a largest message of 4096 bytes',
      'socketsMax must be a whole number above 0, not 0',
      'requestsPerAddress.perSecond must be a whole number above 0, not 1.5',
      'idleTimeoutMs must be 8000 to 960000, not 7999',
    ])
  })
})
