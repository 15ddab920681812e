import { describe, expect, it } from 'vitest'
import { type Change, changes } from '../protocol/messages/frames.ts'
import { bandStates } from '../protocol/states.ts'
import { defaultDelays, isDeactivationImmediate, mayVeto, securityDelayMs } from './delays.ts'
import type { Surface } from './holds.ts'

const hourMs = 3_600_000
const all = Object.keys(changes) as Change[]

describe('the Security Delay', () => {
  it('is an hour after phone verification, and three days after a recovery sign-in', () => {
    for (const change of all.filter((one) => one !== 'found')) {
      expect(securityDelayMs(defaultDelays, change, 'phone:a')).toBe(hourMs)
      expect(securityDelayMs(defaultDelays, change, 'recovery')).toBe(72 * hourMs)
    }
  })

  it('of found is a day, which no surface shortens', () => {
    expect(securityDelayMs(defaultDelays, 'found', 'web')).toBe(24 * hourMs)
    expect(securityDelayMs(defaultDelays, 'found', 'phone:a')).toBe(24 * hourMs)
    expect(securityDelayMs(defaultDelays, 'found', 'recovery')).toBe(72 * hourMs)
  })

  it('follows the configuration', () => {
    const short = { ...defaultDelays, afterPhoneMs: 5, foundMs: 7, afterRecoveryMs: 6 }
    expect(securityDelayMs(short, 'deactivation', 'phone:a')).toBe(5)
    expect(securityDelayMs(short, 'found', 'recovery')).toBe(7)
  })
})

describe('a veto', () => {
  it("is for any of the owner's surfaces, but no phone vetoes what a web sign-in began", () => {
    const by: readonly Surface[] = ['phone:a', 'band', 'web', 'recovery', 'operator:ann', 'rule:velocity']
    const vetoes = (begunBy: Surface) => by.filter((one) => mayVeto({ begunBy, by: one }))
    expect(vetoes('phone:b')).toEqual(['phone:a', 'band', 'web', 'recovery'])
    expect(vetoes('recovery')).toEqual(['phone:a', 'band', 'web', 'recovery'])
    expect(vetoes('web')).toEqual(['band', 'web', 'recovery'])
  })
})

describe('a deactivation without delay', () => {
  const facts = { state: 'armed', tapped: true, holds: 0, holdEndedAtMs: 0, nowMs: 100 * hourMs } as const
  const isImmediate = (changed: Partial<Parameters<typeof isDeactivationImmediate>[1]>) =>
    isDeactivationImmediate(defaultDelays, { ...facts, ...changed })

  it('needs the band armed and tapped', () => {
    expect(isImmediate({})).toBe(true)
    expect(isImmediate({ tapped: false })).toBe(false)
    for (const state of Object.keys(bandStates) as (keyof typeof bandStates)[]) {
      expect(isImmediate({ state })).toBe(state === 'armed')
    }
  })

  it('needs no hold now, nor in the last 24 hours', () => {
    expect(isImmediate({ holds: 1 })).toBe(false)
    expect(isImmediate({ holdEndedAtMs: 76 * hourMs })).toBe(true)
    expect(isImmediate({ holdEndedAtMs: 76 * hourMs + 1 })).toBe(false)
    expect(isImmediate({ holdEndedAtMs: Number.NaN })).toBe(false)
  })
})
